package stream

import (
	"bytes"
	"context"
	"fmt"
)

// A format knows how one kind of file holds rows.
type format interface {
	// open returns the rows of a file from at on. A position that is no row of
	// the file, nor its end, is a *ProofError.
	open(ctx context.Context, b blob, f *file, at Position) (fileRows, error)

	// find returns the offset of row n of a file. Of a file with fewer rows it
	// returns where the file ends, and as rows how many there are; else rows is n.
	find(ctx context.Context, b blob, f *file, n int64) (off, rows int64, err error)
}

// fileRows yields the rows of one file.
type fileRows interface {
	// next fills r. Of its positions that is what only the format knows: the
	// page of r.At, and of r.Next the offset and the page. It returns io.EOF
	// after the last row. After any other error it is not called again.
	next(ctx context.Context, r *Row) error
	// more reports whether there is something behind the row returned last.
	more() bool
	// ending reports whether it is time to open the next file.
	ending() bool
	// close releases what the rows hold, but not the file.
	close() error
}

// lineFormat reads files of one record a line.
type lineFormat struct {
	max   int                              // the longest line, in bytes
	long  string                           // the reason of a row whose line is longer
	parse func() func(r *Row, line []byte) // makes what fills a row, once a file, as it may keep buffers
}

// textFormat is plain text: a row a line. One carriage return at a line's end
// belongs to the line feed, not to the text.
var textFormat = lineFormat{
	max:  MaxText + 1, // the carriage return
	long: ReasonLong,
	parse: func() func(r *Row, line []byte) {
		return func(r *Row, line []byte) { r.classify(bytes.TrimSuffix(line, []byte{'\r'})) }
	},
}

func (t lineFormat) open(ctx context.Context, b blob, f *file, at Position) (fileRows, error) {
	misplaced := &ProofError{At: at, Reason: fmt.Sprintf("does not start at byte %d of %s", at.Offset, f.name())}
	switch {
	case at.Offset > f.size():
		return nil, &ProofError{At: at, Reason: fmt.Sprintf("starts past the end of %s", f.name())}
	case (at.FileRow == 0) != (at.Offset == 0) || at.Page != PageAt{}:
		return nil, misplaced
	}
	inside := at.Offset > 0 && at.Offset < f.size()
	start := at.Offset
	if inside {
		start-- // the line feed before, without a read of its own
	}
	r, err := b.sequence(ctx, start, f.size())
	if err != nil {
		return nil, err
	}
	if inside {
		var before [1]byte
		err := readFull(ctx, r, before[:], start)
		if err == nil && before[0] != '\n' {
			err = misplaced
		}
		if err != nil {
			r.Close()
			return nil, err
		}
	}
	return &lineRows{lines: newLines(r, f.size(), at.Offset, t.max), long: t.long, parse: t.parse()}, nil
}

func (lineFormat) find(ctx context.Context, b blob, f *file, n int64) (off, rows int64, err error) {
	if n == 0 {
		return 0, 0, nil
	}
	r, err := b.sequence(ctx, 0, f.size())
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	return findLine(ctx, r, f.size(), n)
}

type lineRows struct {
	lines *lines
	long  string
	parse func(r *Row, line []byte)
}

func (t *lineRows) next(ctx context.Context, r *Row) error {
	line, sum, err := t.lines.next(ctx)
	if err != nil {
		return err
	}
	r.Next.Offset = t.lines.off
	if line == nil {
		r.raw, r.sum, r.noField = nil, sum, true
		r.fail(t.long)
		return nil
	}
	r.noField = false
	r.hold(line)
	t.parse(r, line)
	return nil
}

func (t *lineRows) more() bool   { return t.lines.off < t.lines.size }
func (t *lineRows) ending() bool { return t.lines.size-t.lines.off <= endBytes }
func (t *lineRows) close() error { return t.lines.r.Close() }

// endBytes is how many bytes before its end a file of lines is ending.
const endBytes = 16 << 20
