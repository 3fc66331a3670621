package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"
	"ckptledger/trainer"
)

// ui shows a training's events on a goroutine of its own, because a terminal
// that does not take any more must not hold up training or a save. Of where
// training stands only the newest is kept; lines wait until they are taken.
type ui struct {
	from int64 // samples before this attempt
	done chan struct{}

	mu    sync.Mutex
	more  sync.Cond
	lines []func(term.Progress)
	state *term.State
	ended bool
}

func startUI(w io.Writer, target int64, from ledger.Counters) *ui {
	u := &ui{from: from.Samples(), done: make(chan struct{})}
	u.more.L = &u.mu
	left := int64(0)
	if target > 0 {
		left = target - u.from
	}
	go u.run(term.NewProgress(w, time.Now), left)
	return u
}

func (u *ui) run(p term.Progress, left int64) {
	defer close(u.done)
	p.Start(left)
	for {
		u.mu.Lock()
		for len(u.lines) == 0 && u.state == nil && !u.ended {
			u.more.Wait()
		}
		lines, state, ended := u.lines, u.state, u.ended
		u.lines, u.state = nil, nil
		u.mu.Unlock()
		for _, show := range lines {
			show(p)
		}
		if state != nil {
			p.Update(*state)
		}
		if ended {
			p.Finish()
			return
		}
	}
}

// show adds a line; after finish it is too late for it.
func (u *ui) show(f func(term.Progress)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.ended {
		u.lines = append(u.lines, f)
		u.more.Signal()
	}
}

func (u *ui) line(text string) { u.show(func(p term.Progress) { p.Line(text) }) }
func (u *ui) request()         { u.show(func(p term.Progress) { p.Request() }) }

func (u *ui) event(e trainer.Event) {
	switch e := e.(type) {
	case *trainer.Progress:
		u.mu.Lock()
		u.state = &term.State{
			Done: e.Samples() - u.from, Errored: e.Errored, Row: e.Row,
			Rate: e.Rate, Slower: e.Slower(), Left: e.Left, LeftKnown: e.LeftKnown,
			Workers: e.Workers, Alive: e.Alive, Note: e.Note,
		}
		u.more.Signal()
		u.mu.Unlock()
	case *trainer.Saved:
		s := &e.Snapshot
		if s.Row == 0 {
			return // with which a run on a server begins, and nobody has waited for
		}
		line := fmt.Sprintf("Checkpoint saved: %s, row %s, snapshot %d, %s, %s",
			records.Samples(s.Samples()), human.Count(s.Row), s.Seq, human.Bytes(e.Wrote), human.Duration(e.Took))
		u.show(func(p term.Progress) { p.Saved(line) })
	case *trainer.Retried:
		u.line(retried(e))
	case *trainer.Waiting:
		u.line(fmt.Sprintf("Waiting for the ledger, which another process has locked for %s; %d snapshots queued", human.Duration(e.For), e.Queued))
	case *trainer.Warning:
		u.line(fmt.Sprintf("warning: %v", e.Err))
	}
}

// finish shows what is left to show, and waits a moment for a terminal that
// does not take it.
func (u *ui) finish() {
	u.mu.Lock()
	u.ended = true
	u.more.Signal()
	u.mu.Unlock()
	timer := time.NewTimer(2 * time.Second)
	defer timer.Stop()
	select {
	case <-u.done:
	case <-timer.C:
	}
}
