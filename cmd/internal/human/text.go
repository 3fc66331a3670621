package human

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote writes args as one command for a POSIX shell, with quotes only where
// the shell needs them. Every byte survives, also those that are not UTF-8. The
// first word is taken for a program's name: one that looks like an assignment
// is not guarded against.
func Quote(args ...string) string {
	var b strings.Builder
	for i, arg := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if plain(arg) {
			b.WriteString(arg)
			continue
		}
		b.WriteByte('\'')
		b.WriteString(strings.ReplaceAll(arg, "'", `'\''`))
		b.WriteByte('\'')
	}
	return b.String()
}

// plain reports whether no shell in use gives arg another meaning. A # starts
// a comment and a = is expanded by zsh only at the start of a word, so RUN#20
// stays as it is.
func plain(arg string) bool {
	if arg == "" || arg[0] == '#' || arg[0] == '=' {
		return false
	}
	for i := 0; i < len(arg); i++ {
		c := arg[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_@%+=:,./#-", rune(c)) {
			return false
		}
	}
	return true
}

// Printable makes text from outside (names, paths, errors of servers) fit to be
// printed on one line: what could move the cursor, change colours, reverse the
// direction or end the line is written as an escape, as \n, \x1b or \u202e. All
// other text, of any script, stays as it is.
func Printable(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x80 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case unicode.IsPrint(r), unicode.Is(unicode.Zs, r), r == joiner, r == nonJoiner:
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// The two invisible characters that text is wrong without: the one that builds
// emoji of several people, and the one that Persian words are spelled with.
const (
	joiner    = '\u200d'
	nonJoiner = '\u200c'
)
