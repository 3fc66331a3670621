package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"ckptledger/cmd/internal/human"
	"ckptledger/ledger"
)

// A comparison is two sides or more, what each says of the same fields, and
// what speaks against comparing them.
type comparison struct {
	sides    []side
	unfair   []reason
	sections []section
}

// A section is fields of one sort. Those that no two trainings have in common
// show no difference worth an exit code.
type section struct {
	name    string
	numbers bool // whose change is worth printing
	noise   bool
	fields  []field
}

// A field has a value for each side, nil where it is not set: what JSON knows,
// all numbers float64.
type field struct {
	name   string
	values []any
}

func (f *field) differs() bool {
	return slices.ContainsFunc(f.values[1:], func(v any) bool { return !reflect.DeepEqual(v, f.values[0]) })
}

// A reason says why a comparison is not fair.
type reason struct {
	Kind    string `json:"kind"` // data, text_field, filter, order, no_snapshot, place, machine
	Message string `json:"message"`
}

// compare is a function of its arguments: nothing is looked up.
func compare(sides []side) *comparison {
	d := &comparison{sides: sides, unfair: unfairness(sides)}
	d.add("config", section{}, configOf)
	d.add("progress", section{numbers: true}, progressOf)
	d.add("rate", section{numbers: true, noise: true}, rateOf)
	d.add("metrics", section{numbers: true}, metricsOf)
	d.add("environment", section{noise: true}, environmentOf)
	return d
}

// add collects a section's fields from each side, in the order of the first side
// that has them.
func (d *comparison) add(name string, s section, of func(*side) []named) {
	s.name = name
	for i := range d.sides {
		for _, n := range of(&d.sides[i]) {
			at := slices.IndexFunc(s.fields, func(f field) bool { return f.name == n.name })
			if at < 0 {
				at = len(s.fields)
				s.fields = append(s.fields, field{n.name, make([]any, len(d.sides))})
			}
			s.fields[at].values[i] = n.value
		}
	}
	if name == "metrics" || name == "rate" {
		slices.SortFunc(s.fields, func(a, b field) int { return compareMetrics(a.name, b.name) })
	}
	d.sections = append(d.sections, s)
}

// differs reports whether the sides differ in more than noise.
func (d *comparison) differs() bool {
	return slices.ContainsFunc(d.sections, func(s section) bool {
		return !s.noise && slices.ContainsFunc(s.fields, func(f field) bool { return f.differs() })
	})
}

// shown are the fields to print: those that differ, or all of them.
func (s *section) shown(all bool) []field {
	var out []field
	for _, f := range s.fields {
		if all || f.differs() {
			out = append(out, f)
		}
	}
	return out
}

// named is what one side says of a field.
type named struct {
	name  string
	value any
}

func configOf(s *side) []named {
	out := []named{{"dataset", s.Dataset}, {"source_digest", s.Source.Digest}}
	for _, key := range sortedKeys(s.Config) {
		out = append(out, named{key, s.Config[key]})
	}
	return out
}

func progressOf(s *side) []named {
	out := []named{{"target", float64(s.Target)}, {"checkpoint_interval", interval(s.Interval)}}
	if s.snap.Seq == 0 {
		return out
	}
	n := s.snap.Counters
	return append(out, named{"samples", float64(n.Samples())}, named{"trained", float64(n.Trained)}, named{"errored", float64(n.Errored)},
		named{"filtered", float64(n.Filtered)}, named{"row", float64(n.Row)}, named{"model_digest", s.snap.ModelDigest})
}

// rateOf is what it took to come so far. What a fork's first snapshot says of it
// was measured in another run.
func rateOf(s *side) []named {
	if s.snap.Seq == 0 {
		return nil
	}
	out := []named{{"elapsed_seconds", s.snap.Elapsed}}
	for name, v := range s.snap.Metrics {
		if isUsage(name) && s.snap.Kind != ledger.Forked {
			out = append(out, named{name, v})
		}
	}
	return out
}

