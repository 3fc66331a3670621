package gpt2

// mergeWidth is how many bytes of a piece are merged at a time: more than the
// longest token, and few, because the time grows with the square of them.
const mergeWidth = 160

// merge appends the tokens of a piece of any length.
//
// A long piece is not merged whole but by windows, and the result is the same.
// Merging goes by rank and then from left to right, so what happens within some
// tokens of the result is just what happens when their text is merged alone.
// Hence a row of tokens is the result for its text exactly if each two
// neighbours are the result for theirs: the first merge across a border would
// be one for these two alone also. The neighbours within a window are by this,
// and where two windows meet it is checked. The tokens at a window's end are
// not kept, so that the check hardly ever fails; if it does, one more token is
// given up and the window doubled, which ends with the whole piece at the
// latest.
func (e *Encoder) merge(dst []uint16, piece []byte) []uint16 {
	base, start, width := len(dst), 0, e.width
	for {
		first, end := len(dst), min(start+width, len(piece))
		dst = e.mergeAll(dst, piece[start:end])
		if first > base && !e.apart(dst[first-1], dst[first]) {
			start -= len(e.vocabulary.token(dst[first-1]))
			dst = dst[:first-1]
			width *= 2
			continue
		}
		if end == len(piece) {
			return dst
		}
		keep := first
		for {
			start += len(e.vocabulary.token(dst[keep]))
			keep++
			if keep == len(dst) || start+len(e.vocabulary.token(dst[keep])) > end-width/4 {
				break
			}
		}
		dst = dst[:keep]
	}
}

// apart says whether the text of two tokens, merged alone, gives these two.
func (e *Encoder) apart(a, b uint16) bool {
	var text [2 * maxToken]byte
	var ids [2 * maxToken]uint16
	both := append(text[:0], e.vocabulary.token(a)...)
	both = append(both, e.vocabulary.token(b)...)
	got := e.mergeAll(ids[:0], both)
	return len(got) == 2 && got[0] == a && got[1] == b
}

// A part is some bytes of a piece that are one token by now.
type part struct {
	start uint32 // its first byte
	id    uint16 // its token
	rank  uint16 // the token that it makes with the next part, or none
}

// mergeAll appends the tokens of a piece: first every byte is a part, then the
// pair of lowest rank becomes one as long as there is any, of equal ones the
// leftmost.
func (e *Encoder) mergeAll(dst []uint16, piece []byte) []uint16 {
	v, parts := e.vocabulary, e.parts[:0]
	for i, c := range piece {
		parts = append(parts, part{uint32(i), v.single[c], none})
	}
	parts = append(parts, part{uint32(len(piece)), none, none}) // the end
	e.parts = parts

	rank := func(i int) uint16 {
		if i+2 < len(parts) {
			return v.lookup(piece[parts[i].start:parts[i+2].start])
		}
		return none
	}
	for i := range parts {
		parts[i].rank = rank(i)
	}
	for {
		best, at := uint16(none), 0
		for i := range parts {
			if parts[i].rank < best {
				best, at = parts[i].rank, i
			}
		}
		if best == none {
			break
		}
		parts[at].id = best
		parts = append(parts[:at+1], parts[at+2:]...)
		parts[at].rank = rank(at)
		if at > 0 {
			parts[at-1].rank = rank(at - 1)
		}
	}
	for _, p := range parts[:len(parts)-1] {
		dst = append(dst, p.id)
	}
	return dst
}
