package trainer

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ckptledger/ledger"
)

func TestDue(t *testing.T) {
	counters := func(trained, errored, filtered int64) ledger.Counters {
		return ledger.Counters{Trained: trained, Errored: errored, Filtered: filtered, Row: trained + errored + filtered}
	}
	both := Interval{Samples: 1000, Time: time.Minute}
	for _, c := range []struct {
		name      string
		interval  Interval
		last, now ledger.Counters
		since     time.Duration
		want      bool
	}{
		{"one too few", both, counters(0, 0, 0), counters(999, 0, 0), 0, false},
		{"a multiple", both, counters(0, 0, 0), counters(1000, 0, 0), 0, true},
		{"errored ones count", both, counters(0, 0, 0), counters(990, 10, 0), 0, true},
		{"filtered ones do not", both, counters(0, 0, 0), counters(990, 0, 10), 0, false},
		{"at the multiple that was saved", both, counters(1000, 0, 0), counters(1000, 0, 5), 0, false},
		{"from between multiples to the next", both, counters(1700, 0, 0), counters(2000, 0, 0), 0, true},
		{"not a distance", both, counters(1700, 0, 0), counters(2000+699, 0, 0), 0, true},
		{"within an interval", both, counters(2001, 0, 0), counters(2999, 0, 0), 0, false},
		{"time", both, counters(5, 0, 0), counters(6, 0, 0), time.Minute, true},
		{"time in which only filtered rows passed", both, counters(5, 0, 0), counters(5, 0, 1), time.Minute, true},
		{"time in which a row was trained after all", both, counters(5, 1, 0), counters(6, 0, 0), time.Minute, true},
		{"time in which nothing moved", both, counters(5, 0, 0), counters(5, 0, 0), time.Hour, false},
		{"too little time", both, counters(5, 0, 0), counters(6, 0, 0), time.Minute - 1, false},
		{"no samples", Interval{Time: time.Minute}, counters(0, 0, 0), counters(5000, 0, 0), 0, false},
		{"no time", Interval{Samples: 1000}, counters(0, 0, 0), counters(5, 0, 0), time.Hour, false},
		{"none", Interval{}, counters(0, 0, 0), counters(5000, 0, 0), time.Hour, false},
	} {
		if got := c.interval.due(c.last, c.now, c.since); got != c.want {
			t.Errorf("%s: due is %v", c.name, got)
		}
	}
}

// Wherever a run is stopped or killed, it has a snapshot due at each multiple of
// the interval, and at each once.
func TestDueAtEachMultiple(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := Interval{Samples: rapid.Int64Range(1, 20).Draw(t, "interval")}
		var now, saved ledger.Counters
		var due []int64
		for range rapid.IntRange(0, 200).Draw(t, "rows") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				saved = now // stopped, with a snapshot, and resumed
			case 1:
				now = saved // killed and resumed
			case 2, 3:
				now.Filtered++
				now.Row++
			case 4:
				now.Errored++
				now.Row++
			default:
				now.Trained++
				now.Row++
			}
			if interval.due(saved, now, 0) {
				due = append(due, now.Samples())
				saved = now
			}
		}
		var want []int64
		for n := interval.Samples; n <= now.Samples(); n += interval.Samples {
			want = append(want, n)
		}
		if !slices.Equal(due, want) {
			t.Fatalf("due at %v, want %v", due, want)
		}
	})
}
