package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	pq "github.com/parquet-go/parquet-go/format"
)

// errPage is wrapped by the errors of a page that a position names and that is
// not there.
var errPage = errors.New("is not in the page that the cursor names")

// A columnReader yields the values of one flat column of a file, one a row.
type columnReader struct {
	file  *parquet.File
	leaf  int // index of the column
	scan  *columnScan
	lz4   bool      // whether the pages are compressed with LZ4
	walk  *pageWalk // told of the pages; nil: nobody asks
	group int       // that is read
	first int64     // row of the file that the group starts with
	left  int64     // rows of the group to come

	named  bool // the pages start at one that a position named, and no value came of it yet
	pages  parquet.Pages
	page   parquet.Page // the one that values is of; kept until all its rows are passed
	values parquet.ValueReader
	buf    []parquet.Value
	ready  []parquet.Value // of buf, to hand out
}

func newColumnReader(b blob, f *parquet.File, c *parquet.Column) *columnReader {
	codec := c.Compression() // nil in a file without row groups
	return &columnReader{
		file: f,
		leaf: c.Index(),
		scan: newColumnScan(b, f, c.Index()),
		lz4:  codec != nil && codec.CompressionCodec() == pq.Lz4Raw,
		buf:  make([]parquet.Value, 256),
	}
}

// track has the pages remembered that are read.
func (c *columnReader) track() {
	c.walk = new(pageWalk)
	c.scan.see = c.walk.see
}

// seek makes row, counted from the start of the file, the next one. at is the
// page it is in, if that is known. seek is called once, before next, and with a
// row that there is.
func (c *columnReader) seek(ctx context.Context, row int64, at PageAt) error {
	groups := c.file.RowGroups()
	for row >= c.first+groups[c.group].NumRows() {
		c.first += groups[c.group].NumRows()
		c.group++
	}
	c.scan.ctx = ctx
	return c.enter(row, at)
}

// enter opens the group at one of its rows, which are counted from the start of
// the file.
//
// The library knows the pages of a chunk by its page index alone, and without
// one reads all those before the row. So it is told that the chunk starts with
// the page of the row, wherever that is known from.
func (c *columnReader) enter(row int64, at PageAt) (err error) {
	defer recoverParquet(&err)
	g := c.file.RowGroups()[c.group]
	c.left = c.first + g.NumRows() - row
	chunk := &c.file.Metadata().RowGroups[c.group].Columns[c.leaf]
	c.named = at != PageAt{}
	if !c.named && row > c.first {
		if at, err = c.lookUp(chunk, row); err != nil {
			return fmt.Errorf("page index of row group %d: %w", c.group, err)
		}
	}
	meta := &chunk.MetaData
	start, end := chunkRange(meta)
	if at == (PageAt{}) {
		at = PageAt{Offset: start, Row: c.first}
		if row > c.first {
			at.Offset = meta.DataPageOffset // the library steps over a dictionary to seek
		}
	}
	if at.Row < c.first || at.Row > row || at.Offset < start || at.Offset >= end {
		if c.named {
			return errPage
		}
		return fmt.Errorf("row group %d: row %d in a page at byte %d of [%d, %d)", c.group, at.Row, at.Offset, start, end)
	}
	if c.walk != nil {
		c.walk.start(at)
	}
	if c.lz4 {
		c.scan.guard = &lz4Guard{next: at.Offset}
	}
	c.scan.seek(at.Offset)
	if meta.DictionaryPageOffset != 0 {
		c.scan.keep(extent{start, meta.DataPageOffset})
	}
	was := *meta
	defer func() { *meta = was }()
	if at.Offset > start {
		if hasDictionary(meta) {
			meta.DictionaryPageOffset = start
		} else {
			meta.TotalCompressedSize = end - at.Offset
		}
		meta.DataPageOffset = at.Offset
	}
	pages := g.ColumnChunks()[c.leaf].(*parquet.FileColumnChunk).PagesFrom(c.scan)
	c.pages = pages
	if at.Offset > start || row > at.Row {
		if err := pages.SeekToRow(row - at.Row); err != nil {
			return fmt.Errorf("seek to row %d of row group %d: %w", row-c.first, c.group, err)
		}
	}
	return nil
}

// chunkRange returns where the bytes of a column chunk are.
func chunkRange(m *pq.ColumnMetaData) (start, end int64) {
	start = m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		start = m.DictionaryPageOffset
	}
	return start, start + m.TotalCompressedSize
}

// hasDictionary reports whether the chunk starts with a dictionary, the place
// of which some writers do not tell.
func hasDictionary(m *pq.ColumnMetaData) bool {
	return m.DictionaryPageOffset != 0 || slices.ContainsFunc(m.Encoding, func(e pq.Encoding) bool {
		return e == pq.RLEDictionary || e == plainDictionary
	})
}

// plainDictionary is what older files call pq.RLEDictionary; writers must not
// any more, so the library's name for it is deprecated.
const plainDictionary pq.Encoding = 2

// maxPageIndex is the longest page index of a chunk that is read, in bytes.
const maxPageIndex = 64 << 20

// lookUp returns the page of a row from the page index of its chunk; no page if
// there is none.
func (c *columnReader) lookUp(chunk *pq.ColumnChunk, row int64) (at PageAt, err error) {
	off, size := chunk.OffsetIndexOffset, int64(chunk.OffsetIndexLength)
	if off <= 0 || size <= 0 || size > maxPageIndex {
		return at, nil
	}
	data := make([]byte, size)
	if n, err := c.scan.once(data, off); n < len(data) {
		return at, err
	}
	var protocol thrift.CompactProtocol
	var index pq.OffsetIndex
	if err := thrift.Unmarshal(&protocol, data, &index); err != nil {
		return at, err
	}
	for _, p := range index.PageLocations {
		if p.FirstRowIndex > row-c.first {
			break
		}
		at = PageAt{Offset: p.Offset, Row: c.first + p.FirstRowIndex}
	}
	return at, nil
}

// next returns the value of the next row, valid until the next call. There has
// to be one.
func (c *columnReader) next(ctx context.Context) (parquet.Value, error) {
	for len(c.ready) == 0 {
		c.scan.ctx = ctx
		if err := c.fill(); err != nil {
			if c.named && c.scan.failed == nil {
				err = fmt.Errorf("%w: %w", errPage, err)
			}
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
		c.first += c.file.RowGroups()[c.group].NumRows()
		if c.group++; c.group == len(c.file.RowGroups()) {
			return fmt.Errorf("fewer rows than the footer says: %w", io.ErrUnexpectedEOF)
		}
		if err := c.enter(c.first, PageAt{}); err != nil {
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
		c.named = false
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

func (c *columnReader) close() error { return errors.Join(c.leave(), c.scan.close()) }
