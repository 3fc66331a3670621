package main

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/term"
)

// What a process used is measured beside what a model learned.
const (
	rateMetric   = "samples_per_second"
	memoryMetric = "peak_memory_bytes"
	cpuMetric    = "cpu_seconds"
)

func isUsage(metric string) bool {
	return metric == rateMetric || metric == memoryMetric || metric == cpuMetric
}

var layerName = regexp.MustCompile(`^layer(\d{1,4})\.(.+)$`)

// splitMetric takes "layer3.patterns" apart; the layer of others is -1.
func splitMetric(name string) (layer int, figure string) {
	m := layerName.FindStringSubmatch(name)
	if m == nil {
		return -1, name
	}
	layer, _ = strconv.Atoi(m[1])
	return layer, m[2]
}

// figures are the known ones of a layer, in the order in which to show them.
var figures = []string{
	"patterns", "observations", "mean_frequency", "max_frequency",
	"frequency_1", "frequency_2_5", "frequency_6_10", "frequency_11_50", "frequency_over_50",
}

// compareFigures orders known figures before others, and those by name.
func compareFigures(a, b string) int {
	rank := func(f string) int {
		if i := slices.Index(figures, f); i >= 0 {
			return i
		}
		return len(figures)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
}

// compareMetrics orders what is of the whole model first, then layer by layer.
func compareMetrics(a, b string) int {
	layerA, figureA := splitMetric(a)
	layerB, figureB := splitMetric(b)
	return cmp.Or(cmp.Compare(layerA, layerB), compareFigures(figureA, figureB))
}

// showMetrics prints what a snapshot measured: a line for each figure of the
// whole, and a table with a row for each layer.
func showMetrics(w io.Writer, metrics map[string]float64) error {
	if len(metrics) == 0 {
		return nil
	}
	fmt.Fprint(w, "\nMetrics\n")
	names := sortedKeys(metrics)
	slices.SortFunc(names, compareMetrics)
	f := &facts{w: w}
	var layers []int
	var columns []string
	for _, name := range names {
		layer, figure := splitMetric(name)
		if layer < 0 {
			f.add("  "+name, quantity(name, metrics[name]))
			continue
		}
		if !slices.Contains(layers, layer) {
			layers = append(layers, layer)
		}
		if !slices.Contains(columns, figure) {
			columns = append(columns, figure)
		}
	}
	f.flush()
	if len(layers) == 0 {
		return nil
	}
	slices.SortFunc(columns, compareFigures)
	heads := []term.Column{{Name: "LAYER", Align: term.Right}}
	for _, figure := range columns {
		heads = append(heads, term.Column{Name: strings.ToUpper(strings.ReplaceAll(figure, "frequency", "freq")), Align: term.Right})
	}
	t := term.NewTable(heads...)
	for _, layer := range layers {
		cells := []string{strconv.Itoa(layer)}
		for _, figure := range columns {
			cell := ""
			if v, ok := metrics[fmt.Sprintf("layer%d.%s", layer, figure)]; ok {
				cell = quantity(figure, v)
			}
			cells = append(cells, cell)
		}
		t.Row(cells...)
	}
	return t.Render(w)
}

// quantity writes a number in the unit that its name ends in.
func quantity(name string, v float64) string {
	switch {
	case strings.HasSuffix(name, "_bytes"):
		return human.Bytes(int64(v))
	case strings.HasSuffix(name, "_seconds"):
		return human.Duration(seconds(v))
	case name == rateMetric:
		return number(v) + " samples/s"
	}
	return number(v)
}

// number writes whole numbers with commas and others with four digits.
func number(v float64) string {
	const exact = 1 << 53
	switch {
	case v == float64(int64(v)) && v < exact && v > -exact, v >= 1000 && v < exact, v <= -1000 && v > -exact:
		return human.Count(int64(v))
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
