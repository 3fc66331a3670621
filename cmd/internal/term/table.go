package term

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"ckptledger/cmd/internal/human"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Align says to which side of its column a cell goes.
type Align uint8

// Text goes to the left and numbers to the right.
const (
	Left Align = iota
	Right
)

// A Column is one column of a Table.
type Column struct {
	Name  string // printed as it is given; upper case by custom
	Align Align
}

// A Table is rows under column names, without boxes: two spaces between the
// columns and no blanks at the end of a line.
type Table struct {
	columns []Column
	rows    [][]string
}

// NewTable returns a Table with these columns and no rows.
func NewTable(columns ...Column) *Table { return &Table{columns: columns} }

// Row adds a row. Cells that are missing are empty. Control characters in a
// cell are written as escapes, so that a row is always one line.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(t.columns))
	for i := range row[:min(len(row), len(cells))] {
		row[i] = human.Printable(cells[i])
	}
	t.rows = append(t.rows, row)
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Render writes the table. One without rows is its column names.
func (t *Table) Render(w io.Writer) error {
	names := make([]string, len(t.columns))
	aligns := make([]tw.Align, len(t.columns))
	for i, c := range t.columns {
		names[i], aligns[i] = c.Name, tw.AlignLeft
		if c.Align == Right {
			aligns[i] = tw.AlignRight
		}
	}
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone},
		Alignment:  tw.CellAlignment{PerColumn: aligns},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: "  ", Overwrite: true}},
	}
	var lines bytes.Buffer
	table := tablewriter.NewTable(&lines,
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells}),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{
				Lines:      tw.LinesNone,
				Separators: tw.SeparatorsNone,
			},
		})))
	table.Header(names)
	if err := table.Bulk(t.rows); err != nil {
		return fmt.Errorf("lay out table: %w", err)
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("lay out table: %w", err)
	}
	// The library pads the last column too.
	out := bufio.NewWriter(w)
	for line := range bytes.Lines(lines.Bytes()) {
		out.Write(bytes.TrimRight(line, " \n"))
		out.WriteByte('\n')
	}
	return out.Flush()
}
