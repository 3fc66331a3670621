package term

import (
	"fmt"
	"io"
	"math"
	"time"

	"ckptledger/cmd/internal/human"
)

// A State is how far this attempt is.
type State struct {
	Done    int64 // samples since Start, trained and errored: 0 after a resume
	Errored int64 // of these
	Row     int64 // the next raw row of the source
}

// A Progress shows how far training is. Its methods are called by one
// goroutine, and Start comes first.
type Progress interface {
	// Start begins to count. total is how many samples are left to do; 0 or less
	// means that nobody knows.
	Start(total int64)
	// Update says where training stands now. Call it a few times a second, also
	// when nothing moved: there is no other clock.
	Update(State)
	// Saved prints a line about a checkpoint. There may be many of them: at most
	// one a second is printed, and always the last.
	Saved(line string)
	// Line prints a line that must not be lost, after what was saved before it.
	Line(line string)
	// Request prints where training stands, now.
	Request()
	// Finish says that nothing follows. Where training stands stays on screen.
	Finish()
}

// NewProgress returns a bar where w is a terminal that can be repainted, else
// plain lines. now is the clock, time.Now but in tests.
func NewProgress(w io.Writer, now func() time.Time) Progress {
	if Interactive(w) {
		return &bar{w: w, now: now, width: func() int { return Width(w) }}
	}
	return &plain{w: w, now: now}
}

// progress is what a bar and plain lines know of the training alike.
type progress struct {
	total int64 // 0 where nobody knows
	state State
	began time.Time
	meter meter
}

func (p *progress) start(now time.Time, total int64) {
	*p = progress{total: max(total, 0), began: now}
	p.meter.start(now)
}

func (p *progress) update(now time.Time, s State) {
	s.Done = max(s.Done, 0)
	p.state = s
	p.meter.observe(now, s.Done)
}

// left estimates how many seconds the rest takes; ok is false where nobody can say.
func (p *progress) left(now time.Time) (d time.Duration, ok bool) {
	rest, rate := p.total-p.state.Done, p.meter.rate(now)
	switch {
	case p.total == 0:
		return 0, false
	case rest <= 0:
		return 0, true
	case rate == 0:
		return 0, false
	}
	seconds := float64(rest) / rate
	if seconds >= float64(math.MaxInt64/time.Second) {
		return 0, false
	}
	return time.Duration(math.Round(seconds)) * time.Second, true
}

// percent is rounded down, so that 100 means all.
func (p *progress) percent() int64 {
	return int64(100 * min(1, float64(p.state.Done)/float64(p.total)))
}

// text says where training stands in one sentence, for a log.
func (p *progress) text(now time.Time) string {
	s := human.Count(p.state.Done)
	if p.total > 0 {
		s += fmt.Sprintf(" of %s samples (%d%%)", human.Count(p.total), p.percent())
	} else {
		s += " samples"
	}
	s += fmt.Sprintf(" in %s, %s", human.Clock(now.Sub(p.began)), human.Rate(p.meter.rate(now)))
	if d, ok := p.left(now); ok {
		s += ", " + human.Clock(d) + " left"
	}
	s += ", next row: " + human.Count(p.state.Row)
	if p.state.Errored > 0 {
		s += ", errored: " + human.Count(p.state.Errored)
	}
	return s
}
