package stream

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	seen := map[string]bool{}
	for i, f := range pyarrow(t) {
		t.Run(f.Name, func(t *testing.T) {
			data, err := os.ReadFile(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			f.layout(t, data, seen)
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
			}
			if len(data) < 1<<20 {
				f.damage(t, data, full, r)
			}
		})
	}
	for _, want := range []string{
		"v1 PLAIN", "v1 RLE_DICTIONARY", "v1 PLAIN_DICTIONARY", "v1 DELTA_BYTE_ARRAY", "v1 DELTA_LENGTH_BYTE_ARRAY",
		"v2 PLAIN", "v2 RLE_DICTIONARY", "v2 DELTA_BYTE_ARRAY", "v2 DELTA_LENGTH_BYTE_ARRAY",
		"UNCOMPRESSED", "SNAPPY", "ZSTD", "GZIP", "BROTLI", "LZ4_RAW",
		"page index: true", "page index: false", "Bloom filter", "dictionary, then plain", "empty group",
	} {
		if !seen[want] {
			t.Errorf("no file has %s", want)
		}
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
