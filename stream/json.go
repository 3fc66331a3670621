package stream

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// The scanner below accepts exactly the JSON that encoding/json does, but
// keeps the bytes of strings as they are and allocates nothing. Each scan
// function takes the index at which a thing starts and returns the index
// behind it, or -1 if what is there is no such thing.

// maxDepth is how deep arrays and objects may be nested, as in encoding/json.
const maxDepth = 10000

// A jsonValue is a valid JSON value as it stands in its line.
type jsonValue struct {
	raw     []byte // nil where there is none
	escaped bool   // a string that holds a backslash
}

// scanObject reads a line that is one JSON object and calls visit for each of
// its members, in order. It reports whether the whole line is valid; members
// before a fault are visited. The key is valid until visit returns.
func scanObject(line []byte, scratch *[]byte, visit func(key []byte, v jsonValue)) bool {
	i := skipSpace(line, 0)
	if i >= len(line) || line[i] != '{' {
		return false
	}
	i = skipSpace(line, i+1)
	if i < len(line) && line[i] == '}' {
		return skipSpace(line, i+1) == len(line)
	}
	for {
		end, escaped := scanString(line, i)
		if end < 0 {
			return false
		}
		key := line[i+1 : end-1]
		if escaped {
			*scratch = appendUnescaped((*scratch)[:0], key)
			key = *scratch
		}
		i = skipSpace(line, end)
		if i >= len(line) || line[i] != ':' {
			return false
		}
		i = skipSpace(line, i+1)
		start := i
		escaped = false
		if i < len(line) && line[i] == '"' {
			i, escaped = scanString(line, i)
		} else {
			i = scanValue(line, i, 2)
		}
		if i < 0 {
			return false
		}
		visit(key, jsonValue{line[start:i:i], escaped})
		i = skipSpace(line, i)
		if i >= len(line) {
			return false
		}
		switch line[i] {
		case '}':
			return skipSpace(line, i+1) == len(line)
		case ',':
			i = skipSpace(line, i+1)
		default:
			return false
		}
	}
}

// scanValue reads a value that, if it is an array or object, is at depth.
func scanValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		i, _ = scanString(b, i)
		return i
	case c == '{' || c == '[':
		return scanComposite(b, i, depth)
	case c == 't':
		return scanWord(b, i, "true")
	case c == 'f':
		return scanWord(b, i, "false")
	case c == 'n':
		return scanWord(b, i, "null")
	}
	return scanNumber(b, i)
}

// scanComposite reads an array or object.
func scanComposite(b []byte, i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	object, end := b[i] == '{', byte(']')
	if object {
		end = '}'
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == end {
		return i + 1
	}
	for {
		if object {
			if i, _ = scanString(b, i); i < 0 {
				return -1
			}
			i = skipSpace(b, i)
			if i >= len(b) || b[i] != ':' {
				return -1
			}
			i = skipSpace(b, i+1)
		}
		if i = scanValue(b, i, depth+1); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		switch {
		case i >= len(b):
			return -1
		case b[i] == end:
			return i + 1
		case b[i] != ',':
			return -1
		}
		i = skipSpace(b, i+1)
	}
}

// scanString reads a string and reports whether it holds a backslash.
func scanString(b []byte, i int) (end int, escaped bool) {
	if i >= len(b) || b[i] != '"' {
		return -1, false
	}
	i++
	for {
		for i+8 <= len(b) {
			if m := unplain(binary.LittleEndian.Uint64(b[i:])); m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1, false
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			if i = scanEscape(b, i); i < 0 {
				return -1, false
			}
			escaped = true
		case c < ' ':
			return -1, false
		default:
			i++
		}
	}
}

// unplain returns a word whose lowest set bit is the top bit of the first of
// the eight bytes in w that is a quote, a backslash or below a space; 0 if
// there is none.
func unplain(w uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & tops
}

func scanEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if _, ok := hex4(b, i+2); ok {
			return i + 6
		}
	}
	return -1
}

// hex4 returns the value of the four hexadecimal digits at i.
func hex4(b []byte, i int) (v rune, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | rune(c)
	}
	return v, true
}

func scanNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b):
		return -1
	case b[i] == '0':
		i++
	default:
		if i = scanDigits(b, i); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i] == '.' {
		if i = scanDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return scanDigits(b, i)
	}
	return i
}

// scanDigits reads one digit or more.
func scanDigits(b []byte, i int) int {
	start := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func scanWord(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// appendUnescaped appends what stands between the quotes of a valid string.
// Bytes that are not UTF-8 stay as they are, and half of a surrogate pair
// becomes the three bytes that its code point would have (as Python writes with
// surrogatepass), so that different records never become the same text.
func appendUnescaped(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			start := i
			for i < len(s) && s[i] != '\\' {
				i++
			}
			dst = append(dst, s[start:i]...)
			continue
		}
		c := s[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(s, i)
			i += 4
			if utf16.IsSurrogate(r) {
				if low, ok := lowSurrogate(s, i); ok && r < 0xDC00 {
					r = utf16.DecodeRune(r, low)
					i += 6
				} else {
					dst = append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
					continue
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// lowSurrogate returns the second half of a pair, if it is escaped at i.
func lowSurrogate(s []byte, i int) (r rune, ok bool) {
	if i+6 > len(s) || s[i] != '\\' || s[i+1] != 'u' {
		return 0, false
	}
	r, ok = hex4(s, i+2)
	return r, ok && 0xDC00 <= r && r < 0xE000
}
