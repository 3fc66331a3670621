// Package migrations holds the history of the ledger's format: which number a
// ledger of this program has, and what is to be said of one with another
// number. Beside it, it reads the checkpoint files that were written before
// there was a ledger.
//
// [Check] is called in every transaction with the number that is stored.
// [ScanLegacy] and [ReadLegacy] return what old files claim as plain values,
// with all that contradicts itself in them; a [Legacy] is never resumed from.
//
// # Adding a step
//
// When the format changes, Current goes up by one, and the step that leads
// there gets a file of its own, v2.go with func toV2(*bbolt.Tx) error, and a
// small ledger of the version before in testdata that its test migrates. A
// step is frozen from then on: it uses no types of the ledger, which go on
// changing, but carries the few that it needs, and it is never edited.
package migrations

import (
	"errors"
	"fmt"
)

// Current is the number of the format that this program reads and writes.
const Current uint64 = 1

// NewerError says that a ledger was written by a later version of the program.
type NewerError struct {
	Stored uint64 // the ledger's number
	Known  uint64 // the highest this program knows
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("this ledger has format %d, this program knows formats up to %d: use a newer version of it", e.Stored, e.Known)
}

// OlderError says that a ledger must be migrated, by ckpt migrate, before it can
// be used.
type OlderError struct {
	Stored uint64 // the ledger's number
	Known  uint64 // the number it is to have
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("this ledger has format %d, this program needs %d", e.Stored, e.Known)
}

// Check returns nil if stored is Current, else a *NewerError or an *OlderError.
// The number 0 was never given to a format: it is an error of no type, since
// nothing can be migrated from there.
func Check(stored uint64) error { return check(stored, Current) }

func check(stored, current uint64) error {
	switch {
	case stored == current:
		return nil
	case stored > current:
		return &NewerError{Stored: stored, Known: current}
	case stored == 0:
		return errors.New("this ledger has no format number")
	default:
		return &OlderError{Stored: stored, Known: current}
	}
}
