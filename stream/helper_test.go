package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ckptledger/stream/unpack"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	pq "github.com/parquet-go/parquet-go/format"
)

// A record is a Row that may be kept, and its proof.
type record struct {
	Kind     Kind
	Reason   string
	Text     string
	Null     bool
	At, Next Position
	SHA256   string
	Point    pointOf
}

// pointOf is the point of a row. From where on a row can be decoded is no part of
// what it is: it may differ with what was read before.
type pointOf struct{ *unpack.Point }

func (pointOf) Equal(pointOf) bool { return true }

func keep(row *Row) record {
	return record{row.Kind, row.Reason, string(row.Text), row.Text == nil, row.At, row.Next, row.SHA256(), pointOf{After(row).Point}}
}

// readN reads up to n rows from a cursor on; all of them if n is negative.
func readN(t testing.TB, src Source, c Cursor, n int) []record {
	t.Helper()
	r, err := src.Open(context.Background(), c)
	if err != nil {
		t.Fatalf("open at %+v: %v", c, err)
	}
	defer r.Close()
	var all []record
	for ; n != 0; n-- {
		row, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, keep(row))
	}
	return all
}

// after returns the cursor behind a row, by way of JSON, as the ledger keeps it.
func after(t testing.TB, r record) Cursor {
	t.Helper()
	data, err := json.Marshal(Cursor{Next: r.Next, Last: &Proof{At: r.At, SHA256: r.SHA256}, Point: r.Point.Point})
	if err != nil {
		t.Fatal(err)
	}
	var c Cursor
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func openData(t testing.TB, spec Spec) Source {
	t.Helper()
	src, err := Open(context.Background(), spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func write(t fataler, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// wikitext returns the lines of WikiText-2's validation split, and skips the
// test where it is not at hand.
func wikitext(t testing.TB) []string {
	t.Helper()
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, err := os.ReadFile(filepath.Join(folder, "shared", "data", "wikitext-2-valid.txt"))
		if err == nil {
			var texts []string
			for _, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
				texts = append(texts, string(line))
			}
			return texts
		}
		parent := filepath.Dir(folder)
		if parent == folder || !errors.Is(err, os.ErrNotExist) {
			t.Skip("wikitext-2-valid.txt is not here")
		}
		folder = parent
	}
}

func asText(texts []string) []byte {
	var b bytes.Buffer
	for _, s := range texts {
		b.WriteString(s + "\n")
	}
	return b.Bytes()
}

func asJSONL(texts []string) []byte {
	var b bytes.Buffer
	for i, s := range texts {
		line, _ := json.Marshal(map[string]any{"id": i, "text": s, "meta": map[string]any{"n": []int{i, 1}}})
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// pqRow is a row of the Parquet files of the tests.
type pqRow struct {
	ID   int64   `parquet:"id"`
	Text *string `parquet:"text,optional"`
}

// asParquet writes texts in row groups of at most group rows, with small pages;
// a nil text is a null.
func asParquet(t testing.TB, texts []*string, group int, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	options = append([]parquet.WriterOption{
		parquet.MaxRowsPerRowGroup(int64(group)),
		parquet.PageBufferSize(8 << 10),
		parquet.Compression(&parquet.Snappy),
	}, options...)
	w := parquet.NewGenericWriter[pqRow](&b, options...)
	for i, s := range texts {
		if _, err := w.Write([]pqRow{{int64(i), s}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pointers(texts []string) []*string {
	p := make([]*string, len(texts))
	for i := range texts {
		p[i] = &texts[i]
	}
	return p
}

// editFooter changes the footer of a Parquet file.
func editFooter(t testing.TB, data []byte, edit func(*pq.FileMetaData)) []byte {
	t.Helper()
	var protocol thrift.CompactProtocol
	var md pq.FileMetaData
	size := len(data) - 8 - int(uint32(data[len(data)-8])|uint32(data[len(data)-7])<<8|uint32(data[len(data)-6])<<16)
	if err := thrift.Unmarshal(&protocol, data[size:len(data)-8], &md); err != nil {
		t.Fatal(err)
	}
	edit(&md)
	footer, err := thrift.Marshal(&protocol, &md)
	if err != nil {
		t.Fatal(err)
	}
	out := append(append([]byte(nil), data[:size]...), footer...)
	n := len(footer)
	return append(out, byte(n), byte(n>>8), byte(n>>16), byte(n>>24), 'P', 'A', 'R', '1')
}

func withoutPageIndex(t testing.TB, data []byte) []byte {
	return editFooter(t, data, func(md *pq.FileMetaData) {
		for i := range md.RowGroups {
			md.RowGroups[i].Ordinal = 0 // as old writers leave it
			for j := range md.RowGroups[i].Columns {
				c := &md.RowGroups[i].Columns[j]
				c.OffsetIndexOffset, c.OffsetIndexLength = 0, 0
				c.ColumnIndexOffset, c.ColumnIndexLength = 0, 0
			}
		}
	})
}

// gzipped compresses data to as many members as there are pieces of it.
func gzipped(t testing.TB, data ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, d := range data {
		w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(d); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// zstded is gzipped for zstd and its frames.
func zstded(t testing.TB, data ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, d := range data {
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(d); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func texts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("row %d has a text that is long enough", i)
	}
	return all
}

// fataler is what testing.TB and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(...any)
}
