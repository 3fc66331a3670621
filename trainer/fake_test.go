package trainer_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// source is a dataset of rows of these kinds, whose texts are their numbers.
type source []stream.Kind

// mixed returns n rows of which every third is filtered and, of the others, every
// fifth errored.
func mixed(n int) source {
	s := make(source, n)
	samples := 0
	for i := range s {
		switch {
		case i%3 == 2:
			s[i] = stream.Filtered
		case samples%5 == 3:
			s[i] = stream.Errored
			samples++
		default:
			samples++
		}
	}
	return s
}

// counters returns what is counted in the first n rows.
func (s source) counters(n int64) ledger.Counters {
	c := ledger.Counters{Row: n}
	for _, kind := range s[:n] {
		switch kind {
		case stream.Filtered:
			c.Filtered++
		case stream.Errored:
			c.Errored++
		default:
			c.Trained++
		}
	}
	return c
}

// trained returns the numbers of the samples among the first n rows.
func (s source) trained(n int64) []int64 {
	var rows []int64
	for i, kind := range s[:n] {
		if kind == stream.Sample {
			rows = append(rows, int64(i))
		}
	}
	return rows
}

// reader yields a source's rows.
type reader struct {
	source source
	next   int64
	before func(ctx context.Context, row int64) error // called before a row is read, and may be nil; its error is that of Next
}

func (r *reader) Next(ctx context.Context) (*stream.Row, error) {
	if r.before != nil {
		if err := r.before(ctx, r.next); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.next == int64(len(r.source)) {
		return nil, io.EOF
	}
	row := &stream.Row{Kind: r.source[r.next], At: stream.Position{Row: r.next}, Next: stream.Position{Row: r.next + 1}}
	switch row.Kind {
	case stream.Errored:
		row.Reason = "malformed"
	case stream.Sample:
		row.Text = fmt.Appendf(nil, "this is the text of row %d", r.next)
	}
	r.next++
	return row, nil
}

func (r *reader) Close() error { return nil }

var _ stream.Reader = (*reader)(nil)

// list is a learner whose model is the numbers of the rows that it learned.
type list struct {
	rows []int64

	// What may be nil is called instead of, or before, what a list does.
	learn   func(row int64) error
	capture func() error
	write   func(c trainer.Capture, ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error)
}

func (l *list) Config() ledger.Config { return ledger.Config{"learner": "list"} }
func (l *list) Fixed() []string       { return nil }
func (l *list) Close() error          { return nil }

func (l *list) Learn(_ context.Context, s trainer.Sample) error {
	if l.learn != nil {
		if err := l.learn(s.Row); err != nil {
			return err
		}
	}
	l.rows = append(l.rows, s.Row)
	return nil
}

func (l *list) Capture() (trainer.Capture, error) {
	if l.capture != nil {
		if err := l.capture(); err != nil {
			return nil, err
		}
	}
	c := listCapture(l.rows[:len(l.rows):len(l.rows)])
	if l.write == nil {
		return c, nil
	}
	return writeFunc(func(ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
		return l.write(c, ctx, store, whole)
	}), nil
}

func (l *list) Restore(ctx context.Context, store trainer.ObjectReader, objects []ledger.Object) (string, error) {
	for _, o := range objects {
		err := store.GetObject(ctx, o, func(r io.Reader) error { return json.NewDecoder(r).Decode(&l.rows) })
		if err != nil {
			return "", err
		}
	}
	return listCapture(l.rows).digest(), nil
}

type listCapture []int64

func (c listCapture) Write(ctx context.Context, store trainer.ObjectStore, _ bool) (trainer.State, error) {
	o, err := store.PutObject(ctx, "rows", func(w io.Writer) error { return json.NewEncoder(w).Encode(c) })
	if err != nil {
		return trainer.State{}, err
	}
	return trainer.State{Objects: []ledger.Object{o}, ModelDigest: c.digest(), Metrics: map[string]float64{"rows": float64(len(c))}}, nil
}

func (c listCapture) digest() string {
	sum := sha256.Sum256([]byte(fmt.Sprint([]int64(c))))
	return hex.EncodeToString(sum[:])
}

type writeFunc func(context.Context, trainer.ObjectStore, bool) (trainer.State, error)

func (f writeFunc) Write(ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
	return f(ctx, store, whole)
}
