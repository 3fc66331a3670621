package kato

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ckptledger/trainer"
)

// A crew is the workers there are.
type crew struct {
	mu     sync.Mutex
	last   int // number of the worker that joined last
	pulses []*pulse
}

// join returns the pulse of one more worker.
func (c *crew) join(stall time.Duration) *pulse {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	p := newPulse(c.last, stall)
	c.pulses = append(c.pulses, p)
	return p
}

func (c *crew) leave(p *pulse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulses = slices.DeleteFunc(c.pulses, func(q *pulse) bool { return p == q })
}

// at tells where those are that are at a row.
func (c *crew) at() (workers int, at []WorkerAt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pulses {
		if w, ok := p.at(); ok {
			at = append(at, w)
		}
	}
	return len(c.pulses), at
}

// explain has the error of a worker that is stalled say where all are.
func (c *crew) explain(err error) error {
	if stall, ok := errors.AsType[*StallError](err); ok && stall.At == nil {
		_, at := c.at()
		slices.SortFunc(at, func(a, b WorkerAt) int { return cmp.Compare(a.Row, b.Row) })
		return &StallError{For: stall.For, At: at}
	}
	return err
}

// quiet is after how long without an answer a worker does not seem alive.
const quiet = 30 * time.Second

// Tell implements trainer.Teller.
func (l *Learner) Tell() trainer.Told {
	workers, at := l.crew.at()
	told := trainer.Told{Workers: workers, Alive: workers}
	for _, w := range at {
		if w.Since > min(quiet, l.options.Waits.Stall/2) {
			told.Alive--
		}
	}
	slowest, longest := 0, time.Duration(0)
	for layer := range l.options.ChunkSizes {
		if d := l.client.recent(layer); d > longest {
			slowest, longest = layer, d
		}
	}
	if longest >= time.Millisecond { // less is nothing to be told
		told.Note = fmt.Sprintf("layer %d: %s a request", slowest, span(longest))
	}
	return told
}
