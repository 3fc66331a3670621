package local

import "fmt"

// A tally keeps a layer's figures up to date as frequencies change.
type tally struct {
	patterns     uint64
	observations uint64 // the sum of all frequencies
	highest      uint64
	bands        [len(bands)]uint64 // patterns in each band
}

// bands are the ranges of frequency that are counted, by their upper end; the
// last one has none.
var bands = [...]struct {
	name string
	upTo uint64
}{
	{"frequency_1", 1},
	{"frequency_2_5", 5},
	{"frequency_6_10", 10},
	{"frequency_11_50", 50},
	{"frequency_over_50", 1<<64 - 1},
}

func band(frequency uint64) int {
	i := 0
	for frequency > bands[i].upTo {
		i++
	}
	return i
}

// move notes that a pattern's frequency rose from old, 0 for a new pattern.
func (t *tally) move(old, frequency uint64) {
	if old == 0 {
		t.patterns++
	} else {
		t.bands[band(old)]--
	}
	t.bands[band(frequency)]++
	t.observations += frequency - old
	t.highest = max(t.highest, frequency)
}

// metrics returns a snapshot's figures: "tokens", learned since the run began,
// and for each layer "layer0.patterns", "layer0.observations",
// "layer0.mean_frequency" (0 without patterns), "layer0.max_frequency" and the
// number of patterns in each band, "layer0.frequency_2_5".
func (s *shadow) metrics() map[string]float64 {
	figures := map[string]float64{"tokens": float64(s.tokens)}
	for i := range s.layers {
		t := &s.layers[i].tally
		set := func(name string, value float64) { figures[fmt.Sprintf("layer%d.%s", i, name)] = value }
		set("patterns", float64(t.patterns))
		set("observations", float64(t.observations))
		set("mean_frequency", float64(t.observations)/float64(max(t.patterns, 1)))
		set("max_frequency", float64(t.highest))
		for b, n := range t.bands {
			set(bands[b].name, float64(n))
		}
	}
	return figures
}
