package trainer_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// faulty is a list, with any number of workers, that has faults.
type faulty struct {
	list
	fault func(ctx context.Context, s trainer.Sample) error
}

func (f *faulty) Learn(ctx context.Context, s trainer.Sample) error {
	if want := fmt.Sprintf("this is the text of row %d", s.Row); string(s.Text) != want {
		return fmt.Errorf("the text of row %d is %q", s.Row, s.Text)
	}
	if err := f.fault(ctx, s); err != nil {
		return err
	}
	return f.list.Learn(ctx, s)
}

func (f *faulty) NewWorker() (trainer.Worker, error) { return faultyWorker{f}, nil }

func (f *faulty) Settle(ctx context.Context, w trainer.Work) error {
	return f.list.Learn(ctx, trainer.Sample{Row: w.(int64)})
}

type faultyWorker struct{ f *faulty }

func (w faultyWorker) Work(ctx context.Context, s trainer.Sample) (trainer.Work, error) {
	return s.Row, w.f.fault(ctx, s)
}

func (w faultyWorker) Close() error { return nil }

// remote is a faulty learner whose samples have parts that stay learned.
type remote struct{ faulty }

func (*remote) Replay(trainer.Sample, int) error                  { return nil }
func (*remote) Reconcile(context.Context, []trainer.Sample) error { return nil }

// unit is one attempt of TestRetriesAndSkips.
type unit struct {
	number    int
	workers   int
	retry     bool
	skip, end int64 // rows; end is where it is stopped, or fails for good; -1 for none
	stops     bool
	target    int64
	maxErrors int64
}

var errPoisoned = errors.New("poisoned")

// expected is what a run should have come to, row by row.
type expected struct {
	src    source
	until  []int // the attempt from which on a row can be learned
	remote bool

	ledger.Counters
	rows    []int64
	errored map[int64]ledger.ErroredRow
}

// learn learns a row once, or says that the attempt ends before it.
func (e *expected) learn(u unit, row int64) (ok, ends bool) {
	was := e.errored[row]
	switch {
	case row == u.skip:
		if e.remote {
			was.Learned = 2
		}
		e.errored[row] = ledger.ErroredRow{Row: row, Reason: "skipped by the operator", Learned: was.Learned}
		return false, false
	case row == u.end:
		return false, true
	case u.number < e.until[row]:
		e.errored[row] = ledger.ErroredRow{Row: row, Reason: fmt.Sprintf("not in attempt %d", u.number), Learned: was.Learned + 1}
		return false, false
	}
	delete(e.errored, row)
	e.rows = append(e.rows, row)
	return true, false
}

func (e *expected) attempt(u unit) ledger.Reason {
	ended := ledger.Failed
	if u.stops {
		ended = ledger.Interrupted
	}
	if u.retry {
		for _, row := range slices.Sorted(maps.Keys(e.errored)) {
			if e.src[row] == stream.Errored {
				continue
			}
			ok, ends := e.learn(u, row)
			if ends {
				return ended
			}
			if ok {
				e.Errored--
				e.Trained++
			}
		}
	}
	for errors := int64(0); ; e.Row++ {
		switch {
		case u.maxErrors > 0 && errors > u.maxErrors:
			return ledger.Failed
		case u.target > 0 && e.Samples() >= u.target:
			return ledger.Completed
		case e.Row == int64(len(e.src)):
			return ledger.Exhausted
		}
		ok := false
		switch kind := e.src[e.Row]; {
		case kind == stream.Filtered:
			e.Filtered++
			continue
		case kind == stream.Errored:
			e.errored[e.Row] = ledger.ErroredRow{Row: e.Row, Reason: "malformed"}
		default:
			var ends bool
			if ok, ends = e.learn(u, e.Row); ends {
				return ended
			}
		}
		if ok {
			e.Trained++
		} else {
			e.Errored++
			errors++
		}
	}
}

// fault is that of a learner in the attempt u.
func (e *expected) fault(u unit, stop func()) func(context.Context, trainer.Sample) error {
	from, was := e.Row, maps.Clone(e.errored)
	return func(ctx context.Context, s trainer.Sample) error {
		want := trainer.Sample{Row: s.Row, Number: -1, Text: s.Text, Learned: was[s.Row].Learned, Skip: s.Row == u.skip}
		if s.Row >= from {
			want.Number = e.src.counters(s.Row).Samples()
		}
		switch {
		case !gocmp.Equal(want, s):
			return fmt.Errorf("got the sample %+v, not %+v", s, want)
		case s.Skip && e.remote:
			return &trainer.SampleError{Row: s.Row, Learned: 2, Err: trainer.ErrSkipped}
		case s.Skip:
			return errors.New("a local learner got the row that is skipped")
		case s.Row == u.end && u.stops:
			stop()
			<-ctx.Done()
			return fmt.Errorf("given up: %w", ctx.Err())
		case s.Row == u.end:
			return errPoisoned
		case u.number < e.until[s.Row]:
			return &trainer.SampleError{Row: s.Row, Learned: s.Learned + 1, Err: fmt.Errorf("not in attempt %d", u.number)}
		}
		return nil
	}
}

