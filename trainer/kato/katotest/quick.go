package katotest

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// quick is decode for what clients usually send: the fields that there are, none of
// them null, no vectors, and metadata of strings and whole numbers. It reports false
// where it meets anything else; what it reads it reads as patient does.
func quick(body []byte) (q sequence, ok bool) {
	if !utf8.Valid(body) {
		return q, false
	}
	s := scanner{rest: string(body)}
	given := false
	for s.object() {
		switch s.key() {
		case "observations":
			given = true
			q.observations = s.observations()
		case "learn_after_each":
			q.learnEach = s.bool()
		case "learn_at_end":
			q.learnEnd = s.bool()
		case "clear_stm_between":
			q.isolated = s.bool()
		default:
			s.failed = true
		}
	}
	s.space()
	return q, given && !s.failed && s.rest == ""
}

// A scanner reads JSON from the start of rest. Once it failed it reads nothing.
type scanner struct {
	rest   string
	failed bool
	inside bool // of an object or list, behind an element
}

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t\r\n") }

// next reports whether c is next, behind white space, and passes it.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// object reports whether another member follows, before each of an object and
// behind the last; list does it for elements.
func (s *scanner) object() bool { return s.more('{', '}') }
func (s *scanner) list() bool   { return s.more('[', ']') }

func (s *scanner) more(first, last byte) bool {
	if s.failed {
		return false
	}
	if s.inside {
		switch {
		case s.next(','):
			return true
		case s.next(last):
			return false // inside stays: it is behind an element of what holds this
		}
		s.failed = true
		return false
	}
	if !s.next(first) {
		s.failed = true
		return false
	}
	if s.next(last) {
		s.inside = true
		return false
	}
	return true
}

// key reads the name of a member and what parts it from its value.
func (s *scanner) key() string {
	key := s.text()
	if !s.next(':') {
		s.failed = true
	}
	s.inside = false
	return key
}

// text reads a string.
func (s *scanner) text() string {
	if s.failed || !s.next('"') {
		s.failed = true
		return ""
	}
	s.inside = true
	for i := range len(s.rest) {
		switch c := s.rest[i]; {
		case c == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text
		case c == '\\':
			return s.escaped(i)
		case c < ' ':
			s.failed = true
			return ""
		}
	}
	s.failed = true
	return ""
}

// escaped reads the rest of a string that has its first escape at i.
func (s *scanner) escaped(i int) string {
	for ; i < len(s.rest) && s.rest[i] != '"'; i++ {
		if s.rest[i] == '\\' {
			i++
		}
	}
	if i >= len(s.rest) {
		s.failed = true
		return ""
	}
	quoted := []byte(`"` + s.rest[:i+1])
	s.rest = s.rest[i+1:]
	var text string
	if halved(quoted) || json.Unmarshal(quoted, &text) != nil {
		s.failed = true
	}
	return text
}

func (s *scanner) bool() bool {
	s.space()
	s.inside = true
	for _, value := range []bool{true, false} {
		word := "false"
		if value {
			word = "true"
		}
		if rest, ok := strings.CutPrefix(s.rest, word); ok {
			s.rest = rest
			return value
		}
	}
	s.failed = true
	return false
}

// whole reads a string, or a number without a fraction.
func (s *scanner) whole() any {
	s.space()
	if strings.HasPrefix(s.rest, `"`) {
		return s.text()
	}
	s.inside = true
	digits := len(s.rest) - len(strings.TrimLeft(s.rest, "0123456789"))
	number := s.rest[:digits]
	s.rest = s.rest[digits:]
	if digits == 0 || digits > 1 && number[0] == '0' || s.rest != "" && strings.ContainsAny(s.rest[:1], ".eE") {
		s.failed = true
	}
	return json.Number(number)
}

func (s *scanner) observations() []observation {
	all := make([]observation, 0, 8)
	for s.inside = false; s.list(); {
		s.inside = false
		all = append(all, s.observation())
	}
	return all
}

func (s *scanner) observation() (o observation) {
	o.strings = []string{}
	for s.object() {
		switch s.key() {
		case "strings":
			o.strings = o.strings[:0]
			for s.list() {
				o.strings = append(o.strings, s.text())
			}
		case "metadata":
			o.metadata = make(map[string]any)
			for s.object() {
				o.metadata[s.key()] = s.whole()
			}
		case "unique_id":
			o.id = s.text()
		case "vectors":
			if s.list() {
				s.failed = true
			}
		case "emotives":
			if s.object() {
				s.failed = true
			}
		default:
			s.failed = true
		}
	}
	return o
}
