package local

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
)

// A state object holds a segment of a model. All numbers are unsigned varints,
// but for the tokens, which are 16-bit little-endian:
//
//	magic                "patterns"
//	format               1
//	layers               and for each its chunk size
//	tokens               learned since the run began
//	for each layer:
//	  base               patterns that the objects before this one hold
//	  added, renewed     how many there are of each of the following
//	  for each pattern added, in the order of their numbers:
//	    head             (frequency-1)*2, plus 1 if it is shorter than a chunk
//	    length           only if it is shorter
//	    symbols          layer 0: tokens; above: each pattern's number as a signed
//	                     varint, less the number expected: that of the symbol
//	                     before, plus one. At first it is the base of the layer
//	                     below.
//	  for each pattern renewed, in the order of their numbers:
//	    skipped          patterns left out since the one before
//	    frequency
//
// Frequencies are absolute: later objects replace what earlier ones say.
const (
	magic  = "patterns"
	format = 1
)

// maxFrequency leaves room for the shifts in head and in layer.counts.
const maxFrequency = math.MaxUint64 >> 2

// encode writes the segment, which reaches to the last pattern, and notes its
// sizes.
func (s *shadow) encode(w io.Writer, seg *segment) error {
	e := encoder{w: bufio.NewWriterSize(w, 64<<10)}
	e.write([]byte(magic))
	e.uvarint(format)
	e.uvarint(uint64(len(s.layers)))
	for i := range s.layers {
		e.uvarint(uint64(s.layers[i].size))
	}
	e.uvarint(s.tokens)

	seg.renewed = 0
	for i, x := range seg.layers {
		l := &s.layers[i]
		e.uvarint(uint64(x.base))
		e.uvarint(uint64(l.patterns.len() - x.base))
		e.uvarint(uint64(len(x.renewed)))

		var expected uint32
		if i > 0 {
			expected = uint32(seg.layers[i-1].base)
		}
		for p := x.base; p < l.patterns.len(); p++ {
			symbols := l.patterns.at(uint32(p))
			head := (*l.frequencies.at(p) - 1) << 1
			if len(symbols) < l.size {
				e.uvarint(head | 1)
				e.uvarint(uint64(len(symbols)))
			} else {
				e.uvarint(head)
			}
			if i == 0 {
				e.tokens(symbols)
			} else {
				expected = e.numbers(symbols, expected)
			}
		}

		start, next := e.n, uint32(0)
		for _, p := range x.renewed {
			e.uvarint(uint64(p - next))
			e.uvarint(*l.frequencies.at(int(p)))
			next = p + 1
		}
		seg.renewed += e.n - start
	}
	seg.size = e.n
	return e.w.Flush()
}

// An encoder counts what it writes. Errors stay in the writer, until Flush.
type encoder struct {
	w *bufio.Writer
	n int64
}

func (e *encoder) write(b []byte) {
	e.w.Write(b)
	e.n += int64(len(b))
}

func (e *encoder) uvarint(v uint64) {
	e.write(binary.AppendUvarint(e.w.AvailableBuffer(), v))
}

func (e *encoder) tokens(tokens []uint32) {
	b := e.w.AvailableBuffer()
	for _, t := range tokens {
		b = binary.LittleEndian.AppendUint16(b, uint16(t))
	}
	e.write(b)
}

func (e *encoder) numbers(patterns []uint32, expected uint32) (next uint32) {
	b := e.w.AvailableBuffer()
	for _, p := range patterns {
		b = binary.AppendVarint(b, int64(p)-int64(expected))
		expected = p + 1
	}
	e.write(b)
	return expected
}
