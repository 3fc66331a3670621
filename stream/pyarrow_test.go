package stream

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// A pyarrowFile is a file that pyarrow wrote, and what pyarrow reads from it.
type pyarrowFile struct {
	Name    string
	Path    string
	Field   string
	Rows    []*string // the SHA-256 of each row's text, nil for a null
	Columns []string
	Others  []map[string]string // of each row the other columns, as JSON
	Checked bool                // whether pages have checksums
}

// python returns an interpreter that has pyarrow, or skips the test.
func python(t testing.TB) string {
	t.Helper()
	name := stdcmp.Or(os.Getenv("CKPT_TEST_PYTHON"), "python3")
	if out, err := exec.Command(name, "-c", "import pyarrow.parquet").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("%s without pyarrow (CKPT_TEST_PYTHON names another): %v %s", name, err, lines[len(lines)-1])
	}
	return name
}

// pyarrow has pyarrow write the files.
func pyarrow(t *testing.T) []pyarrowFile {
	t.Helper()
	run := exec.Command(python(t), filepath.Join("testdata", "layouts.py"), t.TempDir())
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var files []pyarrowFile
	if err := json.Unmarshal(out, &files); err != nil {
		t.Fatal(err)
	}
	return files
}

func (f pyarrowFile) spec() Spec {
	return Spec{Dataset: "pyarrow", Data: []string{f.Path}, TextField: f.Field, Columns: f.Columns}
}

// check compares a row with what pyarrow reads.
func (f pyarrowFile) check(t testing.TB, row *Row) {
	t.Helper()
	i := row.At.Row
	if i >= int64(len(f.Rows)) {
		t.Fatalf("row %d of %d", i, len(f.Rows))
	}
	want := f.Rows[i]
	kind := Filtered
	if Keep(row.Text) {
		kind = Sample
	}
	sum := sha256.Sum256(row.Text)
	switch {
	case row.Kind != kind || (row.Reason == ReasonNull) != (want == nil):
		t.Fatalf("row %d is of kind %v, %q", i, row.Kind, row.Reason)
	case (row.Text == nil) != (want == nil), want != nil && *want != hex.EncodeToString(sum[:]):
		t.Fatalf("row %d has another text: %.80q", i, row.Text)
	}
	for _, c := range f.Columns {
		if got, want := string(row.Columns[c]), f.Others[i][c]; !sameJSON(t, c, got, want) {
			t.Errorf("row %d: column %s is %s, want %s", i, c, got, want)
		}
	}
}

// sameJSON compares two values: numbers digit by digit, but for the columns of
// floats, where one has more of them than it needs.
func sameJSON(t testing.TB, column, a, b string) bool {
	t.Helper()
	bits := map[string]int{"f16": 32, "f32": 32, "f64": 64}[column]
	if bits > 0 && a != "null" && b != "null" {
		x, errX := strconv.ParseFloat(a, bits)
		y, errY := strconv.ParseFloat(b, bits)
		return x == y && errX == nil && errY == nil
	}
	if !strings.HasPrefix(b, `"`) {
		return a == b
	}
	var x, y string
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Errorf("%s or %s: %v", a, b, err)
	}
	return x == y
}

// TestPyarrow reads files that pyarrow wrote in all layouts, here and far away,
// and resumes in them: the rows are those that pyarrow reads.
func TestPyarrow(t *testing.T) {
	for i, f := range pyarrow(t) {
		t.Run(f.Name, func(t *testing.T) {
			data, err := os.ReadFile(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Rows) == 0 {
				if _, err := Open(context.Background(), f.spec(), Options{}); !errors.Is(err, ErrNoData) {
					t.Fatalf("a file without rows: %v", err)
				}
				return
			}
			full := f.read(t, openData(t, f.spec()))
			away, _ := farSpec(t, f.spec(), formatParquet, data)
			if diff := cmp.Diff(full, f.read(t, away)); diff != "" {
				t.Errorf("far away: %s", diff)
			}
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range 3 {
				if len(full) == 1 {
					break
				}
				k := 1 + r.IntN(len(full)-1)
				if diff := cmp.Diff(full[k:min(k+50, len(full))], readN(t, openData(t, f.spec()), after(t, full[k-1]), 50)); diff != "" {
					t.Errorf("behind row %d: %s", k-1, diff)
				}
				away, files := farSpec(t, f.spec(), formatParquet, data)
				if diff := cmp.Diff(full[k:k+1], readN(t, away, after(t, full[k-1]), 1)); diff != "" {
					t.Errorf("far away, behind row %d: %s", k-1, diff)
				}
				if n := files[0].reads; n > mostReads && f.Columns == nil {
					t.Errorf("behind row %d: %d reads", k-1, n)
				}
				c := Cursor{Next: Position{Row: int64(k)}, OnlyRow: true}
				if diff := cmp.Diff(full[k:k+1], readN(t, away, c, 1)); diff != "" {
					t.Errorf("row %d: %s", k, diff)
				}
				if len(data) < 1<<20 {
					f.damage(t, data, full, k, r)
				}
			}
		})
	}
}

// read reads all rows and compares them with what pyarrow reads.
func (f pyarrowFile) read(t testing.TB, src Source) []record {
	t.Helper()
	r, err := src.Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []record
	for {
		row, err := r.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("behind %d rows: %v", len(all), err)
		}
		f.check(t, row)
		all = append(all, keep(row))
	}
	if len(all) != len(f.Rows) {
		t.Fatalf("%d rows, want %d", len(all), len(f.Rows))
	}
	return all
}

// damage flips bits of a page of the text, and reads from the start and from row
// k on. Where pages have checksums, no row is another than before and the damage
// is an error; where they have none, there is no end before the last row.
func (f pyarrowFile) damage(t *testing.T, data []byte, full []record, k int, r *rand.Rand) {
	t.Helper()
	pages := f.pages(t, data)
	page := pages[r.IntN(len(pages))]
	at := page.start + r.Int64N(page.end-page.start)
	bad := bytes.Clone(data)
	bad[at] ^= byte(1 + r.IntN(255))
	src, _ := farSpec(t, f.spec(), formatParquet, bad)
	for _, c := range []Cursor{{}, {Next: full[k].At}} {
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
		if err == io.EOF && (f.Checked && c.Next.Row == 0 || i != int64(len(full))) {
			t.Errorf("damaged at byte %d, from row %d: ends with row %d of %d", at, c.Next.Row, i, len(full))
		}
		if reader != nil {
			reader.Close()
		}
	}
}

// pages returns where the pages of the text are, without their headers where
// checksums are of the data alone.
func (f pyarrowFile) pages(t *testing.T, data []byte) []extent {
	t.Helper()
	p, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)), parquet.SkipPageIndex(true))
	if err != nil {
		t.Fatal(err)
	}
	c, err := textLeaf(p, f.Path, f.Field)
	if err != nil {
		t.Fatal(err)
	}
	var all []extent
	for _, g := range p.Metadata().RowGroups {
		off, end := chunkRange(&g.Columns[c.Index()].MetaData)
		for off < end {
			header, size, err := pageHeader(data[off:end])
			if err != nil {
				t.Fatal(err)
			}
			page := extent{off, off + int64(size) + int64(header.CompressedPageSize)}
			off = page.end
			if f.Checked {
				page.start += int64(size)
			}
			if page.start < page.end {
				all = append(all, page)
			}
		}
	}
	return all
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