// However rows are tried again and skipped, attempts stopped and failed, and by how
// many workers: a run counts, learns and records what it should.
func TestRetriesAndSkips(t *testing.T) {
	kinds := []stream.Kind{stream.Sample, stream.Sample, stream.Sample, stream.Filtered, stream.Errored}
	l := newLedger(t)
	rapid.Check(t, func(rt *rapid.T) {
		src := source(rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 60).Draw(rt, "rows"))
		e := &expected{src: src, errored: map[int64]ledger.ErroredRow{}, remote: rapid.Bool().Draw(rt, "remote")}
		for range src {
			e.until = append(e.until, max(0, rapid.IntRange(-6, 4).Draw(rt, "until")))
		}
		every := trainer.Interval{Samples: rapid.Int64Range(1, 30).Draw(rt, "interval")}
		var id ledger.RunID
		for number := range rapid.IntRange(1, 5).Draw(rt, "attempts") {
			u := unit{
				number: number, workers: rapid.IntRange(0, 4).Draw(rt, "workers"), retry: rapid.Bool().Draw(rt, "retry"),
				skip: rapid.Int64Range(-1, int64(len(src))-1).Draw(rt, "skip"), end: rapid.Int64Range(-1, int64(len(src))-1).Draw(rt, "end"),
				stops: rapid.Bool().Draw(rt, "stops"), target: rapid.Int64Range(0, int64(len(src))).Draw(rt, "target"),
				maxErrors: max(0, rapid.Int64Range(-5, 5).Draw(rt, "max errors")),
			}
			stop := make(chan struct{})
			model := &remote{}
			model.fault = e.fault(u, sync.OnceFunc(func() { close(stop) }))
			var learner trainer.Learner = model
			if !e.remote {
				learner = &model.faulty
			}
			var s *ledger.Session
			if id == "" {
				s = begin(t, l, learner)
				id = s.Run().ID
			} else {
				s = proceed(t, l, id, learner, ledger.LeaseOptions{})
			}
			o := options(t, s, src, learner, trainer.Options{Interval: every, Workers: u.workers, Target: u.target, MaxErrors: u.maxErrors, Stop: stop, OpenAt: src.openAt})
			if u.skip >= 0 {
				o.Skip = &u.skip
			}
			if u.retry {
				o.Retry = slices.SortedFunc(maps.Values(e.errored), func(a, b ledger.ErroredRow) int { return cmp.Compare(a.Row, b.Row) })
			}
			res, err := trainer.Run(t.Context(), o)
			s.Close()

			reason := e.attempt(u)
			if res.Reason != reason || (err != nil) != (reason == ledger.Failed) || res.Counters != e.Counters || res.Newest.Counters != e.Counters {
				rt.Fatalf("ended %s at %+v (%v), recorded %+v; not %s at %+v", res.Reason, res.Counters, err, res.Newest.Counters, reason, e.Counters)
			}
			if d := gocmp.Diff(e.rows, model.rows); d != "" {
				rt.Fatalf("learned: %s", d)
			}
			errored, err := l.Errored(t.Context(), id, res.Newest.Seq)
			if err != nil {
				rt.Fatal(err)
			}
			got := map[int64]ledger.ErroredRow{}
			for _, row := range errored {
				got[row.Row] = row
			}
			if d := gocmp.Diff(e.errored, got); d != "" {
				rt.Fatalf("errored: %s", d)
			}
		}
	})
}

// openAt opens a source at a row.
func (s source) openAt(_ context.Context, row int64) (stream.Reader, error) {
	return &reader{source: s, next: row}, nil
}

