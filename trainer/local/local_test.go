package local

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		options Options
		option  string
	}{
		{Options{}, ""},
		{Options{Tokenizer: "gpt2", ChunkSizes: []int{2, 4096}}, ""},
		{Options{Tokenizer: "bert"}, "tokenizer"},
		{Options{ChunkSizes: []int{}}, "chunk_sizes"},
		{Options{ChunkSizes: []int{8, 1}}, "chunk_sizes"},
		{Options{ChunkSizes: []int{4097}}, "chunk_sizes"},
		{Options{ChunkSizes: make([]int, 9)}, "chunk_sizes"},
	} {
		_, err := New(c.options)
		var e *OptionError
		if errors.As(err, &e) != (c.option != "") || e != nil && e.Option != c.option {
			t.Errorf("New(%v): %v", c.options, err)
		}
	}
	if _, err := New(Options{Tokenizer: "bert"}); !strings.Contains(err.Error(), "gpt2") {
		t.Errorf("%v names no known tokenizer", err)
	}
}

func TestConfig(t *testing.T) {
	l := newLearner(t, 8, 4)
	want := ledger.Config{"learner": "local", "learner_version": 1.0, "tokenizer": "gpt2", "chunk_sizes": []any{8.0, 4.0}}
	if diff := cmp.Diff(want, l.Config()); diff != "" {
		t.Error(diff)
	}
	if got, want := slices.Sorted(slices.Values(l.Fixed())), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
		t.Errorf("fixed are %v, want %v", got, want)
	}
}

func TestPatterns(t *testing.T) {
	l := newLearner(t, 2, 2)
	for range 2 {
		learn(t, l, "the cat sat on the mat") // 6 tokens
	}
	learn(t, l, "the cat sat") // the third is left over
	learn(t, l, "the")
	learn(t, l, "")
	state := save(t, l, memory{})

	type row struct {
		Text      string
		Frequency uint64
		Symbols   []string
	}
	var got [2][]row
	for i := range l.Layers() {
		for p := range l.Patterns(i) {
			got[i] = append(got[i], row{string(p.AppendText(nil)), p.Frequency, p.Symbols()})
			if p.Layer != i || p.Name() != PatternName(p.Symbols()) {
				t.Errorf("pattern %v in layer %d is %s", p.Symbols(), p.Layer, p.Name())
			}
		}
	}
	theCat, satOn := PatternName([]string{"the", "Ġcat"}), PatternName([]string{"Ġsat", "Ġon"})
	want := [2][]row{{
		{"the cat", 3, []string{"the", "Ġcat"}},
		{" sat on", 2, []string{"Ġsat", "Ġon"}},
		{" the mat", 2, []string{"Ġthe", "Ġmat"}},
	}, {
		{"the cat sat on", 2, []string{theCat, satOn}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := state.Metrics["tokens"]; n != 6+6+3+1 {
		t.Errorf("%v tokens", n)
	}
}

// The digest is part of what a ledger records: it may change only together with
// Version or digestLabel.
func TestDigestIsPinned(t *testing.T) {
	l := newLearner(t)
	const empty = "cb7eaca6c0ade81c77faf99997a39da42b9f92c1dba2a358027f759d30099e23"
	if got := save(t, l, memory{}).ModelDigest; got != empty {
		t.Errorf("digest of the empty model is %s, want %s", got, empty)
	}
	learn(t, l, "The quick brown fox jumps over the lazy dog, and then the dog jumps over the quick brown fox.")
	const fox = "54478bfe704fdf17e2876e8be5dce957cf4a2293f6de2c84e1d80cb13c3766d9"
	if got := save(t, l, memory{}).ModelDigest; got != fox {
		t.Errorf("digest is %s, want %s", got, fox)
	}
}

func TestRealText(t *testing.T) {
	rows := samples(t)
	rows = rows[:min(len(rows), 1000)]
	l, r, store := newLearner(t), newReference(t, DefaultChunkSizes), memory{}
	for i, row := range rows {
		learn(t, l, string(row))
		r.learn(l.vocabulary.NewEncoder().Append(nil, row))
		if i%100 == 99 {
			save(t, l, store)
		}
	}
	state := save(t, l, store)
	r.check(t, state, l)
	r.check(t, state, restored(t, state, store))
}

// A full model refuses a sample and stays as it was.
func TestFull(t *testing.T) {
	l, store := newLearner(t, 2, 2), memory{}
	l.model.limit = 10
	learn(t, l, "one two three four five six")
	before := save(t, l, store)
	err := l.Learn(t.Context(), trainer.Sample{Text: []byte("alpha beta gamma delta epsilon zeta eta theta")})
	if !errors.Is(err, ErrFull) {
		t.Errorf("Learn: %v, want ErrFull", err)
	}
	if diff := cmp.Diff(before, save(t, l, store)); diff != "" {
		t.Error(diff)
	}
}

// Long samples are learned, and their buffers let go.
func TestLongSample(t *testing.T) {
	text := strings.Repeat("all work and no play makes a dull day ", 1<<17)
	l, r := newLearner(t, 9, 4096), newReference(t, []int{9, 4096})
	learn(t, l, text)
	if cap(l.tokens) > maxScratch || cap(l.model.sequence) > maxScratch {
		t.Errorf("%d and %d elements of scratch are kept", cap(l.tokens), cap(l.model.sequence))
	}
	r.learn(l.vocabulary.NewEncoder().Append(nil, []byte(text)))
	r.check(t, save(t, l, memory{}), l)
}

func TestCapturesInOrder(t *testing.T) {
	l, store := newLearner(t), memory{}
	first := capturing(t, l)
	learn(t, l, "some text")
	second := capturing(t, l)
	write(t, first, store)
	write(t, second, store)
	if _, err := first.Write(t.Context(), store, false); !errors.Is(err, errOrder) {
		t.Errorf("second Write of the first capture: %v, want errOrder", err)
	}
}

func TestNothingChanged(t *testing.T) {
	l, store := newLearner(t), memory{}
	for _, text := range []string{"", "two words"} {
		learn(t, l, text)
		state := save(t, l, store)
		if len(state.Objects) == 0 {
			t.Errorf("no object says what is learned of %q", text)
		}
		if diff := cmp.Diff(state, save(t, l, store)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(state, save(t, restored(t, state, store), store)); diff != "" {
			t.Errorf("after a restore: %s", diff)
		}
	}
}
