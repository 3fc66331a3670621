package trainer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// crowd is a list that several workers work for.
type crowd struct {
	list
	work func(ctx context.Context, row int64) error // called for each sample; may be nil
	bye  func()                                     // called when a worker closes; may be nil

	open  atomic.Int32 // workers
	most  atomic.Int32 // that worked at the same time
	busy  atomic.Int32
	begun atomic.Int64 // samples
}

func (c *crowd) NewWorker() (trainer.Worker, error) {
	c.open.Add(1)
	return &crowdWorker{c}, nil
}

func (c *crowd) Settle(ctx context.Context, w trainer.Work) error {
	return c.Learn(ctx, trainer.Sample{Row: w.(int64)})
}

type crowdWorker struct{ c *crowd }

func (w *crowdWorker) Work(ctx context.Context, s trainer.Sample) (trainer.Work, error) {
	busy := w.c.busy.Add(1)
	defer w.c.busy.Add(-1)
	for most := w.c.most.Load(); busy > most && !w.c.most.CompareAndSwap(most, busy); most = w.c.most.Load() {
	}
	w.c.begun.Add(1)
	for range s.Row * 7919 % 13 {
		runtime.Gosched() // so that others overtake
	}
	if want := fmt.Sprintf("this is the text of row %d", s.Row); string(s.Text) != want {
		return nil, fmt.Errorf("the text of row %d is %q", s.Row, s.Text)
	}
	if w.c.work != nil {
		if err := w.c.work(ctx, s.Row); err != nil {
			return nil, err
		}
	}
	return s.Row, nil
}

func (w *crowdWorker) Close() error {
	w.c.open.Add(-1)
	if w.c.bye != nil {
		w.c.bye()
	}
	return nil
}

// TestParallelInterrupted trains with any number of workers, in attempts that are
// stopped, fail, reach a target or come to the end: each snapshot holds exactly
// the rows before its position.
func TestParallelInterrupted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src := mixed(rapid.IntRange(1, 400).Draw(rt, "rows"))
		l := newLedger(t)
		every := trainer.Interval{Samples: rapid.Int64Range(1, 50).Draw(rt, "interval")}
		model := &crowd{}
		s := begin(t, l, model)
		id := s.Run().ID
		for range rapid.IntRange(0, 4).Draw(rt, "attempts") {
			from := s.Last().Row
			stop, bad := make(chan struct{}), errors.New("poisoned")
			row := rapid.Int64Range(from, int64(len(src))).Draw(rt, "row")
			o := trainer.Options{Interval: every, Workers: rapid.IntRange(1, 8).Draw(rt, "workers"), Stop: stop}
			how := rapid.SampledFrom([]string{"stop", "target", "work fails", "sample fails", "reader fails", "settle fails"}).Draw(rt, "how")
			switch how {
			case "stop":
				once := sync.OnceFunc(func() { close(stop) })
				o.Reader = &reader{source: src, next: from, before: func(_ context.Context, at int64) error {
					if at == row {
						once()
					}
					return nil
				}}
			case "target":
				o.Target = src.counters(row).Samples() + 1
			case "work fails":
				model.work = func(_ context.Context, at int64) error {
					if at >= row {
						return bad
					}
					return nil
				}
			case "reader fails":
				o.Reader = &reader{source: src, next: from, before: func(_ context.Context, at int64) error {
					if at >= row {
						return bad
					}
					return nil
				}}
			case "settle fails":
				model.learn = func(at int64) error {
					if at >= row {
						return bad
					}
					return nil
				}
			}
			res, err := trainer.Run(context.Background(), options(t, s, src, model, o))
			if err != nil && !errors.Is(err, bad) || res.Newest.Counters != res.Counters {
				rt.Fatalf("%s at row %d: %v; trained to %+v, newest %+v", how, row, err, res.Counters, res.Newest.Counters)
			}
			if n := model.open.Load(); n != 0 {
				rt.Fatalf("%d workers are left", n)
			}
			if o.Target > 0 && res.Reason == ledger.Completed && res.Counters.Samples() != o.Target {
				rt.Fatalf("%d samples, the target was %d", res.Counters.Samples(), o.Target)
			}
			s.Close()
			if res.Counters.Row > 0 {
				wantExact(t, l, id, src)
			}
			model = &crowd{}
			s = proceed(t, l, id, model, ledger.LeaseOptions{})
		}
		if s.Last().Row < int64(len(src)) {
			train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Interval: every, Workers: 3}))
			wantExact(t, l, id, src)
		}
	})
}

// TestParallelTarget works on no sample that the target does not ask for: what a
// worker does may not be undone.
func TestParallelTarget(t *testing.T) {
	src := mixed(3000)
	for _, target := range []int64{1, 7, 1000} {
		model := &crowd{}
		s := begin(t, newLedger(t), model)
		res := train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Workers: 5, Target: target}))
		if n := model.begun.Load(); n != res.Counters.Trained {
			t.Errorf("target %d: %d samples were worked on, %d trained", target, n, res.Counters.Trained)
		}
	}
}

// TestParallelSampleErrors counts the samples that a worker could not learn.
func TestParallelSampleErrors(t *testing.T) {
	src := make(source, 500)
	model := &crowd{work: func(_ context.Context, row int64) error {
		if row%10 == 3 {
			return &trainer.SampleError{Row: row, Err: errors.New("not this one")}
		}
		return nil
	}}
	l := newLedger(t)
	s := begin(t, l, model)
	res := train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Workers: 4}))
	if res.Counters.Errored != 50 || res.Counters.Trained != 450 || slices.ContainsFunc(model.rows, func(r int64) bool { return r%10 == 3 }) {
		t.Errorf("counted %+v", res.Counters)
	}
}

