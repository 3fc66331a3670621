package stream

import "unicode/utf8"

// FilterID names the filter, for the identity of a run: text stripped as
// Python's str.strip does is longer than 10 code points.
const FilterID = "python_strip_runes>10"

// maxShort is, in code points, the longest text that is too short.
const maxShort = 10

// What a row is filtered or errored for, beside reasons that name a column.
const (
	ReasonNull  = "null"             // Filtered: the text is null
	ReasonShort = "short"            // Filtered: Keep says no; blank text too
	ReasonBlank = "blank"            // Filtered: a line of a JSONL file without a record
	ReasonLong  = "text over 64 MiB" // Errored: over MaxText
)

// Keep reports whether text is a sample: longer than 10 code points once
// stripped at both ends of what Python takes for whitespace. Each byte that is
// not part of valid UTF-8 counts as one.
func Keep(text []byte) bool {
	text = strip(text)
	switch {
	case len(text) <= maxShort:
		return false
	case len(text) > maxShort*utf8.UTFMax:
		return true
	}
	return utf8.RuneCount(text) > maxShort
}

// strip returns text without the whitespace at its ends, as str.strip does.
func strip(text []byte) []byte {
	for len(text) > 0 {
		r, n := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text)
		}
		if !isPythonSpace(r) {
			break
		}
		text = text[n:]
	}
	for len(text) > 0 {
		r, n := rune(text[len(text)-1]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeLastRune(text)
		}
		if !isPythonSpace(r) {
			break
		}
		text = text[:len(text)-n]
	}
	return text
}

// isPythonSpace reports whether Python's str.isspace holds for r: the 25 code
// points of unicode.IsSpace, and U+001C to U+001F, which Python counts as
// separators.
func isPythonSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r' || 0x1C <= r && r <= 0x1F
	}
	switch r {
	case 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
		return true
	}
	return 0x2000 <= r && r <= 0x200A
}

// classify makes r a row with this text: a sample, filtered as short, or
// errored as too long.
func (r *Row) classify(text []byte) {
	switch {
	case len(text) > MaxText:
		r.Kind, r.Reason, r.Text = Errored, ReasonLong, nil
	case Keep(text):
		r.Kind, r.Reason, r.Text = Sample, "", text
	default:
		r.Kind, r.Reason, r.Text = Filtered, ReasonShort, text
	}
}

// fail makes r an errored row without text.
func (r *Row) fail(reason string) { r.Kind, r.Reason, r.Text = Errored, reason, nil }

// drop makes r a filtered row without text.
func (r *Row) drop(reason string) { r.Kind, r.Reason, r.Text = Filtered, reason, nil }
