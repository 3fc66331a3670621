package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// What a JSONL row is errored for, beside reasons that name the column.
const (
	ReasonMalformed  = "malformed JSON"
	ReasonNoObject   = "not a JSON object"
	ReasonLongRecord = "record over 128 MiB"
)

// maxRecord is the longest line of a JSONL file that is looked into: twice
// MaxText, for escapes and other columns.
const maxRecord = 2 * MaxText

// jsonlFormat is a JSON object a line with the text in one of its members. Of
// members with the same name the last counts. Lines of nothing but whitespace
// are rows without a record.
func jsonlFormat(field string, columns []string) lineFormat {
	missing := fmt.Sprintf("no column %q", field)
	return lineFormat{
		max:  maxRecord,
		long: ReasonLongRecord,
		parse: func() func(r *Row, line []byte) {
			p := &jsonlParser{field: field, columns: columns, missing: missing}
			p.visit = p.member // made once: a method value costs an allocation
			return p.parse
		},
	}
}

type jsonlParser struct {
	field   string
	columns []string
	missing string // the reason where field is missing
	visit   func(key []byte, v jsonValue)

	text    jsonValue
	found   map[string]json.RawMessage // of columns; nil where none are wanted
	key     []byte                     // holds a key that was escaped
	scratch []byte                     // holds a text that was escaped
}

func (p *jsonlParser) parse(r *Row, line []byte) {
	p.text, p.found = jsonValue{}, nil
	r.Columns, r.noField = nil, true
	start := skipSpace(line, 0)
	if start == len(line) {
		r.drop(ReasonBlank)
		return
	}
	if len(p.columns) > 0 {
		p.found = make(map[string]json.RawMessage, len(p.columns))
	}
	if !scanObject(line, &p.key, p.visit) {
		reason := ReasonMalformed
		if line[start] != '{' {
			if end := scanValue(line, start, 1); end >= 0 && skipSpace(line, end) == len(line) {
				reason = ReasonNoObject
			}
		}
		r.fail(reason)
		return
	}
	r.Columns = p.found
	if p.text.raw == nil {
		r.fail(p.missing)
		return
	}
	r.noField = false
	switch p.text.raw[0] {
	case '"':
		r.classify(p.unquote())
	case 'n':
		r.drop(ReasonNull)
	default:
		r.fail(fmt.Sprintf("column %q is %s", p.field, jsonType(p.text.raw[0])))
	}
}

// member notes what is wanted of one member.
func (p *jsonlParser) member(key []byte, v jsonValue) {
	if string(key) == p.field {
		p.text = v
	}
	if p.found != nil {
		for _, c := range p.columns {
			if string(key) == c {
				p.found[c] = v.raw
			}
		}
	}
}

// unquote returns the text as it was written, without a copy if it can.
func (p *jsonlParser) unquote() []byte {
	s := p.text.raw[1 : len(p.text.raw)-1]
	if !p.text.escaped {
		return s
	}
	if cap(p.scratch) > 4*lineBuffer && len(s) < lineBuffer {
		p.scratch = nil // the long text has passed
	}
	p.scratch = appendUnescaped(p.scratch[:0], s)
	return p.scratch
}

// jsonType names the type of a valid value by its first byte.
func jsonType(c byte) string {
	switch c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
}

// jsonColumns returns the names of the members in the first rows of s, sorted
// and not too many.
func jsonColumns(ctx context.Context, s *fileSource) ([]string, error) {
	r, err := s.reader(ctx, Position{}, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	r.alone = true
	const most = 20
	var names []string
	var scratch []byte
	for range probed {
		row, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		scanObject(row.raw, &scratch, func(key []byte, _ jsonValue) {
			if i, ok := slices.BinarySearch(names, string(key)); !ok && len(names) < most {
				names = slices.Insert(names, i, string(key))
			}
		})
	}
	return names, nil
}
