package term

import (
	"fmt"
	"io"
	"time"

	"ckptledger/cmd/internal/human"
)

// A log gets one line about the progress a minute, and of that and the
// checkpoints together at most one line a second.
const (
	plainEvery = time.Minute
	plainApart = time.Second
)

// A plain is a Progress for logs and pipes: whole lines, not too many.
type plain struct {
	progress
	w        io.Writer
	now      func() time.Time
	reported time.Time // the last line about the progress
	printed  time.Time // the last line that counts against plainApart
	pending  string    // the newest checkpoint that had to wait
}

// Start prints nothing.
func (p *plain) Start(total int64) {
	now := p.now()
	p.start(now, total)
	p.reported = now
}

// Update prints what is due.
func (p *plain) Update(s State) {
	now := p.now()
	p.update(s)
	if now.Sub(p.printed) < plainApart {
		return
	}
	switch {
	case p.pending != "":
		p.flush(now)
	case now.Sub(p.reported) >= plainEvery:
		p.reported, p.printed = now, now
		p.print(p.text(now))
	}
}

// Saved prints line, or keeps it for later instead of the one kept before.
func (p *plain) Saved(line string) {
	p.pending = line
	if now := p.now(); now.Sub(p.printed) >= plainApart {
		p.flush(now)
	}
}

// Line prints line, after the checkpoint that still waits.
func (p *plain) Line(line string) {
	p.flush(p.now())
	p.print(line)
}

// Request prints where training stands.
func (p *plain) Request() { p.Line(p.text(p.now())) }

// Finish prints the checkpoint that still waits.
func (p *plain) Finish() { p.flush(p.now()) }

func (p *plain) flush(now time.Time) {
	if p.pending != "" {
		p.print(p.pending)
		p.pending, p.printed = "", now
	}
}

func (p *plain) print(line string) { fmt.Fprintln(p.w, human.Printable(line)) }
