package term

import (
	"math"
	"time"
)

// A meter estimates how fast a counter moves now: an average in which what
// happened memory ago weighs 1/e of what happens now. It is right from the
// first change on, and not misled by how irregularly it is asked.
type meter struct {
	done    int64
	at      time.Time     // of the last change
	gap     time.Duration // between the last two changes
	samples float64       // both sums decay alike
	seconds float64
}

const memory = 30 * time.Second

// start begins at a count of done.
func (m *meter) start(now time.Time) { *m = meter{at: now} }

// observe takes notice that the counter stands at done.
func (m *meter) observe(now time.Time, done int64) {
	gap := now.Sub(m.at)
	// Changes in the same instant as the start tell nothing about time: they
	// are counted with the next one.
	if done <= m.done || gap <= 0 {
		return
	}
	fade := math.Exp(-gap.Seconds() / memory.Seconds())
	m.samples = m.samples*fade + float64(done-m.done)
	m.seconds = m.seconds*fade + gap.Seconds()
	m.done, m.at, m.gap = done, now, gap
}

// rate returns samples per second, 0 where nothing is known yet. A counter that
// stands clearly longer than its own rhythm is slowing down.
func (m *meter) rate(now time.Time) float64 {
	if m.seconds == 0 {
		return 0
	}
	samples, seconds := m.samples, m.seconds
	if idle := now.Sub(m.at); idle > 2*m.gap+3*time.Second {
		fade := math.Exp(-idle.Seconds() / memory.Seconds())
		samples, seconds = samples*fade, seconds*fade+idle.Seconds()
	}
	return samples / seconds
}
