package stream

import "bytes"

const (
	arenaBlock = 1 << 20
	arenaLong  = arenaBlock / 4 // longer bytes would leave much of a block unused
)

// An arena keeps copies of bytes, all of which are dropped at once. It moves
// nothing to grow, so it takes little more memory than it holds.
type arena struct {
	blocks [][]byte
	used   int    // blocks in use
	free   []byte // the rest of the last of them
}

// keep returns a copy of b that is good until reset; nil for nil.
func (a *arena) keep(b []byte) []byte {
	switch {
	case b == nil:
		return nil
	case len(b) > arenaLong:
		return bytes.Clone(b)
	case len(a.free) < max(len(b), 1): // even an empty copy is one of something
		if a.used == len(a.blocks) {
			a.blocks = append(a.blocks, make([]byte, arenaBlock))
		}
		a.free = a.blocks[a.used]
		a.used++
	}
	n := copy(a.free, b)
	kept := a.free[:n:n]
	a.free = a.free[n:]
	return kept
}

// reset drops all copies, to use their memory again.
func (a *arena) reset() { a.used, a.free = 0, nil }
