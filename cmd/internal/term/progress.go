package term

import (
	"fmt"
	"io"
	"math"
	"time"

	"ckptledger/cmd/internal/human"
)

// A State is where this attempt stands, as far as it is known: what is zero is not
// shown.
type State struct {
	Done    int64 // samples since Start, trained and errored: 0 after a resume
	Errored int64 // of these
	Row     int64 // the next raw row of the source

	Rate      float64       // samples a second, of late
	Slower    float64       // how many times slower that is than in the beginning
	Left      time.Duration // until the end
	LeftKnown bool          // whether Left is known

	Workers int    // that there are
	Alive   int    // of these
	Note    string // what else there is to say, in a few words
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
}

func (p *progress) start(now time.Time, total int64) {
	*p = progress{total: max(total, 0), began: now}
}

func (p *progress) update(s State) {
	s.Done = max(s.Done, 0)
	p.state = s
}

const (
	mostSlower = 1_000_000 // more is not counted: it stands
	sinceStart = " than at the start"
)

// remarks are what is worth a word beside how far training is, empty where it is
// not. Each begins with a comma.
type remarks struct{ slower, note, alive, errored string }

func (p *progress) remarks() (r remarks) {
	s := &p.state
	if s.Slower >= 2 {
		r.slower = ", " + human.Count(int64(math.Round(min(s.Slower, mostSlower)))) + " times slower" + sinceStart
	}
	if s.Note != "" {
		r.note = ", " + human.Printable(s.Note)
	}
	if s.Alive < s.Workers {
		r.alive = fmt.Sprintf(", %d of %d workers alive", s.Alive, s.Workers)
	}
	if s.Errored > 0 {
		r.errored = ", errored: " + human.Count(s.Errored)
	}
	return r
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
	r := p.remarks()
	s += fmt.Sprintf(" in %s, %s", human.Clock(now.Sub(p.began)), human.Rate(p.state.Rate)) + r.slower + r.note
	if p.state.LeftKnown {
		s += ", " + human.Clock(p.state.Left) + " left"
	}
	return s + ", next row: " + human.Count(p.state.Row) + r.errored + r.alive
}
