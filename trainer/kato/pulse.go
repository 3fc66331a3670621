package kato

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// A StallError says that a worker is stalled: none of its requests was answered,
// however often they were sent.
type StallError struct {
	For time.Duration // how long that went on
	At  []WorkerAt    // where each worker was
}

// A WorkerAt is the place of one worker.
type WorkerAt struct {
	Worker int
	Row    int64
	Since  time.Duration // since the last answer to it, or since it began the row
}

func (e *StallError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "a worker is stalled: none of its requests was answered for %s", span(e.For))
	for i, w := range e.At {
		sep := ", "
		if i == 0 {
			sep = "; "
		}
		fmt.Fprintf(&s, "%sworker %d is on row %d (answered %s ago)", sep, w.Worker, w.Row, span(w.Since))
	}
	return s.String()
}

// A pulse is a worker's sign of life: it beats by each answer to one of the
// worker's requests, whatever the answer says. While the server is waited for it
// rests.
type pulse struct {
	worker int
	stall  time.Duration

	mu    sync.Mutex
	row   int64
	last  time.Time   // when it beat, later by what it rested since; zero between two rows
	timer *time.Timer // of the row
}

func newPulse(worker int, stall time.Duration) *pulse { return &pulse{worker: worker, stall: stall} }

type pulseKey struct{}

// begin returns the context for the requests that a row takes, which ends by a
// *StallError when none was answered for too long. The function ends the row. A
// worker is at one row at a time.
func (p *pulse) begin(ctx context.Context, row int64) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.row, p.last = row, time.Now()
	p.timer = time.AfterFunc(p.stall, func() { cancel(&StallError{For: p.stall}) })
	return context.WithValue(ctx, pulseKey{}, p), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.timer.Stop()
		p.last = time.Time{}
		cancel(nil)
	}
}

// at tells where the worker is, unless it is between two rows.
func (p *pulse) at() (WorkerAt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() {
		return WorkerAt{}, false
	}
	return WorkerAt{Worker: p.worker, Row: p.row, Since: time.Since(p.last)}, true
}

// beat notes an answer to a request of this context, if that is a pulse's.
func beat(ctx context.Context) {
	if p, ok := ctx.Value(pulseKey{}).(*pulse); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.last = time.Now()
		p.timer.Reset(p.stall)
	}
}

// rest stops the context's pulse, if there is one, until the function is called.
func rest(ctx context.Context) (resume func()) {
	p, ok := ctx.Value(pulseKey{}).(*pulse)
	if !ok {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	began := time.Now()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.last = p.last.Add(time.Since(began))
		p.timer.Reset(p.stall - time.Since(p.last))
	}
}

// ended returns why a context has ended: its own error, or the stall; nil if it
// has not. Other causes than a stall are left out, as they need not be context
// errors by errors.Is.
func ended(ctx context.Context) error {
	if stall, ok := errors.AsType[*StallError](context.Cause(ctx)); ok {
		return stall
	}
	return ctx.Err()
}
