package local

import (
	"bytes"
	"context"
	"io"
	"math/bits"
	"slices"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// A segment is what one state object holds of the model: of each layer the
// patterns from a number on, and of those before it the ones whose frequency
// changed.
type segment struct {
	object  ledger.Object // none before it is saved
	size    int64         // bytes of the object's content
	renewed int64         // of them, those that repeat patterns of earlier objects
	layers  []extent
}

type extent struct {
	base    int      // patterns that the objects before it hold
	renewed []uint32 // patterns below base with a new frequency
}

// A chain is the objects that together are the model, and what changed since
// the last of them was saved.
//
// A capture adds an object for what changed. To keep the objects few, a tail of
// the chain is written anew as one object when it holds width objects of one
// level of size, instead of the object that would have been the last of them.
// Nothing is read for it: the shadow knows all patterns and the segments say
// which. Objects that were written stay as they are, since older snapshots name
// them.
type chain struct {
	saved   []segment
	tokens  uint64  // as the last object has it
	unsaved segment // begins where the last object ends
}

func newChain(layers int) chain {
	return chain{unsaved: segment{layers: make([]extent, layers)}}
}

// note adds changed patterns of a layer to what is not saved.
func (c *chain) note(layer int, changed []change) {
	x := &c.unsaved.layers[layer]
	for _, ch := range changed {
		if int(ch.pattern) < x.base {
			x.renewed = append(x.renewed, ch.pattern)
		}
	}
}

// begin says that all up to a capture of these layers and tokens is saved.
func (c *chain) begin(layers []shadowLayer, tokens uint64) {
	c.tokens = tokens
	c.unsaved = segment{layers: make([]extent, len(layers))}
	for i := range layers {
		c.unsaved.layers[i].base = layers[i].patterns.len()
	}
}

// tail returns the unsaved segment of all that the objects from cut on hold and
// what is not saved yet.
func (c *chain) tail(cut int) segment {
	parts := append(slices.Clone(c.saved[cut:]), c.unsaved)
	seg := segment{layers: make([]extent, len(c.unsaved.layers))}
	for i := range seg.layers {
		x := &seg.layers[i]
		x.base = parts[0].layers[i].base
		// A bit for each pattern puts them in order, and each once.
		renewed := make([]uint64, (x.base+63)/64)
		for _, part := range parts {
			for _, p := range part.layers[i].renewed {
				if int(p) < x.base {
					renewed[p/64] |= 1 << (p % 64)
				}
			}
		}
		for word, set := range renewed {
			for ; set != 0; set &= set - 1 {
				x.renewed = append(x.renewed, uint32(word*64+bits.TrailingZeros64(set)))
			}
		}
	}
	return seg
}

// objects names the objects of the chain, in order.
func (c *chain) objects() []ledger.Object {
	objects := make([]ledger.Object, len(c.saved))
	for i, seg := range c.saved {
		objects[i] = seg.object
	}
	return objects
}

// save stores what is not stored yet, or all of the model if whole.
func (s *shadow) save(ctx context.Context, store trainer.ObjectStore, whole bool) error {
	c := &s.chain
	var seg segment
	cut, label := 0, "model"
	put := func(w io.Writer) error { return s.encode(w, &seg) }
	if !whole {
		if s.isSaved() {
			return nil
		}
		// Encoded once, to know its size, and mostly that is what is stored.
		var content bytes.Buffer
		seg = c.tail(len(c.saved))
		if err := s.encode(&content, &seg); err != nil {
			return err
		}
		if cut = plan(c.saved, seg); cut == len(c.saved) {
			put = func(w io.Writer) error { _, err := content.WriteTo(w); return err }
		}
	}
	if cut > 0 {
		label = "changes"
	}
	if whole || cut < len(c.saved) {
		seg = c.tail(cut)
	}
	object, err := store.PutObject(ctx, label, put)
	if err != nil {
		return err
	}
	seg.object = object
	c.saved = append(c.saved[:cut:cut], seg)
	c.begin(s.layers, s.tokens)
	return nil
}

// isSaved says whether the chain holds all of the model. An empty model is
// saved too, so that there is an object that says so.
func (s *shadow) isSaved() bool {
	if len(s.chain.saved) == 0 || s.chain.tokens != s.tokens {
		return false
	}
	for i, x := range s.chain.unsaved.layers {
		if x.base != s.layers[i].patterns.len() || len(x.renewed) > 0 {
			return false
		}
	}
	return true
}

// width is how many objects of one level are merged.
const width = 8

// level is the order of magnitude of an object: 0 below 512 KiB, 1 below 4 MiB,
// and so on by eights.
func level(size int64) int { return max(0, bits.Len64(uint64(size)>>16)-1) / 3 }

// plan returns at which object the chain is to be cut off, so that all from
// there on is merged with the next segment into one object; len(saved) if the
// next one is just added.
//
// An object can only be merged together with all that follow, so it counts as
// of the level of the largest of them. Each level then has fewer than width
// objects, and each byte is written again about once a level. Together the
// objects stay below twice the size of the whole model: what they repeat never
// outgrows the rest.
func plan(saved []segment, next segment) (cut int) {
	cut = min(len(saved), ledger.MaxObjects-1)
	size, repeated := next.size, next.renewed
	highest, count := level(size), 1
	for i, seg := range slices.Backward(saved) {
		size += seg.size
		repeated += seg.renewed
		if l := level(seg.size); l > highest {
			highest, count = l, 0
		}
		if count++; count == width {
			cut = min(cut, i)
			highest, count = max(highest, level(size)), 1
		}
	}
	if repeated > size-repeated {
		return 0
	}
	return cut
}
