package cmdline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestFlagsAnywhere(t *testing.T) {
	run := call{Command: "run", Args: []string{"wikitext"}, Ledger: "checkpoints"}
	with := func(c call, change func(*call)) call { change(&c); return c }
	five := with(run, func(c *call) { c.MaxSamples = 5 })
	for line, want := range map[string]call{
		"run wikitext":                                  run,
		"start wikitext":                                run,
		"run --max-samples 5 wikitext":                  five,
		"run wikitext --max-samples 5":                  five,
		"run wikitext --max-samples=5":                  five,
		"run wikitext -max-samples 5":                   five,
		"run wikitext -n 5":                             five,
		"run wikitext -n=5":                             five,
		"run wikitext -n -5":                            with(run, func(c *call) { c.MaxSamples = -5 }),
		"run wikitext --ledger /x":                      with(run, func(c *call) { c.Ledger = "/x" }),
		"--ledger /x run wikitext":                      with(run, func(c *call) { c.Ledger = "/x" }),
		"run --ledger=/x wikitext":                      with(run, func(c *call) { c.Ledger = "/x" }),
		"run -f wikitext --json":                        with(run, func(c *call) { c.Follow, c.JSON = true, true }),
		"run --json=false wikitext":                     run,
		"run wikitext --chunk-sizes 8,8 --chunk-sizes":  {}, // says that the value is missing
		"run --chunk-sizes 8,8 wikitext":                with(run, func(c *call) { c.Chunks = []string{"8,8"} }),
		"run -":                                         with(run, func(c *call) { c.Args = []string{"-"} }),
		"run -- --json":                                 with(run, func(c *call) { c.Args = []string{"--json"} }),
		"run --chunk-sizes -- wikitext":                 with(run, func(c *call) { c.Chunks = []string{"--"} }),
		"check-process --json -- python x.py --json -n": {Command: "check-process", Args: []string{"python", "x.py", "--json", "-n"}, Ledger: "checkpoints", JSON: true},
		"diff a -f -- b":                                {Command: "diff", Args: []string{"a", "b"}, Ledger: "checkpoints", Follow: true},
		"diff a --json":                                 {Command: "diff", Args: []string{"a"}, Ledger: "checkpoints", JSON: true},
		"tag add 7Q3M a b -n 5":                         {Command: "tag add", Args: []string{"7Q3M", "a", "b"}, Ledger: "checkpoints", MaxSamples: 5},
		"tag --ledger /x add r a":                       {Command: "tag add", Args: []string{"r", "a"}, Ledger: "/x"},
		"run run":                                       with(run, func(c *call) { c.Args = []string{"run"} }),
		"run h":                                         with(run, func(c *call) { c.Args = []string{"h"} }),
	} {
		code, _, stderr, calls := start(t, nil, strings.Fields(line)...)
		if want.Command == "" {
			if code != int(Usage) || calls != nil {
				t.Errorf("%q: exit %d, %v", line, code, calls)
			}
			continue
		}
		if diff := cmp.Diff([]call{want}, calls, cmpopts.EquateEmpty()); diff != "" || code != 0 {
			t.Errorf("%q: exit %d, %s%s", line, code, stderr, diff)
		}
	}
}

// However flags and arguments are mixed, the command sees the same of both.
func TestTheOrderMakesNoDifference(t *testing.T) {
	flags := rapid.SliceOfDistinct(rapid.SampledFrom([][]string{
		{"--max-samples", "7"}, {"--follow"}, {"--json"}, {"--ledger", "run"}, {"--chunk-sizes", "--follow"}, {"--chunk-sizes=-n"},
	}), func(f []string) string { return strings.Split(f[0], "=")[0] })
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"r", "run", "tag", "-", "x=y", "help", ""}), 2, 5)
	rapid.Check(t, func(rt *rapid.T) {
		given, args := flags.Draw(rt, "flags"), words.Draw(rt, "words")
		var ordered, mixed []string
		for _, f := range given {
			ordered = append(ordered, f...)
		}
		ordered = append(append([]string{"tag", "add"}, ordered...), args...)

		rest := given
		place := func(n int) {
			for range n {
				mixed, rest = append(mixed, rest[0]...), rest[1:]
			}
		}
		mixed = []string{"tag", "add"}
		for _, a := range args {
			place(rapid.IntRange(0, len(rest)).Draw(rt, "flags before the next"))
			mixed = append(mixed, a)
		}
		place(len(rest))

		code, _, stderr, want := start(t, nil, ordered...)
		if code != 0 || len(want) != 1 || !cmp.Equal(want[0].Args, args) {
			rt.Fatalf("%q: exit %d, %s%v", ordered, code, stderr, want)
		}
		if code, _, stderr, got := start(t, nil, mixed...); code != 0 || !cmp.Equal(got, want) {
			rt.Fatalf("%q: exit %d, %s%s", mixed, code, stderr, cmp.Diff(want, got))
		}
	})
}

// No command line makes the program panic, print on stdout what is no result,
// or lose what follows --.
func FuzzRun(f *testing.F) {
	for _, s := range []string{"run wikitext", "--help", "run --", "- --= ---", "tag add a b -- -x", "help help", "run --max-samples", "--json --json"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Split(s, " ")
		code, stdout, stderr, calls := start(t, nil, args...)
		if code != 0 && (code != int(Usage) || stderr == "" || stdout != "" && !strings.HasPrefix(stdout, "{\n  \"error\": {")) {
			t.Fatalf("%q: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
		before, after, ok := strings.Cut(s, " -- ")
		if ok && len(calls) == 1 && !strings.HasSuffix(before, "chunk-sizes") && !strings.HasSuffix(before, "ledger") {
			if got := strings.Join(calls[0].Args, " "); !strings.HasSuffix(got, after) {
				t.Fatalf("%q: arguments %q", s, got)
			}
		}
	})
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"abc", "", 3}, {"max-sample", "max-samples", 1}, {"kitten", "sitting", 3}, {"lst", "list", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func FuzzDistance(f *testing.F) {
	f.Add("lst", "list")
	f.Fuzz(func(t *testing.T, a, b string) {
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a)-len(b), len(b)-len(a)) {
			t.Fatalf("distance(%q, %q) = %d", a, b, d)
		}
	})
}
