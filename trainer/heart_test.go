package trainer

import (
	"math"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	var m meter
	now := time.Unix(1_000_000_000, 0)
	tick := func(seconds float64, perSecond int64) float64 {
		var rate float64
		for range int(seconds * 10) {
			now = now.Add(100 * time.Millisecond)
			rate = m.add(now, perSecond/10)
		}
		return rate
	}
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s: rate is %.1f, not %.1f", what, got, want)
		}
	}
	near("before anything", m.add(now, 50), 0, 0)
	near("after one moment", tick(0.1, 1000), 1000, 0.1)
	near("after a second", tick(0.9, 1000), 1000, 0.1)
	near("the first seconds are averaged evenly", tick(1, 3000), 2000, 0.1)
	near("after a minute", tick(60, 3000), 3000, 5)
	near("a standstill shows within the memory", tick(rateMemory.Seconds(), 0), 3000/math.E, 10)
	near("and is a rate of 0 in the end", tick(120, 0), 0, 0.1)
	rate := m.rate
	near("a clock that stands still", m.add(now, 1000), rate, 0)
	near("a clock that goes back", m.add(now.Add(-time.Hour), 1000), rate, 0)
}
