package local

import (
	"math/bits"
	"slices"
)

// patterns holds the symbols of a layer's patterns, which are numbered from 0
// as they are learned. Like the lists it is made of it only grows, and a copy
// of it stays a valid view.
type patterns struct {
	spans   list[span]
	symbols list[uint32] // token ids in layer 0, above it numbers of patterns of the layer below
}

// A span says where a pattern's symbols lie: position and length.
type span uint64

const (
	spanBits     = 13
	maxChunkSize = 4096      // fits into spanBits, and into a block of a list
	maxPatterns  = 1<<31 - 1 // in a layer, so that a number plus one fits into an entry
)

func (p *patterns) len() int { return p.spans.len() }

// at returns the symbols of pattern i. They must not be changed.
func (p *patterns) at(i uint32) []uint32 {
	s := *p.spans.at(int(i))
	return p.symbols.run(int(s>>spanBits), int(s&(1<<spanBits-1)))
}

func (p *patterns) add(symbols []uint32) {
	at, run := p.symbols.extend(len(symbols))
	copy(run, symbols)
	p.spans.add(span(at)<<spanBits | span(len(symbols)))
}

// A layer counts chunks. It is the part of the model that learning touches;
// names, digest and metrics are made from captures of it.
type layer struct {
	size     int // symbols in a full chunk
	patterns patterns
	index    index

	// counts holds each pattern's frequency, shifted up by one; the lowest bit
	// says that the pattern is in changed.
	counts  list[uint64]
	settled int      // how many patterns the last capture held
	changed []uint32 // those of them learned again since, each once
}

// observe counts a chunk and returns the number of its pattern.
func (l *layer) observe(chunk []uint32) uint32 {
	i, added := l.intern(chunk)
	if added {
		l.counts.add(1 << 1)
		return i
	}
	count := l.counts.at(int(i))
	*count += 1 << 1
	if *count&1 == 0 && int(i) < l.settled {
		*count |= 1
		l.changed = append(l.changed, i)
	}
	return i
}

// intern returns the number of the chunk's pattern, which it adds, without a
// count, if there is none.
func (l *layer) intern(chunk []uint32) (i uint32, added bool) {
	tag := l.index.tag(chunk)
	slot := l.probe(tag, chunk)
	if entry := l.index.entries[slot]; entry != 0 {
		return entry.pattern(), false
	}
	i = uint32(l.patterns.len())
	l.patterns.add(chunk)
	l.index.put(slot, tag, i)
	return i, true
}

// find returns the number of the chunk's pattern, if there is one.
func (l *layer) find(chunk []uint32) (i uint32, ok bool) {
	entry := l.index.entries[l.probe(l.index.tag(chunk), chunk)]
	return entry.pattern(), entry != 0
}

// probe returns the slot of the chunk's pattern, or the empty one that it would
// have.
func (l *layer) probe(tag uint32, chunk []uint32) (slot int) {
	for slot = l.index.first(tag); ; slot = l.index.next(slot) {
		entry := l.index.entries[slot]
		if entry == 0 || entry.tag() == tag && slices.Equal(l.patterns.at(entry.pattern()), chunk) {
			return slot
		}
	}
}

// An index finds patterns by content: a hash table with linear probing, whose
// entries carry a part of the hash, so that a lookup seldom touches a pattern
// that is not the one, and growing touches none.
type index struct {
	seed    uint64
	entries []entry // a power of two
	used    int
}

// An entry is a tag and a pattern's number plus one, or 0 where there is none.
type entry uint64

func (e entry) tag() uint32     { return uint32(e >> 32) }
func (e entry) pattern() uint32 { return uint32(e) - 1 }

func newIndex(seed uint64) index { return index{seed: seed, entries: make([]entry, 1<<10)} }

func (x *index) first(tag uint32) int { return int(tag) & (len(x.entries) - 1) }
func (x *index) next(slot int) int    { return (slot + 1) & (len(x.entries) - 1) }

// put fills an empty slot, found by probing for tag, and keeps a quarter of the
// slots empty.
func (x *index) put(slot int, tag, pattern uint32) {
	x.entries[slot] = entry(tag)<<32 | entry(pattern+1)
	x.used++
	if x.used*4 <= len(x.entries)*3 {
		return
	}
	old := x.entries
	x.entries = make([]entry, 2*len(old))
	for _, e := range old {
		if e == 0 {
			continue
		}
		slot := x.first(e.tag())
		for x.entries[slot] != 0 {
			slot = x.next(slot)
		}
		x.entries[slot] = e
	}
}

// tag hashes symbols two at a time by multiplying and folding. The seed differs
// in each process, so that no text is slow to learn by design.
func (x *index) tag(symbols []uint32) uint32 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio
	h := x.seed ^ uint64(len(symbols))
	for ; len(symbols) >= 2; symbols = symbols[2:] {
		h = fold(h^(uint64(symbols[0])|uint64(symbols[1])<<32), odd)
	}
	if len(symbols) == 1 {
		h = fold(h^uint64(symbols[0]), odd)
	}
	return uint32(fold(h^x.seed, odd) >> 32)
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
