package stream

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
