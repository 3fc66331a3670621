package trainer

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ckptledger/ledger"
)

// teller is a learner as far as a heart knows it.
type teller struct{}

func (teller) Tell() Told { return Told{Workers: 8, Alive: 7, Note: "layer 0: 410 ms a request"} }

// A heart tells its progress ten times a second, and writes it to the lease once
// a second, with the time at which the position last moved.
func TestHeart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := beatable(t)
		var p pulse
		var events int
		var last Progress
		stop := (&heart{session: s, pulse: &p, target: 8, learner: teller{}, tell: serialize(func(e Event) {
			p, ok := e.(*Progress)
			if !ok || p.Check() != nil || p.Told != (teller{}).Tell() {
				t.Errorf("event %+v", e)
				return
			}
			events++
			last = *p
		})}).start()
		time.Sleep(3 * time.Second)
		moved := time.Now()
		p.set(ledger.Counters{Row: 7, Trained: 4, Errored: 2, Filtered: 1})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if last.Samples() != 6 || last.Rate <= 0 || !last.LeftKnown || last.Left <= 0 {
			t.Errorf("told %+v", last)
		}
		p.set(ledger.Counters{Row: 8, Trained: 6, Errored: 2})
		stop()
		stop()
		if events < 130 || events > 131 {
			t.Errorf("%d events in 13 seconds", events)
		}
		if last.Samples() != 8 || !last.LeftKnown || last.Left != 0 {
			t.Errorf("at the end, told %+v", last)
		}
		live, err := l.Probe(s.Run().ID)
		if err != nil {
			t.Fatal(err)
		}
		at := live.Progress
		if want := (ledger.Counters{Row: 7, Trained: 4, Errored: 2, Filtered: 1}); at.Counters != want || at.Beat < 13 || at.Beat > 15 {
			t.Errorf("the lease shows %+v", at)
		}
		if late := at.Moved.Sub(moved); late < 0 || late > progressEvery {
			t.Errorf("moved at %v, the lease says %v", moved, at.Moved)
		}
		time.Sleep(10 * time.Second)
		if again, err := l.Probe(s.Run().ID); err != nil || again.Progress.Beat != at.Beat {
			t.Errorf("stopped, the lease shows %+v (%v)", again.Progress, err)
		}
	})
}

// A row that is trained after all moves a run, although its position stays.
func TestHeartOfRetriedRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := beatable(t)
		var p pulse
		p.set(ledger.Counters{Row: 7, Trained: 4, Errored: 3})
		stop := (&heart{session: s, pulse: &p, tell: func(Event) {}}).start()
		time.Sleep(time.Minute)
		moved := time.Now()
		p.set(ledger.Counters{Row: 7, Trained: 5, Errored: 2})
		time.Sleep(2 * time.Second)
		stop()
		live, err := l.Probe(s.Run().ID)
		if err != nil || live.Progress.Rate <= 0 || live.Progress.Moved.Before(moved) {
			t.Errorf("moved at %v, the lease shows %+v (%v)", moved, live.Progress, err)
		}
	})
}

// That it cannot beat is said once.
func TestHeartWarnsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := beatable(t)
		s.Close() // and with it the lease's file
		var p pulse
		warnings := 0
		stop := (&heart{session: s, pulse: &p, tell: serialize(func(e Event) {
			if w, ok := e.(*Warning); ok && w.Err != nil {
				warnings++
			}
		})}).start()
		time.Sleep(10 * time.Second)
		stop()
		if warnings != 1 {
			t.Errorf("%d warnings", warnings)
		}
	})
}

// beatable returns a session of a new run.
func beatable(t *testing.T) (*ledger.Ledger, *ledger.Session) {
	t.Helper()
	l, err := ledger.Create(t.Context(), filepath.Join(t.TempDir(), "checkpoints"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Begin(t.Context(), ledger.Run{Dataset: "rows", Config: ledger.Config{"learner": "none"}}, ledger.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return l, s
}
