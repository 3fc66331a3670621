package trainer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

var every10 = trainer.Interval{Samples: 10}

func TestTarget(t *testing.T) {
	l, src, model := newLedger(t), mixed(100), &list{}
	s := begin(t, l, model)
	id := s.Run().ID
	res := train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 25, Interval: every10}))
	wantSnapshots(t, l, id, "periodic 10 at 14", "periodic 20 at 29", "final 25 at 37")
	wantExact(t, l, id, src)
	if res.Samples != 25 || res.Newest.Seq != 3 || res.Took <= 0 {
		t.Errorf("result is %+v", res)
	}
	if h := entry(t, l, id).Head; h.Open || h.Reason != ledger.Completed || h.LastError != "" {
		t.Errorf("head is %+v", h)
	}

	// The target is a count from the dataset's start, and where it is a multiple of
	// the interval there is one snapshot.
	model = &list{}
	s = proceed(t, l, id, model, ledger.LeaseOptions{})
	res = train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 40, Interval: every10}))
	wantSnapshots(t, l, id, "periodic 10 at 14", "periodic 20 at 29", "final 25 at 37", "periodic 30 at 44", "final 40 at 59")
	wantExact(t, l, id, src)
	if res.Samples != 15 {
		t.Errorf("%d samples in the attempt, want 15", res.Samples)
	}

	// Once it is reached there is nothing to do.
	model = &list{}
	s = proceed(t, l, id, model, ledger.LeaseOptions{})
	res = train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 40, Interval: every10}))
	if res.Samples != 0 || res.Newest.Seq != 5 {
		t.Errorf("result is %+v", res)
	}
	if a := attempts(t, l, id); len(a) != 3 || a[2].Reason != ledger.Completed {
		t.Errorf("attempts are %+v", a)
	}
}

func TestExhausted(t *testing.T) {
	for _, c := range []struct {
		name   string
		rows   string
		target int64
		want   []string
	}{
		{"to the end", "ssfsess", 0, []string{"periodic 3 at 4", "periodic 6 at 7"}},
		{"filtered rows last", "sssfff", 0, []string{"periodic 3 at 3", "final 3 at 6"}},
		{"target not reached", "ssss", 5, []string{"periodic 3 at 3", "final 4 at 4"}},
		{"no sample", "ff", 0, []string{"final 0 at 2"}},
		{"errored only", "eeee", 0, []string{"periodic 3 at 3", "final 4 at 4"}},
		{"empty", "", 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := source{}
			for _, kind := range c.rows {
				src = append(src, map[rune]stream.Kind{'s': stream.Sample, 'f': stream.Filtered, 'e': stream.Errored}[kind])
			}
			l, model := newLedger(t), &list{}
			s := begin(t, l, model)
			train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Target: c.target, Interval: trainer.Interval{Samples: 3}}))
			wantSnapshots(t, l, s.Run().ID, c.want...)
			if len(src) > 0 {
				wantExact(t, l, s.Run().ID, src)
			}
			if h := entry(t, l, s.Run().ID).Head; h.Row != int64(len(src)) || h.Reason != ledger.Exhausted {
				t.Errorf("head is %+v", h)
			}
		})
	}
}

// A stop lets the sample in hand be finished, and nothing after it.
func TestStop(t *testing.T) {
	l, src, stop := newLedger(t), mixed(1000), make(chan struct{})
	model := &list{learn: func(row int64) error {
		if row == 22 {
			close(stop)
		}
		return nil
	}}
	s := begin(t, l, model)
	id := s.Run().ID
	// The reader gives no more once the stop has come through, so that the row is
	// known at which it did.
	r := &reader{source: src, before: func(ctx context.Context, row int64) error {
		if row > 22 {
			<-ctx.Done()
		}
		return nil
	}}
	train(t, ledger.Interrupted, options(t, s, src, model, trainer.Options{Reader: r, Interval: every10, Stop: stop}))
	wantSnapshots(t, l, id, "periodic 10 at 14", "emergency 16 at 23")
	wantExact(t, l, id, src)

	model = &list{}
	s = proceed(t, l, id, model, ledger.LeaseOptions{})
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 30, Interval: every10}))
	wantSnapshots(t, l, id, "periodic 10 at 14", "emergency 16 at 23", "periodic 20 at 29", "final 30 at 44")
	wantExact(t, l, id, src)
}

// Where nothing moved since the last snapshot, only the end is recorded.
func TestStopBeforeAnything(t *testing.T) {
	l, src, model := newLedger(t), mixed(100), &list{}
	stop := make(chan struct{})
	close(stop)
	blocked := &reader{source: src, before: func(ctx context.Context, _ int64) error { <-ctx.Done(); return ctx.Err() }}
	s := begin(t, l, model)
	id := s.Run().ID
	train(t, ledger.Interrupted, options(t, s, src, model, trainer.Options{Reader: blocked, Interval: every10, Stop: stop}))
	wantSnapshots(t, l, id)

	s = proceed(t, l, id, model, ledger.LeaseOptions{})
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 10, Interval: every10}))
	model = &list{}
	s = proceed(t, l, id, model, ledger.LeaseOptions{})
	train(t, ledger.Interrupted, options(t, s, src, model, trainer.Options{Reader: blocked, Interval: every10, Stop: stop}))
	wantSnapshots(t, l, id, "final 10 at 14")
	if a := attempts(t, l, id); len(a) != 3 || a[0].Reason != ledger.Interrupted || a[2].Reason != ledger.Interrupted {
		t.Errorf("attempts are %+v", a)
	}
}

