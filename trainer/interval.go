package trainer

import (
	"time"

	"ckptledger/ledger"
)

// Interval says when a snapshot is due: every so many samples, trained and
// errored, and every so long in which anything was counted. Zero leaves a part
// out.
type Interval struct {
	Samples int64
	Time    time.Duration
}

// DefaultInterval is every 1,000 samples and every 5 minutes.
var DefaultInterval = Interval{Samples: 1000, Time: 5 * time.Minute}

// due reports whether a snapshot is due at now, where the one before was of
// last. Counts are multiples of the interval, not distances: a run that was
// stopped in between has its later snapshots where one that ran through has
// them.
func (i Interval) due(last, now ledger.Counters, since time.Duration) bool {
	if i.Samples > 0 && now.Samples()/i.Samples > last.Samples()/i.Samples {
		return true
	}
	return i.Time > 0 && since >= i.Time && now != last
}
