package stream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

const (
	sampleKey  = "sample"
	kindSample = "sample"

	// sampleVersion is raised whenever a row would have another text.
	sampleVersion = 1
	sampleRows    = 1_800_000
)

// sampleSource is the built-in dataset. It has no state: a row's text follows
// from its number, so each row is as near as the first.
type sampleSource struct {
	rows int64
}

// Info implements Source.
func (s sampleSource) Info() Info {
	return Info{
		Dataset: sampleKey,
		Kind:    kindSample,
		Label:   fmt.Sprintf("sample v%d, %s rows", sampleVersion, thousands(s.rows)),
		Format:  kindSample,
		Rows:    s.rows,
	}
}

// Describe implements Describer.
func (sampleSource) Describe(Position) string { return fmt.Sprintf("sample v%d", sampleVersion) }

// Fingerprint implements Source. It stands for the version and the number of
// rows, as the text is made by this program.
func (s sampleSource) Fingerprint(context.Context) (Fingerprint, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "sample v%d, %d rows", sampleVersion, s.rows))
	return Fingerprint{Kind: kindSample, Digest: hex.EncodeToString(sum[:]), Format: kindSample}, nil
}

// Open implements Source.
func (s sampleSource) Open(ctx context.Context, c Cursor) (Reader, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	row := c.Next.Row
	switch {
	case row > s.rows:
		return nil, &ProofError{At: c.Next, Reason: fmt.Sprintf("is past the end: there are %d rows", s.rows)}
	case !c.OnlyRow && (c.Next != Position{Row: row} || c.Point != nil):
		return nil, &ProofError{At: c.Next, Reason: "is in a file; the sample has none"}
	case c.Last == nil:
		return &sampleReader{rows: s.rows, row: row}, nil
	}
	r := &sampleReader{rows: s.rows, row: row - 1}
	if err := prove(ctx, r, c); err != nil {
		return nil, err
	}
	return r, nil
}

type sampleReader struct {
	rows int64
	row  int64 // the next one
	last Row
	text []byte
}

// Next implements Reader.
func (r *sampleReader) Next(ctx context.Context) (*Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.row == r.rows {
		return nil, io.EOF
	}
	r.text = appendSampleRow(r.text[:0], r.row)
	r.last.hold(r.text)
	r.last.classify(r.last.raw)
	r.last.At = Position{Row: r.row}
	r.row++
	r.last.Next = Position{Row: r.row}
	return &r.last, nil
}

// Close implements Reader.
func (*sampleReader) Close() error { return nil }
