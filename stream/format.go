package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"ckptledger/stream/unpack"
)

// A format knows how one kind of file holds rows.
type format interface {
	// open returns the rows of a file from at on. A position that is no row of
	// the file, nor its end, is a *ProofError, and so is a point that is none of
	// that row or nil.
	open(ctx context.Context, b blob, f *file, at Position, point *unpack.Point) (fileRows, error)

	// find returns the rows of a file from row n on, and where that is. In a file
	// with fewer rows it is the end, and at.FileRow how many there are.
	find(ctx context.Context, b blob, f *file, n int64) (rows fileRows, at Position, err error)
}

// fileRows yields the rows of one file.
type fileRows interface {
	// next fills r. Of its positions that is what only the format knows: the
	// page of r.At, of r.Next the offset and the page, and the point. It returns
	// io.EOF after the last row. After any other error it is not called again.
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

	packing packing                 // how the files are compressed
	seek    func(done, total int64) // Options.Seek, never nil
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

func (t lineFormat) open(ctx context.Context, b blob, f *file, at Position, point *unpack.Point) (fileRows, error) {
	misplaced := &ProofError{At: at, Reason: fmt.Sprintf("does not start at byte %d of %s", at.Offset, f.name())}
	past := &ProofError{At: at, Reason: fmt.Sprintf("starts past the end of %s", f.name())}
	if (at.FileRow == 0) != (at.Offset == 0) || at.Page != (PageAt{}) {
		return nil, misplaced
	}
	rows, err := t.rows(ctx, b, f, lineFeedBefore(at.Offset), point)
	if err == io.EOF {
		return nil, past
	}
	if err != nil {
		return nil, explainPoint(err, point, at)
	}
	if at.Offset == 0 {
		return rows, nil
	}
	l := rows.lines
	err = l.peek(ctx)
	if err == nil && !l.more() {
		err = past
	}
	if err == nil {
		feed := l.take(1, 0)[0] == '\n'
		// The end of a file need not be that of a line.
		if err = l.peek(ctx); err == nil && (!feed && l.more() || l.off != at.Offset) {
			err = misplaced
		}
	}
	if err != nil {
		rows.close()
		return nil, explainPoint(err, point, at)
	}
	return rows, nil
}

// lineFeedBefore returns where a row's file is read first: the byte before the
// row tells whether a row starts there at all.
func lineFeedBefore(off int64) int64 { return max(off-1, 0) }

// rows returns the rows from a byte of the text on, or io.EOF if it is past the
// end.
func (t lineFormat) rows(ctx context.Context, b blob, f *file, off int64, point *unpack.Point) (*lineRows, error) {
	rows := &lineRows{long: t.long, parse: t.parse()}
	if t.packing.open == nil {
		if off > f.size() {
			return nil, io.EOF
		}
		file, err := readFrom(ctx, b, off, f.size())
		if err != nil {
			return nil, err
		}
		rows.file, rows.lines = file, newLines(file, off, t.max)
		return rows, nil
	}
	var from unpack.Point
	if point != nil {
		from = *point
	}
	u, err := openUnpacked(ctx, b, f, t.packing, from)
	if err != nil {
		return nil, err
	}
	total := off - from.Raw
	if err := u.skip(ctx, off, func(done int64) { t.seek(done, total) }); err != nil {
		u.Close()
		return nil, err
	}
	rows.file, rows.packed, rows.lines = u.file, u, newLines(u, off, t.max)
	return rows, nil
}

func (t lineFormat) find(ctx context.Context, b blob, f *file, n int64) (fileRows, Position, error) {
	rows, err := t.rows(ctx, b, f, 0, nil)
	if err != nil {
		return nil, Position{}, err
	}
	var at Position
	at.FileRow, err = rows.lines.pass(ctx, n, func() {
		rows.pass()
		t.seek(rows.lines.off, -1)
	})
	if err != nil {
		rows.close()
		return nil, Position{}, err
	}
	if at.FileRow > 0 {
		at.Offset = rows.lines.off // a byte order mark alone moves no row
	}
	return rows, at, nil
}

type lineRows struct {
	file   *remainder
	packed *unpacked // nil where the file lies as it is read
	lines  *lines
	long   string
	parse  func(r *Row, line []byte)
}

func (t *lineRows) next(ctx context.Context, r *Row) error {
	line, sum, err := t.lines.next(ctx)
	if err != nil {
		return err
	}
	if t.packed != nil {
		r.point = t.packed.point(lineFeedBefore(r.At.Offset))
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

// pass lets go of the points before the line that comes next.
func (t *lineRows) pass() {
	if t.packed != nil {
		t.packed.point(lineFeedBefore(t.lines.off))
	}
}

func (t *lineRows) more() bool   { return t.lines.more() }
func (t *lineRows) ending() bool { return t.file.left() <= endBytes }
func (t *lineRows) close() error { return t.lines.r.Close() }

// endBytes is how many bytes before its end a file of lines is ending.
const endBytes = 16 << 20
