package trainer_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// onSaved returns an Events that calls do when snapshot seq is committed.
func onSaved(seq uint64, do func()) func(trainer.Event) {
	return func(e trainer.Event) {
		if e, ok := e.(*trainer.Saved); ok && e.Snapshot.Seq == seq {
			do()
		}
	}
}

// Whatever fails after the first snapshot is returned, with where the ledger
// stands, and recorded as the attempt's end where that can be.
func TestSaveFails(t *testing.T) {
	broken := errors.New("broken")
	second := func(n *atomic.Int64) bool { return n.Add(1) == 2 }
	for _, c := range []struct {
		name    string
		break_  func(*ledger.Ledger, *list)
		is      error
		message string
	}{
		{"Write", func(_ *ledger.Ledger, model *list) {
			var n atomic.Int64
			model.write = func(c trainer.Capture, ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
				if second(&n) {
					return trainer.State{}, broken
				}
				return c.Write(ctx, store, whole)
			}
		}, broken, "write state: broken"},
		{"PutObject", func(l *ledger.Ledger, model *list) {
			var n atomic.Int64
			model.write = func(c trainer.Capture, ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
				if second(&n) {
					state := filepath.Join(l.Dir(), "state")
					if err := os.Rename(state, state+" is gone"); err != nil {
						return trainer.State{}, err
					}
					defer os.Rename(state+" is gone", state)
				}
				return c.Write(ctx, store, whole)
			}
		}, fs.ErrNotExist, "write state: create state object"},
		{"Commit", func(_ *ledger.Ledger, model *list) {
			var n atomic.Int64
			model.write = func(c trainer.Capture, ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
				state, err := c.Write(ctx, store, whole)
				if second(&n) {
					state.Metrics = map[string]float64{"loss": math.NaN()}
				}
				return state, err
			}
		}, ledger.ErrRule, "metric loss"},
		{"object missing for good", func(l *ledger.Ledger, model *list) {
			var n atomic.Int64
			model.write = func(c trainer.Capture, ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
				state, err := c.Write(ctx, store, whole)
				if n.Add(1) >= 2 && err == nil {
					err = os.Remove(objectPath(l, state.Objects[0]))
				}
				return state, err
			}
		}, ledger.ErrDamaged, "commit snapshot 2: state objects missing: rows"},
		{"Capture", func(_ *ledger.Ledger, model *list) {
			var n atomic.Int64
			model.capture = func() error {
				if n.Add(1) >= 2 {
					return broken
				}
				return nil
			}
		}, broken, "take snapshot: broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, src, model := newLedger(t), mixed(1000), &list{}
			s := begin(t, l, model)
			c.break_(l, model)
			res, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{Target: 100, Interval: every10}))
			var lost *trainer.NotRecordedError
			if !errors.As(err, &lost) || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.message) {
				t.Fatalf("Run: %v, want %q", err, c.message)
			}
			if lost.Newest.Seq != 1 || lost.At != res.Counters || res.Reason != ledger.Failed || res.Newest.Seq != 1 {
				t.Errorf("lost %+v, result %+v", lost, res)
			}
			if !strings.Contains(err.Error(), "samples after 10 (snapshot 1), up to ") || strings.Count(err.Error(), "state object") > 1 {
				t.Errorf("message is %q", err)
			}
			wantSnapshots(t, l, s.Run().ID, "periodic 10 at 14")
			wantExact(t, l, s.Run().ID, src)
			if h := entry(t, l, s.Run().ID).Head; h.Open || h.Reason != ledger.Failed || !strings.Contains(c.message+h.LastError, "broken") && !strings.Contains(h.LastError, c.message) {
				t.Errorf("head is %+v", h)
			}
		})
	}
}

func objectPath(l *ledger.Ledger, o ledger.Object) string {
	return filepath.Join(l.Dir(), "state", o.SHA256[:2], o.SHA256)
}

