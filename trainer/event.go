package trainer

import (
	"time"

	"ckptledger/ledger"
)

// An Event is something that happened to a run: *Progress, *Retried, *Saved,
// *Waiting or *Warning. Events are sent from several goroutines, one at a time.
type Event interface{ event() }

// Progress is sent ten times a second, whether or not anything moved, and once
// when training has ended.
type Progress struct {
	ledger.Counters
	Rate      float64       // samples a second, of late; 0 where nothing is known yet
	StartRate float64       // samples a second in this attempt's first minutes; 0 until they are over
	Left      time.Duration // until the target, about, if each sample takes longer and longer as it did so far
	LeftKnown bool          // whether anybody can say
	Told                    // by the learner
}

// Slower returns how many times slower it goes of late than in the first minutes,
// 0 where that is not known. It is less than 1 where it goes faster.
func (p *Progress) Slower() float64 {
	if p.Rate <= 0 {
		return 0
	}
	return p.StartRate / p.Rate
}

// A Teller is a Learner that can tell how it fares. Tell is called ten times a
// second while Run goes on, on another goroutine than all else, so it must not wait
// for anything.
type Teller interface{ Tell() Told }

// Told is what a learner tells of itself. The zero Told is nothing.
type Told struct {
	Workers int    // that there are
	Alive   int    // of these, that get on
	Note    string // what takes so long, in a few words: "layer 0: 410 ms a request"
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
