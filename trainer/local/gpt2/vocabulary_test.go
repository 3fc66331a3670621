package gpt2

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"unicode"

	"github.com/pkoukk/tiktoken-go-loader/assets"
)

func vocabularyFile(t testing.TB) []byte {
	t.Helper()
	data, err := assets.Assets.ReadFile(ranksFile)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFile pins the file itself, by the digest that tiktoken checks as well.
func TestFile(t *testing.T) {
	sum := sha256.Sum256(vocabularyFile(t))
	if got, want := hex.EncodeToString(sum[:]), "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"; got != want {
		t.Errorf("SHA-256 is %s, want %s", got, want)
	}
}

func TestParse(t *testing.T) {
	data := vocabularyFile(t)
	if _, err := parse(data); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"empty":      {nil, "0 tokens"},
		"short":      {bytes.Join(lines[:Size-1], nil), "50255 tokens"},
		"long":       {append(bytes.Clone(data), "AAA= 50256\n"...), `line 50257: unexpected id "50256"`},
		"order":      {bytes.Join(lines[1:], nil), `line 1: unexpected id "1"`},
		"no id":      {[]byte("IQ==\n"), `line 1: unexpected id ""`},
		"no base64":  {[]byte("I?== 0\n"), "line 1: illegal base64"},
		"equal":      {bytes.Replace(data, []byte("IHRoZQ== 262\n"), []byte("IHQ= 262\n"), 1), "equal or empty tokens"},
		"empty one":  {bytes.Replace(data, []byte("IHRoZQ== 262\n"), []byte(" 262\n"), 1), `line 263: unexpected id ""`},
		"no byte":    {bytes.Replace(data, []byte("IQ== 0\n"), []byte("ISEhISEhISEh 0\n"), 1), "no token for byte 0x21"},
		"too long":   {bytes.Replace(data, []byte("IHRoZQ== 262\n"), []byte(strings.Repeat("AAAA", 43)+" 262\n"), 1), "token 262 has 129 bytes"},
		"two tokens": {bytes.Replace(data, []byte("IHRoZQ== 262\n"), []byte("IHRoZQ== 262 1\n"), 1), `line 263: unexpected id "262 1"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.data)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q in it", err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	data := vocabularyFile(f)
	f.Add(data[:200])
	f.Add([]byte("IQ== 0\r\n\nIg== 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := parse(data); err == nil && len(v.ids) != Size {
			t.Errorf("%d tokens", len(v.ids))
		}
	})
}

func TestTokens(t *testing.T) {
	v := vocabulary(t)
	longest := 0
	symbols := make(map[string]bool, Size)
	for id := range uint16(Size) {
		token := v.Bytes(id)
		longest = max(longest, len(token))
		if got := v.lookup(token); got != id {
			t.Fatalf("token %d, %q, is found as %d", id, token, got)
		}
		symbol := v.Symbol(id)
		if symbols[symbol] || strings.ContainsFunc(symbol, unicode.IsSpace) || len([]rune(symbol)) != len(token) {
			t.Fatalf("token %d, %q, has the symbol %q", id, token, symbol)
		}
		symbols[symbol] = true
	}
	if longest != maxToken {
		t.Errorf("the longest token has %d bytes, want %d", longest, maxToken)
	}
}

func TestSymbol(t *testing.T) {
	v := vocabulary(t)
	for id, want := range map[uint16]string{
		0: "!", 93: "~", 94: "¡", 187: "ÿ", 188: "Ā", 198: "Ċ", 220: "Ġ", 221: "ġ", 222: "Ģ", 255: "Ń",
		262: "Ġthe", 15496: "Hello", 50255: "Ġgazed",
	} {
		if got := v.Symbol(id); got != want {
			t.Errorf("token %d is %q, want %q", id, got, want)
		}
	}
}

func TestBytesIsACopy(t *testing.T) {
	v := vocabulary(t)
	v.Bytes(262)[1] = 'X'
	if got := string(v.Bytes(262)); got != " the" {
		t.Errorf("token 262 became %q", got)
	}
}