// What came of a retry is told, and is one snapshot: that of the end where the
// target is reached.
func TestRetried(t *testing.T) {
	l, src := newLedger(t), make(source, 10)
	src[2] = stream.Errored
	bad := map[int64]string{1: "too long", 5: "too long", 6: "too long"}
	model := &faulty{fault: func(_ context.Context, s trainer.Sample) error {
		if why := bad[s.Row]; why != "" {
			return &trainer.SampleError{Row: s.Row, Err: errors.New(why)}
		}
		return nil
	}}
	s := begin(t, l, model)
	id := s.Run().ID
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 8}))

	var told []trainer.Retried
	again := func(reason ledger.Reason, o trainer.Options) trainer.Result {
		t.Helper()
		model = &faulty{fault: model.fault}
		s := proceed(t, l, id, model, ledger.LeaseOptions{})
		o.OpenAt, o.Events = src.openAt, func(e trainer.Event) {
			if e, ok := e.(*trainer.Retried); ok {
				told = append(told, *e)
			}
		}
		var err error
		if o.Retry, err = l.Errored(t.Context(), id, s.Last().Seq); err != nil {
			t.Fatal(err)
		}
		return train(t, reason, options(t, s, src, model, o))
	}
	delete(bad, 1)
	bad[6] = "longer still"
	res := again(ledger.Completed, trainer.Options{Target: 8})
	if want := (ledger.Counters{Row: 8, Trained: 5, Errored: 3}); res.Counters != want || res.Samples != 0 {
		t.Errorf("%d samples in the attempt, then %+v", res.Samples, res.Counters)
	}
	wantSnapshots(t, l, id, "final 8 at 8", "final 8 at 8")
	malformed, five, six := ledger.ErroredRow{Row: 2, Reason: "malformed"}, ledger.ErroredRow{Row: 5, Reason: "too long"}, ledger.ErroredRow{Row: 6, Reason: "longer still"}

	delete(bad, 5)
	again(ledger.Exhausted, trainer.Options{MaxErrors: 1})
	wantSnapshots(t, l, id, "final 8 at 8", "final 8 at 8", "periodic 8 at 8", "final 10 at 10")
	again(ledger.Completed, trainer.Options{Target: 10})
	wantSnapshots(t, l, id, "final 8 at 8", "final 8 at 8", "periodic 8 at 8", "final 10 at 10") // for nothing changed

	want := []trainer.Retried{{Rows: 4, Again: []ledger.ErroredRow{malformed, five, six}}, {Rows: 3, Again: []ledger.ErroredRow{malformed, six}}, {Rows: 2, Again: []ledger.ErroredRow{malformed, six}}}
	if d := gocmp.Diff(want, told); d != "" {
		t.Error(d)
	}
	if d := gocmp.Diff([]int64{0, 3, 4, 7, 1, 5, 8, 9}, model.rows); d != "" {
		t.Error(d)
	}
}

// More rows than a snapshot names are several snapshots: none of those trained
// after all may go unnamed.
func TestRetryMany(t *testing.T) {
	const rows = ledger.MaxErroredRows + 500
	l, src := newLedger(t), make(source, rows)
	bad := true
	model := &faulty{fault: func(_ context.Context, s trainer.Sample) error {
		if bad {
			return &trainer.SampleError{Row: s.Row, Err: errors.New("too long")}
		}
		return nil
	}}
	s := begin(t, l, model)
	id := s.Run().ID
	train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Interval: trainer.Interval{Samples: 1000}}))
	bad, model = false, &faulty{fault: model.fault}
	s = proceed(t, l, id, model, ledger.LeaseOptions{})
	errored, err := l.Errored(t.Context(), id, s.Last().Seq)
	if err != nil {
		t.Fatal(err)
	}
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: rows, Retry: errored, OpenAt: src.openAt}))
	left, err := l.Errored(t.Context(), id, s.Last().Seq)
	if len(errored) != rows || len(left) != 0 || err != nil || len(model.rows) != rows {
		t.Errorf("%d errored, %d left, %d learned (%v)", len(errored), len(left), len(model.rows), err)
	}
	wantSnapshots(t, l, id, "periodic 1000 at 1000", "final 1500 at 1500", "periodic 1500 at 1500", "final 1500 at 1500")
}

