package stream

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// pythonSpaces is what this prints:
//
//	print(*["%04X" % i for i in range(0x110000) if not chr(i).strip()])
const pythonSpaces = `0009 000A 000B 000C 000D 001C 001D 001E 001F 0020 0085 00A0 1680 2000 2001 2002 2003 2004 2005 ` +
	`2006 2007 2008 2009 200A 2028 2029 202F 205F 3000`

func TestPythonSpaces(t *testing.T) {
	var got []string
	for r := range rune(unicode.MaxRune + 1) {
		if isPythonSpace(r) {
			got = append(got, fmt.Sprintf("%04X", r))
		}
	}
	if s := strings.Join(got, " "); s != pythonSpaces {
		t.Errorf("whitespace is\n%s, want\n%s", s, pythonSpaces)
	}
	if len(got) != 29 {
		t.Errorf("%d code points, want 29", len(got))
	}
}

func TestPythonSpacesAgainstPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here")
	}
	out, err := exec.Command(python, "-c",
		`print(*["%04X" % i for i in range(0x110000) if not chr(i).strip()])`).Output()
	if err != nil {
		t.Skipf("python3 does not run: %v", err)
	}
	if s := strings.TrimSpace(string(out)); s != pythonSpaces {
		t.Errorf("python3 strips\n%s, the test has\n%s", s, pythonSpaces)
	}
}

func TestKeep(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                    false,
		"0123456789":                          false,
		"0123456789a":                         true,
		"  \t0123456789\x1c\x1f\r\n ":         false,
		"\u3000\u00a001234 6789a\u2028":       true,
		"éééééééééé":                          false,
		"ééééééééééé":                         true,
		"\U0001F600" + strings.Repeat("é", 9): false,
		strings.Repeat("\U0001F600", 10):      false,
		strings.Repeat("\U0001F600", 11):      true,
		strings.Repeat("\xff", 10):            false, // each byte counts as one
		strings.Repeat("\xff", 11):            true,
		"\xe3\x80 123456789":                  true, // half an ideographic space is no space
		strings.Repeat(" ", 1000):             false,
		"\u180e\u200b\ufeff12345678":          true, // no spaces, in spite of their names
	} {
		if got := Keep([]byte(text)); got != want {
			t.Errorf("Keep(%q) = %v", text, got)
		}
	}
}

// TestKeepModel compares with the filter as its name defines it.
func TestKeepModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{" ", "\x1c", "\u0085", "\u2003", "a", "é", "語", "\U0001F600", "\xff", "\xe3"})).Draw(t, "text")
		text := strings.Join(parts, "")
		want := utf8.RuneCountInString(strings.TrimFunc(text, isPythonSpace)) > 10
		if got := Keep([]byte(text)); got != want {
			t.Fatalf("Keep(%q) = %v", text, got)
		}
		if got := strip([]byte(text)); !bytes.Equal(got, []byte(strings.TrimFunc(text, isPythonSpace))) {
			t.Fatalf("strip(%q) = %q", text, got)
		}
	})
}

func TestClassifyLong(t *testing.T) {
	text := bytes.Repeat([]byte("a"), MaxText+1)
	var r Row
	if r.classify(text); r.Kind != Errored || r.Reason != ReasonLong || r.Text != nil {
		t.Errorf("one byte too many: kind %d, reason %q", r.Kind, r.Reason)
	}
	if r.classify(text[:MaxText]); r.Kind != Sample || len(r.Text) != MaxText {
		t.Errorf("MaxText: kind %d, reason %q", r.Kind, r.Reason)
	}
}
