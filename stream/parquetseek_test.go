package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	pq "github.com/parquet-go/parquet-go/format"
)

// What a resume may read of one shard.
const (
	mostReads = 4
	mostBytes = 4 << 20
)

// dictRow is pqRow with a dictionary.
type dictRow struct {
	ID   int64   `parquet:"id"`
	Text *string `parquet:"text,optional,dict"`
}

// asDictParquet is asParquet with a dictionary.
func asDictParquet(t testing.TB, texts []*string, group int, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[dictRow](&b, append([]parquet.WriterOption{parquet.MaxRowsPerRowGroup(int64(group))}, options...)...)
	rows := make([]dictRow, len(texts))
	for i, s := range texts {
		rows[i] = dictRow{int64(i), s}
	}
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// resume goes on behind a row in a process of its own, in files far away, and
// returns what that read of each file until the next row was there.
func resume(t testing.TB, kind string, last, want record, data ...[]byte) []*memory {
	t.Helper()
	src, files := far(t, kind, data...)
	got := readN(t, src, after(t, last), 1)
	if len(got) != 1 {
		t.Fatalf("behind row %d: no row", last.At.Row)
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("behind row %d: %s", last.At.Row, diff)
	}
	return files
}

// TestParquetResumeCost resumes in files of all layouts, near their start and
// far behind it: at the same price, with a page index and without.
func TestParquetResumeCost(t *testing.T) {
	const rows = 6000
	all := make([]*string, rows)
	for i := range all {
		if i%13 != 5 {
			s := fmt.Sprintf("row %d of a file that is laid out in one of many ways", i%4001)
			all[i] = &s
		}
	}
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Zstd, &parquet.Gzip} {
		for version := 1; version <= 2; version++ {
			for _, group := range []int{rows, 1000} {
				for _, dict := range []bool{false, true} {
					name := fmt.Sprintf("%s, v%d, groups of %d, dictionary %t", codec, version, group, dict)
					options := []parquet.WriterOption{parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(5 << 10)}
					data := asParquet(t, all, group, options...)
					if dict {
						data = asDictParquet(t, all, group, options...)
					}
					for _, data := range [][]byte{data, withoutPageIndex(t, data)} {
						src, _ := far(t, formatParquet, data)
						full := readN(t, src, Cursor{}, -1)
						pages := map[PageAt]bool{}
						for i, r := range full {
							if (all[i] == nil) != r.Null || all[i] != nil && *all[i] != r.Text {
								t.Fatalf("%s: row %d is %+v", name, i, r)
							}
							pages[r.At.Page] = true
						}
						if pages[PageAt{}] || len(pages) < 10 {
							t.Fatalf("%s: %d pages", name, len(pages))
						}
						for _, k := range []int{1, 999, 1000, rows / 2, rows - 1} {
							f := resume(t, formatParquet, full[k-1], full[k], data)[0]
							if f.reads > mostReads {
								t.Errorf("%s: %d reads of %d bytes to resume at row %d", name, f.reads, f.bytes, k)
							}
						}
					}
				}
			}
		}
	}
}

// TestParquetResumeBytes resumes in files so large that nothing but the page
// can be read.
func TestParquetResumeBytes(t *testing.T) {
	const rows = 1_800_000
	all := make([]*string, rows)
	lines := make([]string, 20_000)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d", i)
	}
	for i := range all {
		all[i] = &lines[(i*7919)%len(lines)] // in an order that compresses badly
	}
	small := asParquet(t, pointers(texts(100)), 50)
	for name, data := range map[string][]byte{
		"plain":      asParquet(t, all, rows, parquet.PageBufferSize(parquet.DefaultPageBufferSize)),
		"dictionary": asDictParquet(t, all, rows, parquet.Compression(&parquet.Uncompressed)),
	} {
		bare := withoutPageIndex(t, data) // the pages are where they were
		src, _ := far(t, formatParquet, bare)
		r, err := src.Open(context.Background(), Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		kept := map[int]record{999: {}, 1000: {}, 1_499_999: {}, 1_500_000: {}, rows - 1: {}}
		for i := range rows {
			row, err := r.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := kept[i]; ok {
				kept[i] = keep(row)
			}
		}
		r.Close()
		for _, indexed := range []bool{true, false} {
			if !indexed {
				data = bare
			}
			for _, k := range []int{1000, 1_500_000} {
				f := resume(t, formatParquet, kept[k-1], kept[k], data)[0]
				t.Logf("%s, index %t: row %d of a file of %d bytes: %d reads, %d bytes", name, indexed, k, len(data), f.reads, f.bytes)
				if f.reads > mostReads || f.bytes > mostBytes {
					t.Errorf("%s, index %t: %d reads of %d bytes to resume at row %d", name, indexed, f.reads, f.bytes, k)
				}
			}

			src, _ = far(t, formatParquet, data, small)
			end := kept[rows-1]
			end.Next = Position{Row: rows, File: 1} // as it is where another file follows
			files := resume(t, formatParquet, end, readN(t, src, after(t, end), 1)[0], data, small)
			if n, size := files[0].reads+files[1].reads, files[0].bytes+files[1].bytes; n > 2*mostReads || files[0].bytes > mostBytes {
				t.Errorf("%s, index %t: %d reads of %d bytes to resume where a file ends", name, indexed, n, size)
			}
		}
	}
}

