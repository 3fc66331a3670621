package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ckptledger/stream/unpack"
)

// unpacked is the raw bytes of a compressed file, as a sequence that knows from
// where on in the file they can be had again.
type unpacked struct {
	file *remainder
	ctx  context.Context // of the call under way, which reads file
	r    unpack.Reader
	raw  int64 // offset of the raw byte that comes next

	// points are the one that the rows have come to, and those behind it, as
	// the decoder runs ahead of the rows.
	points []unpack.Point
}

// openUnpacked opens a file at a point.
func openUnpacked(ctx context.Context, b blob, f *file, p packing, from unpack.Point) (*unpacked, error) {
	file, err := readFrom(ctx, b, from.From, f.size())
	if err != nil {
		return nil, err
	}
	u := &unpacked{file: file, ctx: ctx, raw: from.Raw, points: []unpack.Point{from}}
	if u.r, err = p.open(compressed{u}, from); err != nil {
		file.Close()
		return nil, err
	}
	return u, nil
}

// compressed is the file below an unpacked, as its decoder reads it.
type compressed struct{ *unpacked }

func (c compressed) Read(p []byte) (int, error) { return c.file.read(c.ctx, p) }

func (u *unpacked) read(ctx context.Context, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err // a little of the file may be much text
	}
	u.ctx = ctx
	n, err := u.r.Read(p)
	u.raw += int64(n)
	now := u.r.Point()
	if last := u.points[len(u.points)-1]; now.From > last.From {
		u.points = append(u.points, now)
	}
	u.points[0].Read = now.Read
	return n, err
}

// point returns the last point at or before a byte of the raw stream, not far
// behind those that were read. off must not be before that of the call before.
func (u *unpacked) point(off int64) unpack.Point {
	n := 0
	for n+1 < len(u.points) && u.points[n+1].Raw <= off {
		n++
	}
	if n > 0 {
		u.points[n].Read = u.points[0].Read
		u.points = slices.Delete(u.points, 0, n)
	}
	return u.points[0]
}

// skip reads up to a byte of the raw stream and calls told with how many bytes
// that was so far. It returns io.EOF if the stream ends before.
func (u *unpacked) skip(ctx context.Context, off int64, told func(done int64)) error {
	buf := make([]byte, min(lineBuffer, off-u.raw))
	for from := u.raw; u.raw < off; told(u.raw - from) {
		_, err := u.read(ctx, buf[:min(int64(len(buf)), off-u.raw)])
		u.point(u.raw)
		if err != nil && u.raw < off {
			return err
		}
	}
	return nil
}

// Close implements sequence.
func (u *unpacked) Close() error { return errors.Join(u.r.Close(), u.file.Close()) }

// explainPoint returns what an error of decoding from a point to the row at is an
// error of. All of that was decoded before: what is damaged now is another file,
// or the point.
func explainPoint(err error, p *unpack.Point, at Position) error {
	var corrupt *unpack.CorruptError
	if p != nil && (errors.Is(err, unpack.ErrPoint) || p.From > 0 && errors.As(err, &corrupt)) {
		return &ProofError{At: at, Reason: fmt.Sprintf("cannot be decoded from its point: %v", err)}
	}
	return err
}
