package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestOrders has shuffled and repeated sources pass what every source has to.
func TestOrders(t *testing.T) {
	dir := t.TempDir()
	mixed := texts(90)
	for i := range mixed {
		if i%3 == 1 {
			mixed[i] = "" // rows that cannot be told apart by their text
		}
	}
	write(t, filepath.Join(dir, "t/a.txt"), asText(mixed[:37]))
	write(t, filepath.Join(dir, "t/b.txt"), nil)
	write(t, filepath.Join(dir, "t/c.txt"), asText(mixed[37:]))
	write(t, filepath.Join(dir, "j/a.jsonl"), append(asJSONL(mixed), "\n{\"text\": null}\n{bad\n[1]\n"...))
	nulls := pointers(mixed)
	for i := range nulls {
		if i%7 == 3 {
			nulls[i] = nil
		}
	}
	write(t, filepath.Join(dir, "p/a.parquet"), withoutPageIndex(t, asParquet(t, nulls[:50], 20)))
	write(t, filepath.Join(dir, "p/b.parquet"), asParquet(t, nulls[50:], 10))
	write(t, filepath.Join(dir, "g/a.jsonl.gz"), gzipped(t, asJSONL(mixed[:37])))
	write(t, filepath.Join(dir, "g/b.jsonl.gz"), gzipped(t, nil))
	write(t, filepath.Join(dir, "g/c.jsonl.gz"), gzipped(t, asJSONL(mixed[37:60]), asJSONL(mixed[60:])))
	write(t, filepath.Join(dir, "z/a.txt.zst"), zstded(t, asText(mixed[:20]), asText(mixed[20:])))
	for kind, source := range map[string]func(t testing.TB) Source{
		"jsonl.gz": func(t testing.TB) Source { return openData(t, Spec{Data: []string{filepath.Join(dir, "g")}}) },
		"text.zst": func(t testing.TB) Source { return openData(t, Spec{Data: []string{filepath.Join(dir, "z")}}) },

		"sample":  func(testing.TB) Source { return sampleSource{rows: 96} },
		"text":    func(t testing.TB) Source { return openData(t, Spec{Data: []string{filepath.Join(dir, "t")}}) },
		"jsonl":   func(t testing.TB) Source { return openData(t, Spec{Data: []string{filepath.Join(dir, "j")}}) },
		"parquet": func(t testing.TB) Source { return openData(t, Spec{Data: []string{filepath.Join(dir, "p")}}) },
	} {
		for order, wrap := range map[string]func(Source) Source{
			"window of 1":            func(s Source) Source { return Shuffle(s, 1, 5) },
			"windows of 7":           func(s Source) Source { return Shuffle(s, 7, 5) },
			"windows of 16":          func(s Source) Source { return Shuffle(s, 16, 5) }, // the sample's end with its rows
			"a window of all":        func(s Source) Source { return Shuffle(s, 1000, 5) },
			"one pass":               func(s Source) Source { return Repeat(s, 1) },
			"3 passes":               func(s Source) Source { return Repeat(s, 3) },
			"3 passes, windows of 7": func(s Source) Source { return Repeat(Shuffle(s, 7, 5), 3) },
			"2 passes, windows of 16": func(s Source) Source {
				return Repeat(Shuffle(s, 16, 5), 2)
			},
			"windows of 7 over 2 passes": func(s Source) Source { return Shuffle(Repeat(s, 2), 7, 5) },
		} {
			if kind != "sample" && !strings.Contains(order, " 7") && order != "3 passes" {
				continue // those differ in nothing that a file has to do with
			}
			if strings.Contains(kind, "z") && order != "3 passes, windows of 7" {
				continue // nor those in anything that a compressed one has
			}
			t.Run(kind+", "+order, func(t *testing.T) {
				t.Parallel()
				testSource(t, func(t testing.TB) Source { return wrap(source(t)) })
			})
		}
	}
}

