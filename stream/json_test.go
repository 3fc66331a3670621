package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// parseLine is one line as jsonlFormat reads it.
func parseLine(line []byte, columns ...string) *Row {
	var r Row
	jsonlFormat("text", columns).parse()(&r, line)
	return &r
}

func TestJSONLine(t *testing.T) {
	const long = "a text that is long enough"
	for _, c := range []struct {
		line   string
		kind   Kind
		reason string
		text   string
	}{
		{`{"text": "` + long + `"}`, Sample, "", long},
		{"\t {\"id\": 1, \"text\" :\"" + long + "\" , \"x\": [{\"text\": 3}, null]}\r", Sample, "", long},
		{`{"text": 1, "text": "` + long + `"}`, Sample, "", long}, // the last one counts
		{`{"te\u0078t": "` + long + `"}`, Sample, "", long},
		{`{"text": "\"\\\/\b\f\n\r\t quoted and \u00e9\u8A9E"}`, Sample, "", "\"\\/\b\f\n\r\t quoted and é語"},
		{`{"text": "a pair \ud83d\ude00 of them"}`, Sample, "", "a pair \U0001F600 of them"},
		{`{"text": "half \ud83d of a pair"}`, Sample, "", "half \xED\xA0\xBD of a pair"},
		{`{"text": "half \ude00 of a pair"}`, Sample, "", "half \xED\xB8\x80 of a pair"},
		{`{"text": "two high \ud83d\ud83d\ude00 ones"}`, Sample, "", "two high \xED\xA0\xBD\U0001F600 ones"},
		{`{"text": "high and \ud83d\u0041 other"}`, Sample, "", "high and \xED\xA0\xBDA other"},
		{"{\"text\": \"not \xff\xfe UTF-8, kept\"}", Sample, "", "not \xff\xfe UTF-8, kept"},
		{`{"text": "short"}`, Filtered, ReasonShort, "short"},
		{`{"text": ""}`, Filtered, ReasonShort, ""},
		{`{"text": null}`, Filtered, ReasonNull, ""},
		{"", Filtered, ReasonBlank, ""},
		{" \t\r", Filtered, ReasonBlank, ""},
		{`{}`, Errored, `no column "text"`, ""},
		{`{"Text": "` + long + `"}`, Errored, `no column "text"`, ""},
		{`{"text": 5}`, Errored, `column "text" is a number`, ""},
		{`{"text": -5e3}`, Errored, `column "text" is a number`, ""},
		{`{"text": true}`, Errored, `column "text" is a boolean`, ""},
		{`{"text": ["` + long + `"]}`, Errored, `column "text" is an array`, ""},
		{`{"text": {"text": "x"}}`, Errored, `column "text" is an object`, ""},
		{`["` + long + `"]`, Errored, ReasonNoObject, ""},
		{`null`, Errored, ReasonNoObject, ""},
		{`{"text": "` + long + `"`, Errored, ReasonMalformed, ""},
		{`{"text": "` + long + `"} {}`, Errored, ReasonMalformed, ""},
		{`{"text": "` + long + `", }`, Errored, ReasonMalformed, ""},
		{`{"text": "` + long + `", "n": 01}`, Errored, ReasonMalformed, ""},
		{`{"text": "` + long + `", "n": [1,]}`, Errored, ReasonMalformed, ""},
		{"{\"text\": \"a raw \x01 control character\"}", Errored, ReasonMalformed, ""},
		{`{"text": "` + long + `\u12g4"}`, Errored, ReasonMalformed, ""},
		{`{"text": "` + long + `\x"}`, Errored, ReasonMalformed, ""},
		{long, Errored, ReasonMalformed, ""},
	} {
		r := parseLine([]byte(c.line))
		if r.Kind != c.kind || r.Reason != c.reason || string(r.Text) != c.text {
			t.Errorf("%s\n\tis kind %d, reason %q, text %q", c.line, r.Kind, r.Reason, r.Text)
		}
	}
}

func TestJSONDepth(t *testing.T) {
	for _, depth := range []int{maxDepth, maxDepth + 1} {
		line := `{"text": "long enough for a sample", "x": ` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
		valid := parseLine([]byte(line)).Kind == Sample
		if want := json.Valid([]byte(line)); valid != want {
			t.Errorf("%d levels: valid is %v, encoding/json says %v", depth, valid, want)
		}
	}
}

// replaceHalves puts U+FFFD for each half of a surrogate pair, as encoding/json
// does.
func replaceHalves(text []byte) string {
	var out []byte
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			n = 3
		}
		out = utf8.AppendRune(out, r)
		text = text[n:]
	}
	return string(out)
}

// FuzzJSONLine compares with encoding/json what is valid and what the text is.
func FuzzJSONLine(f *testing.F) {
	for _, s := range []string{
		`{"text": "plain text that is long"}`, `{"text":"\u00e9\ud83d\ude00\n","b":[1,2.5e-3,{"c":null}]}`, `{"text": null, "text": "x"}`,
		`{"a": {"text": 1}, "te\u0078t": true}`, `{"text": "\ud800"}`, `[]`, `{`, `{"text"`, `{"text": "a\`, `{"text": "a\u12`, `-`, `{"n": -0.0E+1}`, "{\"\xff\": \"\xff\"}", " ",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r := parseLine(line, "text", "a")
		var object map[string]json.RawMessage
		if len(bytes.Trim(line, " \t\r\n")) == 0 {
			if r.Reason != ReasonBlank {
				t.Fatalf("%q is blank: %q", line, r.Reason)
			}
			return
		}
		err := json.Unmarshal(line, &object)
		switch valid := json.Valid(line); {
		case !valid && r.Reason != ReasonMalformed:
			t.Fatalf("%q is not valid: reason %q", line, r.Reason)
		case !valid:
			return
		case r.Reason == ReasonMalformed:
			t.Fatalf("%q is valid", line)
		case err != nil || object == nil:
			if r.Reason != ReasonNoObject {
				t.Fatalf("%q is no object: reason %q", line, r.Reason)
			}
			return
		case !utf8.Valid(line):
			return // encoding/json replaces what is not UTF-8, in keys as well
		}
		if diff := cmp.Diff(string(object["a"]), string(r.Columns["a"])); diff != "" {
			t.Fatalf("%q: column: %s", line, diff)
		}
		raw, ok := object["text"]
		var text *string
		err = json.Unmarshal(raw, &text)
		switch {
		case !ok:
			if r.Reason != `no column "text"` {
				t.Fatalf("%q has no text: %q", line, r.Reason)
			}
		case err != nil:
			if r.Kind != Errored {
				t.Fatalf("%q has a text that is no string: %q", line, r.Reason)
			}
		case text == nil:
			if r.Reason != ReasonNull {
				t.Fatalf("%q has a null text: %q", line, r.Reason)
			}
		case *text != replaceHalves(r.Text):
			t.Fatalf("%q has the text %q, not %q", line, *text, r.Text)
		}
	})
}

func TestJSONColumns(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "a.jsonl"), []byte(`{"body": "a text that is long enough", "id": 7, "tags": ["a", {"b": null}]}
{"body": "a text that is long enough", "id": "eight"}
{"body": "short", "id": null}
`))
	r, err := openData(t, Spec{Data: []string{path}, TextField: "body", Columns: []string{"id", "tags"}}).Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, want := range []string{`{"id":7,"tags":["a",{"b":null}]}`, `{"id":"eight"}`, `{"id":null}`} {
		row, err := r.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(row.Columns)
		if err != nil || string(got) != want {
			t.Errorf("row %d has columns %s (%v), want %s", i, got, err, want)
		}
	}
}
