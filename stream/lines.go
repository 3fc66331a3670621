package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
)

// lineBuffer is how many bytes are read at once, and how long a line may be
// before the buffer grows.
const lineBuffer = 256 << 10

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// lines splits a file at each line feed. A last line without one counts too; a
// byte order mark at the start of the file belongs to no line.
//
// How long the file is need not be known: lines reads a byte ahead of each line
// that it hands out.
type lines struct {
	r   sequence
	max int // the longest line handed out, in bytes

	off    int64 // of the next line in the file
	buf    []byte
	lo, hi int   // buf[lo:hi] was read and not handed out; buf[lo] is at off
	end    error // what comes behind buf[:hi]: io.EOF, or why it could not be read
}

// newLines returns the lines of r, which reads a file from the byte offset off
// to its end: io.EOF is nothing else.
func newLines(r sequence, off int64, max int) *lines {
	return &lines{r: r, off: off, max: max, buf: make([]byte, lineBuffer)}
}

// next returns the next line without its line feed, valid until the next call,
// or io.EOF. Of a line over max, line is nil and sum is its hash; ctx ends the
// reading of it, which then cannot go on.
func (l *lines) next(ctx context.Context) (line []byte, sum [32]byte, err error) {
	scanned := 0
	for {
		i := bytes.IndexByte(l.buf[l.lo+scanned:l.hi], '\n')
		if i >= 0 {
			scanned += i
		} else {
			scanned = l.hi - l.lo
		}
		switch {
		case scanned > l.max:
			sum, err = l.skip(ctx)
			return nil, sum, err
		case i >= 0 && (l.lo+scanned+1 < l.hi || l.end == io.EOF):
			return l.take(scanned, 1), sum, nil
		case i < 0 && scanned > 0 && l.end == io.EOF:
			return l.take(scanned, 0), sum, nil
		case l.end != nil:
			return nil, sum, l.end
		}
		l.fill(ctx)
		scanned = min(scanned, l.hi-l.lo) // a byte order mark went
	}
}

// more reports whether there is something behind the line returned last.
func (l *lines) more() bool { return l.lo < l.hi || l.end != io.EOF }

// peek makes sure that more knows, where no line was returned yet.
func (l *lines) peek(ctx context.Context) error {
	for l.lo == l.hi && l.end == nil {
		l.fill(ctx)
	}
	if l.lo == l.hi && l.end != io.EOF {
		return l.end
	}
	return nil
}

// take hands out the next n bytes and passes over the feed bytes behind them.
func (l *lines) take(n, feed int) []byte {
	line := l.buf[l.lo : l.lo+n : l.lo+n]
	l.lo += n + feed
	l.off += int64(n + feed)
	return line
}

// fill reads more of the file behind what is in the buffer, as much as fits. It
// first moves that to the front and, if the buffer is full, makes it larger.
func (l *lines) fill(ctx context.Context) {
	held := l.hi - l.lo
	buf := l.buf
	switch {
	case held == len(buf):
		buf = make([]byte, min(2*len(buf), l.max+lineBuffer))
	case held < lineBuffer && len(buf) > lineBuffer:
		buf = make([]byte, lineBuffer) // the long line has passed
	}
	copy(buf, l.buf[l.lo:l.hi])
	l.buf, l.lo, l.hi = buf, 0, held
	for l.hi < len(l.buf) && l.end == nil {
		var n int
		n, l.end = l.r.read(ctx, l.buf[l.hi:])
		l.hi += n
	}
	if l.off == 0 && held == 0 && bytes.HasPrefix(l.buf[:l.hi], byteOrderMark) {
		l.lo += len(byteOrderMark)
		l.off += int64(len(byteOrderMark))
	}
}

// skip passes over the next line, which is too long to hand out, and returns
// its hash.
func (l *lines) skip(ctx context.Context) (sum [32]byte, err error) {
	hash := sha256.New()
	for feed := false; !feed; {
		i := bytes.IndexByte(l.buf[l.lo:l.hi], '\n')
		if feed = i >= 0; feed {
			hash.Write(l.take(i, 1))
		} else {
			hash.Write(l.take(l.hi-l.lo, 0))
		}
		if err := l.peek(ctx); err != nil {
			return sum, err
		}
		if !l.more() {
			break
		}
	}
	return [32]byte(hash.Sum(nil)), nil
}

// pass passes over the next n lines, without a look at their length, and returns
// how many there were of them: fewer only at the end of the file. It calls passed
// now and then, so that others can follow l.off.
func (l *lines) pass(ctx context.Context, n int64, passed func()) (lines int64, err error) {
	within := false // a line, of which some was passed
	for lines < n {
		if err := l.peek(ctx); err != nil {
			return lines, err
		}
		held := l.buf[l.lo:l.hi]
		if len(held) == 0 {
			break
		}
		if c := int64(bytes.Count(held, []byte{'\n'})); lines+c < n {
			lines += c
			within = held[len(held)-1] != '\n'
			l.take(len(held), 0)
		} else {
			for ; lines < n; lines++ {
				l.take(bytes.IndexByte(l.buf[l.lo:l.hi], '\n'), 1)
			}
			within = false
		}
		passed()
	}
	if within {
		lines++ // the last one, without a line feed
	}
	return lines, l.peek(ctx)
}
