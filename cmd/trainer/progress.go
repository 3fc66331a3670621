package main

import (
	"fmt"
	"io"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/term"
)

// patience is how long something takes before it is said how far it is, and how
// often that is said.
const patience = 2 * time.Second

// progress says every few seconds how far something is that is counted in bytes.
type progress struct {
	w     io.Writer
	what  string    // what is going on
	began time.Time // zero until there is something of it
	said  time.Time
	shown bool // on the last line of a terminal
}

// newSeeking is the progress of coming to a row.
func newSeeking(w io.Writer) *progress { return &progress{w: w, what: "Reading up to the row"} }

// update takes how many bytes are done of a total, which may be -1: unknown.
func (p *progress) update(done, total int64) {
	now := time.Now()
	if p.began.IsZero() {
		p.began = now
	}
	if now.Sub(p.began) < patience || now.Sub(p.said) < patience {
		return
	}
	p.said = now
	line := fmt.Sprintf("%s: %s", p.what, human.Bytes(done))
	if total >= 0 {
		line += " of " + human.Bytes(total)
	}
	if term.Interactive(p.w) {
		fmt.Fprintf(p.w, "\r%s\x1b[K", line)
		p.shown = true
		return
	}
	fmt.Fprintln(p.w, line)
}

// finish clears the line, and is ready for another time.
func (p *progress) finish() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	*p = progress{w: p.w, what: p.what}
}
