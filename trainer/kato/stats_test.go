package kato

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(1<<shortest, 1<<(shortest+octaves)-1), 1, 200).Draw(t, "all")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h histogram
		for _, d := range all {
			h.add(time.Duration(d))
		}
		slices.Sort(all)
		want := float64(all[max(0, int(math.Ceil(q*float64(len(all))))-1)])
		if got := float64(h.quantile(q)); math.Abs(got-want) > want/4 {
			t.Fatal(got, want)
		}
	})
}

// The buckets follow on one another without gaps, and each holds what it is for.
func TestBuckets(t *testing.T) {
	end := time.Duration(0)
	for i := range len(histogram{}.buckets) {
		low, high := bounds(i)
		if low != end || bucket(low) != i || bucket(high-1) != i {
			t.Fatal(i, low, high, bucket(low), bucket(high-1))
		}
		end = high
	}
	if last := len(histogram{}.buckets) - 1; bucket(math.MaxInt64) != last || bucket(-1) != 0 {
		t.Error(bucket(math.MaxInt64), bucket(-1))
	}
}

func TestMetrics(t *testing.T) {
	c := newClient(DefaultURL, DefaultWaits, func(string) {})
	defer c.close()
	if c.recent(0) != 0 {
		t.Error("times before there was a request")
	}
	for i := range 100 {
		c.stats.took(2, time.Duration(i+1)*time.Millisecond)
	}
	c.stats.took(0, time.Second)
	if got := c.recent(2); got != 69*time.Millisecond { // of 37 to 100
		t.Error(got)
	}
	m := c.metrics()
	near := func(key string, want float64) {
		t.Helper()
		if got, ok := m[key]; !ok || math.Abs(got-want) > want/4 {
			t.Error(key, got, ok)
		}
	}
	near("layer2.request_ms_median", 50)
	near("layer2.request_ms_p95", 95)
	near("layer0.request_ms_median", 1000)
	if len(m) != 4+2*2 {
		t.Error(m)
	}
	if m = c.metrics(); len(m) != 4 {
		t.Error("they were told before: ", m)
	}
	if c.recent(2) == 0 {
		t.Error("what is recent goes with what was told")
	}
}
