package stream

import (
	"bytes"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// TestPageWalk walks over a column chunk in pieces as large as reads are.
func TestPageWalk(t *testing.T) {
	file := asDictParquet(t, pointers(texts(2000)), 2000, parquet.PageBufferSize(256))
	src, _ := far(t, formatParquet, file)
	var want []PageAt // by the reader of the whole
	for _, r := range readN(t, src, Cursor{}, -1) {
		if len(want) == 0 || r.At.Page != want[len(want)-1] {
			want = append(want, r.At.Page)
		}
	}
	p, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	start, end := chunkRange(&p.Metadata().RowGroups[0].Columns[1].MetaData)
	for size := int64(100); size < end-start; size += 77 {
		var w pageWalk
		w.start(PageAt{Offset: start})
		for off := start; off < end; off += size {
			w.see(file[off:min(off+size, end)], off)
		}
		var got []PageAt
		for _, p := range w.pages {
			got = append(got, p.PageAt)
		}
		if !slices.Equal(got, want) || w.next != (PageAt{end, 2000}) {
			t.Fatalf("in pieces of %d: %d pages and then %+v, want %d", size, len(got), w.next, len(want))
		}
	}
}

// FuzzPageWalk walks over a column chunk in pieces of any size, also a damaged
// one: the pages that are found are those of a walk in one piece, or there are
// fewer of them.
func FuzzPageWalk(f *testing.F) {
	texts := pointers(texts(200))
	for _, version := range []int{1, 2} {
		file := asDictParquet(f, texts, 200, parquet.PageBufferSize(256), parquet.DataPageVersion(version))
		p, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			f.Fatal(err)
		}
		start, end := chunkRange(&p.Metadata().RowGroups[0].Columns[1].MetaData)
		f.Add(file[start:end], uint8(7))
		f.Add(file[start:end-20], uint8(255))
		f.Add(file[start+3:end], uint8(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		const at = 4
		var whole, pieces pageWalk
		whole.start(PageAt{Offset: at})
		whole.see(data, at)
		pieces.start(PageAt{Offset: at})
		for off := 0; off < len(data); off += int(piece) + 1 {
			pieces.see(data[off:min(off+int(piece)+1, len(data))], int64(at+off))
		}
		for i, p := range pieces.pages {
			if i >= len(whole.pages) || p != whole.pages[i] {
				t.Fatalf("page %d in pieces of %d is %+v, of %d", i, piece, p, len(whole.pages))
			}
		}
		row := int64(0)
		for _, p := range whole.pages {
			if p.Row != row || p.end <= p.Row || p.Offset < at {
				t.Fatalf("page %+v, though the row behind the one before is %d", p, row)
			}
			if got := pieces.page(row); got != p.PageAt && got != (PageAt{}) {
				t.Fatalf("row %d is in page %+v, want %+v", row, got, p.PageAt)
			}
			row = p.end
		}
	})
}
