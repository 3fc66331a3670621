package trainer

import (
	"math"
	"time"

	"ckptledger/ledger"
)

const (
	// The recent rate is averaged over rateMemory, and over rateSamples samples
	// where these take longer.
	rateMemory  = 30 * time.Second
	rateSamples = 30

	// firstMinutes is how long the beginning lasts, with which an attempt's rate
	// is compared later.
	firstMinutes = 2 * time.Minute
)

// A meter measures how fast samples are learned: of late, by an average in which
// what happened its memory ago weighs 1/e of what happens now, and at the start.
// It is right from the first change on, and not misled by how irregularly it is fed.
type meter struct {
	counted ledger.Counters
	first   point         // the first change
	last    point         // the last change
	gap     time.Duration // between two changes, the longest of late
	samples float64       // both sums decay alike
	seconds float64
	start   float64 // samples a second in the first minutes; 0 until they are over
	trend   trend
}

// A point is how many samples were learned at a time, counted from when the meter
// was started.
type point struct {
	done int64
	at   time.Time
}

func startMeter(now time.Time, c ledger.Counters) meter {
	return meter{counted: c, last: point{at: now}}
}

// observe takes notice of where training stands.
func (m *meter) observe(now time.Time, c ledger.Counters) {
	// An errored row that is trained after all is work done, although the number
	// of samples stays the same.
	m.counted.Errored = min(m.counted.Errored, c.Errored)
	n := c.Trained - m.counted.Trained + c.Errored - m.counted.Errored
	gap := now.Sub(m.last.at)
	// Changes in the same instant as the start tell nothing about time: they are
	// counted with the next one.
	if n <= 0 || gap <= 0 {
		return
	}
	fade := m.fade(gap)
	m.samples = m.samples*fade + float64(n)
	m.seconds = m.seconds*fade + gap.Seconds()
	m.gap = max(gap, time.Duration(float64(m.gap)*fade))
	m.counted, m.last = c, point{m.last.done + n, now}

	if m.first.done == 0 {
		m.first = m.last
	}
	if took := now.Sub(m.first.at); m.start == 0 && took >= firstMinutes {
		m.start = float64(m.last.done-m.first.done) / took.Seconds()
	}
	m.trend.add(m.last)
}

// fade returns what is left of a weight after a time.
func (m *meter) fade(d time.Duration) float64 {
	memory := rateMemory.Seconds()
	if m.samples > 0 {
		memory = max(memory, rateSamples*m.seconds/m.samples)
	}
	return math.Exp(-d.Seconds() / memory)
}

// rate returns samples a second, 0 where nothing is known yet. A counter that
// stands clearly longer than its own rhythm is slowing down.
func (m *meter) rate(now time.Time) float64 {
	if m.seconds == 0 {
		return 0
	}
	samples, seconds := m.samples, m.seconds
	if idle := now.Sub(m.last.at); idle > 2*m.gap+3*time.Second {
		fade := m.fade(idle)
		samples, seconds = max(1, samples*fade), seconds*fade+idle.Seconds()
	}
	return samples / seconds
}

// left estimates how long so many samples will take: what they would at the recent
// rate, times what they will be slower. ok is false where nobody can say.
func (m *meter) left(now time.Time, rest int64) (d time.Duration, ok bool) {
	if rest <= 0 {
		return 0, true
	}
	rate := m.rate(now)
	if rate == 0 {
		return 0, false
	}
	seconds := float64(rest) / rate
	if m.start > 0 { // what a beginning is like says nothing of the end
		seconds *= m.trend.growth(m.last.done, rest)
	}
	if seconds >= float64(math.MaxInt64/time.Second) {
		return 0, false
	}
	return time.Duration(math.Round(seconds)) * time.Second, true
}
