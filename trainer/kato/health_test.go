package kato

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, said := inMemory(t, Waits{}, healthyServer(http.NotFoundHandler()))
		if err := c.awaitHealth(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := c.metrics(); len(said.said()) > 0 || m["restarts"] != 0 || m["requests"] != 1 {
			t.Error(said.said(), m)
		}
	})
}

// Workers that wait at once look once for all, and survive the restart as one.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n, said := inMemory(t, Waits{}, healthyServer(http.NotFoundHandler()))
		for range 2 {
			n.down.Store(true)
			time.AfterFunc(5*time.Second, func() { n.down.Store(false) })
			var workers sync.WaitGroup
			for range 5 {
				workers.Go(func() {
					if err := c.awaitHealth(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			workers.Wait()
			c.transport.CloseIdleConnections()
		}
		want := []string{
			"The server was away for 6 s and is back; 1 restart so far",
			"The server was away for 6 s and is back; 2 restarts so far",
		}
		if got := said.said(); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		if n.dials.Load() != 8 {
			t.Error(n.dials.Load(), "looks")
		}
		if m := c.metrics(); m["restarts"] != 2 || m["seconds_waited"] != 60 {
			t.Error(m)
		}
	})
}

func TestNeverBack(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.Handler
		down    bool
		says    string
	}{
		"refused":   {nil, true, "waited 60 s in vain for the KATO server at http://kato.test: dial tcp: connection refused"},
		"unhealthy": {answering(200, `{"status":"unhealthy","issues":["disk\n","memory"]}`), false, "http://kato.test: it is unhealthy: disk ; memory"},
		"silent":    {answering(200, `{"status":"unhealthy"}`), false, "http://kato.test: it is unhealthy"},
		"hung":      {hanging, false, "no answer within 5 s"},
		"gateway":   {answering(502, "no upstream"), false, "502 (Bad Gateway): no upstream"},
		"another":   {answering(200, "<html>"), false, "no KATO server"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, n, said := inMemory(t, Waits{}, tt.handler)
				n.down.Store(tt.down)
				err := c.awaitHealth(t.Context())
				u, ok := errors.AsType[*UnreachableError](err)
				if !ok || u.URL != "http://kato.test" || u.For != time.Minute || !strings.Contains(err.Error(), tt.says) {
					t.Fatal(err)
				}
				hidden(t, err)
				if len(said.said()) > 0 || c.metrics()["restarts"] != 0 {
					t.Error(said.said(), c.metrics())
				}
			})
		})
	}
}

// Waiting that is shorter than a look does not tell of a context that ended.
func TestShortWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, _ := inMemory(t, Waits{Health: time.Second}, hanging)
		err := c.awaitHealth(t.Context())
		if _, ok := errors.AsType[*UnreachableError](err); !ok || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer") {
			t.Error(err)
		}
	})
}

func TestUnhealthyForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		c, _, said := inMemory(t, Waits{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if looks.Add(1) < 3 {
				_, _ = w.Write([]byte(`{"status":"unhealthy"}`))
				return
			}
			_, _ = w.Write([]byte(`{"status":"degraded"}`))
		}))
		if err := c.awaitHealth(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := said.said(); !slices.Equal(got, []string{"The server was unhealthy for 4 s and is well again"}) || c.metrics()["restarts"] != 0 {
			t.Errorf("%q %v", got, c.metrics())
		}
	})
}

// One who is stopped leaves the others waiting; close ends it for all.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n, _ := inMemory(t, Waits{}, nil)
		n.down.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		other := make(chan error, 1)
		go func() { other <- c.awaitHealth(t.Context()) }()
		if err := c.awaitHealth(ctx); err != context.DeadlineExceeded {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case err := <-other:
			t.Error("the other one was let down: ", err)
		default:
		}
		c.close()
		if err := <-other; err != errClosed {
			t.Error(err)
		}
		if err := c.awaitHealth(t.Context()); err != errClosed {
			t.Error(err)
		}
	})
}
