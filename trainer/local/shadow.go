package local

import (
	"runtime"
	"sync"
)

// A shadow is the model as the newest written capture has it: frequencies that
// hold still while learning goes on, and what is derived from them, kept up to
// date in the time that the changes take. It belongs to whoever writes
// captures.
type shadow struct {
	last   *capture // absorbed last
	tokens uint64
	layers []shadowLayer
	chain  chain
}

type shadowLayer struct {
	size        int // symbols in a full chunk
	patterns    patterns
	frequencies list[uint64]
	names       list[name]
	sum         sum
	tally       tally
}

func newShadow(chunkSizes []int) *shadow {
	s := &shadow{layers: make([]shadowLayer, len(chunkSizes)), chain: newChain(len(chunkSizes))}
	for i, size := range chunkSizes {
		s.layers[i].size = size
	}
	return s
}

// absorb brings the shadow up to a capture, the one after the last absorbed.
func (s *shadow) absorb(c *capture) error {
	events, err := sharedEvents()
	if err != nil {
		return err
	}
	s.last, s.tokens = c, c.tokens
	for i := range s.layers {
		l := &s.layers[i]
		l.patterns = c.layers[i].patterns
		for _, ch := range c.layers[i].changed {
			frequency := l.frequencies.at(int(ch.pattern))
			l.sum.add(l.names.at(int(ch.pattern)), ch.frequency-*frequency)
			l.tally.move(*frequency, ch.frequency)
			*frequency = ch.frequency
		}
		for _, frequency := range c.layers[i].fresh {
			l.frequencies.add(frequency)
			l.tally.move(0, frequency)
		}
		s.name(i, events)
		s.chain.note(i, c.layers[i].changed)
	}
	return nil
}

// name names the patterns of a layer that have no name yet and adds them to its
// sum. Hashing is most of the work of a capture; where there are many patterns,
// as in a restore, all processors share it.
func (s *shadow) name(layer int, events *tokenEvents) {
	const least = 1 << 15 // patterns that are worth a goroutine
	l := &s.layers[layer]
	from := l.names.len()
	for l.names.len() < l.patterns.len() {
		l.names.add(name{})
	}
	share := max(least, (l.patterns.len()-from)/runtime.GOMAXPROCS(0)+1)
	var sums []*sum
	var group sync.WaitGroup
	for begin := from; begin < l.patterns.len(); begin += share {
		end := min(begin+share, l.patterns.len())
		part := new(sum)
		sums = append(sums, part)
		group.Go(func() {
			var namer namer
			var own sum // in no cache line of another
			for i := begin; i < end; i++ {
				symbols := l.patterns.at(uint32(i))
				var n name
				if layer == 0 {
					n = namer.ofTokens(symbols, events)
				} else {
					n = namer.ofPatterns(symbols, &s.layers[layer-1].names)
				}
				*l.names.at(i) = n
				own.add(&n, *l.frequencies.at(i))
			}
			*part = own
		})
	}
	group.Wait()
	for _, part := range sums {
		l.sum.plus(part)
	}
}
