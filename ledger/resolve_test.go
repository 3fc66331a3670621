package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseRef(t *testing.T) {
	for text, want := range map[string]Ref{
		"first":             {Run: "first", Samples: -1},
		"":                  {Samples: -1},
		"7Q3M#3":            {Run: "7Q3M", Seq: 3, Samples: -1},
		"7Q3M@20000":        {Run: "7Q3M", Samples: 20000},
		"7Q3M@20,000":       {Run: "7Q3M", Samples: 20000},
		"7Q3M@0":            {Run: "7Q3M", Samples: 0},
		"wikitext@latest":   {Dataset: "wikitext", Samples: -1},
		"wikitext@latest#3": {Dataset: "wikitext", Seq: 3, Samples: -1},
		"wikitext@latest@7": {Dataset: "wikitext", Samples: 7},
		"hf:a/b:c/d@latest": {Dataset: "hf:a/b:c/d", Samples: -1},
		"a@b@latest":        {Dataset: "a@b", Samples: -1},
	} {
		if got, err := ParseRef(text); err != nil || got != want {
			t.Errorf("%q is %+v (%v)", text, got, err)
		}
	}
	for _, text := range []string{"a#", "a#0", "a#-1", "a#x", "a#1.5", "a@", "a@x", "a@-1", "a@,", "a#1@latest", "a#99999999999999999999"} {
		if got, err := ParseRef(text); !errors.Is(err, ErrRule) {
			t.Errorf("%q is %+v (%v)", text, got, err)
		}
	}
}

func TestRefNamesASnapshot(t *testing.T) {
	for text, want := range map[string]bool{"first": false, "wikitext@latest": false, "first#1": true, "first@0": true, "wikitext@latest#2": true} {
		if r, err := ParseRef(text); err != nil || r.Named() != want {
			t.Errorf("%q: %v (%v)", text, r.Named(), err)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"first", "7Q3M#3", "7Q3M@20,000", "wikitext@latest#3", "@latest", "#1", "@@", "a@latest@latest"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRef(text)
		if err != nil {
			if r != (Ref{}) {
				t.Errorf("%q is refused, and is %+v", text, r)
			}
			return
		}
		// Written out again it means the same.
		out := r.Run
		if r.Dataset != "" {
			out = r.Dataset + "@latest"
		}
		switch {
		case r.Seq > 0:
			out += fmt.Sprintf("#%d", r.Seq)
		case r.Samples >= 0:
			out += fmt.Sprintf("@%d", r.Samples)
		}
		again, err := ParseRef(out)
		if strings.Contains(text, "@latest") && r.Dataset == "" {
			return // of no dataset: names nothing, and cannot be written
		}
		if err != nil || again != r {
			t.Errorf("%q is %+v; written as %q it is %+v (%v)", text, r, out, again, err)
		}
	})
}

func find(l *Ledger, text string) (RunID, error) {
	r, err := ParseRef(text)
	if err != nil {
		return "", err
	}
	e, err := l.Find(context.Background(), r)
	return e.ID, err
}

func TestFind(t *testing.T) {
	l := testLedger(t)
	ids := fill(t, l, 40, 1, func(i int) string { return fmt.Sprintf("d%d", i%2) })
	a := ids[3]
	named := testRun("named")
	named.Name = strings.ToLower(string(a[20:])) // the suffix of another run: the name wins
	s := begin(t, l, named)

	for text, want := range map[string]RunID{
		string(a):                     a,
		strings.ToLower(string(a)):    a,
		string(a[:10]) + "#1":         a,
		string(a[21:]):                a,
		string(a[22:]) + "@5000":      a,
		named.Name:                    s.Run().ID,
		named.Name + "@latest":        "", // a name is no dataset
		"d0@latest":                   ids[38],
		"d1@latest":                   ids[39],
		"named@latest":                s.Run().ID, // without a snapshot
		"none@latest":                 "",
		"@latest":                     "",
		"abc":                         "",
		string(a[23:]):                "", // three characters
		string(a) + "0":               "",
		"":                            "",
		"ZZZZ":                        "",
		strings.Repeat("x", 40000):    "",
		string(s.Run().ID[:22]) + "#": "refused",
	} {
		got, err := find(l, text)
		switch {
		case want == "refused":
			wantIs(t, err, ErrRule)
		case want == "":
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%.40q is %s (%v)", text, got, err)
			}
		case got != want || err != nil:
			t.Errorf("%.40q is %s, not %s (%v)", text, got, want, err)
		}
	}

	_, err := find(l, string(a[:4]))
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || !errors.Is(err, ErrAmbiguous) || len(ambiguous.Runs) < 2 || !slices.Contains(ids, ambiguous.Runs[0]) || !strings.Contains(err.Error(), string(ambiguous.Runs[1])) {
		t.Errorf("error is %v", err)
	}
}

