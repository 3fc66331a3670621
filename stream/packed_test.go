package stream

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"ckptledger/stream/unpack"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// noisy returns about n bytes of lines that compress little.
func noisy(n int) []byte {
	random := rand.NewChaCha8([32]byte{1})
	var b bytes.Buffer
	line := make([]byte, 300)
	for i := 0; b.Len() < n; i++ {
		random.Read(line)
		fmt.Fprintf(&b, "row %d %s\n", i, base64.StdEncoding.EncodeToString(line))
	}
	return b.Bytes()
}

// TestResumeCost resumes anywhere in a large file far away: what is read of it is
// bounded, and is what was said before.
func TestResumeCost(t *testing.T) {
	raw := noisy(30 << 20)
	third := len(raw) / 3
	for name, c := range map[string]struct {
		kind string
		data []byte
		most int64 // bytes to read
	}{
		"gzip":         {formatTextGzip, gzipped(t, raw), 2 << 20},
		"gzip members": {formatTextGzip, gzipped(t, raw[:third], raw[third:]), 2 << 20},
		"zstd frames":  {formatTextZstd, zstded(t, pieces(raw, 1<<20)...), 2 << 20},
		"zstd":         {formatTextZstd, zstded(t, raw), 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			if len(c.data) < 20<<20 {
				t.Fatalf("the file has only %d bytes", len(c.data))
			}
			src, files := far(t, c.kind, c.data)
			all := readN(t, src, Cursor{}, -1)
			for _, k := range []int{1, 300, len(all) / 3, len(all) / 2, len(all) - 1, len(all)} {
				cursor := after(t, all[k-1])
				before := files[0].bytes
				if got := readN(t, src, cursor, 1); len(got) != min(1, len(all)-k) || len(got) == 1 && got[0].SHA256 != all[k].SHA256 {
					t.Fatalf("row %d is %+v", k, got)
				}
				read := files[0].bytes - before
				cost := src.(Coster).Cost(cursor)
				if read > c.most || cost.Raw > 2*c.most {
					t.Errorf("row %d: read %d bytes, cost %+v", k, read, cost)
				}
				// The decoder reads 64 KiB ahead, twice, and lines 256 KiB.
				if ahead := int64(512 << 10); read > cost.Compressed+ahead || cost.Compressed > read+ahead || cost.File != "a."+c.kind {
					t.Errorf("row %d: read %d bytes, cost %+v", k, read, cost)
				}
			}
		})
	}
}

func pieces(data []byte, size int) (all [][]byte) {
	for len(data) > size {
		all = append(all, data[:size])
		data = data[size:]
	}
	return append(all, data)
}

// TestOrderedCost is what going on in a window and in a later pass takes.
func TestOrderedCost(t *testing.T) {
	src, _ := far(t, formatTextGzip, gzipped(t, noisy(5<<20)))
	plain := readN(t, src, Cursor{}, -1)
	ordered := Repeat(Shuffle(src, 100, 1), 2)
	all := readN(t, ordered, Cursor{}, -1)
	for _, k := range []int{50, len(plain) - 1, len(plain) + 5_000} {
		cost := ordered.(Coster).Cost(after(t, all[k]))
		window := plain[k%len(plain)/100*100]
		if want := window.At.Offset - all[k].Point.Raw; cost.Raw != want || want > 2<<20 || cost.Compressed <= 0 || cost.File != "a.text.gz" {
			t.Errorf("row %d: cost %+v, want %d bytes of text", k, cost, want)
		}
	}
	for name, src := range map[string]Source{"sample": sampleSource{rows: 9}, "plain": openData(t, Spec{Data: []string{write(t, t.TempDir()+"/a.txt", asText(texts(30)))}})} {
		src := Repeat(Shuffle(src, 4, 1), 3)
		if cost := src.(Coster).Cost(after(t, readN(t, src, Cursor{}, 9)[8])); cost != (Cost{}) {
			t.Errorf("%s: cost %+v", name, cost)
		}
	}
}

// TestFindOnce finds a row by its number alone: all before it is read, and once.
func TestFindOnce(t *testing.T) {
	data := zstded(t, noisy(6<<20)) // a single frame
	src, files := far(t, formatTextZstd, data)
	all := readN(t, src, Cursor{}, -1)
	for _, proof := range []*Proof{nil, {At: Position{Row: 11_999}, SHA256: all[11_999].SHA256}} {
		before := files[0].bytes
		got := readN(t, src, Cursor{Next: Position{Row: 12_000}, OnlyRow: true, Last: proof}, -1)
		if diff := cmp.Diff(all[12_000:], got); diff != "" {
			t.Error(diff)
		}
		if read := files[0].bytes - before; read > int64(len(data)) {
			t.Errorf("%d bytes read of a file of %d", read, len(data))
		}
	}
	// The rows behind have points as if all had been read.
	if p := readN(t, src, Cursor{Next: Position{Row: 12_000}, OnlyRow: true}, 1)[0].Point; p.Point == nil || p.Read == 0 {
		t.Errorf("the point is %+v", p.Point)
	}
}

