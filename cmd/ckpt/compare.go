package main

import (
	"math"
	"reflect"
	"slices"

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

// A section is fields of one sort.
type section struct {
	name    string
	numbers bool // whose change is worth printing
	noise   bool // never the same in two trainings, and no difference for --exit-code
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

// compare is a function of its arguments: nothing is looked up.
func compare(sides []side) *comparison {
	d := &comparison{sides: sides, unfair: unfairness(sides)}
	d.add(section{name: "config"}, configOf)
	d.add(section{name: "progress", numbers: true}, progressOf)
	d.add(section{name: "rate", numbers: true, noise: true}, rateOf)
	d.add(section{name: "metrics", numbers: true}, metricsOf)
	d.add(section{name: "environment", noise: true}, environmentOf)
	return d
}

// add collects a section's fields from each side, in the order of the first side
// that has them.
func (d *comparison) add(s section, of func(*side) []named) {
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
	if s.name == "metrics" || s.name == "rate" { // which come out of maps
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

// section returns a section by its name, which there is.
func (d *comparison) section(name string) *section {
	return &d.sections[slices.IndexFunc(d.sections, func(s section) bool { return s.name == name })]
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
	out := []named{{"target", float64(s.Target)}, {"epochs", float64(s.Passes())}, {"checkpoint_interval", interval(s.Interval)}}
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

// change is how far the second value lies from the first, also in percent of it;
// nil where that has no meaning.
func (f *field) change() (delta, percent *float64) {
	a, isA := f.values[0].(float64)
	b, isB := f.values[1].(float64)
	if !isA || !isB {
		return nil, nil
	}
	return finite(b - a), finite(100 * (b - a) / a)
}

func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}
