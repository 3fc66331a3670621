package unpack

import "math/bits"

// An entry says what the next bits mean: a symbol of the code, or where to look
// further. From the lowest bit on it holds the length of the symbol's code in 6
// bits, the number of extra bits that follow the code in 4, what it is in 4,
// and in the upper 16 a value: a literal byte, the least length or distance, or
// where in the second table to look. The zero entry is no symbol.
type entry uint32

const (
	isLiteral entry = 1 << (10 + iota)
	isMatch         // a length, or a distance
	isEnd           // of the block
	isLink          // the code is longer than what the first table looks at
)

func makeEntry(kind entry, value, extra int) entry {
	return kind | entry(value)<<16 | entry(extra)<<6
}

func (e entry) length() uint { return uint(e & 63) }
func (e entry) extra() uint  { return uint(e>>6) & 15 }
func (e entry) value() int   { return int(e >> 16) }

// maxCode is the longest code of a symbol in bits.
const maxCode = 15

// A huffman decodes the symbols of one code. The first table, which is the
// caller's, is indexed by the next bits of the stream; codes longer than its
// index go on in the second one.
type huffman struct {
	second []entry
	long   uint // the bits that index a link's part of second
}

// build fills first, which has 1<<root entries, and the second table for a code
// whose symbol i has a length of lengths[i] bits, 0 meaning that there is none.
// It reports whether the lengths are those of a code: one that leaves no bits
// without a meaning, or as the only exceptions, none and a single symbol.
func (h *huffman) build(first []entry, lengths []uint8, symbols []entry) bool {
	root := uint(bits.Len(uint(len(first)))) - 1
	var count [maxCode + 1]int
	longest, codes := uint(0), 0
	for _, l := range lengths {
		if l > 0 {
			count[l]++
			codes++
			longest = max(longest, uint(l))
		}
	}
	clear(first)
	h.second, h.long = h.second[:0], max(longest, root)-root
	var next [maxCode + 1]int // code of each length
	code := 0
	for l := 1; l <= maxCode; l++ {
		code <<= 1
		next[l] = code
		if code += count[l]; code > 1<<l {
			return false
		}
	}
	if code != 1<<maxCode && (codes > 1 || longest > 1) {
		return false
	}
	for i, l8 := range lengths {
		if l8 == 0 {
			continue
		}
		l := uint(l8)
		// The stream has a code's highest bit first.
		code := int(bits.Reverse16(uint16(next[l])) >> (16 - l))
		next[l]++
		e := symbols[i]
		if e != 0 {
			e |= entry(l)
		}
		if l <= root {
			for j := code; j < len(first); j += 1 << l {
				first[j] = e
			}
			continue
		}
		link := &first[code&(len(first)-1)]
		if *link == 0 {
			*link = makeEntry(isLink, len(h.second), 0)
			h.second = append(h.second, make([]entry, 1<<h.long)...)
		}
		part := h.second[link.value():][:1<<h.long]
		for j := code >> root; j < len(part); j += 1 << (l - root) {
			part[j] = e
		}
	}
	return true
}

// follow returns the entry behind a link, acc being the bits that led to it
// without the root ones.
func (h *huffman) follow(link entry, acc uint64) entry {
	return h.second[link.value()+int(acc&(1<<h.long-1))]
}