// TestShuffleRows shuffles rows: each once, inside its window, in an order that
// differs by window, pass and seed.
func TestShuffleRows(t *testing.T) {
	const rows, window = 95, 20
	src := sampleSource{rows: rows}
	plain := readN(t, src, Cursor{}, -1)
	text := func(all []record) (s []string) {
		for _, r := range all {
			s = append(s, r.Text)
		}
		return s
	}
	passes := readN(t, Repeat(Shuffle(src, window, 1), 3), Cursor{}, -1)
	if len(passes) != 3*rows {
		t.Fatalf("%d rows in 3 passes", len(passes))
	}
	for from := 0; from < len(passes); from += rows {
		for lo := 0; lo < rows; lo += window {
			hi := min(lo+window, rows)
			want, got := text(plain[lo:hi]), text(passes[from+lo:from+hi])
			if slices.Equal(want, got) {
				t.Errorf("rows %d to %d come as they lie", from+lo, from+hi)
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rows %d to %d: %s", from+lo, from+hi, diff)
			}
		}
	}
	if slices.Equal(text(passes[:rows]), text(passes[rows:2*rows])) {
		t.Error("two passes have the same order")
	}
	if diff := cmp.Diff(passes[:rows], readN(t, Shuffle(src, window, 1), Cursor{}, -1)); diff != "" {
		t.Errorf("the first pass is not the one of a source that is not repeated: %s", diff)
	}
	if slices.Equal(text(passes[:rows]), text(readN(t, Shuffle(src, window, 2), Cursor{}, -1))) {
		t.Error("two seeds have the same order")
	}
}

// TestPermute holds the order that cursors count on, and that it is fair.
func TestPermute(t *testing.T) {
	if got, want := fmt.Sprint(permute(nil, 12, 7, 0, 0), permute(nil, 12, 7, 1, 0), permute(nil, 12, 7, 0, 1)), `[8 0 4 7 2 9 5 3 6 11 10 1] [4 2 3 9 10 8 11 5 1 7 6 0] [3 7 2 4 5 6 0 10 11 1 9 8]`; got != want {
		t.Errorf("the order changed: %s", got)
	}
	const n, draws = 5, 20_000
	var counts [n][n]int
	places := make([]int, 0, n)
	for w := range int64(draws) {
		places = permute(places, n, 3, 0, w)
		for i, p := range places {
			counts[i][p]++
		}
	}
	for i, c := range counts {
		for p, got := range c {
			if want := draws / n; got < want*9/10 || got > want*11/10 {
				t.Errorf("row %d is at place %d in %d of %d windows", p, i, got, draws)
			}
		}
	}
}

// TestOrderRefused opens cursors of one order in sources of another.
func TestOrderRefused(t *testing.T) {
	plain := openData(t, Spec{Data: []string{write(t, filepath.Join(t.TempDir(), "a.txt"), asText(make([]string, 60)))}}) // all rows are equal
	sources := map[string]Source{
		"plain":           plain,
		"windows of 10":   Shuffle(plain, 10, 1),
		"another seed":    Shuffle(plain, 10, 2),
		"windows of 20":   Shuffle(plain, 20, 1),
		"2 passes":        Repeat(Shuffle(plain, 10, 1), 2),
		"plain, 2 passes": Repeat(plain, 2),
	}
	// What a cursor of the first pass may go on with.
	same := map[string]string{"plain": "plain, 2 passes", "windows of 10": "2 passes", "2 passes": "windows of 10", "plain, 2 passes": "plain"}
	for was, src := range sources {
		all := readN(t, src, Cursor{}, -1)
		for now, other := range sources {
			for _, k := range []int{25, len(all) - 2} {
				c := after(t, all[k])
				r, err := other.Open(context.Background(), c)
				if was == now || same[was] == now && all[k].At.Pass == 0 {
					if err != nil {
						t.Errorf("cursor of %s in %s: %v", was, now, err)
					} else {
						r.Close()
					}
					continue
				}
				var proof *ProofError
				if !errors.As(err, &proof) {
					t.Errorf("cursor of %s in %s: %v", was, now, err)
				}
			}
		}
	}
}

