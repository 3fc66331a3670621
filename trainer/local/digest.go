package local

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// A sum is a hash of a multiset of names that can be brought up to date in the
// time that the change takes: it adds each name, which is a SHA-1 and so a
// number of 160 bits with its first byte the lowest, as often as the pattern
// occurs, modulo 2^256 (MSet-Add-Hash: Clarke and others, "Incremental Multiset
// Hash Functions", 2003). It proves equality against accidents, not against
// somebody who makes up patterns to hit a given sum.
type sum [4]uint64 // lowest word first

// add adds the name times over.
func (s *sum) add(n *name, times uint64) {
	words := [4]uint64{
		binary.LittleEndian.Uint64(n[0:]), binary.LittleEndian.Uint64(n[8:]), uint64(binary.LittleEndian.Uint32(n[16:])),
	}
	var high, carry uint64 // of the product so far, and of the addition
	for i := range s {
		hi, lo := bits.Mul64(words[i], times)
		lo, c := bits.Add64(lo, high, 0)
		high = hi + c
		s[i], carry = bits.Add64(s[i], lo, carry)
	}
}

// plus adds all that another sum holds.
func (s *sum) plus(other *sum) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], other[i], carry)
	}
}

// digestLabel begins the text that the model digest is the SHA-256 of; after it
// come, as 64-bit little-endian numbers, how many layers there are and of each
// its patterns, its observations and its sum.
const digestLabel = "ckptledger local model 1\n"

// digest returns the model digest: equal for equal patterns with equal
// frequencies, however they came about.
func (s *shadow) digest() string {
	b := []byte(digestLabel)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(s.layers)))
	for i := range s.layers {
		l := &s.layers[i]
		b = binary.LittleEndian.AppendUint64(b, uint64(l.patterns.len()))
		b = binary.LittleEndian.AppendUint64(b, l.tally.observations)
		for _, word := range l.sum {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
	}
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}
