package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Repeat returns a source that yields the rows of src so many times, without
// end if passes is below 1. Rows are counted on from pass to pass. If src was
// made by [Shuffle], each pass has an order of its own; that is the way to have
// both. src must not be repeated already.
//
// The number of passes is neither part of the fingerprint nor of a cursor: one
// that was made for fewer passes may go on with more.
func Repeat(src Source, passes int) Source {
	return &repeated{Source: src, passes: max(passes, 0)}
}

type repeated struct {
	Source
	passes int // 0: without end
}

// A passOpener is a source whose rows have another order in each pass.
type passOpener interface {
	// openPass is Open in a pass, counted from 0. The cursor is one of the
	// pass: its rows count from the pass's first.
	openPass(ctx context.Context, c Cursor, pass int) (Reader, error)
}

func (s *repeated) openPass(ctx context.Context, c Cursor, pass int) (Reader, error) {
	if o, ok := s.Source.(passOpener); ok {
		return o.openPass(ctx, c, pass)
	}
	return s.Source.Open(ctx, c)
}

// Info implements Source.
func (s *repeated) Info() Info {
	info := s.Source.Info()
	if s.passes == 0 {
		info.Rows = -1
		info.Label += ", again and again"
		return info
	}
	if info.Rows > 0 {
		info.Rows *= int64(s.passes)
	}
	if s.passes > 1 {
		info.Label += fmt.Sprintf(", %s times", thousands(int64(s.passes)))
	}
	return info
}

// Describe implements Describer.
func (s *repeated) Describe(p Position) string {
	name := describe(s.Source, inPass(p))
	if s.passes != 1 {
		name += fmt.Sprintf(", pass %d", p.Pass+1)
	}
	return name
}

// countRows implements rowCounter.
func (s *repeated) countRows(ctx context.Context) (int64, error) {
	if s.passes == 0 {
		return 0, errors.New("the source has no end")
	}
	rows, err := countRows(ctx, s.Source)
	return rows * int64(s.passes), err
}

// inPass returns p as a position of the source below.
func inPass(p Position) Position {
	p.Row -= p.PassRow
	p.Pass, p.PassRow = 0, 0
	return p
}

// Open implements Source.
func (s *repeated) Open(ctx context.Context, c Cursor) (Reader, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.OnlyRow {
		return s.locate(ctx, c)
	}
	at := c.first()
	switch {
	case s.passes > 0 && at.Pass >= s.passes:
		return nil, &ProofError{At: at, Reason: fmt.Sprintf("is in pass %d; there are %d", at.Pass+1, s.passes)}
	case c.Next.Pass != at.Pass || c.Next.PassRow != at.PassRow || at.Row < at.PassRow ||
		(at.Pass == 0) != (at.PassRow == 0) || at.Pass > 0 && at.PassRow%int64(at.Pass) != 0:
		return nil, &ProofError{At: at, Reason: fmt.Sprintf("is not in pass %d, from row %d on", at.Pass+1, at.PassRow)}
	}
	return s.openAt(ctx, c, at.Pass, at.PassRow)
}

// locate opens at a row of which nothing else is known. Only where it is not in
// the first pass, the rows of a pass are counted.
func (s *repeated) locate(ctx context.Context, c Cursor) (Reader, error) {
	r, err := s.openAt(ctx, c, 0, 0)
	var past *ProofError
	if !errors.As(err, &past) || past.Want != "" {
		return r, err
	}
	rows, err := countRows(ctx, s.Source)
	if err != nil {
		return nil, err
	}
	row := c.Next.Row
	if c.Last != nil {
		row--
	}
	if rows == 0 || row < rows {
		return nil, past
	}
	pass := row / rows
	if s.passes > 0 && pass >= int64(s.passes) {
		if pass > int64(s.passes) || row%rows > 0 || c.Last != nil {
			return nil, &ProofError{At: c.Next, Reason: fmt.Sprintf("is past the end: there are %d times %d rows", s.passes, rows)}
		}
		pass-- // the end
	}
	return s.openAt(ctx, c, int(pass), pass*rows)
}

// cursorInPass returns c as a cursor of the source below, in a pass that starts
// with row first.
func cursorInPass(c Cursor, first int64) Cursor {
	below := c
	below.Next.PassRow = first
	below.Next = inPass(below.Next)
	if c.Last != nil {
		last := *c.Last
		last.At.PassRow = first
		last.At = inPass(last.At)
		below.Last = &last
	}
	if c.OnlyRow {
		below.Next = Position{Row: below.Next.Row}
	}
	return below
}

// openAt opens a pass that starts with row first at a cursor.
func (s *repeated) openAt(ctx context.Context, c Cursor, pass int, first int64) (Reader, error) {
	src, err := s.openPass(ctx, cursorInPass(c, first), pass)
	if err != nil {
		var proof *ProofError
		if errors.As(err, &proof) {
			proof.At.Row += first
		}
		return nil, err
	}
	return &repeatedReader{source: s, src: src, pass: pass, first: first, next: c.Next.Row}, nil
}

type repeatedReader struct {
	source *repeated
	src    Reader // nil between two passes
	pass   int
	first  int64 // row that the pass started with
	next   int64 // row that comes next
	row    Row
	err    error
}

// Next implements Reader.
func (r *repeatedReader) Next(ctx context.Context) (*Row, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		if r.src == nil {
			src, err := r.source.openPass(ctx, Cursor{}, r.pass)
			if err != nil {
				if ctx.Err() == nil {
					r.err = err
				}
				return nil, err
			}
			r.src = src
		}
		row, err := r.src.Next(ctx)
		if err == nil {
			r.row = *row
			break
		}
		if err != io.EOF || r.source.passes > 0 && r.pass == r.source.passes-1 {
			return nil, err
		}
		if r.next == r.first {
			r.err = fmt.Errorf("pass %d: %w", r.pass+1, ErrNoData) // another would not end either
			return nil, r.err
		}
		err = r.src.Close()
		r.src, r.first = nil, r.next
		r.pass++
		if err != nil {
			r.err = err
			return nil, err
		}
	}
	for _, p := range []*Position{&r.row.At, &r.row.Next} {
		p.Row += r.first
		p.Pass, p.PassRow = r.pass, r.first
	}
	r.next = r.row.Next.Row
	return &r.row, nil
}

// Close implements Reader.
func (r *repeatedReader) Close() error {
	r.err = errClosed
	if r.src == nil {
		return nil
	}
	err := r.src.Close()
	r.src = nil
	return err
}

// A rowCounter is a source that can count its rows without making them.
type rowCounter interface {
	countRows(ctx context.Context) (int64, error)
}

// countRows returns how many rows a source has.
func countRows(ctx context.Context, src Source) (rows int64, err error) {
	if rows := src.Info().Rows; rows >= 0 {
		return rows, nil
	}
	if c, ok := src.(rowCounter); ok {
		return c.countRows(ctx)
	}
	r, err := src.Open(ctx, Cursor{})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		if _, err := r.Next(ctx); err == io.EOF {
			return rows, nil
		} else if err != nil {
			return 0, err
		}
		rows++
	}
}

// describe says in words where a position of a source is.
func describe(src Source, p Position) string {
	if d, ok := src.(Describer); ok {
		return d.Describe(p)
	}
	return fmt.Sprintf("row %d", p.Row)
}

// Check implements Checker.
func (r *repeatedReader) Check() error { return check(r.src) }