func TestLatestIsCommitOrder(t *testing.T) {
	l := testLedger(t)
	older, newer := begin(t, l, testRun("wikitext")), begin(t, l, testRun("wikitext"))
	if id, err := find(l, "wikitext@latest"); err != nil || id != newer.Run().ID {
		t.Errorf("of two without a snapshot: %s (%v)", id, err)
	}
	commit(t, newer, step(newer, 10))
	commit(t, older, step(older, 1))
	begin(t, l, testRun("wikitext"))
	if err := newer.End(context.Background(), End{Reason: Failed}); err != nil { // touches, commits nothing
		t.Fatal(err)
	}
	if id, err := find(l, "wikitext@latest"); err != nil || id != older.Run().ID {
		t.Errorf("latest is %s, not %s (%v)", id, older.Run().ID, err)
	}
}

func TestAtSamples(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	// Samples 0, 10, 10, 20, 30 … : the second of two only filtered rows more.
	samples := []int64{0}
	for i := range 12 {
		n := int64(10)
		if i == 1 {
			n = 0
		}
		c := step(s, n)
		c.Filtered, c.Row = c.Filtered+1, c.Row+1
		samples = append(samples, commit(t, s, c).Samples())
	}
	e := entry(t, l, id)
	// All gaps that pruning can leave, as long as the newest stays.
	deleted := map[uint64][]byte{}
	for _, gap := range [][]uint64{nil, {1}, {5}, {1, 2, 3, 4, 5, 6}, {1, 3, 5, 7, 9, 11}, {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {6, 7, 8, 9, 10, 11}} {
		edit(t, l, func(x *tx) error {
			for _, seq := range gap {
				v, err := x.get(bSnapshots, numberKey(id, seq))
				if err != nil {
					return err
				}
				deleted[seq] = slices.Clone(v)
				if err := x.delete(bSnapshots, numberKey(id, seq)); err != nil {
					return err
				}
			}
			return nil
		})
		for at := int64(0); at <= 140; at += 5 {
			want := uint64(0)
			for seq := uint64(1); seq <= 12; seq++ {
				if !slices.Contains(gap, seq) && samples[seq] <= at {
					want = seq
				}
			}
			got, err := l.FindSnapshot(ctx, e, Ref{Samples: at})
			if want == 0 {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("gap %v: at %d samples snapshot %d (%v), not none", gap, at, got.Seq, err)
				}
			} else if err != nil || got.Seq != want {
				t.Errorf("gap %v: at %d samples snapshot %d, not %d (%v)", gap, at, got.Seq, want, err)
			}
		}
		edit(t, l, func(x *tx) error {
			for _, seq := range gap {
				if err := x.put(bSnapshots, numberKey(id, seq), deleted[seq]); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// edit writes to the database behind the ledger's back.
func edit(t testing.TB, l *Ledger, fn func(*tx) error) {
	t.Helper()
	if err := l.db.update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "wiki-1.2_x": true, "latest": true, strings.Repeat("n", 100): true, "9-x": true,
		"": false, "-x": false, "..": false, strings.Repeat("n", 101): false, "a b": false, "a/b": false, "a@b": false, "a#b": false, "é": false, "a\n": false,
		"01ARZ3NDEKTSV4RRFFQ69G5FAV": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
