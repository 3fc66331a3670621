package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"ckptledger/stream/hub/hubtest"

	"github.com/parquet-go/parquet-go"
)

// benchRows are how many rows of the sample the files of the benchmarks hold.
const benchRows = 100_000

func sampleTexts(b *testing.B, n int64) []string {
	b.Helper()
	all := make([]string, n)
	for i := range all {
		all[i] = string(appendSampleRow(nil, int64(i)))
	}
	return all
}

// benchFiles are texts in each format, by what its files are called.
func benchFiles(b *testing.B, texts []string) map[string][]byte {
	b.Helper()
	raw := asJSONL(texts)
	return map[string][]byte{
		"txt":       asText(texts),
		"jsonl":     raw,
		"jsonl.gz":  gzipped(b, raw),
		"jsonl.zst": zstded(b, raw),
		"parquet":   benchParquet(b, texts, 50_000),
	}
}

// BenchmarkRead reads all of a source: rows and bytes of text a second.
func BenchmarkRead(b *testing.B) {
	b.Run("sample", func(b *testing.B) { benchRead(b, sampleSource{rows: benchRows}) })
	dir := b.TempDir()
	for format, data := range benchFiles(b, sampleTexts(b, benchRows)) {
		src := openData(b, Spec{Data: []string{write(b, filepath.Join(dir, "a."+format), data)}})
		b.Run(format, func(b *testing.B) { benchRead(b, src) })
	}
	b.Run("parquet pages", func(b *testing.B) { benchPages(b, filepath.Join(dir, "a.parquet")) })
}

// BenchmarkHub reads the files of BenchmarkRead from a hub in the same process,
// whose work counts too.
func BenchmarkHub(b *testing.B) {
	for format, data := range benchFiles(b, sampleTexts(b, benchRows)) {
		h := hubtest.New(b)
		h.Repo("owner/rows").Commit(map[string]hubtest.File{"train." + format: hubtest.Large(data)})
		src := openOnHub(b, h, Spec{Dataset: "hf:owner/rows"})
		b.Run(format, func(b *testing.B) { benchRead(b, src) })
	}
}

// benchRead reads all rows of src.
func benchRead(b *testing.B, src Source) {
	b.ReportAllocs()
	var rows, size int64
	for b.Loop() {
		r, err := src.Open(context.Background(), Cursor{})
		if err != nil {
			b.Fatal(err)
		}
		for {
			row, err := r.Next(context.Background())
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			rows++
			size += int64(len(row.Text))
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
}

// benchParquet writes texts with the library's usual pages.
func benchParquet(b *testing.B, texts []string, group int) []byte {
	return asParquet(b, pointers(texts), group, parquet.PageBufferSize(parquet.DefaultPageBufferSize))
}

// benchPages reads the text column with the library alone, as fast as it can.
func benchPages(b *testing.B, path string) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	values := make([]parquet.Value, 256)
	var rows, size int64
	for b.Loop() {
		p, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.ReadBufferSize(1<<20))
		if err != nil {
			b.Fatal(err)
		}
		for _, g := range p.RowGroups() {
			pages := g.ColumnChunks()[1].Pages()
			for {
				page, err := pages.ReadPage()
				if err == io.EOF {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
				for r := page.Values(); err == nil; {
					var n int
					n, err = r.ReadValues(values)
					for _, v := range values[:n] {
						rows++
						size += int64(len(v.ByteArray()))
					}
				}
				parquet.Release(page)
			}
			pages.Close()
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
}

// BenchmarkReadPyarrow reads a column of files that pyarrow wrote, and the same
// with the library alone.
func BenchmarkReadPyarrow(b *testing.B) {
	dir := b.TempDir()
	lines := write(b, filepath.Join(dir, "a.jsonl"), asJSONL(sampleTexts(b, benchRows)))
	const script = `
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
rows = [json.loads(line)["text"] for line in open(sys.argv[1], encoding="utf-8")]
table = pa.table({"id": range(len(rows)), "text": rows})
for codec in ["snappy", "zstd"]:
    for group in [len(rows), 1000]:
        pq.write_table(table, f"{sys.argv[2]}/{codec}-{group}.parquet", compression=codec, row_group_size=group)
`
	if out, err := exec.Command(python(b), "-c", script, lines, dir).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, codec := range []string{"snappy", "zstd"} {
		for _, group := range []int{benchRows, 1000} {
			name := fmt.Sprintf("%s-%d", codec, group)
			path := filepath.Join(dir, name+".parquet")
			src := openData(b, Spec{Data: []string{path}})
			b.Run(name, func(b *testing.B) { benchRead(b, src) })
			b.Run(name+" pages", func(b *testing.B) { benchPages(b, path) })
		}
	}
}

// BenchmarkParquetSeek opens a source anew and reads one row of 1,800,000.
func BenchmarkParquetSeek(b *testing.B) {
	texts := make([]string, 1_800_000)
	for i := range texts {
		texts[i] = fmt.Sprintf("row %d, which is as short as its file is large", i)
	}
	path := write(b, filepath.Join(b.TempDir(), "a.parquet"), benchParquet(b, texts, len(texts)))
	for _, row := range []int64{0, 1_700_000} {
		b.Run(fmt.Sprintf("row%d", row), func(b *testing.B) {
			for b.Loop() {
				src := openData(b, Spec{Data: []string{path}})
				if got := readN(b, src, Cursor{Next: Position{Row: row, FileRow: row}}, 1); got[0].Text != texts[row] {
					b.Fatalf("row %d is %q", row, got[0].Text)
				}
			}
		})
	}
}

// BenchmarkTextCount finds a row by counting, as a cursor of other files needs.
func BenchmarkTextCount(b *testing.B) {
	data := asText(sampleTexts(b, benchRows))
	for b.Loop() {
		l := newLines(inOrder{bytes.NewReader(data)}, 0, MaxText)
		if n, err := l.pass(context.Background(), benchRows-1, func() {}); err != nil || n != benchRows-1 {
			b.Fatal(n, err)
		}
	}
	b.SetBytes(int64(len(data)))
}
