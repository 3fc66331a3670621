package stream

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestArena keeps bytes of many lengths, the same slice filled anew each time, and
// finds all copies as they were made.
func TestArena(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var a arena
		var blocks int
		lengths := rapid.SliceOf(rapid.OneOf(rapid.IntRange(0, 10), rapid.IntRange(arenaLong-2, arenaLong+2), rapid.Just(arenaBlock+1))).Draw(rt, "lengths")
		for range 2 { // the second time in the memory of the first
			buf := make([]byte, arenaBlock+1)
			kept := make([][]byte, len(lengths))
			for i, n := range lengths {
				for j := range buf[:n] {
					buf[j] = byte(i)
				}
				kept[i] = a.keep(buf[:n])
			}
			for i, n := range lengths {
				if k := kept[i]; k == nil || !bytes.Equal(k, bytes.Repeat([]byte{byte(i)}, n)) {
					rt.Fatalf("%d bytes %#x became %d: %.20x", n, i, len(k), k)
				}
				kept[i] = append(kept[i], 0xff) // does not reach the next one
			}
			if a.keep(nil) != nil {
				rt.Fatal("nothing became something")
			}
			if blocks > 0 && len(a.blocks) != blocks {
				rt.Fatalf("%d blocks, %d before", len(a.blocks), blocks)
			}
			blocks = len(a.blocks)
			a.reset()
		}
	})
}