// TestMorePasses goes on with more passes where fewer had ended.
func TestMorePasses(t *testing.T) {
	src := Shuffle(sampleSource{rows: 50}, 8, 1)
	want := readN(t, Repeat(src, 4), Cursor{}, -1)
	got := readN(t, Repeat(src, 1), Cursor{}, -1)
	got = append(got, readN(t, Repeat(src, 2), after(t, got[49]), -1)...)
	got = append(got, readN(t, Repeat(src, 0), after(t, got[99]), 100)...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("4 passes in pieces: %s", diff)
	}
	info := Repeat(src, 4).Info()
	if info.Rows != 200 || !strings.HasSuffix(info.Label, "shuffled in windows of 8 rows by seed 1, 4 times") {
		t.Errorf("info is %+v", info)
	}
	if info := Repeat(src, 0).Info(); info.Rows != -1 {
		t.Errorf("without end there are %d rows", info.Rows)
	}
	if s := Repeat(src, 4).(Describer).Describe(want[170].At); s != "sample v1, pass 4" {
		t.Errorf("row 170 is in %q", s)
	}
}

// TestShuffleColumns keeps the columns of rows that are handed out later.
func TestShuffleColumns(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.jsonl"), asJSONL(texts(50)))
	src := Shuffle(openData(t, Spec{Data: []string{path}, Columns: []string{"id"}}), 50, 1)
	r, err := src.Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 50 {
		row, err := r.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("row %s has a text that is long enough", row.Columns["id"]); string(row.Text) != want {
			t.Errorf("row %s has the text %q", row.Columns["id"], row.Text)
		}
	}
}

// TestShuffleCost resumes in shuffled files far away: that reads one window, and
// the next where the last row ended it.
func TestShuffleCost(t *testing.T) {
	const rows, window = 60_000, 1000
	data := withoutPageIndex(t, asParquet(t, pointers(texts(rows)), rows))
	open := func() (Source, *memory) {
		src, files := far(t, formatParquet, data)
		return Repeat(Shuffle(src, window, 1), 2), files[0]
	}
	src, _ := open()
	full := readN(t, src, Cursor{}, -1)
	if len(full) != 2*rows {
		t.Fatalf("%d rows", len(full))
	}
	for _, k := range []int{500, 999, 1000, 40_000, 59_999, 60_000, 60_001, 119_999} {
		src, f := open()
		if got := readN(t, src, after(t, full[k-1]), 1); got[0] != full[k] {
			t.Errorf("row %d is %+v, want %+v", k, got[0], full[k])
		}
		if f.reads > mostReads {
			t.Errorf("%d reads of %d bytes to resume at row %d", f.reads, f.bytes, k)
		}
	}
}

// TestOrderErrors has a source break off: what was read of the window before
// that is not handed out, and is not lost when only the ctx had ended.
func TestOrderErrors(t *testing.T) {
	ctx := context.Background()
	src := Repeat(Shuffle(sampleSource{rows: 100}, 20, 1), 2)
	want := readN(t, src, Cursor{}, -1)
	rapid.Check(t, func(rt *rapid.T) {
		r, err := src.Open(ctx, Cursor{})
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		var got []record
		for {
			row, err := r.Next(&lateContext{Context: ctx, after: rapid.IntRange(0, 40).Draw(rt, "checks")})
			if err == io.EOF {
				break
			}
			if err == nil {
				got = append(got, keep(row))
			} else if !errors.Is(err, context.Canceled) {
				rt.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("with a ctx that ends now and then: %s", diff)
		}
	})

	broken := errors.New("connection lost")
	text, files := far(t, formatText, asText(texts(30_000)))
	r, err := Shuffle(text, 20_000, 1).Open(ctx, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files[0].fail = broken
	n := 0
	for ; err == nil; n++ {
		_, err = r.Next(ctx)
	}
	if n != 20_001 || !errors.Is(err, broken) {
		t.Errorf("%d rows, then %v", n-1, err)
	}
	if _, again := r.Next(ctx); !errors.Is(again, broken) {
		t.Errorf("later: %v", again)
	}
}
