package trainer

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ckptledger/ledger"

	"pgregory.net/rapid"
)

// attempt is a training whose samples take as long as pace says.
type attempt struct {
	now   time.Time
	begun time.Time
	meter meter
	count ledger.Counters
	pace  func(n int64) float64 // seconds of sample n
}

func newAttempt(pace func(n int64) float64) *attempt {
	start := time.Unix(1e9, 0)
	return &attempt{now: start, begun: start, meter: startMeter(start, ledger.Counters{}), pace: pace}
}

// to trains up to n samples, looked at ten times a second.
func (a *attempt) to(n int64) *attempt {
	for a.count.Trained < n {
		a.now = a.now.Add(time.Duration(a.pace(a.count.Trained) * float64(time.Second)))
		a.count.Trained++
		a.meter.observe(a.now.Truncate(progressEvery).Add(progressEvery), a.count)
	}
	return a
}

// left is the meter's estimate, in seconds.
func (a *attempt) left(t *testing.T, rest int64) float64 {
	t.Helper()
	d, ok := a.meter.left(a.now, rest)
	if !ok {
		t.Fatal("nobody can say how much is left")
	}
	return d.Seconds()
}

func (a *attempt) growth(rest int64) float64 {
	return a.meter.trend.growth(a.meter.last.done, rest)
}

// reference is the run of 100,000 samples that went from 0.9 seconds a sample to 10
// at 30,000 and 31 at 65,000: the parabola through these three points, which takes
// 230 hours up to 65,008. It was stopped there after 237.
func reference(n int64) float64 {
	x := float64(n) / 1000
	return 0.9 + 0.1664*x + 0.004564*x*x
}

// The time left is what will come, where what is left over the rate is a third or
// two thirds of it, also where each sample takes its own time.
func TestLeftOfARunThatSlowsDown(t *testing.T) {
	const target = 100_000
	noise := rand.New(rand.NewPCG(1, 2))
	for name, pace := range map[string]func(int64) float64{
		"even":   reference,
		"uneven": func(n int64) float64 { return reference(n) * (0.5 + noise.Float64()) },
		"with restarts": func(n int64) float64 {
			if n%340 == 0 {
				return reference(n) + 10
			}
			return reference(n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttempt(pace)
			for _, at := range []int64{30_000, 65_000} {
				a.to(at)
				truth := 0.0
				for n := at; n < target; n++ {
					truth += reference(n)
				}
				got := a.left(t, target-at)
				t.Logf("at %d: %.0f h left, of %.0f h; by the rate alone %.0f h", at, got/3600, truth/3600, float64(target-at)*reference(at)/3600)
				if math.Abs(got-truth) > 0.2*truth {
					t.Errorf("at %d samples: %.0f s left, in truth %.0f", at, got, truth)
				}
			}
			if got := a.now.Sub(a.begun).Hours(); got < 220 || got > 240 {
				t.Errorf("%.0f hours up to 65,000 samples", got)
			}
			if got := a.meter.start / a.meter.rate(a.now); got < 28 || got > 42 {
				t.Errorf("%.1f times slower than at the start", got)
			}
		})
	}
}

// Where there is no clear trend, what is left is the rest over the rate.
func TestNoTrend(t *testing.T) {
	for name, c := range map[string]struct {
		pace func(n int64, r *rand.Rand) float64
		most float64
	}{
		"even":        {func(int64, *rand.Rand) float64 { return 0.5 }, 1},
		"random":      {func(_ int64, r *rand.Rand) float64 { return 0.5 * r.ExpFloat64() }, 1.15},
		"one step":    {func(n int64, _ *rand.Rand) float64 { return 0.5 + float64(min(n/700, 1)) }, 1},
		"an outage":   {func(n int64, _ *rand.Rand) float64 { return 0.5 + float64(max(0, 1-max(n-900, 900-n)))*600 }, 1},
		"speeding up": {func(n int64, _ *rand.Rand) float64 { return 0.2 + 300/float64(n+300) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				r := rand.New(rand.NewPCG(seed, 7))
				a := newAttempt(func(n int64) float64 { return c.pace(n, r) })
				for n := int64(50); n <= 2000; n += 50 {
					if got := a.to(n).growth(2000); got < 1 || got > c.most {
						t.Fatalf("seed %d: after %d samples the rest is to take %v times longer", seed, n, got)
					}
				}
			}
		})
	}
}

// What rises to a level is not followed above it for long, and a trend not farther
// than is known of it.
func TestTrendEnds(t *testing.T) {
	level := newAttempt(func(n int64) float64 { return 2 - math.Exp(-float64(n)/1000) }).to(1500)
	if got, most := level.growth(100_000), 2/(2-math.Exp(-1.5)); got < 1 || got > 1.2*most {
		t.Errorf("what rises to a level %.2f times higher is to rise %.2f times", most, got)
	}
	line := newAttempt(func(n int64) float64 { return 0.1 + float64(n)/1000 }).to(1000)
	if got, want := line.growth(math.MaxInt64/2), 4.1/1.1; math.Abs(got-want) > 0.1*want {
		t.Errorf("after 1,000 samples a line is followed to %.2f times its height, not %.2f", got, want)
	}
}

// However samples come, the rest takes at least as long as at the pace of now.
func TestTrendIsSane(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tr trend
		p := point{at: time.Unix(1e9, 0)}
		for range rapid.IntRange(0, 400).Draw(t, "points") {
			p.done += rapid.Int64Range(1, 1e6).Draw(t, "samples")
			p.at = p.at.Add(time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "time")))
			tr.add(p)
			if tr.points[tr.n-1].done > p.done || tr.n > maxCells+1 {
				t.Fatalf("%d points", tr.n)
			}
		}
		rest := rapid.Int64Range(1, math.MaxInt64).Draw(t, "rest")
		if got := tr.growth(p.done, rest); !(got >= 1) || math.IsInf(got, 0) {
			t.Fatalf("the rest takes %v times longer", got)
		}
	})
}
