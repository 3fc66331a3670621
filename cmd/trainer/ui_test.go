package main

import (
	"strings"
	"testing"
	"time"

	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"
	"ckptledger/trainer"

	"github.com/google/go-cmp/cmp"
)

// screen keeps what it is to show.
type screen struct {
	term.Progress // of which it has nothing
	total         int64
	state         term.State
	lines         []string
}

func (s *screen) Start(total int64)   { s.total = total }
func (s *screen) Update(t term.State) { s.state = t }
func (s *screen) Line(line string)    { s.lines = append(s.lines, line) }
func (s *screen) Finish()             {}

func show(s *screen, from, left int64) *ui {
	u := &ui{from: from, done: make(chan struct{})}
	u.more.L = &u.mu
	go u.run(s, left)
	return u
}

// All that a training tells of its progress is shown, counted from this attempt on.
func TestUIShowsProgress(t *testing.T) {
	s := &screen{}
	u := show(s, 10, 90)
	u.event(&trainer.Progress{
		Counters: ledger.Counters{Row: 90, Trained: 38, Errored: 2, Filtered: 50}, Rate: 0.25, StartRate: 1.5, Left: time.Hour, LeftKnown: true,
		Told: trainer.Told{Workers: 8, Alive: 7, Note: "layer 0: 410 ms a request"},
	})
	u.finish()
	want := term.State{
		Done: 30, Errored: 2, Row: 90, Rate: 0.25, Slower: 6, Left: time.Hour, LeftKnown: true,
		Workers: 8, Alive: 7, Note: "layer 0: 410 ms a request",
	}
	if diff := cmp.Diff(want, s.state); diff != "" || s.total != 90 {
		t.Errorf("of %d: %s", s.total, diff)
	}
}

// A notice is shown above the bar while there is one, and else printed.
func TestNotices(t *testing.T) {
	var out strings.Builder
	n := &notices{w: &out}
	s := &screen{}
	n.say("before\nthe bar")
	u := show(s, 0, 0)
	n.ui.Store(u)
	n.say("above the bar")
	u.finish()
	n.ui.Store(nil)
	n.say("after the bar")
	if diff := cmp.Diff([]string{"above the bar"}, s.lines); diff != "" {
		t.Error(diff)
	}
	if got, want := out.String(), "before\\nthe bar\nafter the bar\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
