package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"ckptledger/trainer/local/gpt2"
)

// names are what Python computes, one-symbol events each.
var names = []struct {
	symbols []string
	name    string
}{
	{[]string{"Ġthe", "Ġcat"}, "PTRN|3e1f8e0c2394c4e54d941df1b135e6b1c592bca8"},
	{[]string{"a", "b"}, "PTRN|76d7efca2e96cb5eeddf4e06ac96a0f424630135"},
	{[]string{"a", "a", "a", "a", "a", "a", "a", "a"}, "PTRN|e6f4b27d214d21f86dd10eecc3cd9b20fcfe92b2"},
	{[]string{"", ""}, "PTRN|57f0f10bbb89e2914db123c065e3319da26385c2"},
	{[]string{"'", `"`}, "PTRN|611a80ca1b3e7f6139a91655dff2868fbc47dc7e"},
	{[]string{"it's", "x"}, "PTRN|271339250f33fe945c5a24f7deb31f02ce16ddb5"},
	{[]string{`say "hi"`, "x"}, "PTRN|e5bc1815399346c651297c1aaf2ac3da19287bb0"},
	{[]string{`it's "both"`, "x"}, "PTRN|8e8eb5a7dc8de3d1223e789b8d18b2e0b58220c5"},
	{[]string{`back\slash`, "x"}, "PTRN|29a9747b3bd22ae880928fc8359eb6b56ba0c2d8"},
	{[]string{"line\n", "tab\t"}, "PTRN|a9a5bf12eb735332d70c6376cf68368674822735"},
	{[]string{"cr\r", "nul\x00"}, "PTRN|4a08c6ad16016da3d3a24241d65841fb7ea3a0d8"},
	{[]string{"\x1b\x7f", "\u0080\u00a0"}, "PTRN|529302714e2311c435aaecc11502c553f2b10eff"},
	{[]string{"\u00ad", "é"}, "PTRN|29c53fdb8f466ee64514141947299f352c65f6d6"},
	{[]string{"Ċ", "Ģ"}, "PTRN|9140016705ec4b87e1a5eea05eae9d0f9153517a"},
	{[]string{"\u200b", "\u3000"}, "PTRN|80ac7195282bc7eca9d85b217967a8026aa46b29"},
	{[]string{"\ue000", "日本"}, "PTRN|79b8fa92a14533e701b90304c2a36eb0b3e07af2"},
	{[]string{"😀", "\U000e0001"}, "PTRN|e3ec2734ccc0f2cbfd752849833fb76344901824"},
	{[]string{"\xed\xa0\xbd", "\xed\xb8\x80"}, "PTRN|16ce517f359d231829334d96b354c9134bf7bdab"}, // unpaired surrogates
	{[]string{"PTRN|0000000000000000000000000000000000000001", "PTRN|0000000000000000000000000000000000000002"}, "PTRN|7bfa374687e519fe5546ab796e6b5edf34ca294b"},
}

func TestPatternName(t *testing.T) {
	for _, c := range names {
		if got := PatternName(c.symbols); got != c.name {
			t.Errorf("PatternName(%q) = %s, want %s", c.symbols, got, c.name)
		}
	}
}

func TestPatternNameAsPython(t *testing.T) {
	var symbols [][][]rune
	for _, c := range names {
		var list [][]rune
		for _, s := range c.symbols {
			list = append(list, runes(s))
		}
		symbols = append(symbols, list)
	}
	lines := python(t, symbols, `
import hashlib, json, sys
for symbols in json.load(sys.stdin):
    events = [["".join(map(chr, s))] for s in symbols]
    print("PTRN|" + hashlib.sha1(repr(events).encode()).hexdigest())
`)
	for i, c := range names {
		if lines[i] != c.name {
			t.Errorf("Python names %q %s, the table %s", c.symbols, lines[i], c.name)
		}
	}
}

// Every token's event is what Python writes.
func TestTokenEventsAsPython(t *testing.T) {
	vocabulary, err := gpt2.Shared()
	if err != nil {
		t.Fatal(err)
	}
	events, err := sharedEvents()
	if err != nil {
		t.Fatal(err)
	}
	symbols := make([]string, gpt2.Size)
	for i := range symbols {
		symbols[i] = vocabulary.Symbol(uint16(i))
	}
	lines := python(t, symbols, `
import json, sys
for symbol in json.load(sys.stdin):
    print(repr([0, [symbol]])[2:-1])
`)
	for i, line := range lines {
		if got := string(events.at(uint32(i))); got != line {
			t.Fatalf("event of token %d is %s, Python's %s", i, got, line)
		}
	}
}

