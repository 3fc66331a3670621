package stream

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ckptledger/stream/unpack"

	"github.com/parquet-go/parquet-go"
)

// parquetFormat is a column of strings in Parquet files. Rows have no byte
// offsets: the footer says which row group a row is in, and the position or,
// if the file has one, the page index in which page.
type parquetFormat struct {
	field   string
	columns []string
	footers footers
}

// openParquetFormat reads the footers of the files that are near, up to the first
// one that is not, which tells how many rows they have; and that of the first
// file wherever it is, if it is not known that it has the columns.
func openParquetFormat(ctx context.Context, field string, columns []string, files []*file, known bool) (format, error) {
	t := &parquetFormat{field: field, columns: columns}
	for i, f := range files {
		if !f.near() && (i > 0 || known) {
			break
		}
		if err := t.count(ctx, f); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// count reads the footer of f.
func (t *parquetFormat) count(ctx context.Context, f *file) error {
	b, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = t.footer(ctx, b, f)
	return err
}

// A parquetFile is a footer, and the columns that are wanted of the file.
type parquetFile struct {
	*parquet.File
	text    *parquet.Column
	columns []*parquet.Column
}

// footer reads the footer of f, learns how many rows the file has, and finds
// the columns in it.
func (t *parquetFormat) footer(ctx context.Context, b blob, f *file) (*parquetFile, error) {
	file, err := t.footers.open(ctx, b, f)
	if err != nil {
		return nil, err
	}
	p := &parquetFile{File: file}
	if p.text, err = textLeaf(file, f.name(), t.field); err != nil {
		return nil, err
	}
	for _, name := range t.columns {
		c, err := scalarLeaf(file, f.name(), name)
		if err != nil {
			return nil, err
		}
		p.columns = append(p.columns, c)
	}
	rows := int64(0)
	for _, g := range file.Metadata().RowGroups {
		rows += g.NumRows
	}
	f.learn(rows)
	return p, nil
}

// recoverParquet makes an error of a panic in the library, which damaged files
// can lead to.
func recoverParquet(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("damaged: %v", v)
	}
}

func (t *parquetFormat) open(ctx context.Context, b blob, f *file, at Position, _ *unpack.Point) (r fileRows, err error) {
	defer recoverParquet(&err)
	p, err := t.footer(ctx, b, f)
	if err != nil {
		return nil, err
	}
	total := f.rows()
	if at.FileRow > total || at.Offset != 0 {
		return nil, &ProofError{At: at, Reason: "is not in " + f.name()}
	}
	rows := &parquetRows{text: newColumnReader(b, p.File, p.text), names: t.columns, total: total, left: total - at.FileRow}
	rows.text.track()
	for _, c := range p.columns {
		rows.columns = append(rows.columns, newColumnReader(b, p.File, c))
		rows.convert = append(rows.convert, converter(p.File, c))
	}
	if rows.left == 0 {
		return rows, nil
	}
	err = rows.text.seek(ctx, at.FileRow, at.Page)
	for _, c := range rows.columns {
		if err == nil {
			err = c.seek(ctx, at.FileRow, PageAt{})
		}
	}
	if errors.Is(err, errPage) {
		err = misplaced(at, err)
	}
	if err != nil {
		return nil, errors.Join(err, rows.close())
	}
	return rows, nil
}

func (t *parquetFormat) find(ctx context.Context, b blob, f *file, n int64) (fileRows, Position, error) {
	if f.rows() < 0 {
		if _, err := t.footer(ctx, b, f); err != nil {
			return nil, Position{}, err
		}
	}
	at := Position{FileRow: min(n, f.rows())}
	rows, err := t.open(ctx, b, f, at, nil)
	return rows, at, err
}

// parquetRows yields the rows of one file, group by group.
type parquetRows struct {
	text    *columnReader
	names   []string // of columns
	columns []*columnReader
	convert []func(parquet.Value) []byte
	total   int64
	left    int64 // rows to come
}

func (t *parquetRows) next(ctx context.Context, r *Row) error {
	if t.left == 0 {
		return io.EOF
	}
	v, err := t.text.next(ctx)
	if errors.Is(err, errPage) {
		return misplaced(r.At, err)
	}
	if err != nil {
		return err
	}
	r.Columns = nil
	if len(t.columns) > 0 {
		if r.Columns, err = t.others(ctx); err != nil {
			return err
		}
	}
	row := t.total - t.left
	r.At.Page = t.text.walk.page(row)
	if t.text.left > 0 {
		r.Next.Page = t.text.walk.page(row + 1)
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

// misplaced is the error of a position whose page is none.
func misplaced(at Position, err error) error {
	return &ProofError{At: at, Reason: err.Error()}
}

func (t *parquetRows) more() bool { return t.left > 0 }

// ending holds in the last tenth of the rows: how many bytes they have is not
// known.
func (t *parquetRows) ending() bool { return t.left <= t.total/10 }

func (t *parquetRows) close() error {
	err := t.text.close()
	for _, c := range t.columns {
		err = errors.Join(err, c.close())
	}
	return err
}
