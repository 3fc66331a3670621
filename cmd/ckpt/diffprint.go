package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
)

// printPair prints two sides beside each other, section by section.
func (p program) printPair(w io.Writer, d *comparison, all bool) error {
	fmt.Fprintln(w, human.Printable(d.fairness()))
	for i, name := range []string{"A", "B"} {
		fmt.Fprintf(w, "%s  %s\n", name, human.Printable(p.describe(&d.sides[i])))
	}
	equal := true
	for _, s := range d.sections {
		fields := s.shown(all)
		if !all {
			fields = slices.DeleteFunc(fields, ofMissingLayer)
		}
		if len(fields) == 0 {
			continue
		}
		equal = false
		fmt.Fprintln(w)
		if err := printSection(w, &s, fields); err != nil {
			return err
		}
	}
	if equal {
		fmt.Fprint(w, "\nNo difference\n")
	}
	return nil
}

// ofMissingLayer reports whether a field says once more, after the number of its
// patterns, that one of the models has no such layer.
func ofMissingLayer(f field) bool {
	layer, figure := splitMetric(f.name)
	return layer >= 0 && figure != figures[0] && slices.Contains(f.values, nil)
}

func (p program) describe(s *side) string {
	if s.snap.Seq == 0 {
		return records.Title(&s.Run) + " of " + s.Dataset + ", no snapshot"
	}
	return fmt.Sprintf("%s of %s, snapshot %d (%s), %s, row %s, %s", records.Title(&s.Run), s.Dataset, s.snap.Seq, s.snap.Kind,
		records.Samples(s.snap.Samples()), human.Count(s.snap.Row), human.Ago(p.now(), s.snap.Time))
}

// wide is the length from which on values stand below each other: command lines
// and folders, mostly.
const wide = 48

func printSection(w io.Writer, s *section, fields []field) error {
	align := term.Left
	if s.numbers {
		align = term.Right
	}
	columns := []term.Column{{Name: strings.ToUpper(s.name)}, {Name: "A", Align: align}, {Name: "B", Align: align}}
	if s.numbers {
		columns = append(columns, term.Column{Name: "CHANGE", Align: term.Right})
	}
	t := term.NewTable(columns...)
	var below []field
	for _, f := range fields {
		a, b := f.text(0), f.text(1)
		if len(a) > wide || len(b) > wide {
			below = append(below, f)
			continue
		}
		t.Row(f.name, a, b, f.changeText())
	}
	if t.Len() > 0 || len(below) == 0 {
		if err := t.Render(w); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(w, strings.ToUpper(s.name))
	}
	for _, f := range below {
		fmt.Fprintf(w, "%s\n  A  %s\n  B  %s\n", human.Printable(f.name), human.Printable(f.text(0)), human.Printable(f.text(1)))
	}
	return nil
}

// text is a side's value for people.
func (f *field) text(i int) string {
	switch v := f.values[i].(type) {
	case float64:
		if f.name == "target" {
			return target(int64(v))
		}
		return quantity(f.name, v)
	case string:
		if strings.HasSuffix(f.name, "_digest") {
			return human.ShortHash(v)
		}
		return v
	default:
		return records.Setting(v)
	}
}

func (f *field) changeText() string {
	delta, percent := f.change()
	if delta == nil || *delta == 0 || f.name == "target" && f.values[0].(float64)*f.values[1].(float64) == 0 {
		return ""
	}
	sign := "+"
	if *delta < 0 {
		sign = "-"
	}
	text := sign + quantity(f.name, math.Abs(*delta))
	if percent != nil {
		text += fmt.Sprintf(" (%+.1f%%)", *percent)
	}
	return text
}

// printRows prints a row a side: settings that differ, place, rate, and of the
// metrics those of the whole model and each layer's patterns.
func (p program) printRows(w io.Writer, d *comparison, all bool) error {
	fmt.Fprintf(w, "%s\n\n", human.Printable(d.fairness()))
	columns := []term.Column{{Name: "RUN"}}
	cells := make([][]string, len(d.sides))
	for i := range d.sides {
		cells[i] = []string{d.sides[i].ID.Short()}
	}
	add := func(name string, align term.Align, cell func(i int) string) {
		if name == rateMetric {
			name = "rate"
		}
		columns = append(columns, term.Column{Name: strings.ToUpper(name), Align: align})
		for i := range cells {
			cells[i] = append(cells[i], cell(i))
		}
	}
	addFields := func(section string, align term.Align, wanted func(*field) bool) {
		for _, f := range d.section(section).fields {
			if f.name != "dataset" && (all || wanted(&f)) {
				add(f.name, align, f.text)
			}
		}
	}
	if slices.ContainsFunc(d.sides, func(s side) bool { return s.Name != "" }) {
		add("name", term.Left, func(i int) string { return d.sides[i].Name })
	}
	add("dataset", term.Left, func(i int) string { return d.sides[i].Dataset })
	addFields("config", term.Left, func(f *field) bool { return f.differs() })
	add("snapshot", term.Right, func(i int) string { return strconv.FormatUint(d.sides[i].snap.Seq, 10) })
	addFields("progress", term.Right, func(f *field) bool { return f.name == "samples" || f.name == "row" })
	addFields("rate", term.Right, func(f *field) bool { return f.name == rateMetric })
	addFields("metrics", term.Right, func(f *field) bool {
		layer, figure := splitMetric(f.name)
		return layer < 0 || figure == figures[0]
	})
	addFields("environment", term.Left, func(f *field) bool { return f.name == "host" && f.differs() })

	t := term.NewTable(columns...)
	for _, row := range cells {
		t.Row(row...)
	}
	if err := t.Render(w); err != nil {
		return err
	}
	fmt.Fprintln(w, counted(len(d.sides), "run"))
	return nil
}
