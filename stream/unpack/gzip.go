package unpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// interval is how many raw bytes lie at least between two points of a gzip
// stream. A point costs a copy of the window, so this costs little.
const interval = 1 << 20

// gzipReader reads the members of a gzip stream (RFC 1952).
type gzipReader struct {
	inflater
	step step
	err  error // what is to be returned when out has been handed out

	raw    int64 // offset in the raw stream of out[wr]
	size   int64 // raw bytes of the member
	crc    uint32
	summed int // crc and size are those of what is before out[summed]

	interval int64
	point    Point // the last one at or before what was decoded ...
	handed   Point // ... and before what has been handed out
}

// step is what comes next in the stream.
type step uint8

const (
	atMember step = iota
	atBlock
	inBlock
	atTrailer
)

// Gzip returns a Reader of a gzip stream of any number of members, from a point
// on: r has to stand at byte point.From of the stream. It reads up to 64 KiB
// ahead of what it decodes, and decodes up to 160 KiB ahead of what it hands out.
func Gzip(r io.Reader, point Point) (Reader, error) {
	g, err := newGzip(r, point, interval)
	if err != nil {
		return nil, fmt.Errorf("resume gzip stream: %w", err)
	}
	return g, nil
}

func newGzip(r io.Reader, point Point, interval int64) (*gzipReader, error) {
	if err := point.check(); err != nil {
		return nil, err
	}
	g := &gzipReader{raw: point.Raw, interval: interval, point: point, handed: point}
	g.out = newOutput()
	g.reset(r, point.From)
	if m := point.Member; m != nil {
		if err := m.check(point); err != nil {
			return nil, err
		}
		g.wr = copy(g.out, m.Window)
		g.rd, g.summed = g.wr, g.wr
		g.size, g.crc = m.Raw, m.CRC
		g.step = atBlock
		if _, err := g.bits(uint(m.Bit)); err != nil {
			return nil, g.explain(err)
		}
	}
	return g, nil
}

// Read implements Reader.
func (g *gzipReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for g.rd == g.wr {
		if g.err != nil {
			return 0, g.err
		}
		g.handed = g.point
		g.slide()
		g.summed = g.wr
		g.err = g.decode()
		g.sum()
	}
	n := copy(p, g.out[g.rd:g.wr])
	g.rd += n
	return n, nil
}

// Point implements Reader.
func (g *gzipReader) Point() Point {
	p := g.point
	if p.Raw > g.raw-int64(g.wr-g.rd) {
		p = g.handed
	}
	p.Read, _ = g.offset()
	return p
}

// Close implements Reader.
func (g *gzipReader) Close() error {
	g.out, g.buf, g.rd, g.wr = nil, nil, 0, 0
	g.err = errClosed
	return nil
}

// decode decodes until out is full or there is an error.
func (g *gzipReader) decode() error {
	for g.wr < full {
		var err error
		switch g.step {
		case atMember:
			err = g.header()
		case atBlock:
			g.mark()
			err = g.block()
			g.step = inBlock
		case inBlock:
			var end bool
			end, err = g.body()
			if end && g.last {
				g.step = atTrailer
			} else if end {
				g.step = atBlock
			}
		case atTrailer:
			err = g.trailer()
		}
		if err == errEnd {
			return io.EOF
		}
		if err != nil {
			return g.explain(err)
		}
	}
	return nil
}

// explain makes a CorruptError of what the stream is to blame for.
func (g *gzipReader) explain(err error) error {
	at, _ := g.offset()
	var reason corrupt
	switch {
	case err == io.EOF:
		return newCorruptError("gzip", at, reasonCut)
	case errors.As(err, &reason):
		return newCorruptError("gzip", at, reason)
	}
	return err
}

// sum brings crc, size and raw up to what was decoded.
func (g *gzipReader) sum() {
	b := g.out[g.summed:g.wr]
	g.crc = crc32.Update(g.crc, crc32.IEEETable, b)
	g.size += int64(len(b))
	g.raw += int64(len(b))
	g.summed = g.wr
}

// mark takes a point, where a block or a member starts, if the last one is far
// enough back. While some of out is not handed out, it takes no second one.
func (g *gzipReader) mark() {
	g.sum()
	if g.raw-g.point.Raw < g.interval || g.point.Raw != g.handed.Raw {
		return
	}
	at, bit := g.offset()
	g.point = Point{From: at, Raw: g.raw}
	if g.step != atMember {
		from := max(g.wr-window, g.low)
		g.point.Member = &Member{
			Bit:    bit,
			Raw:    g.size,
			CRC:    g.crc,
			Window: append([]byte(nil), g.out[from:g.wr]...),
		}
	}
}

// trailer compares the checksums of a member that has ended.
func (g *gzipReader) trailer() error {
	g.sum()
	var b [8]byte
	if err := g.bytes(b[:]); err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(b[:]) != g.crc:
		return corrupt("a checksum differs from that of the data before")
	case binary.LittleEndian.Uint32(b[4:]) != uint32(g.size):
		return corrupt("a size differs from that of the data before")
	}
	g.step = atMember
	return nil
}

// The flags of a member's header.
const (
	hasCRC = 1 << (1 + iota)
	hasExtra
	hasName
	hasComment
	reserved = 0xE0
)

// header reads the header of a member, whose start is a point too. What it says
// of a file is passed over.
func (g *gzipReader) header() error {
	g.mark()
	if at, _ := g.offset(); at > 0 && g.need(8) == io.EOF {
		return errEnd
	}
	h := header{r: &g.bitReader}
	magic := h.take(2)
	if h.err == nil && (magic[0] != 0x1F || magic[1] != 0x8B) {
		return corrupt("what follows is no gzip member")
	}
	fixed := h.take(8)
	method, flags := fixed[0], fixed[1]
	switch {
	case h.err != nil:
		return h.err
	case method != 8:
		return corrupt("unknown compression method")
	case flags&reserved != 0:
		return corrupt("unknown flags in a header")
	}
	if flags&hasExtra != 0 {
		size := h.take(2)
		h.skip(int(binary.LittleEndian.Uint16(size[:])))
	}
	if flags&hasName != 0 {
		h.skipString()
	}
	if flags&hasComment != 0 {
		h.skipString()
	}
	if sum := uint16(h.crc); flags&hasCRC != 0 {
		want := h.take(2)
		if h.err == nil && binary.LittleEndian.Uint16(want[:]) != sum {
			return corrupt("a header's checksum differs")
		}
	}
	if h.err != nil {
		return h.err
	}
	g.step = atBlock
	g.low, g.size, g.crc = g.wr, 0, 0
	return nil
}

// header reads the bytes of a header and sums them. After an error it yields
// zeros.
type header struct {
	r   *bitReader
	crc uint32
	err error
}

// take reads n bytes, at most 8.
func (h *header) take(n int) (b [8]byte) {
	if h.err == nil {
		h.err = h.r.bytes(b[:n])
	}
	if h.err != nil {
		return [8]byte{}
	}
	h.crc = crc32.Update(h.crc, crc32.IEEETable, b[:n])
	return b
}

func (h *header) skip(n int) {
	for ; n > 0 && h.err == nil; n-- {
		h.take(1)
	}
}

func (h *header) skipString() {
	for h.take(1)[0] != 0 {
	}
}
