package kato

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A worker whose requests hang is stalled, though the server says that it is well.
// Who has no pulse gives up later.
func TestHungServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := inMemory(t, Waits{}, healthyServer(hanging))
		began := time.Now()
		ctx, end := newPulse(3, DefaultWaits.Stall).begin(t.Context(), 17)
		defer end()
		_, _, err := c.frequency(ctx, "node", "PTRN|00")
		stall, ok := errors.AsType[*StallError](err)
		if !ok || stall.For != DefaultWaits.Stall || time.Since(began) != DefaultWaits.Stall {
			t.Fatal(err, time.Since(began))
		}
		if _, err := c.observe(ctx, call{session: "s"}); err != stall {
			t.Error("a call after it: ", err)
		}
		if err := c.awaitHealth(ctx); err != stall {
			t.Error("waiting after it: ", err)
		}
		_, _, err = c.frequency(t.Context(), "node", "PTRN|00")
		if u, ok := errors.AsType[*UnreachableError](err); !ok || u.For < DefaultWaits.Stall {
			t.Error(err)
		}
	})
}

// Any answer is a sign of life, however long a sample takes.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 100 * time.Second
		status := http.StatusOK
		c, _, _ := inMemory(t, Waits{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(slow) // of the bubble
			w.WriteHeader(status)
			_, _ = w.Write([]byte(known))
		}))
		p := newPulse(0, 150*time.Second)
		ctx, end := p.begin(t.Context(), 17)
		for range 5 {
			if _, err := c.observe(ctx, call{session: "s"}); err != nil {
				t.Fatal(err)
			}
		}
		status = http.StatusNotFound
		for range 5 {
			if _, err := c.observe(ctx, call{session: "s"}); err != errNoSession {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if at, ok := p.at(); !ok || at != (WorkerAt{Worker: 0, Row: 17, Since: time.Second}) {
			t.Error(at, ok)
		}
		end()
		if at, ok := p.at(); ok {
			t.Error("between two rows: ", at)
		}
		time.Sleep(time.Hour)
		if err := ended(ctx); err != context.Canceled {
			t.Error("after its row: ", err)
		}
	})
}

// While the server is waited for, no worker stalls; what was before counts.
func TestPulseRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n, _ := inMemory(t, Waits{Health: time.Hour}, healthyServer(hanging))
		p := newPulse(0, time.Minute)
		ctx, end := p.begin(t.Context(), 0)
		defer end()
		time.Sleep(40 * time.Second)
		n.down.Store(true)
		time.AfterFunc(30*time.Minute, func() { n.down.Store(false) })
		if err := c.awaitHealth(ctx); err != nil {
			t.Fatal(err)
		}
		if at, _ := p.at(); at.Since != 40*time.Second {
			t.Error(at.Since)
		}
		time.Sleep(19 * time.Second)
		if err := ended(ctx); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, ok := errors.AsType[*StallError](ended(ctx)); !ok {
			t.Error(ended(ctx))
		}
	})
}

func TestStallError(t *testing.T) {
	err := &StallError{For: 5 * time.Minute}
	if got, want := err.Error(), "a worker is stalled: none of its requests was answered for 300 s"; got != want {
		t.Error(got)
	}
	err.At = []WorkerAt{{Worker: 0, Row: 17, Since: 5 * time.Minute}, {Worker: 1, Row: 18, Since: 20 * time.Millisecond}}
	if got, want := err.Error(), "a worker is stalled: none of its requests was answered for 300 s; worker 0 is on row 17 (answered 300 s ago), worker 1 is on row 18 (answered 20 ms ago)"; got != want {
		t.Error(got)
	}
}
