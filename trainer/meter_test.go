package trainer

import (
	"math"
	"testing"
	"time"

	"ckptledger/ledger"

	"pgregory.net/rapid"
)

// gauge is a meter that is fed by hand.
type gauge struct {
	*testing.T
	meter
	now time.Time
	c   ledger.Counters
}

func newGauge(t *testing.T) *gauge {
	now := time.Unix(1e9, 0)
	return &gauge{T: t, meter: startMeter(now, ledger.Counters{}), now: now}
}

// run lets so many samples be learned n times, each after a gap.
func (g *gauge) run(n int, gap time.Duration, by int64) {
	for range n {
		g.now = g.now.Add(gap)
		g.c.Trained += by
		g.observe(g.now, g.c)
		g.observe(g.now, g.c) // looked at twice: no difference
	}
}

func (g *gauge) near(want float64) {
	g.Helper()
	if got := g.rate(g.now); math.Abs(got-want) > want/100 {
		g.Errorf("rate = %v, want %v", got, want)
	}
}

func TestRate(t *testing.T) {
	g := newGauge(t)
	g.near(0)
	g.run(1, time.Second/10, 100)
	g.near(1000) // right from the first change
	g.run(1000, time.Second/10, 100)
	g.near(1000)
	g.run(4*30, time.Second, 250)
	g.near(250*(1-math.Exp(-4)) + 1000*math.Exp(-4)) // the past fades
	g.run(300, 10*time.Second, 1)
	g.near(0.1)
	g.now = g.now.Add(20 * time.Second)
	g.near(0.1) // one sample in ten seconds: twenty without one mean nothing yet
	g.now = g.now.Add(time.Minute)
	if got := g.rate(g.now); got > 0.085 {
		t.Errorf("rate after a minute's standstill = %v", got)
	}
	g.now = g.now.Add(time.Hour)
	if got := g.rate(g.now); got > 1/3600. || got < 1/7200. {
		t.Errorf("rate after an hour's standstill = %v", got)
	}
	g.now = g.now.Add(-2 * time.Hour)
	g.run(1, 0, 5)
	g.near(0.1) // a clock that went back
}

// Workers whose samples are settled in the order of the rows come in bursts.
func TestRateOfBursts(t *testing.T) {
	g := newGauge(t)
	for range 100 {
		g.run(1, 31*time.Second, 1)
		g.run(7, time.Second/10, 1)
	}
	g.now = g.now.Add(31 * time.Second) // before the next one
	if got, want := g.rate(g.now), 8/31.7; math.Abs(got-want) > want/4 {
		t.Errorf("rate = %v, want %v", got, want)
	}
}

func TestStartRate(t *testing.T) {
	g := newGauge(t)
	g.now = g.now.Add(time.Hour) // waiting for a server
	g.run(120, time.Second, 3)
	if g.start != 0 {
		t.Errorf("%v samples a second at the start, before that is over", g.start)
	}
	g.run(1, time.Second, 3)
	if g.start != 3 {
		t.Errorf("%v samples a second at the start, want 3", g.start)
	}
	g.run(1000, 10*time.Second, 3)
	if g.start != 3 {
		t.Errorf("%v samples a second at the start, later", g.start)
	}
}

// A sample that takes longer than the first minutes makes them last longer.
func TestStartRateOfSlowSamples(t *testing.T) {
	g := newGauge(t)
	g.run(1, 5*time.Minute, 1)
	if g.start != 0 {
		t.Errorf("start rate %v after one sample", g.start)
	}
	g.run(1, 5*time.Minute, 1)
	if want := 1 / 300.; g.start != want {
		t.Errorf("start rate %v, want %v", g.start, want)
	}
}

// Errored rows are counted as samples, and once more when they are trained after
// all: both take their time.
func TestRateOfRetriedRows(t *testing.T) {
	g := newGauge(t)
	g.counted.Errored, g.c.Errored = 50, 50
	for range 50 {
		g.c.Errored--
		g.run(1, time.Second, 1)
	}
	g.near(1)
	for range 50 {
		g.c.Errored++
		g.run(1, time.Second, 0)
	}
	g.near(1)
}

func TestLeft(t *testing.T) {
	g := newGauge(t)
	if _, ok := g.left(g.now, 10); ok {
		t.Error("somebody can say how long samples take before there was one")
	}
	if d, ok := g.left(g.now, 0); d != 0 || !ok {
		t.Errorf("nothing is left, which takes %v (%v)", d, ok)
	}
	g.run(1000, time.Second/10, 100)
	if d, ok := g.left(g.now, 60_000); !ok || d < 59*time.Second || d > 61*time.Second {
		t.Errorf("60,000 at 1,000 a second take %v (%v)", d, ok)
	}
	if d, ok := g.left(g.now, math.MaxInt64); ok {
		t.Errorf("too long to be counted: %v", d)
	}
}

// However a meter is fed, it says nothing that cannot be, and the start is what it was.
func TestMeterIsSane(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		c := ledger.Counters{}
		m := startMeter(now, c)
		for range rapid.IntRange(0, 100).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Second), int64(time.Hour)).Draw(t, "time")))
			c.Trained += rapid.Int64Range(0, 1000).Draw(t, "trained")
			c.Errored += rapid.Int64Range(-min(c.Errored, 5), 5).Draw(t, "errored")
			was := m.start
			m.observe(now, c)
			if was != 0 && m.start != was {
				t.Fatalf("the start rate changed from %v to %v", was, m.start)
			}
			later := now.Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "idle")))
			if r := m.rate(later); !(r >= 0) || math.IsInf(r, 0) || r > 0 && m.rate(later.Add(time.Hour)) > r {
				t.Fatalf("rate %v, an hour later %v", r, m.rate(later.Add(time.Hour)))
			}
			if d, ok := m.left(later, rapid.Int64().Draw(t, "rest")); d < 0 || !ok && d != 0 {
				t.Fatalf("left %v (%v)", d, ok)
			}
		}
	})
}

// A tick costs little, and there are ten a second.
func BenchmarkMeter(b *testing.B) {
	now := time.Unix(1e9, 0)
	c := ledger.Counters{}
	m := startMeter(now, c)
	for b.Loop() {
		now = now.Add(progressEvery)
		c.Trained += 100 + c.Trained/100_000
		m.observe(now, c)
		m.rate(now)
		m.left(now, 1_000_000)
	}
}
