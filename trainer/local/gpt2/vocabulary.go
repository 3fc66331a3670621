package gpt2

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	// Only its file is wanted: that is read in less time than the vocabularies
	// that other modules keep as Go code, and takes no memory when it was.
	"github.com/pkoukk/tiktoken-go-loader/assets"
)

// Size is the number of ordinary tokens; their ids are 0 to Size-1.
const Size = 50256

const (
	ranksFile = "r50k_base.tiktoken"
	maxToken  = 128       // bytes of the longest token
	none      = 1<<16 - 1 // no token; above every id
)

// A Vocabulary is GPT-2's table of tokens. It never changes and is safe for
// concurrent use.
//
// A token's id is also its rank: of all pairs of neighbours, the one that makes
// the token with the lowest id is merged first.
type Vocabulary struct {
	text    string            // the tokens, one after the other
	offsets []uint32          // token id is text[offsets[id]:offsets[id+1]]
	ids     map[string]uint16 // the id of each token
	single  [256]uint16       // the id of each byte's token
}

var shared = sync.OnceValues(load)

// Shared returns the vocabulary. The first call makes it, which takes some
// milliseconds. An error means that the program was built with another version
// of the module that holds the tokens; every call returns it.
func Shared() (*Vocabulary, error) { return shared() }

func load() (*Vocabulary, error) {
	data, err := assets.Assets.ReadFile(ranksFile)
	if err != nil {
		return nil, fmt.Errorf("read GPT-2 vocabulary: %w", err)
	}
	v, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("parse GPT-2 vocabulary %s: %w", ranksFile, err)
	}
	return v, nil
}

// parse reads lines of a token in base64, a space and its id, in order of ids.
func parse(data []byte) (*Vocabulary, error) {
	text := make([]byte, 0, 320<<10)
	offsets := make([]uint32, 1, Size+1)
	for line := range bytes.Lines(data) {
		token, rank, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		id := len(offsets) - 1
		if n, err := strconv.Atoi(string(rank)); err != nil || n != id || id == Size {
			return nil, fmt.Errorf("line %d: unexpected id %q", id+1, rank)
		}
		var err error
		if text, err = base64.StdEncoding.AppendDecode(text, token); err != nil {
			return nil, fmt.Errorf("line %d: %w", id+1, err)
		}
		offsets = append(offsets, uint32(len(text)))
	}
	if len(offsets) != Size+1 {
		return nil, fmt.Errorf("%d tokens, want %d", len(offsets)-1, Size)
	}

	v := &Vocabulary{text: string(text), offsets: offsets, ids: make(map[string]uint16, Size)}
	for id := range uint16(Size) {
		token := v.token(id)
		if len(token) > maxToken {
			return nil, fmt.Errorf("token %d has %d bytes", id, len(token))
		}
		v.ids[token] = id
	}
	for c := range v.single {
		v.single[c] = v.lookup([]byte{byte(c)})
		if v.single[c] == none {
			return nil, fmt.Errorf("no token for byte %#02x", c)
		}
	}
	if len(v.ids) != Size || v.lookup(nil) != none {
		return nil, errors.New("equal or empty tokens")
	}
	return v, nil
}

// lookup returns the id of the token that stands for text, or none.
func (v *Vocabulary) lookup(text []byte) uint16 {
	if id, ok := v.ids[string(text)]; ok {
		return id
	}
	return none
}

func (v *Vocabulary) token(id uint16) string {
	return v.text[v.offsets[id]:v.offsets[id+1]]
}

// Bytes returns a copy of the text that a token stands for. The id must be
// below Size.
func (v *Vocabulary) Bytes(id uint16) []byte {
	return []byte(v.token(id))
}

// Symbol returns a token as GPT-2's vocab.json writes it, with one printable
// character for each byte: "Ġthe" for " the". The id must be below Size.
func (v *Vocabulary) Symbol(id uint16) string {
	var b strings.Builder
	for _, c := range v.Bytes(id) {
		b.WriteRune(printable[c])
	}
	return b.String()
}

// printable has GPT-2's character for each byte: the byte's own in Latin-1
// where that can be seen, and the next one from U+0100 on where not.
var printable = func() (table [256]rune) {
	next := rune(0x100)
	for c := range table {
		switch {
		case '!' <= c && c <= '~', '¡' <= c && c <= '¬', '®' <= c:
			table[c] = rune(c)
		default:
			table[c] = next
			next++
		}
	}
	return table
}()
