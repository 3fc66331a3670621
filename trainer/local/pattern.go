package local

import "iter"

// A Pattern is one of the patterns of a learner. It is valid until the next
// capture is written.
type Pattern struct {
	Layer     int    // from 0
	Frequency uint64 // how often it was learned

	learner *Learner
	number  uint32
}

// Layers returns how many layers the learner has.
func (l *Learner) Layers() int { return len(l.shadow.layers) }

// Patterns returns the patterns of a layer, 0 to Layers-1, in the order in which
// they were learned first, with the frequencies that the newest capture had when
// it was written, or those restored. It must not run while a capture is being
// written.
func (l *Learner) Patterns(layer int) iter.Seq[Pattern] {
	return func(yield func(Pattern) bool) {
		frequencies := &l.shadow.layers[layer].frequencies
		for i := range frequencies.len() {
			if !yield(Pattern{layer, *frequencies.at(i), l, uint32(i)}) {
				return
			}
		}
	}
}

// Name returns the pattern's name, as PatternName makes it of its symbols.
func (p Pattern) Name() string {
	return p.learner.shadow.layers[p.Layer].names.at(int(p.number)).String()
}

// Symbols returns what the pattern consists of: in layer 0 tokens, written as
// GPT-2's vocabulary writes them ("Ġthe"), above it names of patterns of the
// layer below.
func (p Pattern) Symbols() []string {
	var symbols []string
	for _, s := range p.symbols() {
		if p.Layer == 0 {
			symbols = append(symbols, p.learner.vocabulary.Symbol(uint16(s)))
		} else {
			symbols = append(symbols, p.below(s).Name())
		}
	}
	return symbols
}

// AppendText appends the text that was learned as this pattern.
func (p Pattern) AppendText(dst []byte) []byte {
	for _, s := range p.symbols() {
		if p.Layer == 0 {
			dst = append(dst, p.learner.vocabulary.Bytes(uint16(s))...)
		} else {
			dst = p.below(s).AppendText(dst)
		}
	}
	return dst
}

func (p Pattern) symbols() []uint32 { return p.learner.shadow.layers[p.Layer].patterns.at(p.number) }

func (p Pattern) below(number uint32) Pattern {
	return Pattern{Layer: p.Layer - 1, learner: p.learner, number: number}
}
