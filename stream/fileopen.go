package stream

import (
	"context"
	"fmt"
	"math"

	"ckptledger/stream/unpack"
)

// This file opens a source of files at a cursor.

// Open implements Source.
func (s *fileSource) Open(ctx context.Context, c Cursor) (Reader, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.OnlyRow {
		c.Point = nil // it may be of other files
	}
	r, err := s.openCursor(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Last != nil {
		if err := prove(ctx, r, c); err != nil {
			r.Close()
			return nil, explainPoint(err, c.Point, c.first())
		}
	}
	return r, nil
}

// openCursor opens at the row that c has read first.
func (s *fileSource) openCursor(ctx context.Context, c Cursor) (*fileReader, error) {
	start := c.first()
	if c.OnlyRow {
		return s.locate(ctx, start.Row)
	}
	if !s.has(start) {
		return nil, &ProofError{At: start, Reason: "is not where the cursor says"}
	}
	if err := s.checkPoint(c.Point, start); err != nil {
		return nil, err
	}
	return s.reader(ctx, start, c.Point)
}

// packed reports whether the files are compressed.
func (s *fileSource) packed() bool {
	_, p := splitPacking(s.kind)
	return p.open != nil
}

// checkPoint returns a *ProofError for a point that cannot be one of the row at.
func (s *fileSource) checkPoint(p *unpack.Point, at Position) error {
	switch {
	case p == nil:
		return nil
	case !s.packed():
		return &ProofError{At: at, Reason: "has a point in a compressed file; this one is not"}
	case p.Raw > lineFeedBefore(at.Offset):
		return &ProofError{At: at, Reason: fmt.Sprintf("lies before its point, which is at byte %d of the text", p.Raw)}
	case p.From < 0 || p.From > s.files[at.File].size():
		return &ProofError{At: at, Reason: fmt.Sprintf("has a point at byte %d of a smaller file", p.From)}
	}
	return nil
}

// reader returns a reader whose next row is at.
func (s *fileSource) reader(ctx context.Context, at Position, point *unpack.Point) (*fileReader, error) {
	now, err := s.openAt(ctx, at, point)
	if err != nil {
		return nil, err
	}
	return &fileReader{source: s, at: at, now: now}, nil
}

// has reports whether p may be a row of the source, as far as the rows of the
// files before are known.
func (s *fileSource) has(p Position) bool {
	if p.File >= len(s.files) || p.ordered() {
		return false
	}
	before := int64(0)
	for _, f := range s.files[:p.File] {
		if f.rows() < 0 {
			return p.FileRow <= p.Row
		}
		before += f.rows()
	}
	return p.Row == before+p.FileRow
}

// countRows implements rowCounter.
func (s *fileSource) countRows(ctx context.Context) (int64, error) {
	total := int64(0)
	for i := range s.files {
		o, at, err := s.openRow(ctx, i, math.MaxInt64)
		if err != nil {
			return 0, err
		}
		total += at.FileRow
		if err := o.close(); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// locate finds a row by counting those before it, and reads on from there. The
// row behind the last one is the end.
func (s *fileSource) locate(ctx context.Context, row int64) (*fileReader, error) {
	left := row
	for i := range s.files {
		o, at, err := s.openRow(ctx, i, left)
		if err != nil {
			return nil, err
		}
		left -= at.FileRow
		if left == 0 && (o.rows.more() || i == len(s.files)-1) {
			at.Row, at.File = row, i
			return &fileReader{source: s, at: at, now: o}, nil
		}
		if err := o.close(); err != nil {
			return nil, err
		}
	}
	return nil, &ProofError{At: Position{Row: row}, Reason: fmt.Sprintf("is past the end: there are %d rows", row-left)}
}
