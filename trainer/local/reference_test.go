package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"ckptledger/trainer"
	"ckptledger/trainer/local/gpt2"
)

// A reference learns as the real learner does, in the plainest way: names, and
// a map of them.
type reference struct {
	chunkSizes  []int
	vocabulary  *gpt2.Vocabulary
	frequencies []map[string]int // of each layer, by name
	tokens      int
}

func newReference(t testing.TB, chunkSizes []int) *reference {
	t.Helper()
	vocabulary, err := gpt2.Shared()
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{chunkSizes: chunkSizes, vocabulary: vocabulary}
	for range chunkSizes {
		r.frequencies = append(r.frequencies, map[string]int{})
	}
	return r
}

func (r *reference) learn(tokens []uint16) {
	r.tokens += len(tokens)
	var symbols []string
	for _, t := range tokens {
		symbols = append(symbols, r.vocabulary.Symbol(t))
	}
	for i, size := range r.chunkSizes {
		var names []string
		for start := 0; start < len(symbols); start += size {
			chunk := symbols[start:min(start+size, len(symbols))]
			if len(chunk) < 2 {
				continue
			}
			name := PatternName(chunk)
			r.frequencies[i][name]++
			names = append(names, name)
		}
		symbols = names
	}
}

func (r *reference) digest() string {
	word := func(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 0, 0, 0, 0} }
	text := append([]byte(digestLabel), word(len(r.frequencies))...)
	for _, frequencies := range r.frequencies {
		total, observations := new(big.Int), 0
		for name, n := range frequencies {
			hash, _ := hex.DecodeString(name[len(namePrefix):])
			slices.Reverse(hash)
			element := new(big.Int).SetBytes(hash)
			total.Add(total, element.Mul(element, big.NewInt(int64(n))))
			observations += n
		}
		total.Mod(total, new(big.Int).Lsh(big.NewInt(1), 256))
		bytes := total.FillBytes(make([]byte, 32))
		slices.Reverse(bytes)
		text = slices.Concat(text, word(len(frequencies)), word(observations), bytes)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (r *reference) metrics() map[string]float64 {
	m := map[string]float64{"tokens": float64(r.tokens)}
	for i, frequencies := range r.frequencies {
		layer := fmt.Sprintf("layer%d.", i)
		for _, name := range []string{"frequency_1", "frequency_2_5", "frequency_6_10", "frequency_11_50", "frequency_over_50"} {
			m[layer+name] = 0
		}
		total, highest := 0, 0
		for _, n := range frequencies {
			total += n
			highest = max(highest, n)
			switch {
			case n == 1:
				m[layer+"frequency_1"]++
			case n <= 5:
				m[layer+"frequency_2_5"]++
			case n <= 10:
				m[layer+"frequency_6_10"]++
			case n <= 50:
				m[layer+"frequency_11_50"]++
			default:
				m[layer+"frequency_over_50"]++
			}
		}
		m[layer+"patterns"] = float64(len(frequencies))
		m[layer+"observations"] = float64(total)
		m[layer+"max_frequency"] = float64(highest)
		m[layer+"mean_frequency"] = 0
		if total > 0 {
			m[layer+"mean_frequency"] = float64(total) / float64(len(frequencies))
		}
	}
	return m
}

// check compares all that can be seen of a learner with the reference.
func (r *reference) check(t fataler, state trainer.State, l *Learner) {
	t.Helper()
	if got, want := state.ModelDigest, r.digest(); got != want {
		t.Fatalf("digest %s, want %s", got, want)
	}
	for name, want := range r.metrics() {
		if got, ok := state.Metrics[name]; !ok || got != want {
			t.Fatalf("metric %s is %v, want %v", name, got, want)
		}
	}
	if len(state.Metrics) != 1+9*len(r.chunkSizes) {
		t.Fatalf("%d metrics", len(state.Metrics))
	}
	for i := range l.Layers() {
		seen := 0
		for p := range l.Patterns(i) {
			seen++
			if name := p.Name(); int(p.Frequency) != r.frequencies[i][name] || name != PatternName(p.Symbols()) {
				t.Fatalf("layer %d has %s of %q %d times, want %d", i, name, p.Symbols(), p.Frequency, r.frequencies[i][name])
			}
		}
		if seen != len(r.frequencies[i]) {
			t.Fatalf("layer %d has %d patterns, want %d", i, seen, len(r.frequencies[i]))
		}
	}
}

// A fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}
