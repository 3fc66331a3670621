package kato

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What fails at a server that answers is tried again ever later, and given up
// after Waits.Health.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		c, _, _ := inMemory(t, Waits{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			at = append(at, time.Since(began))
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		err := c.clearSTM(t.Context(), "s")
		u, ok := errors.AsType[*UnreachableError](err)
		if !ok || u.For < time.Minute || u.For > time.Minute+2*time.Second || !strings.Contains(err.Error(), "503") {
			t.Fatal(err)
		}
		const ms = time.Millisecond
		if want := []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms, 5500 * ms}; !slices.Equal(at[:5], want) {
			t.Error(at[:5])
		}
		if m := c.metrics(); m["retries"] != float64(len(at)-1) || m["seconds_waited"] != u.For.Seconds() {
			t.Error(m, len(at), u.For)
		}
	})
}

// The time for which a server was away is not held against it when it is back.
func TestRetryOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n, said := inMemory(t, Waits{}, healthyServer(answering(200, `{"session_id":"s1"}`)))
		n.down.Store(true)
		time.AfterFunc(50*time.Second, func() { n.down.Store(false) })
		id, err := c.openSession(t.Context(), "node0_x", nil)
		if err != nil || id != "s1" || len(said.said()) != 1 || c.metrics()["retries"] != 1 {
			t.Error(id, err, said.said(), c.metrics())
		}

		tries := c.tries()
		for range 3 {
			c.transport.CloseIdleConnections()
			n.down.Store(true)
			time.AfterFunc(50*time.Second, func() { n.down.Store(false) })
			if err := tries.again(t.Context(), errNotSent); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRetryOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := inMemory(t, Waits{}, answering(400, ""))
		if err := c.clearSTM(t.Context(), "s"); err == nil || c.metrics()["requests"] != 1 {
			t.Error(err, c.metrics())
		}
		for _, err := range []error{errNoSession, errors.New("else"), context.Canceled, &StallError{}} {
			if got := c.tries().again(t.Context(), err); got != err {
				t.Error(got)
			}
		}
	})
}

func TestBackoffEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := inMemory(t, Waits{}, answering(503, ""))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, _, err := c.frequency(ctx, "node", "PTRN|00"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
