package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ckptledger/cmd/internal/cmdline"
)

// TestRowsFlags walks every flag of rows through every source: it changes what is
// printed, or is refused.
func TestRowsFlags(t *testing.T) {
	columnless := func(source string) bool { return source == "sample" || source == "text" }
	differs := func(plain, with string) bool { return plain != with }
	shuffled := func(string) []string { return []string{"--order", "shuffle"} }
	atEnd := func(source string) []string {
		if source == "sample" {
			return []string{"--from", "1800000"}
		}
		return []string{"--from", "20"}
	}
	cases := map[string]struct {
		beside  func(source string) []string // flags of the plain call too
		args    []string
		changes func(plain, with string) bool
		refused func(source string) bool
	}{
		"order":      {args: []string{"--order", "shuffle"}, changes: differs},
		"seed":       {beside: shuffled, args: []string{"--seed", "7"}, changes: differs},
		"window":     {beside: shuffled, args: []string{"--window", "2"}, changes: differs},
		"epochs":     {beside: atEnd, args: []string{"--epochs", "2"}, changes: func(plain, with string) bool { return plain == "" && strings.Count(with, "\n") == 15 }},
		"from":       {args: []string{"--from", "5"}, changes: func(_, with string) bool { return !strings.Contains(with, `"row":4,`) }},
		"count":      {args: []string{"--count", "2"}, changes: func(_, with string) bool { return strings.Count(with, "\n") == 2 }},
		"columns":    {args: []string{"--columns", "body"}, changes: func(_, with string) bool { return strings.Contains(with, `"columns":{"body":`) }, refused: columnless},
		"shard":      {args: []string{"--shard", "1/2"}, changes: func(_, with string) bool { return !strings.Contains(with, `"row":0,`) }},
		"raw":        {args: []string{"--raw"}, changes: func(_, with string) bool { return strings.Contains(with, `"kind":"sample"`) }},
		"text-field": {args: []string{"--text-field", "body"}, changes: func(_, with string) bool { return strings.Contains(with, "the body of row") }, refused: columnless},
		"data":       {changes: func(plain, with string) bool { return plain == with }},                           // every other case gives it
		"ledger":     {changes: func(plain, with string) bool { return plain == with }},                           // where a run would be looked for
		"json":       {args: []string{"--json"}, changes: func(plain, with string) bool { return plain == with }}, // it is JSON anyway
	}
	sources := writeSources(t)
	for _, flag := range commandFlags(t, "rows") {
		c, ok := cases[flag]
		if !ok {
			t.Errorf("no case for --%s", flag)
			continue
		}
		for source, data := range sources {
			base := slices.Concat([]string{"rows", dataset(source), "--ledger", t.TempDir()}, data)
			if c.beside != nil {
				base = append(base, c.beside(source)...)
			}
			plain := ""
			if flag != "count" { // without it the sample has 1,800,000 rows
				base = append(base, "--count", "15")
				_, plain, _ = call(t, base...)
			}
			code, with, stderr := call(t, slices.Concat(base, c.args)...)
			if c.refused != nil && c.refused(source) {
				if code != int(cmdline.Usage) {
					t.Errorf("%s, %v: exit code %d, want a refusal", source, c.args, code)
				}
			} else if code != 0 || !c.changes(plain, with) {
				t.Errorf("%s, %v left no trace: exit code %d\n%s%s", source, c.args, code, with, stderr)
			}
		}
	}
}

// TestPatternsFlags does the same for patterns.
func TestPatternsFlags(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	if code, _, stderr := call(t, "run", "sample", "--max-samples", "200", "--ledger", dir); code != 0 {
		t.Fatal(stderr)
	}
	count := func(text string) int { return strings.Count(text, "\n") - 1 }
	cases := map[string]struct {
		args    []string
		changes func(with string) bool
	}{
		"layer":         {[]string{"--layer", "1"}, func(with string) bool { return !strings.Contains(with, "\n    0 ") && count(with) == 20 }},
		"min-frequency": {[]string{"--min-frequency", "3", "--limit", "0"}, func(with string) bool { return count(with) < 20 }},
		"limit":         {[]string{"--limit", "7"}, func(with string) bool { return count(with) == 7 }},
		"json":          {[]string{"--json"}, func(with string) bool { return json.Valid([]byte(with)) }},
		"ledger":        {nil, func(with string) bool { return count(with) == 20 }}, // else there is no such run
	}
	for _, flag := range commandFlags(t, "patterns") {
		c, ok := cases[flag]
		if !ok {
			t.Errorf("no case for --%s", flag)
			continue
		}
		code, with, stderr := call(t, append([]string{"patterns", "sample@latest", "--ledger", dir}, c.args...)...)
		if code != 0 || !c.changes(with) {
			t.Errorf("%v left no trace: exit code %d\n%s%s", c.args, code, with, stderr)
		}
	}
}