// TestParquetWrongPage resumes with a page that is another, or none.
func TestParquetWrongPage(t *testing.T) {
	all := texts(3000)
	data := withoutPageIndex(t, asParquet(t, pointers(all), 1000, parquet.PageBufferSize(4<<10)))
	src, _ := far(t, formatParquet, data)
	full := readN(t, src, Cursor{}, -1)
	good := full[1500].At.Page
	for _, page := range []PageAt{
		{Offset: good.Offset + 1, Row: good.Row},
		{Offset: full[2500].At.Page.Offset, Row: full[2500].At.Page.Row},
		{Offset: full[500].At.Page.Offset, Row: full[500].At.Page.Row},
		{Offset: full[1200].At.Page.Offset, Row: good.Row},
		{Offset: good.Offset, Row: good.Row - 1},
		{Offset: good.Offset, Row: good.Row + 1},
		{Offset: 1 << 60, Row: good.Row},
		{Offset: -1},
		{Offset: 4, Row: 1499},
	} {
		c := after(t, full[1500])
		c.Last.At.Page = page
		var proof *ProofError
		if r, err := src.Open(context.Background(), c); !errors.As(err, &proof) || r != nil {
			t.Errorf("page %+v: %v", page, err)
		}
	}
	c := after(t, full[1500])
	c.Last.At.Page, c.Next.Page = PageAt{}, PageAt{} // as older versions wrote it
	if got := readN(t, src, c, 1); got[0] != full[1501] {
		t.Errorf("without a page: %+v", got[0])
	}
}

// TestParquetUntoldDictionary resumes in a file whose footer does not say where
// the dictionary is, as some writers leave it.
func TestParquetUntoldDictionary(t *testing.T) {
	all := make([]*string, 4000)
	for i := range all {
		s := fmt.Sprintf("one of 500 texts, number %d", i%500)
		all[i] = &s
	}
	told := asDictParquet(t, all, 2000, parquet.PageBufferSize(1<<10))
	untold := editFooter(t, told, func(md *pq.FileMetaData) {
		for i := range md.RowGroups {
			m := &md.RowGroups[i].Columns[1].MetaData
			m.DataPageOffset, m.DictionaryPageOffset = m.DictionaryPageOffset, 0
		}
	})
	for _, data := range [][]byte{untold, withoutPageIndex(t, untold)} {
		src, _ := far(t, formatParquet, data)
		full := readN(t, src, Cursor{}, -1)
		for _, k := range []int{1, 700, 1999, 2000, 2001, 3999} {
			if f := resume(t, formatParquet, full[k-1], full[k], data)[0]; f.reads > mostReads {
				t.Errorf("%d reads to resume at row %d", f.reads, k)
			}
			c := Cursor{Next: Position{Row: int64(k)}, OnlyRow: true}
			if got := readN(t, src, c, 1); got[0] != full[k] {
				t.Errorf("row %d is %+v, want %+v", k, got[0], full[k])
			}
		}
	}
}

// TestParquetRowAlone finds a row by its number in a file with a dictionary and
// without a page index: from there on the pages are known as ever.
func TestParquetRowAlone(t *testing.T) {
	all := make([]*string, 4000)
	for i := range all {
		s := fmt.Sprintf("one of 500 texts, number %d", i%500)
		all[i] = &s
	}
	data := withoutPageIndex(t, asDictParquet(t, all, 2000, parquet.PageBufferSize(1<<10)))
	src, _ := far(t, formatParquet, data)
	full := readN(t, src, Cursor{}, -1)
	for _, k := range []int{1, 700, 1999, 2000, 3100} {
		c := Cursor{Next: Position{Row: int64(k)}, OnlyRow: true}
		if diff := cmp.Diff(full[k:k+700], readN(t, src, c, 700)); diff != "" {
			t.Errorf("from row %d: %s", k, diff)
		}
	}
}
