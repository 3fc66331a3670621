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
type lines struct {
	r    sequence
	size int64 // of the file
	max  int   // the longest line handed out, in bytes

	off    int64 // of the next line in the file
	buf    []byte
	lo, hi int // buf[lo:hi] was read and not handed out; buf[lo] is at off
}

// newLines returns the lines of r, which reads a file of size bytes from the
// byte offset off to its end.
func newLines(r sequence, size, off int64, max int) *lines {
	return &lines{r: r, size: size, off: off, max: max, buf: make([]byte, lineBuffer)}
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
		last := l.off+int64(scanned) == l.size
		switch {
		case scanned > l.max:
			sum, err = l.skip(ctx)
			return nil, sum, err
		case i >= 0:
			return l.take(scanned, 1), sum, nil
		case last && scanned == 0:
			return nil, sum, io.EOF
		case last:
			return l.take(scanned, 0), sum, nil
		}
		if err := l.fill(ctx); err != nil {
			return nil, sum, err
		}
		scanned = min(scanned, l.hi-l.lo) // a byte order mark went
	}
}

// take hands out the next n bytes and passes over the feed bytes behind them.
func (l *lines) take(n, feed int) []byte {
	line := l.buf[l.lo : l.lo+n : l.lo+n]
	l.lo += n + feed
	l.off += int64(n + feed)
	return line
}

// fill reads more of the file behind what is in the buffer, which it first
// moves to the front and, if it is full, makes larger.
func (l *lines) fill(ctx context.Context) error {
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
	return l.read(ctx)
}

// read reads behind what is in the buffer as much as fits.
func (l *lines) read(ctx context.Context) error {
	at := l.off + int64(l.hi-l.lo)
	n := int(min(int64(len(l.buf)-l.hi), l.size-at))
	if err := readFull(ctx, l.r, l.buf[l.hi:l.hi+n], at); err != nil {
		return err
	}
	l.hi += n
	if at == 0 && bytes.HasPrefix(l.buf[:l.hi], byteOrderMark) {
		l.lo += len(byteOrderMark)
		l.off += int64(len(byteOrderMark))
	}
	return nil
}

// skip passes over the next line, which is too long to hand out, and returns
// its hash.
func (l *lines) skip(ctx context.Context) (sum [32]byte, err error) {
	hash := sha256.New()
	for {
		i := bytes.IndexByte(l.buf[l.lo:l.hi], '\n')
		if i >= 0 {
			hash.Write(l.take(i, 1))
			break
		}
		if hash.Write(l.take(l.hi-l.lo, 0)); l.off == l.size {
			break
		}
		l.lo, l.hi = 0, 0
		if err := l.read(ctx); err != nil {
			return sum, err
		}
	}
	return [32]byte(hash.Sum(nil)), nil
}

// findLine returns the offset of line n, counted from 0, of a file of size
// bytes that r reads from the start. Of a file with fewer lines it returns the
// size, and as lines how many there are; else lines is n.
func findLine(ctx context.Context, r sequence, size, n int64) (off, lines int64, err error) {
	if n == 0 || size == 0 {
		return 0, 0, nil
	}
	buf := make([]byte, min(1<<20, size))
	last := byte('\n') // the byte before off; at the start, as if a line had ended there
	for off < size {
		b := buf[:min(int64(len(buf)), size-off)]
		if err := readFull(ctx, r, b, off); err != nil {
			return 0, 0, err
		}
		if c := int64(bytes.Count(b, []byte{'\n'})); lines+c < n {
			lines += c
			last = b[len(b)-1]
			off += int64(len(b))
			continue
		}
		for ; lines < n; lines++ {
			i := bytes.IndexByte(b, '\n') + 1
			b = b[i:]
			off += int64(i)
		}
		return off, lines, nil
	}
	onlyMark := size == int64(len(byteOrderMark)) && bytes.Equal(buf[:size], byteOrderMark)
	if last != '\n' && !onlyMark {
		lines++
	}
	return size, lines, nil
}
