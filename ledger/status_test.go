package ledger

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestDerive(t *testing.T) {
	now := newClock().now
	open := Head{Attempt: 2, Open: true, Host: hostName()}
	away := Head{Attempt: 2, Open: true, Host: "elsewhere"}
	moved := func(attempt uint64, ago time.Duration) Progress {
		return Progress{Attempt: attempt, Host: hostName(), Time: now, Moved: now.Add(-ago)}
	}
	slow := moved(2, time.Minute)
	slow.Host, slow.Time, slow.Moved = "elsewhere", slow.Time.Add(-time.Hour), slow.Moved.Add(-time.Hour)
	stuck := slow
	stuck.Moved = stuck.Time.Add(-StallAfter - 1)
	for name, tt := range map[string]struct {
		head   Head
		live   Live
		moving bool
		want   Status
	}{
		"ended":                            {Head{Reason: Completed}, Live{}, false, IsCompleted},
		"ended, lease still held":          {Head{Reason: Interrupted}, Live{Held: true}, false, IsInterrupted},
		"failed":                           {Head{Reason: Failed}, Live{}, false, IsFailed},
		"exhausted":                        {Head{Reason: Exhausted}, Live{}, false, IsExhausted},
		"held, moves":                      {open, Live{true, moved(2, time.Second)}, false, Running},
		"held, no beat yet":                {open, Live{Held: true}, false, Running},
		"held, beat of the attempt before": {open, Live{true, moved(1, time.Hour)}, false, Running},
		"held, at the limit":               {open, Live{true, moved(2, StallAfter)}, false, Running},
		"held, stands still":               {open, Live{true, moved(2, StallAfter+1)}, false, Stalled},
		"not held":                         {open, Live{false, moved(2, time.Second)}, false, Crashed},
		"elsewhere, beats":                 {away, Live{false, moved(2, time.Second)}, true, Running},
		"elsewhere, no beat":               {away, Live{false, moved(2, time.Second)}, false, Crashed},
		"elsewhere, its clock is slow":     {away, Live{false, slow}, true, Running},
		"elsewhere, stands still":          {away, Live{false, stuck}, true, Stalled},
	} {
		if got := Derive(tt.head, tt.live, tt.moving, now); got != tt.want {
			t.Errorf("%s: %s, not %s", name, got, tt.want)
		}
	}
}

func TestStandings(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	l := testLedgerWith(t, Options{Now: c.Now})
	ended := begin(t, l, testRun("wikitext"))
	commit(t, ended, step(ended, 10))
	if err := ended.End(ctx, End{Reason: Interrupted}); err != nil {
		t.Fatal(err)
	}
	ended.Close()
	crashed := begin(t, l, testRun("wikitext"))
	crashed.Close()
	running := begin(t, l, testRun("wikitext"))
	stalled := begin(t, l, testRun("wikitext"))
	c.advance(StallAfter + time.Second)
	if err := running.Beat(Progress{Counters: Counters{Row: 3, Trained: 3}, Rate: 2, Moved: c.now}); err != nil {
		t.Fatal(err)
	}
	if err := stalled.Beat(Progress{Moved: stalled.Attempt().Started}); err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	for _, s := range []*Session{ended, crashed, running, stalled} {
		entries = append(entries, entry(t, l, s.Run().ID))
	}
	got, err := l.Standings(ctx, entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Status{IsInterrupted, Crashed, Running, Stalled} {
		if got[i].Status != want {
			t.Errorf("run %d: %s, not %s", i, got[i].Status, want)
		}
		if alive := want == Running || want == Stalled; (got[i].Live != nil) != alive {
			t.Errorf("run %d: live is %+v", i, got[i].Live)
		}
	}
	if p := got[2].Live; p == nil || p.Row != 3 || p.Rate != 2 {
		t.Errorf("live is %+v", p)
	}

	// One that ends between the listing and the look at its lease did not crash.
	if err := running.End(ctx, End{Reason: Completed}); err != nil {
		t.Fatal(err)
	}
	running.Close()
	if got, err = l.Standings(ctx, entries[2:3]); err != nil || got[0].Status != IsCompleted {
		t.Errorf("standing is %+v (%v)", got, err)
	}
}

func TestStandingsWatchesOtherHosts(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l := testLedger(t)
	dead, alive := begin(t, l, testRun("wikitext")), begin(t, l, testRun("wikitext"))
	var entries []Entry
	for _, s := range []*Session{dead, alive} {
		onHost(t, l, s.Run().ID, "elsewhere")
		s.Close() // as if the lock did not reach here
		entries = append(entries, entry(t, l, s.Run().ID))
	}
	lease, err := os.OpenFile(l.leasePath(alive.Run().ID), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Close()
	beating, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := uint64(2); ; n++ {
			block, err := encodeProgress(Progress{Attempt: 1, Host: "elsewhere", Beat: n, Counters: Counters{Row: 7, Trained: 7}})
			if err == nil {
				_, err = lease.WriteAt(block, 0)
			}
			if err != nil {
				t.Error(err)
			}
			select {
			case <-beating.Done():
				return
			case <-tick.C:
			}
		}
	}()
	got, err := l.Standings(ctx, entries)
	stop()
	<-done
	if err != nil || got[0].Status != Crashed || got[1].Status != Running || got[1].Live == nil || got[1].Live.Row != 7 {
		t.Errorf("standings are %+v (%v)", got, err)
	}
	cancel()
	if _, err = l.Standings(ctx, entries); err == nil {
		t.Error("watching goes on after the context is cancelled")
	}
}
