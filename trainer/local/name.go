package local

import (
	"crypto/sha1"
	"encoding/hex"
	"sync"

	"ckptledger/trainer/local/gpt2"
)

// namePrefix begins the name of every pattern.
const namePrefix = "PTRN|"

// PatternName returns the name that KATO gives to the pattern of symbols, each
// an event of its own: "PTRN|" and the SHA-1, in hex, of Python's repr of
// [[symbol], [symbol], …].
func PatternName(symbols []string) string {
	text := []byte("[")
	for i, s := range symbols {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(appendRepr(append(text, '['), s), ']')
	}
	return name(sha1.Sum(append(text, ']'))).String()
}

// A name is the SHA-1 in a pattern's name.
type name [sha1.Size]byte

func (n name) String() string { return string(n.append(nil)) }

func (n name) append(dst []byte) []byte {
	return hex.AppendEncode(append(dst, namePrefix...), n[:])
}

// A namer names patterns, and reuses its buffer for it.
type namer struct{ text []byte }

// ofTokens names a pattern of layer 0.
func (n *namer) ofTokens(tokens []uint32, events *tokenEvents) name {
	n.text = n.text[:0]
	for _, t := range tokens {
		n.text = append(n.text, events.at(t)...)
	}
	return n.sum()
}

// ofPatterns names a pattern of a higher layer, given the names of the layer
// below.
func (n *namer) ofPatterns(patterns []uint32, below *list[name]) name {
	n.text = n.text[:0]
	for _, p := range patterns {
		n.text = append(n.text, ", ['"...)
		n.text = below.at(int(p)).append(n.text)
		n.text = append(n.text, "']"...)
	}
	return n.sum()
}

// sum hashes the events in text. Each begins with ", ": the first one's blank
// becomes the bracket that opens the list, and its comma is left out.
func (n *namer) sum() name {
	n.text[1] = '['
	n.text = append(n.text, ']')
	return sha1.Sum(n.text[1:])
}

// tokenEvents holds, for each token, its event as the repr of a list shows it
// after another one: ", ['Ġthe']".
type tokenEvents struct {
	text []byte
	ends [gpt2.Size + 1]uint32
}

func (e *tokenEvents) at(token uint32) []byte { return e.text[e.ends[token]:e.ends[token+1]] }

// sharedEvents makes the events of all tokens, once (a few milliseconds).
var sharedEvents = sync.OnceValues(func() (*tokenEvents, error) {
	vocabulary, err := gpt2.Shared()
	if err != nil {
		return nil, err
	}
	e := &tokenEvents{text: make([]byte, 0, 1<<20)}
	for t := range gpt2.Size {
		e.text = append(e.text, ", ["...)
		e.text = appendRepr(e.text, vocabulary.Symbol(uint16(t)))
		e.text = append(e.text, ']')
		e.ends[t+1] = uint32(len(e.text))
	}
	return e, nil
})