// An error of the stream is never the end of the data, also where it wraps
// io.EOF; what was trained before it is kept, and is gone on from.
func TestStreamError(t *testing.T) {
	for _, broken := range []error{errors.New("connection reset"), fmt.Errorf("page 3: %w", io.EOF), io.ErrUnexpectedEOF} {
		t.Run(broken.Error(), func(t *testing.T) {
			l, src, model := newLedger(t), mixed(100), &list{}
			s := begin(t, l, model)
			id := s.Run().ID
			r := &reader{source: src, before: func(_ context.Context, row int64) error {
				if row == 20 {
					return broken
				}
				return nil
			}}
			res, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{Reader: r, Target: 50, Interval: every10}))
			if !errors.Is(err, broken) || !strings.Contains(err.Error(), "read row 20") || res.Reason != ledger.Failed {
				t.Errorf("ended %s, %v", res.Reason, err)
			}
			s.Close()
			if h := entry(t, l, id).Head; h.Open || h.Reason != ledger.Failed || h.LastError != err.Error() {
				t.Errorf("head is %+v, the error %v", h, err)
			}
			wantSnapshots(t, l, id, "periodic 10 at 14", "emergency 14 at 20")
			wantExact(t, l, id, src)

			model = &list{}
			s = proceed(t, l, id, model, ledger.LeaseOptions{})
			train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 50, Interval: trainer.Interval{Samples: 25}}))
			wantSnapshots(t, l, id, "periodic 10 at 14", "emergency 14 at 20", "periodic 25 at 37", "final 50 at 74")
			wantExact(t, l, id, src)
		})
	}
}

// A context that ends is an error like any other, and what was trained is saved.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, src := newLedger(t), mixed(100)
	model := &list{learn: func(row int64) error {
		if row == 9 {
			cancel()
		}
		return nil
	}}
	s := begin(t, l, model)
	res, err := trainer.Run(ctx, options(t, s, src, model, trainer.Options{Interval: every10}))
	if !errors.Is(err, context.Canceled) || res.Reason != ledger.Failed {
		t.Errorf("ended %s, %v", res.Reason, err)
	}
	wantSnapshots(t, l, s.Run().ID, "emergency 7 at 10")
	wantExact(t, l, s.Run().ID, src)
}

// A sample that could not be learned is counted and named, with its reason.
func TestSampleError(t *testing.T) {
	l, src := newLedger(t), make(source, 12)
	src[4] = stream.Errored
	model := &list{learn: func(row int64) error {
		if row%5 == 1 {
			return fmt.Errorf("server: %w", &trainer.SampleError{Row: row, Err: errors.New("too long")})
		}
		return nil
	}}
	s := begin(t, l, model)
	res := train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Interval: trainer.Interval{Samples: 5}}))
	if want := (ledger.Counters{Row: 12, Trained: 8, Errored: 4}); res.Counters != want {
		t.Errorf("counters are %+v, want %+v", res.Counters, want)
	}
	wantSnapshots(t, l, s.Run().ID, "periodic 5 at 5", "periodic 10 at 10", "final 12 at 12")
	got, err := l.Errored(t.Context(), s.Run().ID, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []ledger.ErroredRow{{Row: 1, Reason: "server: too long"}, {Row: 4, Reason: "malformed"}, {Row: 6, Reason: "server: too long"}, {Row: 11, Reason: "server: too long"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Of many errored rows all are counted, and some named.
func TestManyErrored(t *testing.T) {
	l, src, model := newLedger(t), make(source, ledger.MaxErroredRows+500), &list{}
	for i := range src {
		src[i] = stream.Errored
	}
	s := begin(t, l, model)
	res := train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{}))
	named, err := l.Errored(t.Context(), s.Run().ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if res.Counters.Errored != int64(len(src)) || len(named) != ledger.MaxErroredRows {
		t.Errorf("%d counted, %d named", res.Counters.Errored, len(named))
	}
}

// An error of the learner ends the run before the row, which is read again.
func TestLearnError(t *testing.T) {
	l, src, broken := newLedger(t), mixed(100), errors.New("out of memory")
	model := &list{learn: func(row int64) error {
		if row == 21 {
			return broken
		}
		return nil
	}}
	s := begin(t, l, model)
	id := s.Run().ID
	_, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{Target: 50, Interval: every10}))
	var at *trainer.LearnError
	if !errors.Is(err, broken) || !errors.As(err, &at) || at.Row != 21 || !strings.Contains(err.Error(), "learn row 21") {
		t.Errorf("Run: %v", err)
	}
	s.Close()
	wantSnapshots(t, l, id, "periodic 10 at 14", "emergency 14 at 21")
	wantExact(t, l, id, src)
	model = &list{}
	s = proceed(t, l, id, model, ledger.LeaseOptions{})
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 50, Interval: every10}))
	wantExact(t, l, id, src)
}

// A reader that stands elsewhere than the run is refused before a row is learned.
func TestReaderElsewhere(t *testing.T) {
	l, src, model := newLedger(t), mixed(100), &list{}
	s := begin(t, l, model)
	id := s.Run().ID
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 10}))
	for _, row := range []int64{0, 13, 15} {
		model = &list{}
		s = proceed(t, l, id, model, ledger.LeaseOptions{})
		res, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{Reader: &reader{source: src, next: row}}))
		if err == nil || res.Samples != 0 || res.Reason != ledger.Failed {
			t.Errorf("reader at row %d instead of 14: %+v, %v", row, res, err)
		}
		s.Close()
	}
	wantSnapshots(t, l, id, "final 10 at 14")
}
