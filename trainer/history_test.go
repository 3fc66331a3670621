package trainer_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/learnertest"
	"ckptledger/trainer/local"
)

func newLocal(t testing.TB, chunkSizes ...int) *local.Learner {
	t.Helper()
	l, err := local.New(local.Options{ChunkSizes: chunkSizes})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// digest captures a learner and returns the digest of its model.
func digest(t testing.TB, l trainer.Learner) string {
	t.Helper()
	c, err := l.Capture()
	if err != nil {
		t.Fatal(err)
	}
	state, err := c.Write(context.Background(), &learnertest.Store{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return state.ModelDigest
}

// recorder notes the rows that a learner learns.
type recorder struct {
	trainer.Learner
	rows  []int64
	learn func(row int64) error // called before; may be nil
}

func (r *recorder) Learn(ctx context.Context, s trainer.Sample) error {
	if r.learn != nil {
		if err := r.learn(s.Row); err != nil {
			return err
		}
	}
	if err := r.Learner.Learn(ctx, s); err != nil {
		return err
	}
	r.rows = append(r.rows, s.Row)
	return nil
}

// reached returns the rows of all attempts that the run's newest snapshot is
// made of: of each attempt those before the row from which the next went on.
func reached(t testing.TB, l *ledger.Ledger, id ledger.RunID, rows [][]int64) []int64 {
	t.Helper()
	all := attempts(t, l, id)
	if len(all) != len(rows) {
		t.Fatalf("%d attempts are recorded, %d were made", len(all), len(rows))
	}
	var chain []int64
	for i, a := range all {
		end, _ := slices.BinarySearch(chain, a.FromRow)
		chain = append(chain[:end], rows[i]...)
	}
	return chain
}

var errInterrupt = errors.New("interrupted by the test")

// unlearnable are rows at which the learner of TestAnyInterruption gives up.
func unlearnable(row int64) bool { return row%11 == 4 }

// However often a run is stopped, fails, is taken over, and wherever: in the end
// each sample has been trained once, and the model is that of a run that was
// never stopped.
func TestAnyInterruption(t *testing.T) {
	l, src := newLedger(t), mixed(90)
	chunkSizes := []int{3, 2, 2}
	digests := map[int]string{} // by trained samples
	model := newLocal(t, chunkSizes...)
	digests[0] = digest(t, model)
	var learnable []int64
	for _, row := range src.trained(int64(len(src))) {
		if unlearnable(row) {
			continue
		}
		learnable = append(learnable, row)
		r := &reader{source: src, next: row}
		got, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := model.Learn(t.Context(), trainer.Sample{Row: row, Text: got.Text}); err != nil {
			t.Fatal(err)
		}
		digests[len(learnable)] = digest(t, model)
	}

	rapid.Check(t, func(rt *rapid.T) {
		o := trainer.Options{
			Target:   rapid.Int64Range(0, 70).Draw(rt, "target"),
			Interval: trainer.Interval{Samples: rapid.Int64Range(5, 40).Draw(rt, "interval")},
		}
		var rows [][]int64
		learner := func() *recorder { return &recorder{Learner: newLocal(t, chunkSizes...)} }
		model := learner()
		s := begin(t, l, model)
		id := s.Run().ID
		for interrupts := rapid.IntRange(0, 5).Draw(rt, "interrupts"); interrupts >= 0; interrupts-- {
			o := options(t, s, src, model, o)
			from := o.Cursor.Next.Row
			at, how := int64(-1), "not at all"
			if interrupts > 0 {
				at = rapid.Int64Range(from, int64(len(src))).Draw(rt, "at row")
				how = rapid.SampledFrom([]string{"stop", "read error", "learn error", "take-over"}).Draw(rt, "how")
			}
			var taken *ledger.Session
			next := learner()
			stop := make(chan struct{})
			o.Stop = stop
			o.Reader.(*reader).before = func(ctx context.Context, row int64) error {
				if row != at {
					return nil
				}
				switch how {
				case "stop":
					close(stop)
					<-ctx.Done()
				case "read error":
					return errInterrupt
				case "take-over":
					taken = proceed(t, l, id, next, takeOver)
				}
				return nil
			}
			model.learn = func(row int64) error {
				switch {
				case how == "learn error" && row >= at:
					return errInterrupt
				case unlearnable(row):
					return &trainer.SampleError{Row: row, Err: errors.New("cannot be learned")}
				}
				return nil
			}
			res, err := trainer.Run(t.Context(), o)
			s.Close()
			rows = append(rows, model.rows)

			want := src.counters(res.Counters.Row) // but for the errors of the learner
			want.Trained, want.Errored = res.Counters.Trained, want.Trained+want.Errored-res.Counters.Trained
			switch {
			case res.Counters != want:
				rt.Fatalf("counters are %+v, want %+v", res.Counters, want)
			case taken != nil && err == nil:
				rt.Fatal("after a take-over: no error")
			case taken == nil && res.Newest.Counters != res.Counters:
				rt.Fatalf("at %+v, recorded is %+v (%v)", res.Counters, res.Newest.Counters, err)
			case taken == nil && err != nil && !errors.Is(err, errInterrupt):
				rt.Fatal(err)
			}
			if s, model = taken, next; s == nil && interrupts > 0 {
				s = proceed(t, l, id, model, ledger.LeaseOptions{})
			}
		}

		snap, err := l.Snapshot(t.Context(), id, 0)
		if err != nil {
			if o.Target != 0 || !errors.Is(err, ledger.ErrNotFound) {
				rt.Fatal(err)
			}
			return
		}
		if e := entry(t, l, id).Head; e.Reason != ledger.Completed && e.Reason != ledger.Exhausted {
			rt.Fatalf("ended %s", e.Reason)
		}
		if diff := cmp.Diff(learnable[:snap.Trained], reached(t, l, id, rows)); diff != "" {
			rt.Fatalf("rows trained: %s", diff)
		}
		err = l.Snapshots(t.Context(), id, func(snap *ledger.Snapshot) error {
			if want := digests[int(snap.Trained)]; snap.ModelDigest != want {
				rt.Fatalf("snapshot %d after %d samples has digest %s, a run never stopped %s", snap.Seq, snap.Trained, snap.ModelDigest, want)
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}
