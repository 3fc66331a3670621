package stream

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	ok := asText(texts(3))
	parquet := asParquet(t, pointers(texts(30)), 10)
	for name, data := range map[string][]byte{
		"ok.txt":             ok,
		"mixed/a.txt":        ok,
		"mixed/b.jsonl":      asJSONL(texts(3)),
		"none/readme.md":     ok,
		"none/.hidden.txt":   ok,
		"none/sub/a.txt":     ok,
		"empty.txt":          nil,
		"mark.txt":           byteOrderMark,
		"empty.jsonl":        nil,
		"array.json":         []byte("[{\"text\": \"x\"}]"),
		"binary.dat":         []byte("\x7fELF\x00\x00"),
		"a.txt.gz":           ok,
		"empty.jsonl.zst":    nil,
		"none.jsonl.gz":      gzipped(t, nil),
		"rows.json.gz":       gzipped(t, asJSONL(texts(3))),
		"array.json.gz":      gzipped(t, []byte(" [{}]")),
		"binary.gz":          gzipped(t, []byte("\x7fELF\x00\x00")),
		"junk.gz":            ok,
		"table.parquet.zst":  zstded(t, parquet),
		"a.txt.bz2":          ok,
		"text.txt.gz":        gzipped(t, ok),
		"pack/a.jsonl":       asJSONL(texts(3)),
		"pack/b.jsonl.gz":    gzipped(t, asJSONL(texts(3))),
		"column.jsonl":       []byte(strings.Repeat("{\"body\": \"x\", \"id\": 1}\n", 3)),
		"junk.jsonl":         []byte(strings.Repeat("junk\n", 3)),
		"cut.parquet":        parquet[:len(parquet)/2],
		"tail.parquet":       parquet[len(parquet)/2:],
		"foreign.parquet":    ok,
		"none.parquet":       asParquet(t, nil, 10),
		"zero.parquet":       nil,
		"good.parquet":       parquet,
		"folder.txt/x.jsonl": asJSONL(texts(2)),
	} {
		write(t, filepath.Join(dir, name), data)
	}
	var format *FormatError
	var column *ColumnError
	for _, c := range []struct {
		data string
		spec Spec
		want any // an error to be, or a pointer to one to be of its type
		say  string
	}{
		{"missing.txt", Spec{}, fs.ErrNotExist, "missing.txt"},
		{"*.nothing", Spec{}, ErrNoData, "no file matches"},
		{"none", Spec{}, ErrNoData, "none"},
		{"mixed", Spec{}, &format, "b.jsonl (jsonl)"},
		{"empty.txt", Spec{}, ErrNoData, "no row"},
		{"mark.txt", Spec{}, ErrNoData, "no row"},
		{"empty.jsonl", Spec{}, ErrNoData, "no row"},
		{"none.parquet", Spec{}, ErrNoData, "no row"},
		{"array.json", Spec{}, &format, "one object a line"},
		{"binary.dat", Spec{}, &format, "not text"},
		{"a.txt.gz", Spec{}, &format, "no gzip member"},
		{"empty.jsonl.zst", Spec{}, &format, "ends too early"},
		{"none.jsonl.gz", Spec{}, ErrNoData, "no row"},
		{"rows.json.gz", Spec{Columns: []string{"url"}}, &column, `"url"`},
		{"array.json.gz", Spec{}, &format, "one object a line"},
		{"binary.gz", Spec{}, &format, "not text"},
		{"junk.gz", Spec{}, &format, "no gzip member"},
		{"table.parquet.zst", Spec{}, &format, "decompress it first"},
		{"a.txt.bz2", Spec{}, &format, "gzip and zstd are"},
		{"text.txt.gz", Spec{Columns: []string{"id"}}, ErrNoColumns, "jsonl"},
		{"pack", Spec{}, &format, "b.jsonl.gz (jsonl.gz)"},
		{"column.jsonl", Spec{}, &column, "body, id"},
		{"column.jsonl", Spec{TextField: "body", Columns: []string{"url"}}, &column, "first 3 rows"},
		{"junk.jsonl", Spec{}, &column, "none of the first 3 rows"},
		{"cut.parquet", Spec{}, &format, "Parquet"},
		{"tail.parquet", Spec{}, &format, "Parquet"},
		{"foreign.parquet", Spec{}, &format, "Parquet"},
		{"zero.parquet", Spec{}, &format, "Parquet"},
		{"good.parquet", Spec{TextField: "body"}, &column, "id, text"},
		{"good.parquet", Spec{TextField: "id"}, &column, "not strings"},
		{"good.parquet", Spec{Columns: []string{"url"}}, &column, `"url"`},
		{"ok.txt", Spec{Columns: []string{"id"}}, ErrNoColumns, "jsonl"},
		{os.DevNull, Spec{}, &format, "regular file"},
		{"ftp://example.org/a.txt", Spec{}, &format, "https"},
		{"hf:owner/name", Spec{}, &format, "as the dataset"},
	} {
		if !filepath.IsAbs(c.data) && !strings.Contains(c.data, ":") {
			c.data = filepath.Join(dir, c.data)
		}
		c.spec.Data = []string{c.data}
		src, err := Open(context.Background(), c.spec, Options{})
		var is bool
		switch want := c.want.(type) {
		case error:
			is = errors.Is(err, want)
		default:
			is = errors.As(err, want)
		}
		if !is || src != nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: source %v, error %v", c.data, src, err)
		}
	}
}

