package gpt2

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
	"github.com/tiktoken-go/tokenizer"
)

// An oracle is an encoder by somebody else, for valid UTF-8.
type oracle func(text string) []uint16

// tokenizerOracle is fast but loses the byte 0x7f, which it must not be given.
func tokenizerOracle(t testing.TB) oracle {
	t.Helper()
	codec, err := tokenizer.Get(tokenizer.R50kBase)
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) []uint16 {
		ids, _, err := codec.Encode(text)
		if err != nil {
			t.Error(err)
		}
		return narrow(ids)
	}
}

// tiktokenOracle takes the square of the length of a piece.
func tiktokenOracle(t testing.TB) oracle {
	t.Helper()
	tiktoken.SetBpeLoader(loader.NewOfflineLoader())
	encoding, err := tiktoken.GetEncoding(tiktoken.MODEL_R50K_BASE)
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) []uint16 { return narrow(encoding.EncodeOrdinary(text)) }
}

func narrow[T int | uint](ids []T) []uint16 {
	short := make([]uint16, len(ids))
	for i, id := range ids {
		short[i] = uint16(id)
	}
	return short
}

// agree compares the encoder with an oracle on n texts, in all processors, and
// stops at the first difference.
func agree(t *testing.T, o oracle, n int, text func(i int) string) {
	t.Helper()
	v := vocabulary(t)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			e := v.NewEncoder()
			var got []uint16
			for i := w; i < n && !t.Failed(); i += workers {
				s := text(i)
				got = e.Append(got[:0], []byte(s))
				lossless(t, v, []byte(s), got, o(s))
			}
		})
	}
	wg.Wait()
}

// wikitext returns the rows of the validation text of WikiText-2, from a folder
// shared/data above this one.
func wikitext(t testing.TB) [][]byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "shared", "data", "wikitext-2-valid.txt"))
		if err == nil {
			return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		}
	}
	return nil
}

func TestOracleRows(t *testing.T) {
	rows := wikitext(t)
	if rows == nil {
		t.Skip("no wikitext-2-valid.txt")
	}
	for name, o := range map[string]oracle{"tokenizer": tokenizerOracle(t), "tiktoken": tiktokenOracle(t)} {
		t.Run(name, func(t *testing.T) {
			agree(t, o, len(rows), func(i int) string { return string(rows[i]) })
		})
	}
}

// inContext puts a character where each of the expression's alternatives could
// take it: beside a letter, a number, a sign and spaces.
func inContext(c string) string {
	return "a" + c + " " + c + "1" + c + " !" + c + "  " + c + c + " b"
}

func TestOracleCodePoints(t *testing.T) {
	step := 1
	if testing.Short() || raceEnabled {
		step = 13
	}
	agree(t, tokenizerOracle(t), 0x110000/step, func(i int) string {
		c := rune(i * step)
		if c == 0x7f {
			c = 'x' // the oracle loses it; see below
		}
		return inContext(string(c))
	})
	agree(t, tiktokenOracle(t), 0x3100, func(i int) string { return inContext(string(rune(i))) })
}

// tricky has what tells one alternative of the expression from another.
var tricky = []string{
	"a", "Z", "the", "é", "ß", "ж", "Ω", "ש", "ع", "ह", "ि", "ไ", "中", "の", "한", "𝒜", "ʰ", "ª",
	"0", "7", "1984", "٣", "½", "Ⅷ", "²", "𝟘", "౩",
	"'", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'v", "'l", "’s",
	" ", "  ", "   ", "\t", "\n", "\r\n", "\v", "\f", "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000",
	"\u001c", "\u001f", "\u180e", "\u200b", "\u200d", "\ufeff", "\u2060", "\x00", "\x01", "\x1b",
	".", ",", "!", "-", "--", "_", "=", "@-@", "<|endoftext|>", "€", "\u0301", "\u20dd", "\ufffd", "🙂", "👩‍👧", "🇨🇭", "\U000e0041", "\ue000",
}

func TestOracleRandom(t *testing.T) {
	n := 300_000
	if testing.Short() || raceEnabled {
		n /= 10
	}
	agree(t, tokenizerOracle(t), n, randomText)
	agree(t, tiktokenOracle(t), n/10, randomText)
}

// randomText returns the i-th of the random texts, the same each time.
func randomText(i int) string {
	random := rand.New(rand.NewPCG(uint64(i), 7))
	var b strings.Builder
	for range 1 + random.IntN(20) {
		b.WriteString(tricky[random.IntN(len(tricky))])
	}
	return b.String()
}

// TestOracleLong has pieces that would take hours if the time grew with the
// square of the length.
func TestOracleLong(t *testing.T) {
	size := 1 << 20
	if testing.Short() || raceEnabled {
		size /= 8
	}
	random := rand.New(rand.NewPCG(3, 4))
	letters := make([]byte, size)
	for i := range letters {
		letters[i] = 'a' + byte(random.IntN(26))
	}
	texts := []string{
		strings.Repeat("a", size),
		strings.Repeat("-=", size/2),
		strings.Repeat(" ", size) + "a",
		strings.Repeat("ÃÂ", size/4),
		string(letters),
	}
	agree(t, tokenizerOracle(t), len(texts), func(i int) string { return texts[i] })
}
