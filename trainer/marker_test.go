package trainer

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ckptledger/ledger"
)

// markerOn starts a marker whose marks go to write.
func markerOn(t *testing.T, start Standing, write func(ledger.Mark) error) *marker {
	t.Helper()
	m, err := startMarker(&start, write, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// kill ends a marker as a killed process does.
func kill(m *marker) {
	m.write = func(ledger.Mark) error { return errors.New("killed") }
	m.close()
}

// No row is retried before a mark that says so is written, to its end.
func TestMarkerRetryIsWritten(t *testing.T) {
	defer func(was time.Duration) { markEvery = was }(markEvery)
	markEvery = 0
	for range 500 {
		var written atomic.Bool
		m := markerOn(t, Standing{}, func(mark ledger.Mark) error {
			for range 10 {
				runtime.Gosched()
			}
			written.Store(len(mark.Retrying) == 1)
			return nil
		})
		m.mu.Lock()
		m.signal() // a mark is being written when it is called
		m.mu.Unlock()
		runtime.Gosched()
		if err := m.retry(t.Context(), []ledger.ErroredRow{{Row: 1}}); err != nil {
			t.Fatal(err)
		}
		if !written.Load() {
			t.Fatal("returned before the mark was written")
		}
		m.close()
	}
}

// A run that is killed again and again before it begins a row asks for no more rows
// each time.
func TestMarkerReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := Standing{Counters: ledger.Counters{Row: 100, Trained: 100}}
		var last ledger.Mark
		for range 5 {
			m := markerOn(t, start, func(mark ledger.Mark) error { last = mark; return nil })
			if err := m.begin(context.Background(), 100); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if last.Reach != 100+leastAhead {
				t.Fatalf("reaches to %d", last.Reach)
			}
			kill(m)
			start.Reach = last.Reach
		}
		m := markerOn(t, start, func(mark ledger.Mark) error { last = mark; return nil })
		m.close()
		if last.Reach != start.Reach {
			t.Errorf("closed, it reaches to %d, not to %d", last.Reach, start.Reach)
		}
	})
}
