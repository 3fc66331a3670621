package stream

import (
	"bytes"
	"context"
	"maps"
)

// batchBytes is how many bytes of records end a batch before it has all its rows.
const batchBytes = 1 << 20

// A Batch holds copies of rows that follow on each other, so that they can be
// worked on while the Reader goes on. Its memory is used again.
type Batch struct {
	rows  []Row
	bytes arena
}

// Read replaces the rows of the batch by the next ones of r: n of them, fewer
// where these come to a MiB. An error that comes behind rows is left to the next
// call: a Reader returns it again.
func (b *Batch) Read(ctx context.Context, r Reader, n int) error {
	clear(b.rows)
	b.rows = b.rows[:0]
	b.bytes.reset()
	for size := 0; len(b.rows) < n && size < batchBytes; {
		row, err := r.Next(ctx)
		if err != nil {
			if len(b.rows) > 0 {
				return nil
			}
			return err
		}
		b.rows = append(b.rows, b.copy(row))
		size += len(row.raw)
	}
	return nil
}

// Rows returns the rows of the batch, which are good until the next Read.
func (b *Batch) Rows() []Row { return b.rows }

func (b *Batch) copy(row *Row) Row {
	c := *row
	c.raw = b.bytes.keep(row.raw)
	if same(row.raw, row.Text) {
		c.Text = c.raw
	} else {
		c.Text = b.bytes.keep(row.Text)
	}
	c.Columns = maps.Clone(row.Columns)
	for name, value := range c.Columns {
		c.Columns[name] = bytes.Clone(value)
	}
	return c
}
