package main

import (
	"fmt"
	"slices"
	"strings"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
)

// A reason says why a comparison is not fair.
type reason struct {
	Kind    string `json:"kind"` // data, text_field, filter, order, no_snapshot, place, machine
	Message string `json:"message"`
}

// unfairness lists what makes the sides differ for other reasons than those that
// a comparison is about.
func unfairness(sides []side) []reason {
	var out []reason
	// each reports values that are not all the same.
	each := func(kind, message string, value, shown func(*side) string) {
		var values, words []string
		for i := range sides {
			v := value(&sides[i])
			if !slices.Contains(values, v) {
				values, words = append(values, v), append(words, shown(&sides[i]))
			}
		}
		if len(values) > 1 {
			out = append(out, reason{kind, message + " (" + strings.Join(words, "; ") + ")"})
		}
	}
	setting := func(key string) func(*side) string {
		return func(s *side) string { return records.Setting(s.Config[key]) }
	}
	each("data", "other data", func(s *side) string { return s.Source.Digest },
		func(s *side) string { return s.Source.Label + ", digest " + human.ShortHash(s.Source.Digest) })
	each("text_field", "another column of it", setting("text_field"), setting("text_field"))
	each("filter", "another filter", setting("filter"), setting("filter"))
	each("order", "another order", order, order)
	for i := range sides {
		if s := &sides[i]; s.snap.Seq == 0 {
			out = append(out, reason{"no_snapshot", "run " + s.ID.Short() + " has no snapshot"})
		}
	}
	samples := func(s *side) string { return human.Count(s.snap.Samples()) }
	each("place", "not at the same place", samples, func(s *side) string { return samples(s) + " samples" })
	if ratesShown(sides) {
		each("machine", "rates of different machines", machine, machine)
	}
	return out
}

// order is the order in which a side's run reads the rows.
func order(s *side) string {
	name := records.Setting(s.Config["order"])
	if name == "shuffle" {
		name += fmt.Sprintf(" by seed %s in windows of %s rows", records.Setting(s.Config["seed"]), records.Setting(s.Config["window"]))
	}
	return name
}

// ratesShown reports whether there are rates to compare.
func ratesShown(sides []side) bool {
	rates := 0
	for i := range sides {
		if slices.ContainsFunc(rateOf(&sides[i]), func(n named) bool { return n.name == rateMetric }) {
			rates++
		}
	}
	return rates > 1
}

func machine(s *side) string {
	return fmt.Sprintf("%s, %s, %s", s.attempt.Host, s.attempt.Platform, counted(s.attempt.CPUs, "CPU"))
}

// fairness is the first line: whether the comparison is fair, and why.
func (d *comparison) fairness() string {
	if len(d.unfair) > 0 {
		var messages []string
		for _, r := range d.unfair {
			messages = append(messages, r.Message)
		}
		return "Not a fair comparison: " + strings.Join(messages, "; ")
	}
	line := fmt.Sprintf("Fair comparison: same data, filter and order, each at %s samples", human.Count(d.sides[0].snap.Samples()))
	if ratesShown(d.sides) {
		line += ", rates of the same machine"
	}
	return line
}
