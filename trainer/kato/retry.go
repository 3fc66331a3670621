package kato

import (
	"context"
	"errors"
	"time"
)

// tries are those of one thing that is tried until it succeeds.
type tries struct {
	client *client
	since  time.Time     // of the first failure, later by how long the server was waited for
	next   time.Duration // before the next try; 0 before the first failure
}

func (c *client) tries() *tries { return &tries{client: c} }

// again waits and returns nil if what failed with err is to be tried again: after
// a quarter of Waits.Poll, each time twice as long up to Waits.Poll, and when the
// server is there. Otherwise it returns the error for the caller: err itself where
// trying again is of no use, or an *UnreachableError after Waits.Health of failures
// at a server that is there (of timeouts, after Waits.Stall if that is longer).
func (t *tries) again(ctx context.Context, err error) error {
	lost, isLost := errors.AsType[*lostError](err)
	if !isLost && !errors.Is(err, errNotSent) {
		return err
	}
	c := t.client
	if t.next == 0 {
		t.since, t.next = time.Now(), c.waits.Poll/4
	}
	patience := c.waits.Health
	if isLost && lost.Timeout {
		patience = max(patience, c.waits.Stall)
	}
	if failing := time.Since(t.since); failing >= patience {
		return &UnreachableError{URL: c.base.String(), For: failing, Err: err}
	}
	c.stats.retried()
	if err := c.sleep(ctx, t.next); err != nil {
		return err
	}
	t.next = min(2*t.next, c.waits.Poll)
	if isLost && lost.Status != 0 {
		return nil // something answers there
	}
	began := time.Now()
	err = c.awaitHealth(ctx)
	t.since = t.since.Add(time.Since(began))
	return err
}

// retry does what may be done twice until it succeeds.
func (c *client) retry(ctx context.Context, do func() error) error {
	t := c.tries()
	for {
		err := do()
		if err == nil {
			return nil
		}
		if err := t.again(ctx, err); err != nil {
			return err
		}
	}
}

// sleep waits, which is counted, or returns why the context has ended.
func (c *client) sleep(ctx context.Context, d time.Duration) error {
	defer c.stats.waiting()()
	return pause(ctx, d)
}
