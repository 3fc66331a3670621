package local

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"ckptledger/trainer/local/gpt2"
)

// ErrState is wrapped by errors of Restore that say that an object is not one
// that this learner wrote, or not one that follows the objects before it.
var ErrState = errors.New("not a state of this learner")

// decode reads an object into the model and returns the segment that it is.
// Whatever the bytes are, it takes memory in proportion to how many there are.
// After an error the model is of no use.
func (m *model) decode(r io.Reader) (segment, error) {
	d := decoder{r: bufio.NewReaderSize(r, 64<<10)}
	d.header(m)
	seg := segment{layers: make([]extent, len(m.layers))}
	for i := range m.layers {
		if d.err == nil {
			seg.layers[i] = d.layer(m, i, &seg)
		}
	}
	if d.err == nil {
		if _, err := d.r.ReadByte(); err == nil {
			d.fail("bytes after the end")
		} else if err != io.EOF {
			d.err = err
		}
	}
	seg.size = d.n
	return seg, d.err
}

// A decoder reads numbers and keeps the first error; after it all are 0.
type decoder struct {
	r   *bufio.Reader
	n   int64
	err error
}

func (d *decoder) header(m *model) {
	for _, c := range []byte(magic) {
		if b := d.byte(); b != c {
			d.fail("another kind of file")
		}
	}
	if v := d.uvarint(); v != format {
		d.fail("format %d, this program reads %d", v, format)
	}
	if n := d.uvarint(); n != uint64(len(m.layers)) {
		d.fail("%d layers instead of %d", n, len(m.layers))
	}
	for i, l := range m.layers {
		if size := d.uvarint(); size != uint64(l.size) {
			d.fail("chunk size %d in layer %d instead of %d", size, i, l.size)
		}
	}
	tokens := d.uvarint()
	if tokens < m.tokens {
		d.fail("%d tokens after %d", tokens, m.tokens)
	}
	m.tokens = tokens
}

func (d *decoder) layer(m *model, i int, seg *segment) extent {
	l := m.layers[i]
	base, added, renewed := d.uvarint(), d.uvarint(), d.uvarint()
	if base != uint64(l.patterns.len()) {
		d.fail("layer %d goes on from pattern %d instead of %d", i, base, l.patterns.len())
	}
	x := extent{base: l.patterns.len()}

	symbols := make([]uint32, l.size)
	var expected uint32
	if i > 0 {
		expected = uint32(seg.layers[i-1].base)
	}
	for ; added > 0 && d.err == nil; added-- {
		head, length := d.uvarint(), uint64(l.size)
		if head&1 != 0 {
			if length = d.uvarint(); length < 2 || length >= uint64(l.size) {
				d.fail("pattern of %d symbols in layer %d", length, i)
				break
			}
		}
		if i == 0 {
			d.tokens(symbols[:length])
		} else {
			expected = d.numbers(symbols[:length], expected, m.layers[i-1].patterns.len())
		}
		if d.err == nil {
			d.add(l, symbols[:length], head>>1)
		}
	}

	start, next := d.n, uint64(0)
	for ; renewed > 0 && d.err == nil; renewed-- {
		skipped, frequency := d.uvarint(), d.uvarint()
		if p := next + skipped; p < next || p >= uint64(x.base) {
			d.fail("frequency of pattern %d in layer %d, which holds %d", p, i, x.base)
		} else if count := l.counts.at(int(p)); frequency < *count>>1 || frequency > maxFrequency {
			d.fail("frequency %d after %d", frequency, *count>>1)
		} else {
			*count = frequency << 1
			x.renewed = append(x.renewed, uint32(p))
			next = p + 1
		}
	}
	seg.renewed += d.n - start
	return x
}

// add adds a pattern that the layer must not hold yet.
func (d *decoder) add(l *layer, symbols []uint32, more uint64) {
	if more >= maxFrequency || l.patterns.len() >= maxPatterns {
		d.fail("pattern %d with frequency %d", l.patterns.len(), more+1)
	} else if i, added := l.intern(symbols); !added {
		d.fail("pattern %d twice", i)
	} else {
		l.counts.add((more + 1) << 1)
	}
}

func (d *decoder) tokens(tokens []uint32) {
	for i := range tokens {
		tokens[i] = uint32(d.byte()) | uint32(d.byte())<<8
		if tokens[i] >= gpt2.Size {
			d.fail("token %d", tokens[i])
		}
	}
}

func (d *decoder) numbers(patterns []uint32, expected uint32, below int) (next uint32) {
	for i := range patterns {
		v := d.uvarint()
		p := int64(expected) + (int64(v>>1) ^ -int64(v&1))
		if p < 0 || p >= int64(below) {
			d.fail("symbol %d of a layer of %d patterns", p, below)
			return 0
		}
		patterns[i] = uint32(p)
		expected = uint32(p) + 1
	}
	return expected
}

func (d *decoder) byte() byte {
	if d.err != nil {
		return 0
	}
	b, err := d.r.ReadByte()
	if err == io.EOF {
		d.fail("cut short")
	} else if err != nil {
		d.err = err
	}
	d.n++
	return b
}

func (d *decoder) uvarint() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		if shift == 63 && b > 1 {
			d.fail("number of more than 64 bits")
			return 0
		}
		v |= uint64(b&0x7F) << shift
		if b < 0x80 {
			return v
		}
	}
}

// fail keeps the first error.
func (d *decoder) fail(reason string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrState, fmt.Sprintf(reason, args...))
	}
}
