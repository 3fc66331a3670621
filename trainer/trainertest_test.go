package trainer_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func newLedger(t testing.TB) *ledger.Ledger { return newLedgerWith(t, ledger.Options{}) }

func newLedgerWith(t testing.TB, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Create(context.Background(), filepath.Join(t.TempDir(), "checkpoints"), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// begin starts a run.
func begin(t testing.TB, l *ledger.Ledger, learner trainer.Learner) *ledger.Session {
	t.Helper()
	s, err := l.Begin(context.Background(), ledger.Run{
		Dataset: "rows", Method: "sequential", Learner: "list", Config: learner.Config(), Source: ledger.Source{Digest: "aa", Label: "rows"},
	}, ledger.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// proceed begins the next attempt at the run, and restores the learner.
func proceed(t testing.TB, l *ledger.Ledger, id ledger.RunID, learner trainer.Learner, o ledger.LeaseOptions) *ledger.Session {
	t.Helper()
	ctx := context.Background()
	lease, err := l.Acquire(ctx, id, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Continue(ctx, lease, entry(t, l, id).Head.Seq, ledger.Changes{}, ledger.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if last := s.Last(); last.Seq > 0 {
		digest, err := learner.Restore(ctx, s, last.Objects)
		if err != nil {
			t.Fatal(err)
		}
		if digest != last.ModelDigest {
			t.Fatalf("restored digest %s, recorded %s", digest, last.ModelDigest)
		}
	}
	return s
}

// cursor returns where a session goes on.
func cursor(t testing.TB, s *ledger.Session) stream.Cursor {
	t.Helper()
	var c stream.Cursor
	if last := s.Last(); last.Seq > 0 {
		if err := json.Unmarshal(last.Position, &c); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// options complete o for an attempt at the rows of a source.
func options(t testing.TB, s *ledger.Session, src source, l trainer.Learner, o trainer.Options) trainer.Options {
	t.Helper()
	o.Session, o.Learner, o.Cursor = s, l, cursor(t, s)
	if o.Reader == nil {
		o.Reader = &reader{source: src, next: o.Cursor.Next.Row}
	}
	return o
}

// train runs an attempt that is to end for the reason, and without an error.
func train(t testing.TB, reason ledger.Reason, o trainer.Options) trainer.Result {
	t.Helper()
	res, err := trainer.Run(context.Background(), o)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if res.Reason != reason {
		t.Fatalf("ended %s, want %s", res.Reason, reason)
	}
	if res.Newest.Counters != res.Counters {
		t.Fatalf("trained to %+v, the newest snapshot is at %+v", res.Counters, res.Newest.Counters)
	}
	o.Session.Close()
	return res
}

func entry(t testing.TB, l *ledger.Ledger, id ledger.RunID) ledger.Entry {
	t.Helper()
	e, err := l.Entry(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func attempts(t testing.TB, l *ledger.Ledger, id ledger.RunID) []ledger.Attempt {
	t.Helper()
	all, err := l.Attempts(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantSnapshots compares a run's snapshots, each in the words "periodic 10 at 16":
// kind, samples and next row.
func wantSnapshots(t testing.TB, l *ledger.Ledger, id ledger.RunID, want ...string) {
	t.Helper()
	got := []string{}
	err := l.Snapshots(context.Background(), id, func(s *ledger.Snapshot) error {
		got = append(got, fmt.Sprintf("%s %d at %d", s.Kind, s.Samples(), s.Row))
		return s.CheckHash()
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Error(diff)
	}
}

// wantExact checks that the run's newest snapshot is that of a run which took the
// source's first rows, each once and in order.
func wantExact(t testing.TB, l *ledger.Ledger, id ledger.RunID, src source) {
	t.Helper()
	snap, err := l.Snapshot(context.Background(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := src.counters(snap.Row); snap.Counters != want {
		t.Errorf("counters are %+v, want %+v", snap.Counters, want)
	}
	var c stream.Cursor
	if err := json.Unmarshal(snap.Position, &c); err != nil {
		t.Error(err)
	}
	if c.Next.Row != snap.Row || c.Last == nil || c.Last.At.Row != snap.Row-1 {
		t.Errorf("position is %s after %d rows", snap.Position, snap.Row)
	}
	model := &list{}
	if _, err := model.Restore(context.Background(), l, snap.Objects); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(src.trained(snap.Row), model.rows); diff != "" {
		t.Errorf("rows trained: %s", diff)
	}
}

// lock locks the ledger's database as another process would that uses it.
func lock(t testing.TB, l *ledger.Ledger) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(l.Dir(), "ledger.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return func() { f.Close() }
}
