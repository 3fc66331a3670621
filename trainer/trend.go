package trainer

import (
	"math"
	"slices"
)

const (
	maxCells = 96 // of which there are half as many after the older ones were joined
	minCells = 24 // fewer show no trend

	// trendReach is how far a trend is followed, in multiples of how far it was
	// seen. Behind that nobody knows, and it is taken to end there.
	trendReach = 3

	// Medians of a third differ clearly where they do by so many times what
	// chance makes of them, and by so much of themselves.
	clearNoise = 2
	clearShare = 0.01
)

// A trend says how much longer samples will take, where each takes longer than the
// one before: a model that grows is slower to learn with, and what is left over the
// recent rate would promise too much.
//
// The attempt is remembered as some dozens of cells of about equally many samples.
// A third of them at a time is summed up by its median, which an outage does not
// move. Only if most of each third is clearly slower than the one before is there a
// trend, so that one step, at whatever time, is none.
type trend struct {
	points [maxCells + 1]point
	n      int   // points that there are
	every  int64 // samples in a cell, at least
	curve  curve
}

// add takes notice of a point behind all that were added before.
func (t *trend) add(p point) {
	if t.n > 0 && p.done-t.points[t.n-1].done < t.every {
		return
	}
	if t.n == len(t.points) {
		for i := range t.n/2 + 1 {
			t.points[i] = t.points[2*i]
		}
		t.n = t.n/2 + 1
		t.every = (t.points[t.n-1].done - t.points[0].done) / int64(t.n-1)
	}
	t.points[t.n] = p
	t.n++
	t.curve = fit(t.points[:t.n])
}

// growth returns how many times longer the rest will take than at the pace of now,
// at least 1.
func (t *trend) growth(done, rest int64) float64 {
	const steps = 32
	if !t.curve.rising {
		return 1
	}
	oldest, newest := float64(t.points[0].done), float64(t.points[t.n-1].done)
	end := newest + trendReach*(newest-oldest)
	now := t.curve.at(float64(done))
	top, sum := now, 0.0
	for i := range steps {
		x := float64(done) + float64(rest)*(float64(i)+0.5)/steps
		top = max(top, t.curve.at(min(x, end))) // a curve that bends down ends level
		sum += top / steps
	}
	return max(1, sum/now)
}

// A curve is seconds a sample over samples learned, in Newton's form through the
// last two of three points.
type curve struct {
	rising            bool
	x2, x3            float64
	y, slope, bending float64 // the value, first and second divided difference at x3
}

func (c *curve) at(x float64) float64 {
	return c.y + (x-c.x3)*(c.slope+(x-c.x2)*c.bending)
}

// fit returns the curve through the thirds of what is remembered: a parabola where
// it clearly bends, else a line.
func fit(points []point) curve {
	third := (len(points) - 1) / 3
	if 3*third < minCells {
		return curve{}
	}
	points = points[len(points)-1-3*third:]
	pace := make([]float64, 3*third) // seconds a sample of each cell
	for i := range pace {
		a, b := points[i], points[i+1]
		pace[i] = b.at.Sub(a.at).Seconds() / float64(b.done-a.done)
	}
	// The standard error of a median is 1.25 times that of a mean.
	noise := clearNoise * 1.25 * scatter(pace) / math.Sqrt(float64(third))
	var x, y [3]float64
	for i := range y {
		x[i] = float64(points[i*third].done+points[(i+1)*third].done) / 2
		y[i] = median(pace[i*third : (i+1)*third])
	}
	differs := func(diff float64, of ...float64) bool {
		square := 0.0
		for _, v := range of {
			square += v * v
		}
		return diff > noise*math.Sqrt(square)+clearShare*y[2]
	}
	// Sorted now. The quartiles tell one step in the middle from a rise.
	middle := pace[third : 2*third]
	if !differs(middle[third/4]-y[0], y[0], y[1]) || !differs(y[2]-middle[third-1-third/4], y[1], y[2]) {
		return curve{}
	}
	c := curve{rising: true, x2: x[1], x3: x[2], y: y[2], slope: (y[2] - y[0]) / (x[2] - x[0])}
	if differs(math.Abs(y[0]-2*y[1]+y[2]), y[0], 2*y[1], y[2]) {
		older := (y[1] - y[0]) / (x[1] - x[0])
		c.slope = (y[2] - y[1]) / (x[2] - x[1])
		c.bending = (c.slope - older) / (x[2] - x[0])
	}
	return c
}

// scatter returns the standard deviation of a cell's value as a share of it, from
// how much neighbours differ: a trend does not count, nor do a few outages.
func scatter(v []float64) float64 {
	steps := make([]float64, len(v)-1)
	for i := range steps {
		steps[i] = 2 * (v[i+1] - v[i]) / (v[i+1] + v[i])
	}
	mid := median(slices.Clone(steps))
	for i := range steps {
		steps[i] = math.Abs(steps[i] - mid)
	}
	return 1.48 / math.Sqrt2 * median(steps) // 1.48: as of a normal distribution
}

// median sorts v, which has elements.
func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
