package stream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"ckptledger/stream/unpack"
)

// SHA256 returns the hash of the record's bytes in lower-case hex: the line
// without its line feed, or the value of the Parquet text column. Like Text it
// must be asked for before the next call of Next.
func (r *Row) SHA256() string {
	sum := r.sum
	if r.raw != nil {
		sum = sha256.Sum256(r.raw)
	}
	return hex.EncodeToString(sum[:])
}

// NewProof returns the proof that row was consumed: what a Cursor at row.Next
// carries as Last.
func NewProof(row *Row) *Proof { return &Proof{At: row.At, SHA256: row.SHA256()} }

// After returns the cursor behind row: it is the one consumed last. Like SHA256 it
// must be asked for before the next call of Next.
func After(row *Row) Cursor {
	c := Cursor{Next: row.Next, Last: NewProof(row)}
	if point := row.point; point != (unpack.Point{}) {
		c.Point = &point
	}
	return c
}

// WithoutProof returns c without the row consumed last, so that one whose bytes
// are others now may have come before: another column is read. The page is one of
// the old column.
func (c Cursor) WithoutProof() Cursor {
	c.Next.Page = PageAt{}
	if c.Last != nil && c.Last.At.File != c.Next.File {
		c.Point = nil // it is in the file before
	}
	c.Last = nil
	return c
}

// first returns the row that is read first.
func (c Cursor) first() Position {
	if c.Last != nil {
		return c.Last.At
	}
	return c.Next
}

// hold sets the record's bytes.
func (r *Row) hold(raw []byte) {
	if raw == nil {
		raw = []byte{} // an empty record has bytes, none of them
	}
	r.raw = raw
}

// check returns a *ProofError if c contradicts itself.
func (c Cursor) check() error {
	switch {
	case c.Next.negative() || c.Last != nil && c.Last.At.negative():
		return &ProofError{At: c.Next, Reason: "has a negative position"}
	case c.Last != nil && c.Last.At.Row != c.Next.Row-1:
		return &ProofError{At: c.Next, Reason: "does not follow the row consumed last"}
	}
	return nil
}

func (p Position) negative() bool {
	return p.Row < 0 || p.File < 0 || p.FileRow < 0 || p.Offset < 0 || p.Page.Offset < 0 || p.Page.Row < 0 ||
		p.Index < 0 || p.Pass < 0 || p.PassRow < 0
}

// is reports whether p and q are the same row. Pages are no part of that: they
// are not known everywhere.
func (p Position) is(q Position) bool {
	p.Page, q.Page = PageAt{}, PageAt{}
	return p == q
}

// ordered reports whether p is of a source that Shuffle or Repeat made.
func (p Position) ordered() bool {
	return p.Order != "" || p.Index != 0 || p.Pass != 0 || p.PassRow != 0
}

// prove reads the row at which r stands and compares it with c.Last, so that r
// then stands at c.Next.
func prove(ctx context.Context, r Reader, c Cursor) error {
	row, err := r.Next(ctx)
	if errors.Is(err, io.EOF) {
		return &ProofError{At: c.Last.At, Reason: "is past the end"}
	}
	if err != nil {
		return err
	}
	if got := row.SHA256(); got != c.Last.SHA256 {
		return &ProofError{At: c.Last.At, Reason: "is not the one consumed", Want: c.Last.SHA256, Got: got}
	}
	if !c.OnlyRow && !row.Next.is(c.Next) {
		return &ProofError{At: c.Next, Reason: "is not where the row consumed last ends"}
	}
	return nil
}
