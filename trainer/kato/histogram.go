package kato

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	shortest = 14 // the first bucket ends at 2^14 ns, 16 µs
	octaves  = 24 // and the last begins at 2^38 ns, 275 s
	parts    = 4  // of each octave
)

// A histogram counts durations in buckets, four to each doubling.
type histogram struct {
	n       uint32
	buckets [octaves*parts + 2]uint32
}

func (h *histogram) add(d time.Duration) {
	h.n++
	h.buckets[bucket(d)]++
}

// quantile is the duration that q of all are not above, as if those of a bucket
// were spread evenly: less than a quarter wrong from 16 µs to 275 s. There must be
// one.
func (h *histogram) quantile(q float64) time.Duration {
	rank := max(1, math.Ceil(q*float64(h.n)))
	below := 0.0
	for i, n := range h.buckets {
		if n := float64(n); below+n >= rank {
			low, high := bounds(i)
			return low + time.Duration((rank-below)/n*float64(high-low))
		} else {
			below += n
		}
	}
	return 0
}

// bucket is the one that counts d.
func bucket(d time.Duration) int {
	if d < 1<<shortest {
		return 0
	}
	octave := bits.Len64(uint64(d)) - 1
	part := int(d>>(octave-2)) & (parts - 1)
	return min(1+(octave-shortest)*parts+part, octaves*parts+1)
}

// bounds are the first duration of a bucket and that of the next.
func bounds(bucket int) (low, high time.Duration) {
	if bucket == 0 {
		return 0, 1 << shortest
	}
	octave, part := (bucket-1)/parts+shortest, (bucket-1)%parts
	step := time.Duration(1) << (octave - 2)
	low = (parts + time.Duration(part)) * step
	return low, low + step
}

// recent keeps the last durations.
type recent struct {
	n    int // ever
	last [64]time.Duration
}

func (r *recent) add(d time.Duration) {
	r.last[r.n%len(r.last)] = d
	r.n++
}

// median is that of the last durations; 0 if there is none.
func (r *recent) median() time.Duration {
	sorted := slices.Clone(r.last[:min(r.n, len(r.last))])
	if len(sorted) == 0 {
		return 0
	}
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
