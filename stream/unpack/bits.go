package unpack

import (
	"encoding/binary"
	"io"
)

const (
	inputBuffer = 64 << 10
	// inputPadding is how far behind the end of the input the decoding of
	// symbols may look: it takes eight bytes at a time, and may do so three times
	// between two looks at where it is.
	inputPadding = 32
	// inputNear is how close to the end of what is buffered symbols may be
	// decoded without looking at each.
	inputNear = 16
	// maxEmptyReads is how often a reader may yield nothing and no error.
	maxEmptyReads = 100
)

// bitReader reads the bits of a stream, of each byte the lowest first.
type bitReader struct {
	r    io.Reader
	base int64 // offset in the stream of buf[0]
	buf  []byte
	pos  int   // buf[pos:end] are not in acc
	end  int   // of what was read
	err  error // of r, after buf[end]

	// acc holds the next n bits, at most seven but within a run of symbols.
	// What is above them is either zero or what is going to come there.
	acc uint64
	n   uint
}

func (b *bitReader) reset(r io.Reader, at int64) {
	*b = bitReader{r: r, base: at, buf: make([]byte, inputBuffer+inputPadding)}
}

// offset returns which byte of the stream the next bit is in, and which of its
// bits it is.
func (b *bitReader) offset() (byte int64, bit uint8) {
	bits := (b.base+int64(b.pos))*8 - int64(b.n)
	return bits / 8, uint8(bits % 8)
}

// fill reads more behind what is buffered. Without an error there is at least
// one byte more than before. The bytes behind the end are zero.
func (b *bitReader) fill() error {
	if b.err != nil {
		return b.err
	}
	if b.pos > 0 {
		b.base += int64(b.pos)
		b.end = copy(b.buf, b.buf[b.pos:b.end])
		b.pos = 0
	}
	n := 0
	for tries := 0; n == 0 && b.err == nil; tries++ {
		if tries == maxEmptyReads {
			b.err = io.ErrNoProgress
			break
		}
		n, b.err = b.r.Read(b.buf[b.end:inputBuffer])
		b.end += n
	}
	clear(b.buf[b.end : b.end+inputPadding])
	if n == 0 {
		return b.err
	}
	return nil
}

// need makes n at most 32 bits available in acc.
func (b *bitReader) need(n uint) error {
	for b.n < n {
		if b.pos == b.end {
			if err := b.fill(); err != nil {
				return err
			}
		}
		b.acc |= uint64(b.buf[b.pos]) << b.n
		b.pos++
		b.n += 8
	}
	return nil
}

// bits returns the next n bits, at most 32.
func (b *bitReader) bits(n uint) (uint32, error) {
	if err := b.need(n); err != nil {
		return 0, err
	}
	v := uint32(b.acc & (1<<n - 1))
	b.drop(n)
	return v, nil
}

func (b *bitReader) drop(n uint) {
	b.acc >>= n
	b.n -= n
}

// giveBack returns the whole bytes that are in acc.
func (b *bitReader) giveBack() {
	b.pos -= int(b.n >> 3)
	b.n &= 7
	b.acc &= 1<<b.n - 1
}

// bytes fills p with the next bytes, passing over the rest of one that was begun.
func (b *bitReader) bytes(p []byte) error {
	b.giveBack()
	b.acc, b.n = 0, 0
	for len(p) > 0 {
		if b.pos == b.end {
			if err := b.fill(); err != nil {
				return err
			}
		}
		n := copy(p, b.buf[b.pos:b.end])
		b.pos += n
		p = p[n:]
	}
	return nil
}

func load64(b []byte, i int) uint64     { return binary.LittleEndian.Uint64(b[i:]) }
func store64(b []byte, i int, v uint64) { binary.LittleEndian.PutUint64(b[i:], v) }