// TestParallelStop stops while every worker is at a sample that never ends by
// itself: it is given up, and those before it are kept.
func TestParallelStop(t *testing.T) {
	const workers = 4
	src := make(source, 1000)
	stop := make(chan struct{})
	var hanging atomic.Int32
	model := &crowd{work: func(ctx context.Context, row int64) error {
		if row < 100 {
			return nil
		}
		if hanging.Add(1) == workers {
			close(stop)
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	l := newLedger(t)
	s := begin(t, l, model)
	res := train(t, ledger.Interrupted, options(t, s, src, model, trainer.Options{Workers: workers, Stop: stop}))
	if res.Counters.Row != 100 {
		t.Errorf("stopped at %+v", res.Counters)
	}
	wantExact(t, l, s.Run().ID, src)
	if model.most.Load() != workers {
		t.Errorf("%d workers at a time", model.most.Load())
	}
}

// TestParallelClose holds that no worker's farewell waits for another's, which may
// take as long as a server that is away lets it wait.
func TestParallelClose(t *testing.T) {
	const workers = 8
	var all sync.WaitGroup
	all.Add(workers)
	model := &crowd{bye: func() { all.Done(); all.Wait() }}
	l := newLedger(t)
	train(t, ledger.Exhausted, options(t, begin(t, l, model), mixed(10), model, trainer.Options{Workers: workers}))
	if n := model.open.Load(); n != 0 {
		t.Errorf("%d workers are not closed", n)
	}
}

// TestParallelWikiText has the model of one worker, of the local learner.
func TestParallelWikiText(t *testing.T) {
	src := files(t, "rows.txt", wikitext(t))
	through := newLocal(t)
	want := attempt(t, begin(t, newLedger(t), through), src, through, trainer.Options{})
	for _, workers := range []int{1, 2, 8} {
		l, model := newLedger(t), newLocal(t)
		s := begin(t, l, model)
		id := s.Run().ID
		attempt(t, s, src, model, trainer.Options{Workers: workers, Target: 1000, Interval: trainer.Interval{Samples: 100}})
		if row := entry(t, l, id).Head.Row; row != 1564 {
			t.Errorf("%d workers: after 1,000 samples the next row is %d", workers, row)
		}
		model = newLocal(t)
		got := attempt(t, proceed(t, l, id, model, ledger.LeaseOptions{}), src, model, trainer.Options{Workers: workers, Interval: trainer.Interval{Samples: 100}})
		if got.Counters != want.Counters || got.Newest.ModelDigest != want.Newest.ModelDigest {
			t.Errorf("%d workers: %+v, digest %.12s; one: %+v, %.12s", workers, got.Counters, got.Newest.ModelDigest, want.Counters, want.Newest.ModelDigest)
		}
	}
}

// A learner that can have but one worker says so.
func TestParallelNeedsALearnerForIt(t *testing.T) {
	model := &list{}
	s := begin(t, newLedger(t), model)
	if _, err := trainer.Run(context.Background(), options(t, s, make(source, 3), model, trainer.Options{Workers: 2})); err == nil {
		t.Error("it trained")
	}
}

// BenchmarkWorkers trains with the local learner and one or more workers.
func BenchmarkWorkers(b *testing.B) {
	for _, x := range texts(b) {
		for _, workers := range []int{0, 1, 2, 8} {
			b.Run(fmt.Sprintf("%s/%d", x.name, workers), func(b *testing.B) {
				var samples, seconds float64
				for b.Loop() {
					res := runWith(b, x, trainer.Options{Workers: workers})
					samples += float64(res.Samples)
					seconds += res.Took.Seconds()
				}
				b.ReportMetric(samples/seconds, "samples/s")
			})
		}
	}
}

// BenchmarkBookkeeping trains with workers that have nothing to do.
func BenchmarkBookkeeping(b *testing.B) {
	for _, workers := range []int{1, 2, 8} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			model := &idle{}
			s := begin(b, newLedger(b), model)
			src := make(source, b.N)
			b.ResetTimer()
			train(b, ledger.Exhausted, options(b, s, src, model, trainer.Options{Workers: workers, Reader: &silent{n: int64(b.N)}}))
		})
	}
}

// idle learns nothing.
type idle struct{ list }

func (*idle) NewWorker() (trainer.Worker, error)                         { return &idle{}, nil }
func (*idle) Work(context.Context, trainer.Sample) (trainer.Work, error) { return nil, nil }
func (*idle) Settle(context.Context, trainer.Work) error                 { return nil }

// silent yields n samples without text.
type silent struct {
	n   int64
	row stream.Row
}

func (r *silent) Next(context.Context) (*stream.Row, error) {
	if r.row.Next.Row == r.n {
		return nil, io.EOF
	}
	r.row.At.Row = r.row.Next.Row
	r.row.Next.Row++
	return &r.row, nil
}

func (r *silent) Close() error { return nil }

// Workers are closed at the same time: each may wait for a server that is away.
func TestWorkersCloseTogether(t *testing.T) {
	const workers = 8
	l, src := newLedger(t), make(source, 20)
	model := &leaving{}
	model.fault = func(context.Context, trainer.Sample) error { return nil }
	model.all.Add(workers)
	s := begin(t, l, model)
	train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Workers: workers}))
}

// leaving is a learner whose workers close when all do.
type leaving struct {
	faulty
	all sync.WaitGroup
}

type leavingWorker struct {
	faultyWorker
	all *sync.WaitGroup
}

func (l *leaving) NewWorker() (trainer.Worker, error) {
	return leavingWorker{faultyWorker{&l.faulty}, &l.all}, nil
}

func (w leavingWorker) Close() error {
	w.all.Done()
	w.all.Wait()
	return nil
}
