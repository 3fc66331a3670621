package trainer

import (
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ckptledger/ledger"
)

// A heart tells its progress ten times a second, and writes it to the lease once
// a second, with the time at which the position last moved.
func TestHeart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := beatable(t)
		var p pulse
		var events int
		stop := startHeart(s, &p, serialize(func(e Event) {
			if p, ok := e.(*Progress); !ok || p.Check() != nil {
				t.Errorf("event %+v", e)
			}
			events++
		}))
		time.Sleep(3 * time.Second)
		moved := time.Now()
		p.set(ledger.Counters{Row: 7, Trained: 4, Errored: 2, Filtered: 1})
		time.Sleep(10 * time.Second)
		stop()
		stop()
		if events < 129 || events > 130 {
			t.Errorf("%d events in 13 seconds", events)
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

// That it cannot beat is said once.
func TestHeartWarnsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := beatable(t)
		s.Close() // and with it the lease's file
		var p pulse
		warnings := 0
		stop := startHeart(s, &p, serialize(func(e Event) {
			if w, ok := e.(*Warning); ok && w.Err != nil {
				warnings++
			}
		}))
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

func TestMeter(t *testing.T) {
	var m meter
	now := time.Unix(1_000_000_000, 0)
	tick := func(seconds float64, perSecond int64) float64 {
		var rate float64
		for range int(seconds * 10) {
			now = now.Add(100 * time.Millisecond)
			rate = m.add(now, perSecond/10)
		}
		return rate
	}
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s: rate is %.1f, not %.1f", what, got, want)
		}
	}
	near("before anything", m.add(now, 50), 0, 0)
	near("after one moment", tick(0.1, 1000), 1000, 0.1)
	near("after a second", tick(0.9, 1000), 1000, 0.1)
	near("the first seconds are averaged evenly", tick(1, 3000), 2000, 0.1)
	near("after a minute", tick(60, 3000), 3000, 5)
	near("a standstill shows within the memory", tick(rateMemory.Seconds(), 0), 3000/math.E, 10)
	near("and is a rate of 0 in the end", tick(120, 0), 0, 0.1)
	rate := m.rate
	near("a clock that stands still", m.add(now, 1000), rate, 0)
	near("a clock that goes back", m.add(now.Add(-time.Hour), 1000), rate, 0)
}
