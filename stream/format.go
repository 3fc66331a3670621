package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// A format knows how one kind of file holds rows. All that it needs of a file
// is reading at an offset, so the file may lie elsewhere too.
type format interface {
	// open returns the rows of a file from at on. A position that is no row of
	// the file, nor its end, is a *ProofError.
	open(r io.ReaderAt, f *file, at Position) (fileRows, error)

	// find returns the offset of row n of a file. Of a file with fewer rows it
	// returns where the file ends, and as rows how many there are; else rows is n.
	find(ctx context.Context, r io.ReaderAt, f *file, n int64) (off, rows int64, err error)
}

// fileRows yields the rows of one file.
type fileRows interface {
	// next fills r but for its positions. It returns io.EOF after the last row.
	// After any other error it is not called again.
	next(ctx context.Context, r *Row) error
	// offset returns the byte at which the next row starts, 0 where rows have none.
	offset() int64
	// more reports whether there is something behind the row returned last.
	more() bool
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

func (t lineFormat) open(r io.ReaderAt, f *file, at Position) (fileRows, error) {
	switch {
	case at.Offset > f.id.size:
		return nil, &ProofError{At: at, Reason: fmt.Sprintf("starts past the end of %s", f.path)}
	case (at.FileRow == 0) != (at.Offset == 0):
		return nil, &ProofError{At: at, Reason: fmt.Sprintf("does not start at byte %d of %s", at.Offset, f.path)}
	case at.Offset > 0 && at.Offset < f.id.size:
		var before [1]byte
		if err := readFull(r, before[:], at.Offset-1); err != nil {
			return nil, err
		}
		if before[0] != '\n' {
			return nil, &ProofError{At: at, Reason: fmt.Sprintf("does not start at byte %d of %s", at.Offset, f.path)}
		}
	}
	return &lineRows{lines: newLines(r, f.id.size, at.Offset, t.max), long: t.long, parse: t.parse()}, nil
}

func (lineFormat) find(ctx context.Context, r io.ReaderAt, f *file, n int64) (off, rows int64, err error) {
	return findLine(ctx, r, f.id.size, n)
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

func (t *lineRows) offset() int64 { return t.lines.off }
func (t *lineRows) more() bool    { return t.lines.off < t.lines.size }
func (t *lineRows) close() error  { return nil }
