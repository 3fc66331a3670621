package gpt2

import (
	"unicode"
	"unicode/utf8"
)

// A class is what GPT-2's expression tells characters apart by.
type class uint8

const (
	other class = iota
	letter
	number
	space
)

// ascii has the class of every ASCII character, to classify most text fast.
var ascii = func() (table [utf8.RuneSelf]class) {
	for c := range table {
		table[c] = classify(rune(c))
	}
	return table
}()

func classify(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	default:
		return other
	}
}

// pieceLen returns the length in bytes of the first piece of a text, which is
// not empty: what this expression matches, with all of Unicode in its classes.
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func pieceLen(text []byte) int {
	start := 0
	switch text[0] {
	case '\'':
		if n := contraction(text); n > 0 {
			return n
		}
	case ' ':
		if len(text) > 1 {
			start = 1
		}
	}
	var k class
	if c := text[start]; c < utf8.RuneSelf {
		k = ascii[c]
	} else {
		r, _ := utf8.DecodeRune(text[start:])
		k = classify(r)
	}
	if k != space {
		return runEnd(text, start, k)
	}

	end := runEnd(text, 0, space)
	if end == len(text) {
		return end
	}
	// The last space before a word is left to the word, or is a piece itself.
	if _, n := utf8.DecodeLastRune(text[:end]); n < end {
		return end - n
	}
	return end
}

// contraction returns the length of the contraction that the text starts with,
// or 0. The text starts with an apostrophe.
func contraction(text []byte) int {
	if len(text) >= 2 {
		switch text[1] {
		case 's', 't', 'm', 'd':
			return 2
		}
	}
	if len(text) >= 3 {
		switch string(text[1:3]) {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

// runEnd returns where the characters of class k end that stand at text[i:]. A
// byte that is no UTF-8 counts as U+FFFD, whose class is other.
func runEnd(text []byte, i int, k class) int {
	for i < len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			if ascii[c] != k {
				break
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if classify(r) != k {
			break
		}
		i += n
	}
	return i
}
