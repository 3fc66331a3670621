package kato

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// lookTimeout is how long a server may take to tell its health.
const lookTimeout = 5 * time.Second

// A watch waits for the server, for all who need it at the time.
type watch struct {
	done chan struct{}
	err  error // once done
}

// awaitHealth waits until the server is there and healthy: not at all if it is, at
// most Waits.Health if not, by a look every Waits.Poll. The error is an
// *UnreachableError. Those who wait at the same time share the looks.
func (c *client) awaitHealth(ctx context.Context) error {
	if err := ended(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	w := c.watch
	if w == nil {
		if c.life.Err() != nil {
			c.mu.Unlock()
			return errClosed
		}
		w = &watch{done: make(chan struct{})}
		c.watch = w
		c.watchers.Go(func() {
			w.err = c.watchHealth()
			c.mu.Lock()
			c.watch = nil
			c.mu.Unlock()
			close(w.done)
		})
	}
	c.mu.Unlock()
	defer rest(ctx)()
	defer c.stats.waiting()()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ended(ctx)
	}
}

// watchHealth looks at the server until it is healthy, and says so if it was not.
func (c *client) watchHealth() error {
	ctx, cancel := context.WithTimeout(c.life, c.waits.Health)
	defer cancel()
	began := time.Now()
	var seen error // at the last look that was finished
	away := false
	for {
		err := c.look(ctx)
		if err == nil {
			break
		}
		switch {
		case ctx.Err() == nil:
			seen = err
		case seen == nil: // a first look that the end of waiting cut short
			seen = errors.New("no answer")
		}
		if _, unhealthy := errors.AsType[*unhealthyError](err); !unhealthy {
			away = true
		}
		if pause(ctx, c.waits.Poll) != nil {
			if c.life.Err() != nil {
				return errClosed
			}
			return &UnreachableError{URL: c.base.String(), For: time.Since(began), Err: seen}
		}
	}
	switch took := time.Since(began); {
	case away:
		c.say(fmt.Sprintf("The server was away for %s and is back; %s so far", span(took), counted(c.stats.restarted(), "restart")))
	case seen != nil:
		c.say(fmt.Sprintf("The server was unhealthy for %s and is well again", span(took)))
	}
	return nil
}

// look asks the server once how it is.
func (c *client) look(ctx context.Context) error {
	var answer bytes.Buffer
	err := c.send(ctx, request{method: http.MethodGet, path: "/health", timeout: min(lookTimeout, c.waits.Request)}, &answer)
	if err != nil {
		return err
	}
	var health struct {
		Status string
		Issues []string
	}
	if err := json.Unmarshal(answer.Bytes(), &health); err != nil {
		return fmt.Errorf("what answers is no KATO server: %w", err)
	}
	if health.Status == "unhealthy" {
		return &unhealthyError{health.Issues}
	}
	return nil
}

// unhealthyError says that the server is there and complains.
type unhealthyError struct{ issues []string }

func (e *unhealthyError) Error() string {
	if len(e.issues) == 0 {
		return "it is unhealthy"
	}
	return "it is unhealthy: " + printable([]byte(strings.Join(e.issues, "; ")))
}

// pause waits, or returns why the context has ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