// An object that vanished before it was referred to is written again, with all
// others.
func TestMissingObject(t *testing.T) {
	l, src, model := newLedger(t), mixed(100), &list{}
	var wholes []bool
	model.write = func(c trainer.Capture, ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
		wholes = append(wholes, whole)
		state, err := c.Write(ctx, store, whole)
		if len(wholes) == 2 && err == nil {
			err = os.Remove(objectPath(l, state.Objects[0]))
		}
		return state, err
	}
	s := begin(t, l, model)
	train(t, ledger.Completed, options(t, s, src, model, trainer.Options{Target: 25, Interval: every10}))
	wantSnapshots(t, l, s.Run().ID, "periodic 10 at 14", "periodic 20 at 29", "final 25 at 37")
	wantExact(t, l, s.Run().ID, src)
	if want := []bool{false, false, true, false}; !slices.Equal(wholes, want) {
		t.Errorf("written whole: %v, want %v", wholes, want)
	}
}

// A trainer whose run was taken over commits nothing more, and says so; the one
// that took over goes on from the last snapshot that was committed.
func TestLeaseLost(t *testing.T) {
	l, src := newLedger(t), mixed(100_000)
	saved := make(chan struct{})
	model, next := &list{}, &list{}
	s := begin(t, l, model)
	id := s.Run().ID
	var taken *ledger.Session
	model.learn = func(row int64) error {
		if row == 16 { // after the first snapshot
			<-saved
			taken = proceed(t, l, id, next, takeOver)
		}
		return nil
	}
	res, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{Interval: every10, Events: onSaved(1, func() { close(saved) })}))
	var lost *trainer.NotRecordedError
	if !errors.Is(err, ledger.ErrLeaseLost) || !errors.As(err, &lost) || lost.Newest.Seq != 1 || res.Reason != ledger.Failed {
		t.Errorf("ended %s, %v", res.Reason, err)
	}
	if res.Counters.Row > 5000 { // the queue takes some 1,000
		t.Errorf("noticed at row %d", res.Counters.Row)
	}
	wantSnapshots(t, l, id, "periodic 10 at 14")
	if a := attempts(t, l, id); len(a) != 2 || !a[0].Ended.IsZero() || !a[1].TookOver || !entry(t, l, id).Head.Open {
		t.Errorf("attempts are %+v", a)
	}
	s.Close()

	train(t, ledger.Completed, options(t, taken, src, next, trainer.Options{Target: 25, Interval: every10}))
	wantSnapshots(t, l, id, "periodic 10 at 14", "periodic 20 at 29", "final 25 at 37")
	wantExact(t, l, id, src)
}

// impatient is for ledgers that the test locks: what waits for them asks again
// soon.
var impatient = ledger.Options{LockTimeout: 10 * time.Millisecond}

// While others have the ledger locked, training goes on for as many snapshots as
// the queue takes, says that it waits, and then waits.
func TestQueueFull(t *testing.T) {
	l, src := newLedgerWith(t, impatient), make(source, 200)
	// One snapshot is being recorded, MaxQueued wait, and with the next the
	// training does.
	const most = trainer.MaxQueued + 2
	var learned atomic.Int64
	model := &list{learn: func(int64) error { learned.Add(1); return nil }}
	s := begin(t, l, model)
	unlock := lock(t, l)
	full := 0
	train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Interval: trainer.Interval{Samples: 1}, Events: func(e trainer.Event) {
		switch e := e.(type) {
		case *trainer.Waiting:
			if n := learned.Load(); n > most || e.Queued > trainer.MaxQueued+1 || e.For < impatient.LockTimeout {
				t.Errorf("%d samples learned, %+v", n, e)
			} else if n == most {
				full++
			}
			if full == 5 {
				unlock()
			}
		case *trainer.Saved:
			if full < 5 {
				t.Error("saved while locked")
			}
		}
	}}))
	if h := entry(t, l, s.Run().ID).Head; h.SnapshotCount != int64(len(src)) {
		t.Errorf("%d snapshots of %d samples", h.SnapshotCount, len(src))
	}
	wantExact(t, l, s.Run().ID, src)
}