func metricsOf(s *side) []named {
	var out []named
	for name, v := range s.snap.Metrics {
		if !isUsage(name) {
			out = append(out, named{name, v})
		}
	}
	return out
}

func environmentOf(s *side) []named {
	a := &s.attempt
	var out []named
	add := func(name, value string) {
		if value != "" {
			out = append(out, named{name, value})
		}
	}
	add("host", a.Host)
	add("platform", a.Platform)
	if a.CPUs > 0 {
		out = append(out, named{"cpus", float64(a.CPUs)})
	}
	add("program", a.Program)
	add("go", a.Go)
	add("git", a.Git)
	add("folder", a.Folder)
	add("command", human.Quote(a.Command...))
	add("data", s.Source.Label)
	for _, key := range sortedKeys(s.Record) {
		add("record."+key, s.Record[key])
	}
	return out
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
		return func(s *side) string { return fmt.Sprint(s.Config[key]) }
	}
	each("data", "other data", func(s *side) string { return s.Source.Digest },
		func(s *side) string { return s.Source.Label + ", digest " + human.ShortHash(s.Source.Digest) })
	each("text_field", "another column of it", setting("text_field"), setting("text_field"))
	each("filter", "another filter", setting("filter"), setting("filter"))
	each("order", "another order", setting("order"), setting("order"))
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

// sideJSON is a side as --json prints it.
type sideJSON struct {
	Run     ledger.RunID `json:"run"`
	Name    string       `json:"name"`
	Dataset string       `json:"dataset"`
	Seq     uint64       `json:"seq"` // 0 where there is no snapshot
	Samples int64        `json:"samples"`
	Row     int64        `json:"row"`
}

// pairJSON is a field of two sides. Change is b - a where both are numbers, and
// percent that of a.
type pairJSON struct {
	Field   string   `json:"field"`
	A       any      `json:"a"`
	B       any      `json:"b"`
	Change  *float64 `json:"change"`
	Percent *float64 `json:"percent"`
}

// rowJSON is a field of three sides or more, with a value for each.
type rowJSON struct {
	Field  string `json:"field"`
	Values []any  `json:"values"`
}

// json is the comparison as --json prints it: of two sides a and b, of more runs.
func (d *comparison) json(all bool) map[string]any {
	out := map[string]any{
		"fair":    len(d.unfair) == 0,
		"reasons": append([]reason{}, d.unfair...),
		"differs": d.differs(),
	}
	var sides []sideJSON
	for _, s := range d.sides {
		sides = append(sides, sideJSON{s.ID, s.Name, s.Dataset, s.snap.Seq, s.snap.Samples(), s.snap.Row})
	}
	sections := map[string]any{}
	if len(sides) > 2 {
		out["runs"] = sides
		for _, s := range d.sections {
			rows := []rowJSON{}
			for _, f := range s.shown(all) {
				rows = append(rows, rowJSON{f.name, f.values})
			}
			sections[s.name] = rows
		}
	} else {
		out["a"], out["b"] = sides[0], sides[1]
		for _, s := range d.sections {
			pairs := []pairJSON{}
			for _, f := range s.shown(all) {
				pair := pairJSON{Field: f.name, A: f.values[0], B: f.values[1]}
				pair.Change, pair.Percent = f.change()
				pairs = append(pairs, pair)
			}
			sections[s.name] = pairs
		}
	}
	maps.Copy(out, sections)
	return out
}

// change is how far the second value lies from the first; nil where that has no
// meaning.
func (f *field) change() (delta, percent *float64) {
	a, isA := f.values[0].(float64)
	b, isB := f.values[1].(float64)
	if !isA || !isB {
		return nil, nil
	}
	by := b - a
	if a == 0 {
		return &by, nil
	}
	of := 100 * by / a
	return &by, &of
}
