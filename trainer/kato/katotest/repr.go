package katotest

import (
	"fmt"
	"strings"
	"unicode"
)

// printable are the code points that Python's repr writes as they are, beside the
// ASCII space: letters, marks, numbers, punctuation and symbols.
var printable = []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S}

// appendEvents appends Python's repr of a list of lists of str.
func appendEvents(dst []byte, events [][]string) []byte {
	dst = append(dst, '[')
	for i, event := range events {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, '[')
		for j, symbol := range event {
			if j > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendStr(dst, symbol)
		}
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// appendStr appends Python's repr of a str, which is in UTF-8.
func appendStr(dst []byte, s string) []byte {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	dst = append(dst, quote...)
	for _, r := range s {
		dst = appendRune(dst, r, rune(quote[0]))
	}
	return append(dst, quote...)
}

var short = map[rune]string{'\\': `\\`, '\t': `\t`, '\n': `\n`, '\r': `\r`}

func appendRune(dst []byte, r, quote rune) []byte {
	switch {
	case r == quote:
		return append(dst, '\\', byte(r))
	case r > ' ' && r < 0x7F && r != '\\' || r == ' ':
		return append(dst, byte(r))
	case short[r] != "":
		return append(dst, short[r]...)
	case unicode.In(r, printable...):
		return append(dst, string(r)...)
	case r <= 0xFF:
		return fmt.Appendf(dst, `\x%02x`, r)
	case r <= 0xFFFF:
		return fmt.Appendf(dst, `\u%04x`, r)
	default:
		return fmt.Appendf(dst, `\U%08x`, r)
	}
}
