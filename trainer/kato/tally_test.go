package kato

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"ckptledger/ledger"
	"ckptledger/trainer/learnertest"
	"ckptledger/trainer/local"
)

// someParts are those of two layers, of so many patterns.
func someParts(n int) []local.Part {
	out := make([]local.Part, n)
	for i := range out {
		symbols := []string{"a", strings.Repeat("b", i+1)}
		out[i] = local.Part{Layer: i % 2, Symbols: symbols, Name: local.PatternName(symbols)}
	}
	return out
}

// What is learned in whatever order and pieces is the same, and each pattern, how
// often it is learned and in which layer make a difference.
func TestTallyDigest(t *testing.T) {
	digest := func(pieces ...[]local.Part) string {
		tally := newTally(2)
		for _, p := range pieces {
			if err := tally.learn(p); err != nil {
				t.Fatal(err)
			}
		}
		return tally.digest()
	}
	p := someParts(6)
	if digest(p) != digest(p[3:], p[:2], p[2:3]) {
		t.Error("the order shows")
	}
	seen := map[string]string{}
	elsewhere := p[1]
	elsewhere.Layer = 0
	for name, pieces := range map[string][][]local.Part{
		"nothing": nil, "one": {p[:1]}, "it twice": {p[:1], p[:1]}, "another": {p[2:3]}, "three": {p[:3]}, "all": {p}, "another layer's": {{elsewhere}}, "its own layer's": {p[1:2]},
	} {
		d := digest(pieces...)
		if other, ok := seen[d]; ok {
			t.Errorf("%s is %s", name, other)
		}
		seen[d] = name
	}
}

func TestTallyNames(t *testing.T) {
	for _, name := range []string{"", "PTRN|", "PTRN|12", "ptrn|" + strings.Repeat("0", 40), "PTRN|" + strings.Repeat("g", 40), "PTRN|" + strings.Repeat("0", 42)} {
		if err := newTally(1).learn([]local.Part{{Name: name}}); !errors.Is(err, errName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What a capture wrote is restored, and nothing else is: least of all by a tally of
// other layers, or half of it.
func FuzzTallyRestore(f *testing.F) {
	store := new(learnertest.Store)
	want := newTally(2)
	if err := want.learn(someParts(9)); err != nil {
		f.Fatal(err)
	}
	state, err := want.capture().Write(f.Context(), store, false)
	if err != nil {
		f.Fatal(err)
	}
	whole := store.Content(state.Objects[0])
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(append(whole[:len(whole):len(whole)], 'x'))
	for _, s := range []string{``, `{}`, `null`, `{"format":1}`, `{"format":1,"layers":[]}`, `{"format":2,"layers":[{},{}]}`, `{"format":1,"layers":[{},{}],"more":1}`, `{"format":1,"layers":[{"sum":[1,2,3,4,5]},null]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		store := new(learnertest.Store)
		o, err := store.PutObject(t.Context(), "tally", func(w io.Writer) error { _, err := w.Write(b); return err })
		if err != nil {
			t.Fatal(err)
		}
		got := newTally(2)
		digest, err := got.restore(t.Context(), store, []ledger.Object{o})
		if err != nil {
			if !errors.Is(err, local.ErrState) {
				t.Fatal(err)
			}
			if got.digest() != newTally(2).digest() {
				t.Error("half restored")
			}
			return
		}
		if digest != got.digest() {
			t.Errorf("the digest is %s, not %s", digest, got.digest())
		}
		again, err := got.capture().Write(t.Context(), store, false)
		if err != nil || again.ModelDigest != digest {
			t.Fatalf("%+v, %v", again, err)
		}
		if written := store.Content(again.Objects[0]); !bytes.Equal(b, written) {
			t.Errorf("%q was restored, and is written as %q", b, written)
		}
	})
}

func TestTallyObjects(t *testing.T) {
	if _, err := newTally(1).restore(t.Context(), new(learnertest.Store), nil); !errors.Is(err, local.ErrState) {
		t.Error(err)
	}
}
