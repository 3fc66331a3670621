package local

import (
	"errors"
	"math/rand/v2"
	"slices"
)

// ErrFull is returned by Learn when a layer could come to hold more than 2^31
// patterns. The sample is not learned.
var ErrFull = errors.New("the model is full")

// A model is what learning changes: the layers and the tokens seen so far.
type model struct {
	layers []*layer
	tokens uint64
	limit  int // patterns a layer may hold

	sequence []uint32 // reused: one sample's symbols, layer after layer
}

func newModel(chunkSizes []int) *model {
	m := &model{limit: maxPatterns}
	for _, size := range chunkSizes {
		m.layers = append(m.layers, &layer{size: size, index: newIndex(rand.Uint64())})
	}
	return m
}

// learn learns one sample, or fails and leaves the model as it was.
func (m *model) learn(tokens []uint16) error {
	if err := m.room(len(tokens)); err != nil {
		return err
	}
	m.tokens += uint64(len(tokens))

	m.sequence = slices.Grow(m.sequence[:0], len(tokens))
	symbols := m.sequence[:len(tokens)]
	for i, t := range tokens {
		symbols[i] = uint32(t)
	}
	for _, l := range m.layers {
		// The numbers going up overwrite symbols that were read already.
		up := symbols[:0]
		for chunk := range slices.Chunk(symbols, l.size) {
			if len(chunk) >= 2 {
				up = append(up, l.observe(chunk))
			}
		}
		symbols = up
	}
	if cap(m.sequence) > maxScratch {
		m.sequence = nil
	}
	return nil
}

// room returns ErrFull where a sample of so many tokens may find none.
func (m *model) room(tokens int) error {
	for _, l := range m.layers {
		if l.patterns.len() > m.limit-tokens {
			return ErrFull
		}
	}
	return nil
}

// maxScratch is the most elements of a reused buffer that are kept after a long
// sample.
const maxScratch = 1 << 20

// capture freezes the model: it copies the counts that changed since the last
// capture, and views of all that does not change any more.
func (m *model) capture() *capture {
	c := &capture{tokens: m.tokens, layers: make([]layerCapture, len(m.layers))}
	for i, l := range m.layers {
		lc := &c.layers[i]
		lc.patterns = l.patterns
		lc.fresh = l.counts.from(l.settled)
		for i := range lc.fresh {
			lc.fresh[i] >>= 1
		}
		lc.changed = make([]change, len(l.changed))
		for i, p := range l.changed {
			count := l.counts.at(int(p))
			*count &^= 1
			lc.changed[i] = change{p, *count >> 1}
		}
		l.settled = l.patterns.len()
		l.changed = l.changed[:0]
	}
	return c
}

// A capture is a model frozen at one moment.
type capture struct {
	tokens uint64
	layers []layerCapture
}

type layerCapture struct {
	patterns patterns
	changed  []change // patterns of the capture before whose frequency is another now
	fresh    []uint64 // frequencies of those that it did not hold: the last ones
}

type change struct {
	pattern   uint32
	frequency uint64
}
