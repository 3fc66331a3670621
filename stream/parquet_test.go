package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ckptledger/stream/hub/hubtest"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"
)

// TestParquetLayouts writes the same rows in many ways and reads them from
// random places.
func TestParquetLayouts(t *testing.T) {
	all := make([]*string, 500)
	for i := range all {
		switch s := fmt.Sprintf("row %d of a file that is laid out in one of many ways", i); {
		case i%11 == 3:
		case i%5 == 0:
			all[i] = new(string)
		default:
			all[i] = &s
		}
	}
	plain := asParquet(t, all, 120, parquet.PageBufferSize(512))
	dictionary := func() []byte {
		type row struct {
			Text *string `parquet:"text,optional,dict"`
		}
		var b bytes.Buffer
		w := parquet.NewGenericWriter[row](&b, parquet.MaxRowsPerRowGroup(200), parquet.PageBufferSize(256))
		for _, s := range all {
			if _, err := w.Write([]row{{s}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}()
	for name, data := range map[string][]byte{
		"one group":            asParquet(t, all, 1000, parquet.PageBufferSize(512)),
		"groups":               plain,
		"groups, no index":     withoutPageIndex(t, plain),
		"a row a group":        asParquet(t, all[:60], 1),
		"zstd, pages v1":       asParquet(t, all, 120, parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(1), parquet.PageBufferSize(512)),
		"dictionary":           dictionary,
		"dictionary, no index": withoutPageIndex(t, dictionary),
	} {
		src := openData(t, Spec{Data: []string{write(t, filepath.Join(t.TempDir(), "a.parquet"), data)}})
		full := readN(t, src, Cursor{}, -1)
		for i, r := range full {
			if (all[i] == nil) != (r.Reason == ReasonNull) || all[i] != nil && *all[i] != r.Text {
				t.Fatalf("%s: row %d is %+v", name, i, r)
			}
			if (all[i] == nil) != r.Null {
				t.Fatalf("%s: row %d: text is nil: %v", name, i, r.Null)
			}
		}
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			k := rapid.IntRange(0, len(full)-1).Draw(t, "row")
			r, err := src.Open(context.Background(), Cursor{Next: full[k].At})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, want := range full[k:min(k+150, len(full))] {
				row, err := r.Next(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if got := keep(row); got != want {
					t.Fatalf("from row %d: %+v, want %+v", k, got, want)
				}
			}
		}))
	}
}

func TestParquetNullIsNotEmpty(t *testing.T) {
	empty, rest := "", "a row that is long enough"
	a := openData(t, Spec{Data: []string{write(t, t.TempDir()+"/a.parquet", asParquet(t, []*string{&empty, &rest}, 10))}})
	b := openData(t, Spec{Data: []string{write(t, t.TempDir()+"/b.parquet", asParquet(t, []*string{nil, &rest}, 10))}})
	c := after(t, readN(t, a, Cursor{}, 1)[0])
	var proof *ProofError
	if _, err := b.Open(context.Background(), c); !errors.As(err, &proof) {
		t.Errorf("a null passes for an empty text: %v", err)
	}
}

func TestParquetColumns(t *testing.T) {
	type row struct {
		Text  string    `parquet:"text"`
		Flag  bool      `parquet:"flag"`
		I32   int32     `parquet:"i32"`
		U32   uint32    `parquet:"u32"`
		U64   uint64    `parquet:"u64"`
		F32   float32   `parquet:"f32"`
		F64   float64   `parquet:"f64"`
		Raw   []byte    `parquet:"raw"`
		Day   int32     `parquet:"day,date"`
		Time  time.Time `parquet:"time,timestamp(microsecond)"`
		Maybe *int64    `parquet:"maybe,optional"`
		Tags  []string  `parquet:"tags,list"`
		ID    [16]byte  `parquet:"id,uuid"`
		Meta  struct {
			URL string `parquet:"url"`
		} `parquet:"meta"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	seven := int64(7)
	first := row{Text: "a text that is long enough", Flag: true, I32: -5, U32: 1<<32 - 1, U64: 1<<64 - 1, F32: 0.1, F64: math.Inf(1),
		Raw: []byte{0, 255}, Day: 20_000, Time: time.Date(2024, 5, 6, 7, 8, 9, 1000, time.UTC), Maybe: &seven}
	first.Meta.URL = "a \"quoted\" <name>"
	if _, err := w.Write([]row{first, {Text: "short", Maybe: nil, Time: time.Unix(0, 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := write(t, t.TempDir()+"/a.parquet", b.Bytes())
	columns := []string{"flag", "i32", "u32", "u64", "f32", "f64", "raw", "day", "time", "maybe", "meta.url"}
	r, err := openData(t, Spec{Data: []string{path}, Columns: columns}).Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, want := range []string{
		`{"flag":true,"i32":-5,"u32":4294967295,"u64":18446744073709551615,"f32":0.1,"f64":null,"raw":"AP8=","day":"2024-10-04","time":"2024-05-06T07:08:09.000001Z","maybe":7,"meta.url":"a \"quoted\" <name>"}`,
		`{"flag":false,"i32":0,"u32":0,"u64":0,"f32":0,"f64":0,"raw":"","day":"1970-01-01","time":"1970-01-01T00:00:00Z","maybe":null,"meta.url":""}`,
	} {
		row, err := r.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(row.Columns)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(row.Columns["meta.url"], []byte(`\u003c`)) {
			t.Errorf("escaped for HTML: %s", row.Columns["meta.url"])
		}
		var g, w map[string]any
		if err := errors.Join(json.Unmarshal(got, &g), json.Unmarshal([]byte(want), &w)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w, g); diff != "" {
			t.Errorf("columns: %s", diff)
		}
	}
	for _, name := range []string{"tags.list.element", "id"} {
		var column *ColumnError
		if _, err := Open(context.Background(), Spec{Data: []string{path}, Columns: []string{name}}, Options{}); !errors.As(err, &column) {
			t.Errorf("column %s: %v", name, err)
		}
	}
}

// TestParquetFooterOfMoreRows reads a file whose footer promises rows that are
// not there: an error, not the end.
func TestParquetFooterOfMoreRows(t *testing.T) {
	data := editFooter(t, asParquet(t, pointers(texts(30)), 10), func(md *pq.FileMetaData) { md.RowGroups[1].NumRows += 3 })
	src := openData(t, Spec{Data: []string{write(t, t.TempDir()+"/a.parquet", data)}})
	r, err := src.Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	for ; err == nil; n++ {
		_, err = r.Next(context.Background())
	}
	if err == io.EOF || n-1 > 20 {
		t.Errorf("%d rows, then %v", n-1, err)
	}
}

// TestParquetLongFooter reads a file whose footer is long for the texts in its
// statistics, of which nothing is kept.
func TestParquetLongFooter(t *testing.T) {
	rows := texts(400)
	for i := range rows {
		rows[i] += strings.Repeat(".", 3000)
	}
	data := asParquet(t, pointers(rows), 2)
	if n := footerSize(data); n < tailSize {
		t.Fatalf("a footer of %d bytes", n)
	}
	h := hubtest.New(t)
	h.Repo("owner/rows").Commit(map[string]hubtest.File{"train.parquet": hubtest.Large(data)})
	for name, src := range map[string]Source{
		"disk": openData(t, Spec{Data: []string{write(t, filepath.Join(t.TempDir(), "a.parquet"), data)}}),
		"hub":  openOnHub(t, h, Spec{Dataset: "hf:owner/rows"}),
	} {
		got := readN(t, src, Cursor{}, -1)
		if len(got) != len(rows) {
			t.Fatalf("%s: %d rows, want %d", name, len(got), len(rows))
		}
		for i, row := range got {
			if row.Text != rows[i] {
				t.Fatalf("%s: row %d is %.40q", name, i, row.Text)
			}
		}
		again := readN(t, src, after(t, got[200]), -1)
		if diff := cmp.Diff(got[201:], again); diff != "" {
			t.Errorf("%s: resumed at row 201: %s", name, diff)
		}
		for _, kept := range src.(*fileSource).format.(*parquetFormat).footers.kept {
			if len(kept.tail) > tailSize/5 {
				t.Errorf("%s: a footer of %d bytes is kept", name, len(kept.tail))
			}
		}
	}
}

// TestParquetDamage flips bytes: rows or an error, but no panic, and no end
// before the rows that the footer counts.
func TestParquetDamage(t *testing.T) {
	good := asParquet(t, pointers(texts(60)), 20)
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Clone(good)
		data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		path := write(t, filepath.Join(dir, "a.parquet"), data)
		src, err := Open(context.Background(), Spec{Data: []string{path}}, Options{})
		if err != nil {
			return
		}
		r, err := src.Open(context.Background(), Cursor{})
		if err != nil {
			return
		}
		defer r.Close()
		n := int64(-1)
		for ; err == nil; n++ {
			_, err = r.Next(context.Background())
		}
		if rows := src.Info().Rows; err == io.EOF && n != rows {
			t.Fatalf("%d rows of %d, then the end", n, rows)
		}
	})
}
