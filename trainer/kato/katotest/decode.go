package katotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"unicode/utf8"
)

// A sequence is the body of observe-sequence.
type sequence struct {
	observations                  []observation
	learnEach, learnEnd, isolated bool
}

// An observation is one event: its symbols, and what is said of it.
type observation struct {
	strings  []string
	metadata map[string]any
	id       string
}

// decode reads the body of observe-sequence, or says what is answered instead.
func decode(body []byte) (sequence, *answer) {
	if q, ok := quick(body); ok {
		return q, nil
	}
	return patient(body)
}

// patient is decode for any body.
func patient(body []byte) (q sequence, wrong *answer) {
	fields, wrong := unmarshal(body)
	if wrong != nil {
		return q, wrong
	}
	if _, given := fields["observations"]; !given {
		return q, invalid("missing", "Field required", "observations")
	}
	observations, ok := field[[]any](fields, "observations")
	if !ok {
		return q, invalid("list_type", "Input should be a valid list", "observations")
	}
	for key, flag := range map[string]*bool{"learn_after_each": &q.learnEach, "learn_at_end": &q.learnEnd, "clear_stm_between": &q.isolated} {
		if *flag, ok = field[bool](fields, key); !ok {
			return q, invalid("bool_type", "Input should be a valid boolean", key)
		}
	}
	q.observations = make([]observation, len(observations))
	for i, value := range observations {
		fields, ok := value.(map[string]any)
		if !ok {
			return q, invalid("model_type", "Input should be a valid dictionary", "observations", i)
		}
		o := &q.observations[i]
		if o.strings, ok = texts(fields, "strings"); !ok {
			return q, invalid("string_type", "Input should be a valid list of strings", "observations", i, "strings")
		}
		if o.metadata, ok = field[map[string]any](fields, "metadata"); !ok {
			return q, invalid("dict_type", "Input should be a valid dictionary", "observations", i, "metadata")
		}
		if fields["unique_id"] != nil {
			if o.id, ok = field[string](fields, "unique_id"); !ok {
				return q, invalid("string_type", "Input should be a valid string", "observations", i, "unique_id")
			}
		}
		if vectors, ok := field[[]any](fields, "vectors"); !ok || len(vectors) > 0 {
			return q, invalid("list_type", "This server observes no vectors", "observations", i, "vectors")
		}
		if _, ok := field[map[string]any](fields, "emotives"); !ok {
			return q, invalid("dict_type", "Input should be a valid dictionary", "observations", i, "emotives")
		}
	}
	return q, nil
}

// field is a field's value, the zero value where it is not given. It reports false
// for one of another type.
func field[T any](fields map[string]any, key string) (value T, ok bool) {
	v, given := fields[key]
	if !given {
		return value, true
	}
	value, ok = v.(T)
	return value, ok
}

// texts is the value of a field that is a list of strings.
func texts(fields map[string]any, key string) ([]string, bool) {
	values, ok := field[[]any](fields, key)
	if !ok {
		return nil, false
	}
	list := make([]string, len(values))
	for i, v := range values {
		if list[i], ok = v.(string); !ok {
			return nil, false
		}
	}
	return list, true
}

// unmarshal reads a body that is one JSON object, or says what is answered instead.
// Unlike a struct's, a map's keys are taken letter for letter.
func unmarshal(body []byte) (map[string]any, *answer) {
	if !utf8.Valid(body) {
		a := refuse(http.StatusBadRequest, "There was an error parsing the body")
		return nil, &a
	}
	var value any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if dec.Decode(&value) != nil {
		return nil, invalid("json_invalid", "JSON decode error")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("json_invalid", "JSON decode error")
	}
	fields, ok := value.(map[string]any)
	switch {
	case !ok:
		return nil, invalid("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
	case halved(body):
		return nil, invalid("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string")
	}
	return fields, nil
}

// halved reports whether valid JSON has half of a surrogate pair, which the
// server's strings cannot hold.
func halved(body []byte) bool {
	for i := 0; i+1 < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		switch surrogate(body[i:]) {
		case high:
			if surrogate(body[i+6:]) != low {
				return true
			}
			i += 11
		case low:
			return true
		default:
			i++
		}
	}
	return false
}

// The halves of a surrogate pair.
const (
	high = iota + 1
	low
)

// surrogate says which half of a pair stands escaped at the start, if any.
func surrogate(s []byte) int {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' || s[2]|0x20 != 'd' {
		return 0
	}
	switch c := s[3] | 0x20; {
	case c == '8' || c == '9' || c == 'a' || c == 'b':
		return high
	case c >= 'c' && c <= 'f':
		return low
	}
	return 0
}
