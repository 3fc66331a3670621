package main

import (
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"ckptledger/cmd/internal/human"
)

// facts prints names and values in two columns; a fact without a value is left
// out.
type facts struct {
	w    io.Writer
	rows [][2]string
}

func (f *facts) add(name, value string) {
	if value != "" {
		f.rows = append(f.rows, [2]string{human.Printable(name), human.Printable(value)})
	}
}

func (f *facts) flush() {
	width := 0
	for _, r := range f.rows {
		width = max(width, utf8.RuneCountInString(r[0]))
	}
	for _, r := range f.rows {
		fmt.Fprintf(f.w, "%-*s  %s\n", width, r[0], r[1])
	}
	f.rows = nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