// At its end a trainer waits only so long, and then names what is not recorded.
func TestEndWait(t *testing.T) {
	for _, c := range []struct {
		name    string
		lockAt  uint64 // the snapshot after which the ledger is locked
		target  int64
		message string
	}{
		{"nothing recorded", 0, 25, "nothing was recorded of the 25 samples trained: commit snapshot 1: "},
		{"some recorded", 1, 25, "samples after 10 (snapshot 1), up to 25, were not recorded: commit snapshot 2: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, src, model := newLedgerWith(t, impatient), mixed(100), &list{}
			s := begin(t, l, model)
			unlock := func() {}
			locked := make(chan struct{})
			hold := func() { unlock = lock(t, l); close(locked) }
			if c.lockAt == 0 {
				hold()
			}
			model.learn = func(row int64) error {
				if row == 16 {
					<-locked
				}
				return nil
			}
			started := time.Now()
			res, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{
				Target: c.target, Interval: every10, EndWait: 30 * time.Millisecond, Events: onSaved(c.lockAt, hold),
			}))
			if time.Since(started) < 30*time.Millisecond {
				t.Error("did not wait")
			}
			var lost *trainer.NotRecordedError
			if !errors.As(err, &lost) || !errors.Is(err, ledger.ErrBusy) || !strings.Contains(err.Error(), c.message) {
				t.Fatalf("Run: %v, want %q", err, c.message)
			}
			if lost.Newest.Seq != c.lockAt || lost.At != src.counters(37) || res.Reason != ledger.Failed {
				t.Errorf("lost %+v, result %+v", lost, res)
			}
			unlock()
			if h := entry(t, l, s.Run().ID).Head; h.Seq != c.lockAt || !h.Open {
				t.Errorf("head is %+v", h)
			}
		})
	}
}

// Where only the end of the attempt is missing, nothing of the model is.
func TestEndNotRecorded(t *testing.T) {
	l, src, model := newLedgerWith(t, impatient), make(source, 10), &list{}
	s := begin(t, l, model)
	locked := make(chan struct{})
	r := &reader{source: src, before: func(_ context.Context, row int64) error {
		if row == 10 {
			<-locked
		}
		return nil
	}}
	_, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{
		Reader: r, Interval: every10, EndWait: time.Millisecond, Events: onSaved(1, func() { lock(t, l); close(locked) }),
	}))
	var lost *trainer.NotRecordedError
	if !errors.As(err, &lost) || lost.At != lost.Newest.Counters || !strings.Contains(err.Error(), "the end of the attempt was not recorded") {
		t.Errorf("Run: %v", err)
	}
}

// A stop comes through also where training waits for room in the queue.
func TestStopWhileQueueFull(t *testing.T) {
	l, src, model := newLedgerWith(t, impatient), make(source, 200), &list{}
	s := begin(t, l, model)
	lock(t, l)
	stop, stopped := make(chan struct{}), false
	_, err := trainer.Run(t.Context(), options(t, s, src, model, trainer.Options{
		Interval: trainer.Interval{Samples: 1}, EndWait: time.Millisecond, Stop: stop,
		Events: func(e trainer.Event) {
			if e, ok := e.(*trainer.Waiting); ok && e.Queued == trainer.MaxQueued+1 && !stopped {
				stopped = true
				close(stop)
			}
		},
	}))
	var lost *trainer.NotRecordedError
	if !errors.As(err, &lost) || !errors.Is(err, ledger.ErrBusy) || lost.At.Samples() < trainer.MaxQueued+1 || lost.At.Samples() > trainer.MaxQueued+3 {
		t.Errorf("Run: %v", err)
	}
}
