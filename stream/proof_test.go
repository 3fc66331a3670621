package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"ckptledger/stream/unpack"

	"github.com/google/go-cmp/cmp"
)

// FuzzCursor opens sources with any cursor: there are rows that follow on each
// other up to the last, or a *ProofError, but never a panic or a silent end. A
// page or point that the cursor names may be found to be another only when it is read.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"next":{"row":3},"only_row":true}`, `{"next":{"row":20,"file":1},"only_row":true}`, `{"next":{"row":-1}}`, `{"next":{"row":3,"file_row":3,"offset":120}}`,
		`{"next":{"row":9223372036854775807},"last":{"at":{"row":9223372036854775806}}}`, `{"next":{"row":25,"file":1,"file_row":5,"offset":195}}`,
		`{"next":{"row":12,"file_row":12,"page":{"offset":700,"row":10}}}`, `{"next":{"row":12,"order":"window/1 6 1"},"only_row":true}`,
		`{"next":{"row":15,"file_row":12,"index":3,"order":"window/1 6 1"}}`, `{"next":{"row":40,"file_row":0,"index":5,"order":"window/1 6 1","pass":1,"pass_row":35}}`,
		`{"next":{"row":12,"file_row":12,"offset":459},"point":{"from":70,"raw":5}}`, `{"next":{"row":12,"file_row":12,"offset":459},"point":{"from":-1}}`,
		`{"next":{"row":12,"file_row":12,"offset":459},"point":{"from":9,"raw":100,"member":{"bit":3,"raw":0,"crc":0,"window":"AwA="}}}`,
		`{"next":{"row":1},"last":{"at":{"row":0},"sha256":"00"}}`, `{"next":{"row":1,"file_row":1,"offset":9223372036854775807}}`,
	} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	write(f, filepath.Join(dir, "t/a.txt"), asText(texts(20)))
	write(f, filepath.Join(dir, "t/b.txt"), asText(texts(15)))
	write(f, filepath.Join(dir, "p/a.parquet"), asParquet(f, pointers(texts(35)), 10))
	write(f, filepath.Join(dir, "g/a.txt.gz"), gzipped(f, asText(texts(8)), asText(texts(20)[8:])))
	write(f, filepath.Join(dir, "g/b.txt.gz"), gzipped(f, asText(texts(15))))
	write(f, filepath.Join(dir, "z/a.jsonl.zst"), zstded(f, asJSONL(texts(35)[:9]), asJSONL(texts(35)[9:])))
	sources := []Source{
		openData(f, Spec{Data: []string{filepath.Join(dir, "g")}}),
		openData(f, Spec{Data: []string{filepath.Join(dir, "z")}}),
		sampleSource{rows: 35},
		openData(f, Spec{Data: []string{filepath.Join(dir, "t")}}),
		openData(f, Spec{Data: []string{filepath.Join(dir, "p")}}),
	}
	for _, src := range sources[:2] {
		for _, r := range readN(f, src, Cursor{}, -1) {
			for _, c := range []Cursor{after(f, r), after(f, r).WithoutProof()} {
				data, err := json.Marshal(c)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(data)
			}
		}
	}
	for _, src := range sources {
		sources = append(sources, Shuffle(src, 6, 1), Repeat(Shuffle(src, 6, 1), 2))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Cursor
		if json.Unmarshal(data, &c) != nil {
			return
		}
		ctx := context.Background()
		for _, src := range sources {
			r, err := src.Open(ctx, c)
			if err != nil {
				var proof *ProofError
				if !errors.As(err, &proof) || proof.Error() == "" {
					t.Fatalf("%s: %v", src.Info().Format, err)
				}
				continue
			}
			for want := c.Next.Row; ; want++ {
				row, err := r.Next(ctx)
				if err == io.EOF {
					break
				}
				if err != nil && (c.Next.Page != (PageAt{}) || c.Point != nil) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", src.Info().Format, err)
				}
				if row.At.Row != want {
					t.Fatalf("%s: row %d, want %d", src.Info().Format, row.At.Row, want)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestProofOfOtherContent goes on in a file whose rows before the cursor have
// changed, though nothing moved.
func TestProofOfOtherContent(t *testing.T) {
	all := texts(30)
	path := write(t, filepath.Join(t.TempDir(), "a.txt"), asText(all))
	full := readN(t, openData(t, Spec{Data: []string{path}}), Cursor{}, -1)
	all[10] = all[11]
	write(t, path, asText(all))
	src := openData(t, Spec{Data: []string{path}})
	var proof *ProofError
	if _, err := src.Open(context.Background(), after(t, full[10])); !errors.As(err, &proof) || proof.At.Row != 10 || proof.Got == proof.Want {
		t.Errorf("behind the changed row: %v", err)
	}
	if got := readN(t, src, after(t, full[11]), 1); got[0] != full[12] {
		t.Errorf("behind a row that is the same: %v", got)
	}
}

// TestLastRow keeps the row consumed last while the reader goes on.
func TestLastRow(t *testing.T) {
	text := "a row that is long enough"
	var last LastRow
	if diff := cmp.Diff(Cursor{}, last.Cursor()); diff != "" {
		t.Error(diff)
	}
	carried := Cursor{Next: Position{Row: 5}, Last: &Proof{At: Position{Row: 4}, SHA256: "ab"}, Point: &unpack.Point{From: 3, Raw: 2}}
	if last.Resume(carried); last.Cursor() != carried {
		t.Error("the cursor that was carried is gone")
	}
	dir := t.TempDir()
	for name, src := range map[string]Source{
		"sample":   sampleSource{rows: 40}, // has empty rows
		"parquet":  openData(t, Spec{Data: []string{write(t, dir+"/a.parquet", asParquet(t, []*string{&text, nil, &text}, 10))}}),
		"jsonl.gz": openData(t, Spec{Data: []string{write(t, dir+"/a.jsonl.gz", gzipped(t, asJSONL(texts(40))))}}),
	} {
		r, err := src.Open(context.Background(), Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		last.Resume(Cursor{})
		var want Cursor
		for {
			row, err := r.Next(context.Background())
			if diff := cmp.Diff(want, last.Cursor()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			last.Set(row)
			want = After(row)
			if (want.Point != nil) != (name == "jsonl.gz") {
				t.Errorf("%s: the point of row %d is %+v", name, row.At.Row, want.Point)
			}
		}
		r.Close()
	}
}

// TestOtherFiles goes on in the same rows, spread over files in another way.
func TestOtherFiles(t *testing.T) {
	all := texts(30)
	dir := t.TempDir()
	one := openData(t, Spec{Data: []string{write(t, filepath.Join(dir, "one.txt"), asText(all))}})
	write(t, filepath.Join(dir, "two/a.txt"), asText(all[:7]))
	write(t, filepath.Join(dir, "two/b.txt"), asText(all[7:]))
	two := openData(t, Spec{Data: []string{filepath.Join(dir, "two")}})
	for _, r := range readN(t, one, Cursor{}, -1) {
		c := after(t, r)
		c.OnlyRow = true
		rest := readN(t, two, c, -1)
		if want := 29 - int(r.At.Row); len(rest) != want {
			t.Errorf("behind row %d are %d rows, want %d", r.At.Row, len(rest), want)
		}
	}
}
