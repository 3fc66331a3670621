package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// layout notes how the text of a file is laid out.
func (f pyarrowFile) layout(t *testing.T, data []byte, seen map[string]bool) {
	t.Helper()
	p, c := f.column(t, data)
	for _, g := range p.Metadata().RowGroups {
		chunk := &g.Columns[c.Index()]
		seen[chunk.MetaData.Codec.String()] = true
		seen[fmt.Sprintf("page index: %t", chunk.OffsetIndexLength > 0)] = true
		if chunk.MetaData.BloomFilterOffset > 0 {
			seen["Bloom filter"] = true
		}
		if g.NumRows == 0 {
			seen["empty group"] = true
		}
		encodings := map[pq.Encoding]bool{}
		for _, page := range pagesOf(t, data, &chunk.MetaData) {
			switch h := page.header; h.Type {
			case pq.DataPage:
				encodings[h.DataPageHeader.V.Encoding] = true
				seen["v1 "+h.DataPageHeader.V.Encoding.String()] = true
			case pq.DataPageV2:
				encodings[h.DataPageHeaderV2.V.Encoding] = true
				seen["v2 "+h.DataPageHeaderV2.V.Encoding.String()] = true
			}
		}
		if encodings[pq.Plain] && encodings[pq.RLEDictionary] {
			seen["dictionary, then plain"] = true
		}
	}
}

// column opens a file and finds the text.
func (f pyarrowFile) column(t *testing.T, data []byte) (*parquet.File, *parquet.Column) {
	t.Helper()
	p, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)), parquet.SkipPageIndex(true))
	if err != nil {
		t.Fatal(err)
	}
	c, err := textLeaf(p, f.Path, f.Field)
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// A pageOf is one page of a column chunk: where it is, and behind its header.
type pageOf struct {
	header pq.PageHeader
	extent
	body int64
}

func pagesOf(t *testing.T, data []byte, m *pq.ColumnMetaData) (all []pageOf) {
	t.Helper()
	for off, end := chunkRange(m); off < end; {
		header, size, err := pageHeader(data[off:end])
		if err != nil {
			t.Fatal(err)
		}
		body := off + int64(size)
		next := body + int64(header.CompressedPageSize)
		all = append(all, pageOf{header, extent{off, next}, body})
		off = next
	}
	return all
}

// damage flips bits of a page of the text, and reads from the start and from some
// row on. Where pages have checksums, no row is another than before and the damage
// is an error; where they have none, there is no end before the last row.
func (f pyarrowFile) damage(t *testing.T, data []byte, full []record, r *rand.Rand) {
	t.Helper()
	pages := f.pages(t, data)
	page := pages[r.IntN(len(pages))]
	at := page.start + r.Int64N(page.end-page.start)
	bad := bytes.Clone(data)
	bad[at] ^= byte(1 + r.IntN(255))
	src, _ := farSpec(t, f.spec(), formatParquet, bad)
	for _, c := range []Cursor{{}, {Next: full[r.IntN(len(full))].At}} {
		reader, err := src.Open(context.Background(), c)
		i := c.Next.Row
		for ; err == nil; i++ {
			var row *Row
			if row, err = reader.Next(context.Background()); err != nil {
				break
			}
			if got := keep(row); f.Checked && (got.Text != full[i].Text || got.Null != full[i].Null) {
				t.Fatalf("damaged at byte %d, from row %d: row %d is %.80q", at, c.Next.Row, i, got.Text)
			}
		}
		if err == io.EOF && (f.Checked && c.Next == (Position{}) || i != int64(len(full))) {
			t.Errorf("damaged at byte %d, from row %d: ends with row %d of %d", at, c.Next.Row, i, len(full))
		}
		if reader != nil {
			reader.Close()
		}
	}
}

// pages returns where the pages of the text are, without their headers where
// checksums are of the data alone.
func (f pyarrowFile) pages(t *testing.T, data []byte) (all []extent) {
	t.Helper()
	p, c := f.column(t, data)
	for _, g := range p.Metadata().RowGroups {
		for _, page := range pagesOf(t, data, &g.Columns[c.Index()].MetaData) {
			if f.Checked {
				page.start = page.body
			}
			if page.start < page.end {
				all = append(all, page.extent)
			}
		}
	}
	return all
}
