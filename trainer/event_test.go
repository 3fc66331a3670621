package trainer_test

import (
	"testing"
	"time"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// What was announced as saved can be read, and snapshots are announced in order.
func TestSaved(t *testing.T) {
	l, src, model := newLedger(t), mixed(500), &list{}
	s := begin(t, l, model)
	var seq uint64
	train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Interval: every10, Events: func(e trainer.Event) {
		saved, ok := e.(*trainer.Saved)
		if !ok {
			return
		}
		seq++
		snap, err := l.Snapshot(t.Context(), s.Run().ID, 0)
		if err != nil || snap.Seq != seq || snap.Hash != saved.Snapshot.Hash {
			t.Errorf("announced snapshot %d, the ledger's newest is %d (%v)", saved.Snapshot.Seq, snap.Seq, err)
		}
		if saved.Wrote != snap.StateBytes() || saved.Took <= 0 {
			t.Errorf("wrote %d bytes in %v, the state has %d", saved.Wrote, saved.Took, snap.StateBytes())
		}
		for _, name := range []string{"rows", "samples_per_second", "cpu_seconds", "peak_memory_bytes"} {
			if snap.Metrics[name] <= 0 {
				t.Errorf("metric %s is %v", name, snap.Metrics[name])
			}
		}
	}}))
	if n := uint64(src.counters(500).Samples()/10 + 1); seq != n {
		t.Errorf("%d snapshots announced, want %d", seq, n)
	}
}

// While training goes on, and while it stands still, its progress is told and
// written to the lease.
func TestProgress(t *testing.T) {
	l, src := newLedger(t), mixed(100)
	var s *ledger.Session
	progress := make(chan *trainer.Progress)
	model := &list{}
	model.learn = func(row int64) error {
		if row != 30 {
			return nil
		}
		<-progress // may be older than this row
		p := <-progress
		if want := src.counters(30); p.Counters != want {
			t.Errorf("progress is %+v, want %+v", p.Counters, want)
		}
		<-progress // the first beat comes after the first event
		live, err := l.Probe(s.Run().ID)
		if err != nil || !live.Held || live.Progress.Attempt != 1 || live.Progress.Beat < 2 {
			t.Errorf("the lease shows %+v (%v)", live, err)
		}
		if c := live.Progress.Counters; c.Check() != nil || time.Since(live.Progress.Moved) > time.Minute {
			t.Errorf("the lease shows %+v", live.Progress)
		}
		go func() {
			for range progress {
			}
		}()
		return nil
	}
	s = begin(t, l, model)
	train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Events: func(e trainer.Event) {
		switch e := e.(type) {
		case *trainer.Progress:
			progress <- e
		case *trainer.Warning:
			t.Error(e.Err)
		}
	}}))
	close(progress)
}

// A heart that cannot beat is a warning, told once, and no reason to fail.
func TestBeatFails(t *testing.T) {
	l, src, model := newLedger(t), mixed(100), &list{}
	s := begin(t, l, model)
	warned := make(chan error, 1)
	model.learn = func(row int64) error {
		if row == 10 {
			<-warned
		}
		return nil
	}
	s.Close() // the lease's file is closed with it
	train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Events: func(e trainer.Event) {
		if e, ok := e.(*trainer.Warning); ok {
			warned <- e.Err
		}
	}}))
	wantExact(t, l, s.Run().ID, src)
}
