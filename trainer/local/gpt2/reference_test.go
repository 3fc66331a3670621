package gpt2

import (
	"regexp"
	"testing"
	"unicode/utf8"

	loader "github.com/pkoukk/tiktoken-go-loader"
)

// reference is the encoder written as its definition reads, for any bytes.
type reference struct{ ranks map[string]int }

func newReference(t testing.TB) reference {
	t.Helper()
	ranks, err := loader.NewOfflineLoader().LoadTiktokenBpe(ranksFile)
	if err != nil {
		t.Fatal(err)
	}
	return reference{ranks}
}

const (
	spaces = `\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`
	signs  = `[^` + spaces + `\p{L}\p{N}]`
)

var (
	pattern  = regexp.MustCompile(`^(?:'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?` + signs + `+|[` + spaces + `]+)`)
	allSpace = regexp.MustCompile(`^[` + spaces + `]+$`)
)

func (r reference) encode(text []byte) (ids []uint16) {
	for len(text) > 0 {
		piece := pattern.Find(text)
		// What package regexp has no word for: \s+(?!\S) before \s+.
		if _, last := utf8.DecodeLastRune(piece); allSpace.Match(piece) && len(piece) < len(text) && last < len(piece) {
			piece = piece[:len(piece)-last]
		}
		ids = r.merge(ids, piece)
		text = text[len(piece):]
	}
	return ids
}

func (r reference) merge(ids []uint16, piece []byte) []uint16 {
	var parts []string
	for _, c := range piece {
		parts = append(parts, string([]byte{c}))
	}
	for {
		best, at := Size, -1
		for i := range len(parts) - 1 {
			if rank, ok := r.ranks[parts[i]+parts[i+1]]; ok && rank < best {
				best, at = rank, i
			}
		}
		if at < 0 {
			break
		}
		parts[at] += parts[at+1]
		parts = append(parts[:at+1], parts[at+2:]...)
	}
	for _, p := range parts {
		ids = append(ids, uint16(r.ranks[p]))
	}
	return ids
}
