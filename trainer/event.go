package trainer

import (
	"time"

	"ckptledger/ledger"
)

// An Event is something that happened to a run: *Progress, *Retried, *Saved,
// *Waiting or *Warning. Events are sent from several goroutines, one at a time.
type Event interface{ event() }

// Progress is sent ten times a second, whether or not anything moved.
type Progress struct {
	ledger.Counters
	Rate float64 // samples a second, of late
}

// Retried is sent when the rows of Options.Retry were tried again, as far as
// training came with them.
type Retried struct {
	Rows  int64               // that were tried
	Again []ledger.ErroredRow // of them those that are errored still
}

// Saved is sent when a snapshot is committed.
type Saved struct {
	Snapshot ledger.Snapshot
	Wrote    int64         // bytes of new state
	Took     time.Duration // writing, syncing and committing
}

// Waiting is sent every ten seconds in which a commit waits for the ledger,
// which somebody else has locked.
type Waiting struct {
	For    time.Duration
	Queued int // snapshots that wait
}

// Warning is something that does not stop a run and should be known.
type Warning struct{ Err error }

func (*Progress) event() {}
func (*Retried) event()  {}
func (*Saved) event()    {}
func (*Waiting) event()  {}
func (*Warning) event()  {}