// TestFindFiles opens folders, globs and files, by relative and absolute names,
// and opens what was remembered of them from elsewhere.
func TestFindFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.txt", "a.txt", "c/z.TXT", "c/y.jsonl", "plain", "d [x]/1.txt", "e*.txt"} {
		write(t, filepath.Join(dir, name), asText(texts(2)))
	}
	write(t, filepath.Join(dir, "c/y.jsonl"), asJSONL(texts(2)))
	write(t, filepath.Join(dir, "lines"), append([]byte("\n"), asJSONL(texts(2))...))
	for _, name := range []string{"a.JSONL.gz", "b.ndjson.gz", "c.json.gz"} {
		write(t, filepath.Join(dir, "packed", name), gzipped(t, asJSONL(texts(2))))
	}
	write(t, filepath.Join(dir, "lines.zst"), zstded(t, asText(texts(2))))
	write(t, filepath.Join(dir, "table"), asParquet(t, pointers(texts(2)), 10))
	for _, c := range []struct {
		from   string // the working directory
		data   []string
		format string
		want   []string
	}{
		{"", []string{"."}, "text", []string{"a.txt", "b.txt", "e*.txt"}},
		{"", []string{"b.txt", "a.txt", "./a.txt"}, "text", []string{"a.txt", "b.txt"}},
		{"", []string{"?.txt", "c/*.TXT"}, "text", []string{"a.txt", "b.txt", "c/z.TXT"}},
		{"c", []string{"../a.txt", "z.TXT"}, "text", []string{"a.txt", "c/z.TXT"}},
		{"", []string{"c/y.jsonl"}, "jsonl", []string{"c/y.jsonl"}},
		{"", []string{"plain"}, "text", []string{"plain"}},
		{"", []string{"lines"}, "jsonl", []string{"lines"}},
		{"", []string{"table"}, "parquet", []string{"table"}},
		{"", []string{"e*.txt"}, "text", []string{"e*.txt"}}, // a file of that name
		{"", []string{"packed"}, "jsonl.gz", []string{"packed/a.JSONL.gz", "packed/b.ndjson.gz"}},
		{"", []string{"packed/c.json.gz", "packed/a.JSONL.gz"}, "jsonl.gz", []string{"packed/a.JSONL.gz", "packed/c.json.gz"}},
		{"", []string{"lines.zst"}, "text.zst", []string{"lines.zst"}},
		{"d [x]", []string{"*.txt"}, "text", []string{"d [x]/1.txt"}},
	} {
		t.Run(strings.Join(c.data, " "), func(t *testing.T) {
			t.Chdir(filepath.Join(dir, c.from))
			first := fingerprint(t, c.data...)
			t.Chdir(t.TempDir())
			for _, f := range []Fingerprint{first, fingerprint(t, first.Data...)} {
				var got []string
				for _, file := range f.Files {
					rel, err := filepath.Rel(dir, file.Path)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, filepath.ToSlash(rel))
				}
				if diff := cmp.Diff(c.want, got); diff != "" || f.Format != c.format {
					t.Errorf("%s of %v: %s", f.Format, f.Data, diff)
				}
			}
		})
	}
}

func TestInfo(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "wiki/a.txt"), bytes.Repeat([]byte("x\n"), 1000))
	one := filepath.Join(dir, "wiki/a.txt")
	src := openData(t, Spec{Dataset: "wiki", Data: []string{one}})
	want := Info{Dataset: "wiki", Kind: "files", Label: one + " (text, 2.0 kB)", Format: "text", Rows: -1}
	if got := src.Info(); got != want {
		t.Errorf("info is %+v", got)
	}
	write(t, filepath.Join(dir, "p/a.parquet"), asParquet(t, pointers(texts(20)), 10))
	write(t, filepath.Join(dir, "p/b.parquet"), asParquet(t, pointers(texts(5)), 10))
	got := openData(t, Spec{Dataset: "p", Data: []string{filepath.Join(dir, "p")}}).Info()
	if !strings.HasPrefix(got.Label, "2 files in "+filepath.Join(dir, "p")+" (parquet, ") || got.Rows != 25 || !got.HasFields {
		t.Errorf("info is %+v", got)
	}
	if got := src.(Describer).Describe(Position{Row: 7, FileRow: 7, Offset: 14}); got != "a.txt" {
		t.Errorf("row 7 is in %q", got)
	}
}

func TestByteSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9951: "10 kB", 314_159_265: "314 MB", 999_499: "999 kB", 999_500: "1.0 MB", 5 << 40: "5.5 TB"} {
		if got := byteSize(n); got != want {
			t.Errorf("byteSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt": "text", "dir.gz/a.jsonl": "jsonl", "A.NDJSON": "jsonl", "a.parquet": "parquet",
		"a.txt.gz": "text.gz", "x.jsonl.gz": "jsonl.gz", "x.ndjson.zst": "jsonl.zst", "x.TOKENS.ZST": "text.zst",
		"a.gz": "", "a.json.gz": "", "a.parquet.gz": "", "a.txt.gz.gz": "", "a.txt.bz2": "", "a": "", ".gz": "", "": "",
	} {
		if got := kindOf(name); got != want {
			t.Errorf("kindOf(%q) = %q, want %q", name, got, want)
		}
	}
}
