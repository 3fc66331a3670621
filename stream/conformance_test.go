package stream

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// testSource is what every Source has to pass. open opens the same content
// anew, as a later process would; it has at least 20 rows.
func testSource(t *testing.T, open func(t testing.TB) Source) {
	ctx := context.Background()
	full := readN(t, open(t), Cursor{}, -1)
	if len(full) < 20 {
		t.Fatalf("only %d rows", len(full))
	}
	last := full[len(full)-1]

	t.Run("rows", func(t *testing.T) {
		counts := map[Kind]int{}
		for i, r := range full {
			counts[r.Kind]++
			if r.At.Row != int64(i) || r.Next.Row != int64(i+1) {
				t.Fatalf("row %d is at %d, and %d comes next", i, r.At.Row, r.Next.Row)
			}
			if (r.Kind == Sample) != (r.Reason == "") {
				t.Errorf("row %d: kind %d has reason %q", i, r.Kind, r.Reason)
			}
			if (r.Kind == Sample) && !Keep([]byte(r.Text)) {
				t.Errorf("row %d: %q is a sample", i, r.Text)
			}
		}
		if n := counts[Sample] + counts[Filtered] + counts[Errored]; n != len(full) || counts[Sample] == 0 {
			t.Errorf("%d rows, but %v", len(full), counts)
		}
		if rows := open(t).Info().Rows; rows >= 0 && rows != int64(len(full)) {
			t.Errorf("Info says %d rows, there are %d", rows, len(full))
		}
	})

	t.Run("fingerprint", func(t *testing.T) {
		a, err := open(t).Fingerprint(ctx)
		if err != nil {
			t.Fatal(err)
		}
		b, err := open(t).Fingerprint(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, b); diff != "" || len(a.Digest) != 64 {
			t.Errorf("digest %q, opened twice: %s", a.Digest, diff)
		}
	})

	t.Run("resume", rapid.MakeCheck(func(rt *rapid.T) {
		// Five resumes in a row, each from what the one before consumed.
		var got []record
		c := Cursor{}
		for range 5 {
			n := rapid.IntRange(0, len(full)/4).Draw(rt, "rows")
			got = append(got, readN(t, open(t), c, n)...)
			if len(got) > 0 {
				c = after(t, got[len(got)-1])
			}
		}
		got = append(got, readN(t, open(t), c, -1)...)
		if diff := cmp.Diff(full, got); diff != "" {
			rt.Fatalf("read in pieces: %s", diff)
		}
	}))

	t.Run("only row", rapid.MakeCheck(func(rt *rapid.T) {
		k := rapid.IntRange(0, len(full)).Draw(rt, "row")
		c := Cursor{Next: Position{Row: int64(k)}, OnlyRow: true}
		if k > 0 && rapid.Bool().Draw(rt, "proof") {
			c.Last = &Proof{At: Position{Row: int64(k - 1)}, SHA256: full[k-1].SHA256}
		}
		got := readN(t, open(t), c, 3)
		if diff := cmp.Diff(full[k:min(k+3, len(full))], got, cmpNil); diff != "" {
			rt.Fatalf("from row %d: %s", k, diff)
		}
	}))

	t.Run("wrong proof", rapid.MakeCheck(func(rt *rapid.T) {
		k := rapid.IntRange(0, len(full)-1).Draw(rt, "row")
		c := after(t, full[k])
		switch rapid.IntRange(0, 4).Draw(rt, "fault") {
		case 0:
			c.Last.SHA256 = flip(c.Last.SHA256)
		case 1:
			c.Next.Row++
		case 2:
			if open(t).Info().Rows < 0 && full[k].At.File > 0 {
				rt.Skip("the rows of the files before are not known")
			}
			c.Next.Row, c.Last.At.Row = c.Next.Row+1, c.Last.At.Row+1
		case 3:
			c.Next.FileRow += 3
		case 4:
			c = Cursor{Next: Position{Row: int64(k)}, OnlyRow: true,
				Last: &Proof{At: Position{Row: int64(k - 1)}, SHA256: flip(full[k].SHA256)}}
			if k == 0 {
				c.Last.At.Row = 0
			}
		}
		r, err := open(t).Open(ctx, c)
		var proof *ProofError
		if !errors.As(err, &proof) || r != nil {
			rt.Fatalf("%+v: reader %v, error %v", c, r, err)
		}
	}))

	t.Run("end", func(t *testing.T) {
		for _, c := range []Cursor{
			after(t, last),
			{Next: last.Next},
			{Next: Position{Row: int64(len(full))}, OnlyRow: true},
		} {
			r, err := open(t).Open(ctx, c)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			for range 2 {
				if _, err := r.Next(ctx); err != io.EOF {
					t.Errorf("%+v: error at the end is %v", c, err)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		past := Position{Row: int64(len(full)) + 1}
		for _, c := range []Cursor{
			{Next: past, OnlyRow: true},
			{Next: past, OnlyRow: true, Last: &Proof{At: Position{Row: past.Row - 1}, SHA256: last.SHA256}},
			{Next: Position{Row: -1}},
			{Next: Position{Row: past.Row, File: 99}},
		} {
			var proof *ProofError
			if _, err := open(t).Open(ctx, c); !errors.As(err, &proof) {
				t.Errorf("%+v: error %v", c, err)
			}
		}
	})

	t.Run("context", func(t *testing.T) {
		r, err := open(t).Open(ctx, Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := r.Next(stopped); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		row, err := r.Next(ctx)
		if err != nil || row.At.Row != 0 {
			t.Errorf("after it the next row is %+v, %v", row, err)
		}
	})

	t.Run("describe", func(t *testing.T) {
		if s := open(t).(Describer).Describe(last.At); s == "" {
			t.Error("nothing to say")
		}
	})
}

// cmpNil makes no difference between a cut of nothing and nothing.
var cmpNil = cmp.Transformer("nil", func(r []record) []record { return append([]record{}, r...) })

func flip(sum string) string {
	b := []byte(sum)
	if b[0]++; b[0] > '9' {
		b[0] = '0'
	}
	return string(b)
}

func TestSources(t *testing.T) {
	mixed := []string{"", "  ", "short", "a line that is long enough", "\xff\xfe not UTF-8, kept", "ünïcödé löng enough", "line with CR\r", " = Heading = "}
	long := make([]string, 0, 200)
	for i := range 200 {
		long = append(long, mixed[i%len(mixed)])
	}
	nulls := pointers(long)
	for i := range nulls {
		if i%7 == 3 {
			nulls[i] = nil
		}
	}
	badJSON := append(asJSONL(long[:30]), "\n{\"text\": 3}\n{\"txt\": \"x\"}\n{\"text\": null}\n{bad\n[1]\n{\"text\": \"the last, without a line feed\"}"...)

	files := func(pattern string, data ...[]byte) func(t *testing.T) func(testing.TB) Source {
		return func(t *testing.T) func(testing.TB) Source {
			dir := t.TempDir()
			for i, d := range data {
				_, ext, _ := strings.Cut(pattern, ".")
				write(t, filepath.Join(dir, string(rune('a'+i))+"."+ext), d)
			}
			return func(t testing.TB) Source {
				return openData(t, Spec{Dataset: "test", Data: []string{filepath.Join(dir, pattern)}})
			}
		}
	}
	farFiles := func(kind string, data ...[]byte) func(t *testing.T) func(testing.TB) Source {
		return func(*testing.T) func(testing.TB) Source {
			return func(t testing.TB) Source {
				src, _ := far(t, kind, data...)
				return src
			}
		}
	}
	pqFile := asParquet(t, nulls, 60)
	marked := []byte("\xEF\xBB\xBFwith a mark\r\nand without an end")
	for name, source := range map[string]func(t *testing.T) func(testing.TB) Source{
		"sample": func(*testing.T) func(testing.TB) Source {
			return func(testing.TB) Source { return sampleSource{rows: 120} }
		},
		"text":                     files("a.txt", asText(long)),
		"text files":               files("*.txt", asText(long[:9]), nil, []byte("\xEF\xBB\xBFwith a mark, without an end"), byteOrderMark, []byte("\n"), asText(long[9:30])),
		"text ends in empty files": files("*.txt", asText(long[:25]), nil, nil),
		"text ends in a mark":      files("*.txt", asText(long[:25]), byteOrderMark),
		"jsonl":                    files("a.jsonl", badJSON),
		"jsonl files":              files("*.jsonl", asJSONL(long[:40]), badJSON),
		"parquet":                  files("a.parquet", pqFile),
		"parquet files":            files("*.parquet", asParquet(t, pointers(long[:33]), 10), asParquet(t, nil, 10), pqFile),
		"text.gz":                  files("a.txt.gz", gzipped(t, asText(long))),
		"text.gz, members":         files("a.txt.gz", gzipped(t, marked[:8], nil, marked[8:], asText(long[:60]), []byte("\n\n"), nil)),
		"text.zst, frames":         files("a.txt.zst", zstded(t, marked[:8], nil, marked[8:], asText(long[:60]), []byte("\n\n"), nil)),
		"text.gz files":            files("*.txt.gz", gzipped(t, asText(long[:9])), gzipped(t, nil), gzipped(t, marked), gzipped(t, byteOrderMark), gzipped(t, []byte("\n")), gzipped(t, asText(long[9:30]))),
		"jsonl.zst files":          files("*.jsonl.zst", zstded(t, asJSONL(long[:40])), zstded(t, badJSON)),
		"jsonl.gz far":             farFiles(formatJSONLGzip, gzipped(t, asJSONL(long[:40])), gzipped(t, badJSON[:100], badJSON[100:])),
		"text.zst far":             farFiles(formatTextZstd, zstded(t, marked), zstded(t, nil), zstded(t, asText(long[:50]), asText(long[50:]))),
		"parquet, no index":        files("a.parquet", withoutPageIndex(t, pqFile)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testSource(t, source(t))
		})
	}
}

// TestWikitext reads the same rows from all formats, and at the places where
// counting samples instead of rows would go wrong.
func TestWikitext(t *testing.T) {
	lines := wikitext(t)
	dir := t.TempDir()
	nulls := pointers(lines)
	for i, s := range lines {
		if s == "" && i%2 == 0 {
			nulls[i] = nil // a null is no sample either
		}
	}
	for name, path := range map[string]string{
		"text":    write(t, filepath.Join(dir, "wiki.txt"), asText(lines)),
		"jsonl":   write(t, filepath.Join(dir, "wiki.jsonl"), asJSONL(lines)),
		"parquet": write(t, filepath.Join(dir, "wiki.parquet"), asParquet(t, nulls, 1000)),
		"folder":  filepath.Dir(write(t, filepath.Join(dir, "parts", "b.txt"), asText(lines[1700:]))),
	} {
		if name == "folder" {
			write(t, filepath.Join(path, "a.txt"), asText(lines[:1700]))
		}
		t.Run(name, func(t *testing.T) {
			src := openData(t, Spec{Dataset: "wiki", Data: []string{path}})
			all := readN(t, src, Cursor{}, -1)
			want := map[int]int64{500: 765, 1000: 1564, 2000: 3078} // samples consumed: the next row
			samples := 0
			for i, r := range all {
				if r.Text != lines[i] {
					t.Fatalf("row %d is %q, want %q", i, r.Text, lines[i])
				}
				if r.Kind != Sample {
					continue
				}
				samples++
				if next, ok := want[samples]; ok {
					if r.Next.Row != next {
						t.Errorf("after %d samples the next row is %d, want %d", samples, r.Next.Row, next)
					}
					if diff := cmp.Diff(all[next:], readN(t, src, after(t, r), -1)); diff != "" {
						t.Errorf("resumed after %d samples: %s", samples, diff)
					}
				}
			}
			if len(all) != 3760 || samples != 2448 {
				t.Errorf("%d rows, %d samples; want 3760 and 2448", len(all), samples)
			}
		})
	}
}