// Every code point that this Python's and Go's Unicode both know is written in
// the same way.
func TestReprAsPython(t *testing.T) {
	lines := python(t, nil, `
import unicodedata
for c in range(0x110000):
    if unicodedata.category(chr(c)) != "Cn":
        print(c, repr(chr(c)))
`)
	compared := 0
	for _, line := range lines {
		number, want, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("Python printed %q", line)
		}
		c := rune(n)
		if !unicode.In(c, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C) {
			continue // younger than Go's tables
		}
		compared++
		if got := string(appendRepr(nil, wtf8(c))); got != want {
			t.Errorf("repr of %U is %s, Python's %s", c, got, want)
		}
	}
	if compared < 200_000 {
		t.Errorf("only %d code points were compared", compared)
	}
}

func TestReprOfInvalidUTF8(t *testing.T) {
	for s, want := range map[string]string{
		"\xff":         `'\udcff'`,
		"a\xc3":        `'a\udcc3'`,
		"\xed\xa0":     `'\udced\udca0'`, // half a surrogate
		"\xed\xbf\xbf": `'\udfff'`,
		"\ufffd":       `'` + "\ufffd" + `'`,
	} {
		if got := string(appendRepr(nil, s)); got != want {
			t.Errorf("repr of %q is %s, want %s", s, got, want)
		}
	}
}

// What repr writes is printable UTF-8, and reads back as the same code points.
func FuzzRepr(f *testing.F) {
	for _, c := range names {
		f.Add(c.symbols[0])
	}
	f.Add("\xff'\"\\")
	f.Fuzz(func(t *testing.T, s string) {
		repr := string(appendRepr(nil, s))
		for _, r := range repr {
			if !unicode.IsPrint(r) {
				t.Fatalf("repr of %q has %U", s, r)
			}
		}
		if got, want := parseRepr(t, repr), runes(s); string(got) != string(want) || !utf8.ValidString(repr) {
			t.Fatalf("repr of %q is %s", s, repr)
		}
	})
}

// parseRepr reads a Python string literal.
func parseRepr(t *testing.T, repr string) []rune {
	t.Helper()
	body := []rune(repr)
	quote := body[0]
	if len(body) < 2 || quote != '\'' && quote != '"' || body[len(body)-1] != quote {
		t.Fatalf("%s is not quoted", repr)
	}
	var out []rune
	for body = body[1 : len(body)-1]; len(body) > 0; body = body[1:] {
		if body[0] == quote {
			t.Fatalf("%s has a bare quote", repr)
		}
		if body[0] != '\\' {
			out = append(out, body[0])
			continue
		}
		body = body[1:]
		if digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[body[0]]; digits > 0 {
			var r rune
			if _, err := fmt.Sscanf(string(body[1:1+digits]), "%x", &r); err != nil {
				t.Fatalf("%s: %v", repr, err)
			}
			out = append(out, r)
			body = body[digits:]
		} else if r, ok := map[rune]rune{'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '\'': '\'', '"': '"'}[body[0]]; ok {
			out = append(out, r)
		} else {
			t.Fatalf("%s has an unknown escape", repr)
		}
	}
	return out
}

// runes returns the code points that s stands for, surrogates too.
func runes(s string) []rune {
	points := []rune{}
	for len(s) > 0 {
		r, n := decodeRune(s)
		points = append(points, r)
		s = s[n:]
	}
	return points
}

// wtf8 encodes a code point, also a surrogate.
func wtf8(r rune) string {
	if r >= 0xD800 && r < 0xE000 {
		return string([]byte{0xED, byte(r>>6)&0x3F | 0x80, byte(r)&0x3F | 0x80})
	}
	return string(r)
}

// python runs a script that reads input as JSON and returns the lines it
// prints. The test is skipped where there is no python3.
func python(t *testing.T, input any, script string) []string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), path, "-X", "utf8", "-c", script)
	command.Stdin = bytes.NewReader(text)
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, &complaint)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}
