package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// parquetBuffer is how many bytes are read at once.
const parquetBuffer = 1 << 20

// parquetFormat is a column of strings in Parquet files. Rows have no byte
// offsets: the footer says which row group a row is in, and the page index, if
// the file has one, in which page.
type parquetFormat struct {
	field   string
	columns []string
}

// openParquetFormat reads the footers of all files, sets how many rows they
// have, and makes sure that each has the columns.
func openParquetFormat(ctx context.Context, field string, columns []string, files []file) (format, error) {
	t := &parquetFormat{field: field, columns: columns}
	for i := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := t.count(&files[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// count reads the footer of f.
func (t *parquetFormat) count(f *file) error {
	r, err := f.open()
	if err != nil {
		return err
	}
	defer r.Close()
	p, err := openParquet(r, f)
	if err != nil {
		return &FormatError{Path: f.path, Reason: "not a whole Parquet file", Err: err}
	}
	if _, err := textLeaf(p, f.path, t.field); err != nil {
		return err
	}
	for _, c := range t.columns {
		if _, err := scalarLeaf(p, f.path, c); err != nil {
			return err
		}
	}
	f.rows = 0
	for _, g := range p.RowGroups() {
		f.rows += g.NumRows()
	}
	return nil
}

// openParquet reads a footer, but no page index: that of the text column is
// read when it is needed.
func openParquet(r io.ReaderAt, f *file) (p *parquet.File, err error) {
	defer recoverParquet(&err)
	p, err = parquet.OpenFile(r, f.id.size,
		parquet.SkipPageIndex(true),
		parquet.SkipBloomFilters(true),
		parquet.OptimisticRead(true),
		parquet.ReadBufferSize(parquetBuffer),
	)
	if err != nil {
		return nil, err
	}
	groups := p.Metadata().RowGroups
	for i := range groups {
		if groups[i].NumRows < 0 {
			return nil, fmt.Errorf("row group %d has %d rows", i, groups[i].NumRows)
		}
		// Writers may leave the ordinals out; the library looks page indexes up by them.
		groups[i].Ordinal = int16(i)
	}
	return p, nil
}

// recoverParquet makes an error of a panic in the library, which damaged files
// can lead to.
func recoverParquet(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("damaged: %v", v)
	}
}

// textLeaf finds the column of the text: strings, at most one a row.
func textLeaf(p *parquet.File, path, name string) (*parquet.Column, error) {
	c, err := scalarLeaf(p, path, name)
	if err != nil {
		return nil, err
	}
	plain := false
	switch logicalType(c).(type) {
	case nil, *pq.StringType, *pq.EnumType, *pq.JsonType:
		plain = true
	}
	if c.Type().Kind() != parquet.ByteArray || !plain {
		return nil, &ColumnError{Path: path, Column: name, Reason: "is " + c.Type().String() + ", not strings", Have: leafNames(p)}
	}
	return c, nil
}

// leaf finds a column with at most one value a row. A column within groups is
// named with dots.
func leaf(p *parquet.File, path, name string) (*parquet.Column, error) {
	for _, c := range leaves(p.Root()) {
		if strings.Join(c.Path(), ".") != name {
			continue
		}
		if c.MaxRepetitionLevel() > 0 {
			return nil, &ColumnError{Path: path, Column: name, Reason: "is a list", Have: leafNames(p)}
		}
		return c, nil
	}
	return nil, &ColumnError{Path: path, Column: name, Reason: "no such column", Have: leafNames(p)}
}

// logicalType returns what the values of a column stand for, nil where that is
// what they are stored as.
func logicalType(c *parquet.Column) any {
	if l := c.Type().LogicalType(); l != nil && l.Value != nil {
		return l.Value
	}
	return nil
}

func leaves(c *parquet.Column) []*parquet.Column {
	if c.Leaf() {
		return []*parquet.Column{c}
	}
	var all []*parquet.Column
	for _, child := range c.Columns() {
		all = append(all, leaves(child)...)
	}
	return all
}

func leafNames(p *parquet.File) []string {
	var names []string
	for _, c := range leaves(p.Root()) {
		names = append(names, strings.Join(c.Path(), "."))
	}
	slices.Sort(names)
	return names
}

func (t *parquetFormat) open(r io.ReaderAt, f *file, at Position) (fileRows, error) {
	if at.FileRow > f.rows || at.Offset != 0 {
		return nil, &ProofError{At: at, Reason: "is not in " + f.path}
	}
	p, err := openParquet(r, f)
	if err != nil {
		return nil, err
	}
	text, err := textLeaf(p, f.path, t.field)
	if err != nil {
		return nil, err
	}
	rows := &parquetRows{text: newColumnReader(p, text), left: f.rows - at.FileRow}
	for _, name := range t.columns {
		c, err := scalarLeaf(p, f.path, name)
		if err != nil {
			return nil, err
		}
		rows.names = append(rows.names, name)
		rows.columns = append(rows.columns, newColumnReader(p, c))
		rows.convert = append(rows.convert, converter(c))
	}
	if rows.left == 0 {
		return rows, nil
	}
	for _, c := range append(rows.columns, rows.text) {
		if err := c.seek(at.FileRow); err != nil {
			return nil, errors.Join(err, rows.close())
		}
	}
	return rows, nil
}

func (*parquetFormat) find(_ context.Context, _ io.ReaderAt, f *file, n int64) (off, rows int64, err error) {
	return 0, min(n, f.rows), nil
}

// parquetRows yields the rows of one file, group by group.
type parquetRows struct {
	text    *columnReader
	names   []string // of columns
	columns []*columnReader
	convert []func(parquet.Value) []byte
	left    int64 // rows to come
}

func (t *parquetRows) next(_ context.Context, r *Row) error {
	if t.left == 0 {
		return io.EOF
	}
	v, err := t.text.next()
	if err != nil {
		return err
	}
	r.Columns = nil
	if len(t.columns) > 0 {
		if r.Columns, err = t.others(); err != nil {
			return err
		}
	}
	t.left--
	if v.IsNull() {
		r.raw, r.sum = nil, nullSum
		r.drop(ReasonNull)
		return nil
	}
	text := v.ByteArray()
	r.hold(text)
	r.classify(text)
	return nil
}

func (t *parquetRows) offset() int64 { return 0 }
func (t *parquetRows) more() bool    { return t.left > 0 }

func (t *parquetRows) close() error {
	err := t.text.close()
	for _, c := range t.columns {
		err = errors.Join(err, c.close())
	}
	return err
}