// A row that cannot be read again fails the run; the rows before it are kept.
func TestRetryRead(t *testing.T) {
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		openAt func(source) func(context.Context, int64) (stream.Reader, error)
		want   string
		tried  int64
	}{
		"not opened": {func(source) func(context.Context, int64) (stream.Reader, error) {
			return func(context.Context, int64) (stream.Reader, error) { return nil, broken }
		}, "read row 1 again: connection reset", 0},
		"not read": {func(src source) func(context.Context, int64) (stream.Reader, error) {
			return func(_ context.Context, row int64) (stream.Reader, error) {
				return &reader{source: src, next: row, before: func(_ context.Context, row int64) error {
					if row == 3 {
						return broken
					}
					return nil
				}}, nil
			}
		}, "read row 4 again: connection reset", 1},
		"elsewhere": {func(src source) func(context.Context, int64) (stream.Reader, error) {
			return func(context.Context, int64) (stream.Reader, error) { return &reader{source: src, next: 2}, nil }
		}, "read row 1 again: got row 2", 0},
		"shorter": {func(src source) func(context.Context, int64) (stream.Reader, error) { return src[:3].openAt }, "read row 4 again: EOF", 1},
		"changed": {func(src source) func(context.Context, int64) (stream.Reader, error) {
			return func(_ context.Context, row int64) (stream.Reader, error) {
				return &changed{reader{source: src, next: row}}, nil
			}
		}, "read row 4 again: ", 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, src, bad := newLedger(t), make(source, 6), true
			model := &faulty{fault: func(_ context.Context, s trainer.Sample) error {
				if bad && s.Row%3 == 1 {
					return &trainer.SampleError{Row: s.Row, Err: errors.New("too long")}
				}
				return nil
			}}
			s := begin(t, l, model)
			train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{}))
			bad, model = false, &faulty{fault: model.fault}
			s = proceed(t, l, s.Run().ID, model, ledger.LeaseOptions{})
			errored, err := l.Errored(t.Context(), s.Run().ID, s.Last().Seq)
			if err != nil {
				t.Fatal(err)
			}
			res, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{Retry: errored, OpenAt: c.openAt(src)}))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || res.Reason != ledger.Failed {
				t.Errorf("ended %s: %v", res.Reason, err)
			}
			if want := (ledger.Counters{Row: 6, Trained: 4 + c.tried, Errored: 2 - c.tried}); res.Newest.Counters != want {
				t.Errorf("recorded is %+v, not %+v", res.Newest.Counters, want)
			}
		})
	}
}

// changed reads files that are changed at row 3.
type changed struct{ reader }

func (c *changed) Check() error {
	if c.next > 3 {
		return &stream.ChangedError{}
	}
	return nil
}

// Rows that are trained after all make no room for more errored ones.
func TestRetryAndMaxErrors(t *testing.T) {
	l, src := newLedger(t), make(source, 20)
	from := int64(0)
	model := &faulty{fault: func(_ context.Context, s trainer.Sample) error {
		if s.Row >= from {
			return &trainer.SampleError{Row: s.Row, Err: errors.New("too long")}
		}
		return nil
	}}
	s := begin(t, l, model)
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 10}))
	from, model = 7, &faulty{fault: model.fault}
	s = proceed(t, l, s.Run().ID, model, ledger.LeaseOptions{})
	errored, err := l.Errored(t.Context(), s.Run().ID, s.Last().Seq)
	if err != nil {
		t.Fatal(err)
	}
	res, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{Retry: errored, OpenAt: src.openAt, MaxErrors: 4}))
	var tooMany *trainer.MaxErrorsError
	if want := (ledger.Counters{Row: 15, Trained: 7, Errored: 8}); !errors.As(err, &tooMany) || res.Newest.Counters != want {
		t.Errorf("ended at %+v, not %+v: %v", res.Newest.Counters, want, err)
	}
}

// A row that fails the run each time it is tried again can be left errored.
func TestRetrySkips(t *testing.T) {
	for _, onServer := range []bool{false, true} {
		l, src := newLedger(t), make(source, 6)
		var seen []trainer.Sample
		f := &faulty{fault: func(_ context.Context, s trainer.Sample) error {
			if s.Skip {
				seen = append(seen, s)
				return &trainer.SampleError{Row: s.Row, Learned: 3, Err: trainer.ErrSkipped}
			}
			if s.Row == 4 {
				return &trainer.SampleError{Row: s.Row, Learned: 2, Err: errors.New("too long")}
			}
			return nil
		}}
		var model trainer.Learner = f
		if onServer {
			model = &remote{*f}
		}
		s := begin(t, l, model)
		train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{}))
		s = proceed(t, l, s.Run().ID, &faulty{}, ledger.LeaseOptions{})
		errored, err := l.Errored(t.Context(), s.Run().ID, s.Last().Seq)
		if err != nil {
			t.Fatal(err)
		}
		skip := int64(4)
		train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Retry: errored, OpenAt: src.openAt, Skip: &skip}))
		left, err := l.Errored(t.Context(), s.Run().ID, s.Last().Seq)
		if err != nil || len(left) != 1 || left[0].Reason != trainer.ErrSkipped.Error() {
			t.Fatalf("%+v, %v", left, err)
		}
		if onServer && (left[0].Learned != 3 || len(seen) != 1 || seen[0].Learned != 2) {
			t.Errorf("on a server: %+v, %+v", left, seen)
		}
		if !onServer && len(seen) > 0 {
			t.Errorf("the learner was asked: %+v", seen)
		}
	}
}
