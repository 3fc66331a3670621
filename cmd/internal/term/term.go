// Package term writes to terminals and to what stands in for one: tables, a
// progress bar, plain progress lines, and writers that may fail without
// stopping the program.
//
// A [Table] aligns columns. A [Progress] shows how far training is: as a bar
// that repaints the last line of a terminal, or as plain lines in a log. A
// [Sink] takes what is written, also after its reader has gone.
//
// Caveats: a Table costs some 40 µs a row, which is fine for a screen and not
// for a hundred thousand rows. A Progress belongs to one goroutine and has no
// ticker of its own: whoever owns it calls Update a few times a second.
package term

import (
	"io"
	"os"
	"strconv"

	xterm "golang.org/x/term"
)

// DefaultWidth is taken for the width of what does not say how wide it is.
const DefaultWidth = 80

// IsTerminal reports whether w is a terminal, looking through writers that have
// an Unwrap method.
func IsTerminal(w io.Writer) bool {
	f := file(w)
	return f != nil && xterm.IsTerminal(int(f.Fd()))
}

// Interactive reports whether w is a terminal on which a line can be repainted.
func Interactive(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("TERM") != "dumb"
}

// Width returns how many columns w has: what COLUMNS says, else what the
// terminal says, else DefaultWidth.
func Width(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f := file(w); f != nil {
		if n, _, err := xterm.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return DefaultWidth
}

// file returns the file that w writes to, or nil.
func file(w io.Writer) *os.File {
	for {
		switch v := w.(type) {
		case *os.File:
			return v
		case interface{ Unwrap() io.Writer }:
			w = v.Unwrap()
		default:
			return nil
		}
	}
}
