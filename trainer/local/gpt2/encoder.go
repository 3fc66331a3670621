package gpt2

import (
	"encoding/binary"
	"math/bits"
)

const (
	cacheBits = 14 // 16,384 pieces in 512 KiB; twice that gains a tenth
	cacheText = 16 // bytes of the longest piece that is kept
	cacheIDs  = 7  // most tokens of a piece that is kept
)

// cached is a piece of text and its tokens, in half a cache line.
type cached struct {
	lo, hi uint64 // the text, as two little-endian words filled up with zeros
	len    uint8  // of the text in bytes; 0 in an empty place
	n      uint8  // number of tokens
	ids    [cacheIDs]uint16
}

// An Encoder turns text into token ids. It belongs to one goroutine and takes
// half a megabyte, in which it remembers the pieces that it met last.
type Encoder struct {
	// Most of a text is few words again and again. A piece has one place, given
	// by its hash, and puts out what is there. The cache comes first so that no
	// entry lies across two cache lines.
	cache [1 << cacheBits]cached

	vocabulary *Vocabulary
	parts      []part // of the piece that is merged
	width      int    // bytes that merge starts with at a time
}

// NewEncoder returns an Encoder for one goroutine.
func (v *Vocabulary) NewEncoder() *Encoder {
	return &Encoder{vocabulary: v, width: mergeWidth}
}

// Append appends the ids of text to dst and returns the extended slice. Its
// time grows with the length of the text, not with the square of it, also where
// a text is a single word; its memory is dst.
func (e *Encoder) Append(dst []uint16, text []byte) []uint16 {
	for len(text) > 0 {
		n := pieceLen(text)
		if n > cacheText {
			dst = e.appendPiece(dst, text[:n])
			text = text[n:]
			continue
		}
		lo, hi := words(text, n)
		c := &e.cache[place(lo, hi)]
		if c.lo != lo || c.hi != hi || int(c.len) != n {
			first := len(dst)
			dst = e.appendPiece(dst, text[:n])
			c.put(lo, hi, n, dst[first:])
		} else if c.n == 1 {
			dst = append(dst, c.ids[0])
		} else {
			dst = append(dst, c.ids[:c.n]...)
		}
		text = text[n:]
	}
	return dst
}

func (c *cached) put(lo, hi uint64, n int, ids []uint16) {
	if len(ids) <= cacheIDs {
		c.lo, c.hi, c.len, c.n = lo, hi, uint8(n), uint8(len(ids))
		copy(c.ids[:], ids)
	}
}

// words returns the first n bytes of text, at most 16, as two numbers. Where
// the text is long enough, it is faster to load too much and mask it.
func words(text []byte, n int) (lo, hi uint64) {
	if len(text) < cacheText {
		var padded [cacheText]byte
		copy(padded[:], text)
		text = padded[:]
	}
	lo = binary.LittleEndian.Uint64(text)
	if n <= 8 {
		return lo & (1<<(8*n) - 1), 0
	}
	return lo, binary.LittleEndian.Uint64(text[8:]) & (1<<(8*(n-8)) - 1)
}

func place(lo, hi uint64) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio
	return (lo ^ bits.RotateLeft64(hi*odd, 32)) * odd >> (64 - cacheBits)
}

func (e *Encoder) appendPiece(dst []uint16, piece []byte) []uint16 {
	if len(piece) <= maxToken {
		if id := e.vocabulary.lookup(piece); id != none {
			return append(dst, id)
		}
	}
	return e.merge(dst, piece)
}
