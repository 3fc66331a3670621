package local

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Runs lie side by side, are never moved, and a copy of the list keeps what it
// had.
func TestList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type run struct {
			at    int
			first *int
			n     int
		}
		var l, view list[int]
		var runs []run
		var before []int
		for range rapid.IntRange(1, 20).Draw(rt, "runs") {
			n := rapid.IntRange(1, blockLen).Draw(rt, "length")
			at, elements := l.extend(n)
			if len(elements) != n || at+n != l.len() {
				rt.Fatalf("run of %d at %d in a list of %d", len(elements), at, l.len())
			}
			for i := range elements {
				elements[i] = at + i
			}
			runs = append(runs, run{at, &elements[0], n})
			if rapid.Bool().Draw(rt, "view") {
				view, before = l, l.from(0)
			}
		}
		for _, r := range runs {
			elements := l.run(r.at, r.n)
			if &elements[0] != r.first {
				rt.Fatalf("the run at %d was moved", r.at)
			}
			for i, v := range elements {
				if v != r.at+i || *l.at(r.at + i) != v {
					rt.Fatalf("element %d is %d", r.at+i, v)
				}
			}
		}
		if !slices.Equal(view.from(0), before) {
			rt.Fatal("a view changed")
		}
		from := rapid.IntRange(0, l.len()).Draw(rt, "from")
		if !slices.Equal(l.from(from), l.from(0)[from:]) {
			rt.Fatalf("from(%d) is not the rest", from)
		}
	})
}