// TestSeek is told how far coming to a row is.
func TestSeek(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.txt.zst"), zstded(t, noisy(3<<20)))
	var told [][2]int64
	src, err := Open(context.Background(), Spec{Data: []string{path}}, Options{Seek: func(done, total int64) { told = append(told, [2]int64{done, total}) }})
	if err != nil {
		t.Fatal(err)
	}
	all := readN(t, src, Cursor{}, -1)
	if len(told) > 0 {
		t.Errorf("told of %v where there is nothing to come to", told)
	}
	last := all[len(all)-1]
	readN(t, src, after(t, last), 1)
	if n := len(told); n < 10 || told[n-1] != [2]int64{last.At.Offset - 1, last.At.Offset - 1} {
		t.Errorf("told of %v, the row is at %d", told, last.At.Offset)
	}
	told = nil
	readN(t, src, Cursor{Next: Position{Row: last.At.Row}, OnlyRow: true}, 1)
	if n := len(told); n < 10 || told[n-1] != [2]int64{last.At.Offset, -1} {
		t.Errorf("told of %v, the row is at %d", told, last.At.Offset)
	}
	// Who does not want to wait need not.
	ctx := &lateContext{Context: context.Background(), after: 20}
	if _, err := src.Open(ctx, after(t, last)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled on the way: %v", err)
	}
}

