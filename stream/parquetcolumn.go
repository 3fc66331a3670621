package stream

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// A columnReader yields the values of one flat column of a file, one a row.
type columnReader struct {
	file   *parquet.File
	leaf   int   // index of the column
	group  int   // that is read
	left   int64 // rows of the group to come
	pages  parquet.Pages
	page   parquet.Page // the one that values is of; kept until all its rows are passed
	values parquet.ValueReader
	buf    []parquet.Value
	ready  []parquet.Value // of buf, to hand out
}

func newColumnReader(f *parquet.File, c *parquet.Column) *columnReader {
	return &columnReader{file: f, leaf: c.Index(), buf: make([]parquet.Value, 256)}
}

// seek makes row, counted from the start of the file, the next one. It is
// called once, before next, and with a row that there is.
func (c *columnReader) seek(row int64) error {
	groups := c.file.RowGroups()
	for row >= groups[c.group].NumRows() {
		row -= groups[c.group].NumRows()
		c.group++
	}
	return c.enter(row)
}

// enter opens the group at one of its rows.
func (c *columnReader) enter(row int64) (err error) {
	defer recoverParquet(&err)
	g := c.file.RowGroups()[c.group]
	chunk := g.ColumnChunks()[c.leaf]
	c.left = g.NumRows() - row
	if row > 0 && c.group == int(int16(c.group)) { // the library counts groups in 16 bits
		// Loads the page index. Where there is none, the library decodes the
		// pages before the row.
		if _, err := chunk.OffsetIndex(); err != nil && !errors.Is(err, parquet.ErrMissingOffsetIndex) {
			return fmt.Errorf("page index of row group %d: %w", c.group, err)
		}
	}
	c.pages = chunk.Pages()
	if row > 0 {
		if err := c.pages.SeekToRow(row); err != nil {
			return fmt.Errorf("seek to row %d of row group %d: %w", row, c.group, err)
		}
	}
	return nil
}

// next returns the value of the next row, valid until the next call. There has
// to be one.
func (c *columnReader) next() (parquet.Value, error) {
	for len(c.ready) == 0 {
		if err := c.fill(); err != nil {
			return parquet.Value{}, err
		}
	}
	v := c.ready[0]
	c.ready = c.ready[1:]
	c.left--
	return v, nil
}

// fill makes values ready, if need be of the next page or row group.
func (c *columnReader) fill() (err error) {
	defer recoverParquet(&err)
	for c.left == 0 {
		if err := c.leave(); err != nil {
			return err
		}
		if c.group++; c.group == len(c.file.RowGroups()) {
			return fmt.Errorf("fewer rows than the footer says: %w", io.ErrUnexpectedEOF)
		}
		if err := c.enter(0); err != nil {
			return err
		}
	}
	if c.values == nil {
		page, err := c.pages.ReadPage()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // rows are left
		}
		if err != nil {
			return fmt.Errorf("page of row group %d: %w", c.group, err)
		}
		c.page, c.values = page, page.Values()
	}
	n, err := c.values.ReadValues(c.buf[:min(int64(len(c.buf)), c.left)])
	switch {
	case n > 0:
		c.ready = c.buf[:n]
	case err == io.EOF:
		c.drop()
	case err != nil:
		return fmt.Errorf("values of row group %d: %w", c.group, err)
	default:
		return fmt.Errorf("values of row group %d: %w", c.group, io.ErrNoProgress)
	}
	return nil
}

// drop gives back the page, all of whose values were handed out.
func (c *columnReader) drop() {
	parquet.Release(c.page)
	c.page, c.values = nil, nil
}

// leave closes the group.
func (c *columnReader) leave() error {
	if c.page != nil {
		c.drop()
	}
	if c.pages == nil {
		return nil
	}
	err := c.pages.Close()
	c.pages = nil
	return err
}

func (c *columnReader) close() error { return c.leave() }
