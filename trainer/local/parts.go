package local

import (
	"errors"
	"math/rand/v2"
	"slices"

	"ckptledger/trainer/local/gpt2"
)

// This file is for learners that have each pattern learned elsewhere as well, one
// by one.

// A Part is one pattern that a sample teaches.
type Part struct {
	Layer   int      // from 0
	Symbols []string // as Pattern.Symbols returns them
	Name    string   // as PatternName makes it
}

// A Split is a sample in its parts, in the order in which they are learned: layer
// by layer, and each from the text's beginning to its end. It follows from the
// text alone.
type Split struct {
	Parts  []Part
	tokens []uint16
}

// A Splitter splits samples. It belongs to one goroutine.
type Splitter struct {
	sizes      []int
	vocabulary *gpt2.Vocabulary
	encoder    *gpt2.Encoder
	symbols    []string // by token; empty until it is needed
}

// NewSplitter returns one more splitter.
func (l *Learner) NewSplitter() *Splitter {
	return &Splitter{l.options.ChunkSizes, l.vocabulary, l.vocabulary.NewEncoder(), make([]string, gpt2.Size)}
}

// Split returns the parts of a text.
func (s *Splitter) Split(text []byte) *Split {
	split := &Split{tokens: s.encoder.Append(nil, text)}
	symbols := make([]string, len(split.tokens))
	for i, t := range split.tokens {
		if s.symbols[t] == "" {
			s.symbols[t] = s.vocabulary.Symbol(t)
		}
		symbols[i] = s.symbols[t]
	}
	for layer, size := range s.sizes {
		var up []string
		for ; len(symbols) >= 2; symbols = symbols[min(size, len(symbols)):] {
			chunk := symbols[:min(size, len(symbols))]
			name := PatternName(chunk)
			split.Parts = append(split.Parts, Part{layer, chunk, name})
			up = append(up, name)
		}
		symbols = up
	}
	return split
}

// errParts is returned where parts are to be learned whose symbols were not.
var errParts = errors.New("parts of a sample whose first parts were never learned")

// LearnParts learns the parts of a sample from one to before another, of which
// those before must have been learned. Learning all of them one after another is
// learning the sample. After an error the model is as it was before.
func (l *Learner) LearnParts(s *Split, from, to int) error {
	return l.model.learnParts(s.tokens, from, to)
}

func (m *model) learnParts(tokens []uint16, from, to int) error {
	if err := m.room(len(tokens)); err != nil {
		return err
	}
	known := true
	m.walk(tokens, from, func(_ int, l *layer, chunk []uint32) (uint32, bool) {
		i, ok := l.find(chunk)
		known = known && ok
		return i, ok
	})
	if !known {
		return errParts
	}
	if m.walk(tokens, to, func(part int, l *layer, chunk []uint32) (uint32, bool) {
		if part < from {
			return l.find(chunk)
		}
		return l.observe(chunk), true
	}) {
		m.tokens += uint64(len(tokens))
	}
	return nil
}

// Frequencies returns how often each part of a sample was learned.
func (l *Learner) Frequencies(s *Split) []uint64 {
	frequencies := make([]uint64, len(s.Parts))
	l.model.walk(s.tokens, len(s.Parts), func(part int, l *layer, chunk []uint32) (uint32, bool) {
		i, ok := l.find(chunk)
		if ok {
			frequencies[part] = *l.counts.at(int(i)) >> 1
		}
		return i, ok
	})
	return frequencies
}

// unknown stands for a pattern that there is none of.
const unknown = 1<<32 - 1

// walk calls do for each part of a sample before one, with the layer and the
// symbols, and takes from it the pattern's number and whether there is one. What
// is made of a pattern that is unknown is not asked for: there is none of it. It
// reports whether it came to the end of the sample.
func (m *model) walk(tokens []uint16, before int, do func(part int, l *layer, chunk []uint32) (uint32, bool)) bool {
	symbols := make([]uint32, len(tokens))
	for i, t := range tokens {
		symbols[i] = uint32(t)
	}
	part := 0
	for layer, l := range m.layers {
		var up []uint32
		for ; len(symbols) >= 2; symbols = symbols[min(l.size, len(symbols)):] {
			if part >= before {
				return false
			}
			chunk := symbols[:min(l.size, len(symbols))]
			number := uint32(unknown)
			if layer == 0 || !slices.Contains(chunk, unknown) {
				if i, ok := do(part, l, chunk); ok {
					number = i
				}
			}
			up = append(up, number)
			part++
		}
		symbols = up
	}
	return true
}

// Pick returns n patterns of all that the learner knows, or all where there are no
// more, each with the same chance and with the frequency that it has now. It must
// not run while a capture is being written, and is of what Learn has learned: a
// capture that is taken later holds it too.
func (l *Learner) Pick(n int, random *rand.Rand) ([]Pattern, error) {
	if err := l.shadow.absorb(l.model.capture()); err != nil {
		return nil, err
	}
	total := 0
	for i := range l.shadow.layers {
		total += l.shadow.layers[i].frequencies.len()
	}
	var picked []Pattern
	left := total
	for layer := range l.shadow.layers {
		for p := range l.Patterns(layer) {
			if random.IntN(left) < n-len(picked) {
				picked = append(picked, p)
			}
			left--
		}
	}
	return picked, nil
}
