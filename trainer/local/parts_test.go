package local

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ckptledger/trainer"
)

// TestParts learns samples part by part, each in pieces, and finds the model of a
// learner that learned them whole; and each part with the name and the frequency
// of its pattern.
func TestParts(t *testing.T) {
	words := []string{" the", " cat", " sat", " on", " a", "\n", " mat", "'s"}
	rapid.Check(t, func(rt *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(2, 4), 1, 4).Draw(rt, "sizes")
		make := func() *Learner {
			l, err := New(Options{ChunkSizes: sizes})
			if err != nil {
				rt.Fatal(err)
			}
			return l
		}
		whole, pieces := make(), make()
		splitter := pieces.NewSplitter()
		var last *Split
		for range rapid.IntRange(1, 20).Draw(rt, "samples") {
			var text []byte
			for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(words)-1), 0, 40).Draw(rt, "words") {
				text = append(text, words[i]...)
			}
			if err := whole.Learn(t.Context(), trainer.Sample{Text: text}); err != nil {
				rt.Fatal(err)
			}
			last = splitter.Split(text)
			for from := 0; from < len(last.Parts); {
				to := rapid.IntRange(from, len(last.Parts)).Draw(rt, "to")
				before := pieces.Frequencies(last)
				if err := pieces.LearnParts(last, from, to); err != nil {
					rt.Fatal(err)
				}
				counted := map[string]uint64{}
				for _, p := range last.Parts[from:to] {
					counted[p.Name]++
				}
				for i, f := range pieces.Frequencies(last) {
					if want := before[i] + counted[last.Parts[i].Name]; f != want {
						rt.Fatalf("part %d has frequency %d after %d and %d more", i, f, before[i], counted[last.Parts[i].Name])
					}
				}
				from = to
			}
			if len(last.Parts) == 0 {
				if err := pieces.LearnParts(last, 0, 0); err != nil {
					rt.Fatal(err)
				}
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		all := func(l *Learner) map[string]uint64 {
			picked, err := l.Pick(1<<30, random)
			if err != nil {
				rt.Fatal(err)
			}
			out := map[string]uint64{}
			for _, p := range picked {
				out[p.Name()] += p.Frequency
			}
			return out
		}
		if diff := cmp.Diff(all(whole), all(pieces)); diff != "" {
			rt.Fatal(diff)
		}
		for i, f := range pieces.Frequencies(last) {
			if got := all(pieces)[last.Parts[i].Name]; got != f {
				rt.Fatalf("part %d: frequency %d, its pattern has %d", i, f, got)
			}
		}
		a, b := save(t, whole, &discard{}), save(t, pieces, &discard{})
		if a.ModelDigest != b.ModelDigest || a.Metrics["tokens"] != b.Metrics["tokens"] {
			rt.Fatalf("digest %.12s, whole %.12s; %v tokens, whole %v", b.ModelDigest, a.ModelDigest, b.Metrics["tokens"], a.Metrics["tokens"])
		}
	})
}

// TestPartsUnknown holds that nobody goes on in the middle of a sample that was
// never begun.
func TestPartsUnknown(t *testing.T) {
	l := newLearner(t)
	split := l.NewSplitter().Split([]byte("one two three four five six seven eight nine ten eleven twelve"))
	if err := l.LearnParts(split, 1, 2); err != errParts {
		t.Errorf("error %v, want %v", err, errParts)
	}
	for i, f := range l.Frequencies(split) {
		if f != 0 {
			t.Errorf("part %d was learned", i)
		}
	}
}

// TestPick picks some of the patterns, each with the same chance.
func TestPick(t *testing.T) {
	l := newLearner(t)
	learnAll(t, l, randomSamples(2000))
	random := rand.New(rand.NewPCG(3, 4))
	times := map[string]int{}
	for range 300 {
		picked, err := l.Pick(50, random)
		if err != nil {
			t.Fatal(err)
		}
		if len(picked) != 50 {
			t.Fatalf("%d picked", len(picked))
		}
		for _, p := range picked {
			times[p.Name()]++
		}
	}
	total := 0
	for layer := range l.Layers() {
		for range l.Patterns(layer) {
			total++
		}
	}
	if want := total * 99 / 100; len(times) < want {
		t.Errorf("%d of %d patterns were picked in 300 times 50", len(times), total)
	}
}
