package main

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMetricsAreInOrder(t *testing.T) {
	want := []string{"loss", "tokens", "layer2.patterns", "layer2.frequency_2_5", "layer2.frequency_11_50", "layer2.entropy", "layer10.patterns", "layer10.mean_frequency"}
	rapid.Check(t, func(t *rapid.T) {
		got := rapid.Permutation(want).Draw(t, "names")
		slices.SortFunc(got, compareMetrics)
		if !slices.Equal(got, want) {
			t.Fatalf("%v", got)
		}
	})
}

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		name string
		v    float64
		want string
	}{
		{"tokens", 906683, "906,683"},
		{"tokens", -12, "-12"},
		{"loss", 0.000123456, "0.0001235"},
		{"loss", 2.5, "2.5"},
		{"loss", 12345.678, "12,345"},
		{"loss", 1e300, "1e+300"},
		{"loss", -1e300, "-1e+300"},
		{"peak_memory_bytes", 30.1e6, "30.1 MB"},
		{"cpu_seconds", 0.188, "188 ms"},
		{"samples_per_second", 13381.4, "13,381 samples/s"},
	} {
		if got := quantity(c.name, c.v); got != c.want {
			t.Errorf("%s %v is %s, not %s", c.name, c.v, got, c.want)
		}
	}
}

// Metrics of any learner can be shown.
func TestShowMetricsOfAnyName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		metrics := rapid.MapOf(rapid.StringMatching(`(layer[0-9]{0,6}\.)?[a-z._]{0,9}`), rapid.Float64()).Draw(t, "metrics")
		var b strings.Builder
		if err := showMetrics(&b, metrics); err != nil {
			t.Fatal(err)
		}
		if (b.Len() == 0) != (len(metrics) == 0) {
			t.Fatalf("%d metrics are %q", len(metrics), b.String())
		}
	})
}
