package term

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"pgregory.net/rapid"
)

// failing is a writer that returns err.
type failing struct {
	err   error
	calls int
}

func (f *failing) Write([]byte) (int, error) { f.calls++; return 0, f.err }

func render(t interface{ Fatal(...any) }, table *Table) string {
	var b strings.Builder
	if err := table.Render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTable(t *testing.T) {
	table := NewTable(Column{Name: "RUN"}, Column{Name: "next_row", Align: Right}, Column{Name: "NAME"}, Column{Name: "SIZE", Align: Right}, Column{Name: "STATUS"})
	table.Row("01K…7Q3M", "30,612", "日本語", "1.2 MB", "completed")
	table.Row("01K…0000", "7", "🚀 é", "999 B")
	table.Row("a\x1b[31mb", "", "two\nlines", "0 B", "x", "one too many")
	want := strings.Join([]string{
		`RUN         next_row  NAME          SIZE  STATUS`,
		`01K…7Q3M      30,612  日本語      1.2 MB  completed`,
		`01K…0000           7  🚀 é         999 B`,
		`a\x1b[31mb            two\nlines     0 B  x`,
	}, "\n") + "\n"
	if diff := cmp.Diff(want, render(t, table)); diff != "" {
		t.Error(diff)
	}
	if table.Len() != 3 {
		t.Errorf("Len = %d", table.Len())
	}
}

func TestTableWithoutRows(t *testing.T) {
	if got := render(t, NewTable(Column{Name: "RUN"}, Column{Name: "ROW", Align: Right})); got != "RUN  ROW\n" {
		t.Errorf("%q", got)
	}
}

func TestTableSaysThatItCouldNotBeWritten(t *testing.T) {
	full := errors.New("disk full")
	table := NewTable(Column{Name: "RUN"})
	table.Row("x")
	if err := table.Render(&failing{err: full}); !errors.Is(err, full) {
		t.Errorf("Render: %v", err)
	}
}

// Whatever is in the cells: one line a row, no blanks at its end, and the
// second column begins in the same place on each.
func TestTableKeepsItsColumns(t *testing.T) {
	cell := rapid.OneOf(rapid.StringMatching(`[a-z0-9,.]{0,9}`), rapid.SampledFrom([]string{"日本", "é", "a\nb", "\x1b[0m", "_x_", "…"}))
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(Column{Name: "A"}, Column{Name: "B"}, Column{Name: "C", Align: Right})
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 0, 3), 0, 8).Draw(t, "rows")
		for _, r := range rows {
			// A mark shows where the second column begins.
			if len(r) > 1 {
				r[1] = "|" + r[1]
			}
			table.Row(r...)
		}
		lines := strings.Split(strings.TrimSuffix(render(t, table), "\n"), "\n")
		if len(lines) != 1+len(rows) {
			t.Fatalf("%d lines for %d rows: %q", len(lines), len(rows), lines)
		}
		column := -1
		for _, line := range lines {
			if strings.TrimRight(line, " ") != line {
				t.Fatalf("blanks at the end of %q", line)
			}
			before, _, ok := strings.Cut(line, "|")
			if !ok {
				continue
			}
			if at := twwidth.Width(before); column >= 0 && at != column {
				t.Fatalf("column at %d and at %d:\n%s", column, at, strings.Join(lines, "\n"))
			} else {
				column = at
			}
		}
	})
}

func BenchmarkTable(b *testing.B) {
	for b.Loop() {
		table := NewTable(Column{Name: "RUN"}, Column{Name: "DATASET"}, Column{Name: "SAMPLES", Align: Right}, Column{Name: "STATUS"})
		for range 50 {
			table.Row("01K…7Q3M", "wikitext", "20,000", "completed")
		}
		if err := table.Render(&strings.Builder{}); err != nil {
			b.Fatal(err)
		}
	}
}