// TestPackedDamage changes or cuts compressed files: the rows before the damage
// are there, and then an error that is not the end.
func TestPackedDamage(t *testing.T) {
	ctx := context.Background()
	raw := noisy(700_000)
	for kind, data := range map[string][]byte{
		formatTextGzip: gzipped(t, raw[:300_000], raw[300_000:]),
		formatTextZstd: zstded(t, raw[:300_000], raw[300_000:]),
	} {
		src, _ := far(t, kind, data)
		full := readN(t, src, Cursor{}, -1)
		rapid.Check(t, func(rt *rapid.T) {
			at := rapid.IntRange(450_000, len(data)-1).Draw(rt, "at")
			damaged := bytes.Clone(data)
			damaged[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			if rapid.Bool().Draw(rt, "cut") {
				damaged = data[:at]
			}
			src, _ := far(t, kind, damaged)
			r, err := src.Open(ctx, Cursor{})
			if err != nil {
				rt.Fatal(err)
			}
			defer r.Close()
			n := 0
			row, err := r.Next(ctx)
			for ; err == nil; n++ {
				row, err = r.Next(ctx)
			}
			var corrupt *unpack.CorruptError
			if !errors.As(err, &corrupt) || errors.Is(err, io.EOF) || n < 1000 || row != nil {
				rt.Fatalf("%s damaged at byte %d: %d of %d rows, then %v", kind, at, n, len(full), err)
			}
			if _, again := r.Next(ctx); again != err {
				rt.Fatalf("later: %v", again)
			}
		})
	}
}

// TestPointRefused opens cursors whose point is not one of their row, or of
// another file: nothing is handed out.
func TestPointRefused(t *testing.T) {
	raw := noisy(4 << 20)
	gz, _ := far(t, formatTextGzip, gzipped(t, raw))
	zst, _ := far(t, formatTextZstd, zstded(t, raw[:2<<20], raw[2<<20:]))
	plain, _ := far(t, formatText, raw)
	other, _ := far(t, formatTextGzip, gzipped(t, noisy(8 << 20)[4<<20:]))
	all := readN(t, gz, Cursor{}, -1)
	rowOf := func(off int) record {
		for _, r := range all {
			if r.Next.Offset > int64(off) {
				return r
			}
		}
		panic("no such row")
	}
	late, early := rowOf(3<<20), rowOf(1<<19)
	if late.Point.Member == nil || early.Point.Raw != 0 {
		t.Fatalf("points are %+v and %+v", late.Point, early.Point)
	}
	with := func(r record, edit func(p *unpack.Point)) Cursor {
		c := after(t, r)
		p := *c.Point
		if p.Member != nil {
			m := *p.Member
			p.Member = &m
		}
		edit(&p)
		c.Point = &p
		return c
	}
	for name, c := range map[string]struct {
		src    Source
		cursor Cursor
	}{
		"behind its row":       {gz, with(early, func(p *unpack.Point) { *p = *late.Point.Point })},
		"past the end":         {gz, with(late, func(p *unpack.Point) { p.From = 1 << 40 })},
		"negative":             {gz, with(late, func(p *unpack.Point) { p.From = -5 })},
		"another byte":         {gz, with(late, func(p *unpack.Point) { p.From += 5 })},
		"without its member":   {gz, with(late, func(p *unpack.Point) { p.Member = nil })},
		"with a short window":  {gz, with(late, func(p *unpack.Point) { p.Member.Window = p.Member.Window[1:] })},
		"further back":         {gz, with(late, func(p *unpack.Point) { p.Raw -= 100; p.Member.Raw -= 100 })},
		"of gzip in zstd":      {zst, after(t, late)},
		"of gzip in plain":     {plain, after(t, late)},
		"of another file":      {other, after(t, late)},
		"behind a window":      {Shuffle(gz, 50, 1), with(readN(t, Shuffle(gz, 50, 1), Cursor{}, 60)[55], func(p *unpack.Point) { *p = *late.Point.Point })},
		"without member, pass": {Repeat(gz, 2), with(late, func(p *unpack.Point) { p.Member = nil })},
		"in the sample":        {sampleSource{rows: 9}, Cursor{Next: Position{Row: 5}, Point: &unpack.Point{}}},
	} {
		var proof *ProofError
		if r, err := c.src.Open(context.Background(), c.cursor); !errors.As(err, &proof) || r != nil {
			t.Errorf("%s: reader %v, error %v", name, r, err)
		}
	}
	// Without a point the row is found from the start of the file.
	c := after(t, late)
	c.Point = nil
	if got := readN(t, gz, c, 1); got[0].At != late.Next {
		t.Errorf("without a point: %+v", got)
	}
	if cost := gz.(Coster).Cost(c); cost.Raw != late.At.Offset {
		t.Errorf("without a point: cost %+v", cost)
	}
}

// TestWithoutProof goes on behind rows whose bytes are not compared.
func TestWithoutProof(t *testing.T) {
	src, _ := far(t, formatTextGzip, gzipped(t, noisy(3<<20)), gzipped(t, asText(texts(30))))
	for _, src := range []Source{src, Shuffle(src, 7, 1), Repeat(src, 2)} {
		all := readN(t, src, Cursor{}, -1)
		for k := 1; k < len(all); k += 499 {
			if got := readN(t, src, after(t, all[k-1]).WithoutProof(), 1); got[0].SHA256 != all[k].SHA256 {
				t.Errorf("row %d is %+v", k, got[0])
			}
		}
		for k, r := range all { // where a file ends
			if k > 0 && r.At.File != all[k-1].At.File {
				if got := readN(t, src, after(t, all[k-1]).WithoutProof(), 1); got[0].SHA256 != r.SHA256 {
					t.Errorf("row %d is %+v", k, got[0])
				}
			}
		}
	}
}

// TestWithoutProofOfOtherColumn goes on in another column of Parquet, whose pages
// lie elsewhere.
func TestWithoutProofOfOtherColumn(t *testing.T) {
	type row struct {
		Text string `parquet:"text"`
		Body string `parquet:"body"`
	}
	rows := make([]row, 3000)
	for i := range rows {
		rows[i] = row{fmt.Sprintf("text of row number %d", i), fmt.Sprintf("body of row number %d, which is longer", i)}
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.PageBufferSize(4<<10))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(t.TempDir(), "a.parquet"), b.Bytes())
	open := func(field string) Source { return openData(t, Spec{Data: []string{path}, TextField: field}) }
	order := func(s Source) Source { return Repeat(Shuffle(s, 1000, 7), 2) }
	text, body := readN(t, open("text"), Cursor{}, -1), readN(t, open("body"), Cursor{}, -1)
	texts, bodies := readN(t, order(open("text")), Cursor{}, -1), readN(t, order(open("body")), Cursor{}, -1)
	for _, k := range []int{1, 1500, 2500} {
		if got := readN(t, open("body"), after(t, text[k-1]).WithoutProof(), 1); got[0].SHA256 != body[k].SHA256 {
			t.Errorf("row %d is %q", k, got[0].Text)
		}
		if got := readN(t, order(open("body")), after(t, texts[k-1]).WithoutProof(), 1); got[0].SHA256 != bodies[k].SHA256 {
			t.Errorf("shuffled, row %d is %q", k, got[0].Text)
		}
	}
}
