package cmdline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"ckptledger/cmd/internal/human"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// report prints err for people: the message after the program's name, the
// details, what differs, and the commands that help, each block apart.
func report(w io.Writer, program string, err error) {
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimRight(err.Error(), "\n"), "\n") {
		if i == 0 {
			b.WriteString(program + ": ")
		} else {
			b.WriteString("  ")
		}
		b.WriteString(human.Printable(line) + "\n")
	}
	if exit := (*ExitError)(nil); errors.As(err, &exit) {
		if len(exit.Details)+len(exit.Differs) > 0 {
			b.WriteByte('\n')
		}
		for _, line := range exit.Details {
			b.WriteString("  " + human.Printable(line) + "\n")
		}
		var rows [][]string
		for _, d := range exit.Differs {
			rows = append(rows, []string{d.Field, "checkpoint=" + value(d.Checkpoint), "current=" + value(d.Current)})
		}
		align(&b, "    ", rows)
		if len(exit.Hints) > 0 {
			b.WriteByte('\n')
		}
		rows = nil
		for _, h := range exit.Hints {
			rows = append(rows, []string{h.To + ":", h.Command})
		}
		align(&b, "  ", rows)
	}
	io.WriteString(w, b.String())
}

// align writes rows of cells with three spaces between the columns.
func align(b *strings.Builder, indent string, rows [][]string) {
	widths := map[int]int{}
	for _, row := range rows {
		for i := range row {
			row[i] = human.Printable(row[i])
			widths[i] = max(widths[i], twwidth.Width(row[i]))
		}
	}
	for _, row := range rows {
		b.WriteString(indent)
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-twwidth.Width(cell)+3))
			}
		}
		b.WriteByte('\n')
	}
}

// value writes a setting as the ledger holds it, in JSON on one line.
func value(v any) string {
	if v == nil {
		return "(not set)"
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// refusal is the object that stands for an error on stdout.
func refusal(err error) any {
	exit := &ExitError{Code: CodeOf(err)}
	errors.As(err, &exit)
	type body struct {
		Code       Code        `json:"code"`
		Kind       string      `json:"kind"`
		Message    string      `json:"message"`
		Differs    []Differ    `json:"differs"`
		Candidates []Candidate `json:"candidates"`
		Commands   []string    `json:"commands"`
	}
	e := body{
		Code:       exit.Code,
		Kind:       exit.Kind,
		Message:    err.Error(),
		Differs:    append([]Differ{}, exit.Differs...),
		Candidates: append([]Candidate{}, exit.Candidates...),
		Commands:   []string{},
	}
	if e.Kind == "" {
		e.Kind = exit.Code.Kind()
	}
	for _, h := range exit.Hints {
		e.Commands = append(e.Commands, h.Command)
	}
	return struct {
		Error body `json:"error"`
	}{e}
}

// WriteJSON writes v as one JSON value of its own, indented by two spaces, with
// a newline behind it and with & < > as they are. A nil slice is [].
func WriteJSON(w io.Writer, v any) error {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.IsNil() {
		v = []struct{}{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
