package kato

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// An answer is what matters of the server's to an observe-sequence.
type answer struct {
	name string // of the pattern learned; empty if there is none
	stm  int    // events in the short-term memory before
}

var errAnswer = errors.New("not a JSON object with final_learned_pattern and initial_stm_length")

// decodeAnswer reads an answer. It goes over what it does not need, most of the
// answer, without checking more than where that ends: it is done for each request,
// and the name is compared with what it must be.
func decodeAnswer(b []byte) (answer, error) {
	var a answer
	s := scanner{b: b}
	named, counted := false, false
	if !s.skip('{') {
		return a, errAnswer
	}
	for more := !s.skip('}'); more; {
		key := s.value()
		if key == nil || !s.skip(':') {
			return answer{}, errAnswer
		}
		value := s.value()
		ok := value != nil
		switch string(key) {
		case `"final_learned_pattern"`:
			a.name, ok = text(value)
			named = ok
		case `"initial_stm_length"`:
			a.stm, ok = count(value)
			counted = ok
		}
		if !ok {
			return answer{}, errAnswer
		}
		if more = s.skip(','); !more && !s.skip('}') {
			return answer{}, errAnswer
		}
	}
	if s.space(); !named || !counted || s.i < len(b) {
		return answer{}, errAnswer
	}
	return a, nil
}

// text is what a string of JSON says; null says nothing.
func text(value []byte) (string, bool) {
	switch {
	case string(value) == "null":
		return "", true
	case len(value) == 0 || value[0] != '"':
		return "", false
	case bytes.IndexByte(value, '\\') < 0:
		return string(value[1 : len(value)-1]), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}

// count is a number of JSON that can count something.
func count(value []byte) (int, bool) {
	n, err := strconv.ParseUint(string(value), 10, 31)
	return int(n), err == nil
}

// A scanner goes over JSON.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\r' || s.b[s.i] == '\t') {
		s.i++
	}
}

// skip goes over c, if that is what follows.
func (s *scanner) skip(c byte) bool {
	if s.space(); s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// quoted goes over a string, at whose first quote it stands.
func (s *scanner) quoted() bool {
	for s.i++; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case '"':
			s.i++
			return true
		case '\\':
			s.i++
		}
	}
	return false
}

// value goes over any value and returns it, nil if there is none.
func (s *scanner) value() []byte {
	s.space()
	from, depth := s.i, 0
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case '"':
			if !s.quoted() {
				return nil
			}
			if depth == 0 {
				return s.b[from:s.i]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return s.scalar(from)
			}
			if depth--; depth == 0 {
				s.i++
				return s.b[from:s.i]
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return s.scalar(from)
			}
		}
		s.i++
	}
	return nil
}

// scalar returns the number or word that began at from and ends here.
func (s *scanner) scalar(from int) []byte {
	if s.i == from {
		return nil
	}
	return s.b[from:s.i]
}
