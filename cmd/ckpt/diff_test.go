package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ckptledger/ledger"

	"pgregory.net/rapid"
)

func TestDiffOfTwo(t *testing.T) {
	f := newFixture(t)
	a := f.begin(newRun("a"))
	for _, n := range []int64{1000, 2000, 3000} {
		a.to(n, "")
	}
	a.to(5000, ledger.Completed)
	run := newRun("b")
	run.Config["chunk_sizes"], run.Config["seed"], run.Record = []int{16, 16, 16}, 7, map[string]string{"gpu": "none"}
	b := f.begin(run)
	for _, n := range []int64{500, 2000, 2500} {
		b.to(n, "")
	}
	code, stdout, stderr := f.run("diff", "a", "b")
	if code != 0 || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	golden(t, "diff.txt", f.stable(stdout))
	_, stdout, _ = f.run("diff", "a", "b", "--latest")
	golden(t, "diff-latest.txt", f.stable(stdout))
	_, stdout, _ = f.run("diff", "a", "a")
	golden(t, "diff-same.txt", f.stable(stdout))
	f.begin(newRun("c")).to(2000, "")
	_, stdout, _ = f.run("diff", "a", "b", "c")
	golden(t, "diff-rows.txt", f.stable(stdout))
}

// What is compared: the snapshots' numbers, 0 where a run has none.
func TestDiffPlace(t *testing.T) {
	f := newFixture(t)
	begin := func(name, dataset string, samples ...int64) {
		run := newRun(name)
		run.Dataset = dataset
		s := f.begin(run)
		for _, n := range samples {
			s.to(n, "")
		}
	}
	begin("ten", "x", 10, 20, 30, 40)
	begin("odd", "y", 15, 25, 30, 35)
	begin("few", "z", 20, 50)
	begin("late", "u", 45, 60)
	begin("none", "v")
	for args, want := range map[string]string{
		"ten odd":            "3:30 3:30",
		"odd ten":            "3:30 3:30",
		"ten few":            "2:20 1:20",
		"ten odd few":        "3:30 4:35 1:20", // nothing in common: where the first of them ends
		"odd few":            "4:35 1:20",
		"ten late":           "4:40 1:45", // late has none so early: its first
		"ten odd --latest":   "4:40 4:35",
		"ten none":           "4:40 0:0",
		"none none":          "0:0 0:0",
		"ten#1 odd#2":        "1:10 2:25",
		"ten#1 odd#2 few":    "1:10 2:25 1:20",
		"ten@29 odd":         "2:20 1:15",
		"odd ten@29":         "1:15 2:20",
		"x@latest odd":       "4:40 4:35",
		"x@latest y@latest":  "4:40 4:35",
		"v@latest ten":       "0:0 4:40",
		"ten#2 ten":          "2:20 4:40",
		"ten ten":            "4:40 4:40",
		"ten#2 odd --latest": "2:20 4:35",
	} {
		code, stdout, stderr := f.run(append([]string{"diff", "--json"}, strings.Fields(args)...)...)
		if code != 0 {
			t.Errorf("%s: exit %d, %s", args, code, stderr)
			continue
		}
		d := unmarshal[struct {
			A, B *sideJSON
			Runs []sideJSON
		}](t, stdout)
		sides := d.Runs
		if d.A != nil {
			sides = []sideJSON{*d.A, *d.B}
		}
		var got []string
		for _, s := range sides {
			got = append(got, fmt.Sprintf("%d:%d", s.Seq, s.Samples))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s compares %v, not %s", args, got, want)
		}
	}
}

func TestFairness(t *testing.T) {
	base := func() side {
		run := newRun("")
		run.Config, _ = run.Config.Normalize()
		return side{
			Entry: ledger.Entry{Run: run},
			snap: ledger.Snapshot{Seq: 3, Kind: ledger.Periodic, Counters: ledger.Counters{Row: 30, Trained: 20, Filtered: 10},
				Metrics: map[string]float64{"tokens": 4, "samples_per_second": 10}},
			attempt: ledger.Attempt{Host: "alpha", Platform: "linux/amd64", CPUs: 4},
		}
	}
	for name, c := range map[string]struct {
		change func(*side)
		kinds  []string
		line   string
	}{
		"same": {func(*side) {}, nil, "Fair comparison: same data, filter and order, each at 20 samples, rates of the same machine"},
		"chunk sizes": {func(s *side) { s.Config["chunk_sizes"] = []any{16.0} }, nil,
			"Fair comparison: same data, filter and order, each at 20 samples, rates of the same machine"},
		"other label": {func(s *side) { s.Source.Label = "elsewhere.txt" }, nil,
			"Fair comparison: same data, filter and order, each at 20 samples, rates of the same machine"},
		"revision": {func(s *side) { s.Source.Digest = strings.Repeat("c3", 32) }, []string{"data"},
			"Not a fair comparison: other data (rows.txt, 9,000 rows, digest a1a1a1a1a1a1; rows.txt, 9,000 rows, digest c3c3c3c3c3c3)"},
		"column": {func(s *side) { s.Config["text_field"] = "body" }, []string{"text_field"},
			"Not a fair comparison: another column of it (text; body)"},
		"filter": {func(s *side) { s.Config["filter"] = "none" }, []string{"filter"},
			"Not a fair comparison: another filter (python_strip_runes>10; none)"},
		"order": {func(s *side) { s.Config["order"] = "shuffled" }, []string{"order"},
			"Not a fair comparison: another order (sequential; shuffled)"},
		"shuffled": {func(s *side) { s.Config["order"], s.Config["seed"], s.Config["window"] = "shuffle", 7.0, 10000.0 }, []string{"order"},
			"Not a fair comparison: another order (sequential; shuffle by seed 7 in windows of 10000 rows)"},
		"place": {func(s *side) { s.snap.Trained++; s.snap.Row++ }, []string{"place"},
			"Not a fair comparison: not at the same place (20 samples; 21 samples)"},
		"nothing": {func(s *side) { s.snap = ledger.Snapshot{} }, []string{"no_snapshot", "place"},
			"Not a fair comparison: run 01K…R001 has no snapshot; not at the same place (20 samples; 0 samples)"},
		"machine": {func(s *side) { s.attempt.Host = "beta" }, []string{"machine"},
			"Not a fair comparison: rates of different machines (alpha, linux/amd64, 4 CPUs; beta, linux/amd64, 4 CPUs)"},
		"fewer CPUs": {func(s *side) { s.attempt.CPUs = 1 }, []string{"machine"},
			"Not a fair comparison: rates of different machines (alpha, linux/amd64, 4 CPUs; alpha, linux/amd64, 1 CPU)"},
		"machine, no rate": {func(s *side) { s.attempt.Host = "beta"; delete(s.snap.Metrics, "samples_per_second") }, nil,
			"Fair comparison: same data, filter and order, each at 20 samples"},
		"machine of a fork": {func(s *side) { s.attempt.Host, s.snap.Kind = "beta", ledger.Forked }, nil,
			"Fair comparison: same data, filter and order, each at 20 samples"},
		"all": {func(s *side) { s.Source.Digest, s.Config["order"], s.attempt.Host = "", "x", "beta" }, []string{"data", "order", "machine"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := base(), base()
			b.ID = "01KRUN0000000000000000R001"
			c.change(&b)
			d := compare([]side{a, b})
			var kinds []string
			for _, r := range d.unfair {
				kinds = append(kinds, r.Kind)
			}
			if !slices.Equal(kinds, c.kinds) {
				t.Errorf("reasons %v, not %v", kinds, c.kinds)
			}
			if c.line != "" && d.fairness() != c.line {
				t.Errorf("%s\nnot %s", d.fairness(), c.line)
			}
		})
	}
}

func TestDiffExitCodes(t *testing.T) {
	f := newFixture(t)
	f.begin(newRun("a")).to(1000, ledger.Completed)
	f.begin(newRun("equal")).to(1000, ledger.Completed)
	other := newRun("other")
	other.Config["seed"] = 7
	f.begin(other).to(1000, ledger.Completed)
	for _, c := range []struct {
		args string
		code int
	}{
		{"diff a equal", 0},
		{"diff a equal --exit-code", 0},
		{"diff a a --exit-code --json", 0},
		{"diff a other", 0},
		{"diff a other --exit-code", 1},
		{"diff a other --exit-code --json", 1},
		{"diff a equal other --exit-code", 1},
		{"diff a nothing", 1},
		{"diff a nothing --exit-code", 2},
		{"diff a other#9 --exit-code", 2},
		{"diff a --exit-code", 2},
		{"diff a", 2},
		{"diff a#1 equal#1 --latest", 2},
	} {
		if code, _, stderr := f.run(strings.Fields(c.args)...); code != c.code {
			t.Errorf("%s: exit %d, not %d: %s", c.args, code, c.code, stderr)
		}
	}
	code, _, stderr := call(f.clock.now, "--ledger", f.dir+"x", "diff", "a", "b", "--exit-code")
	if code != 2 || !strings.Contains(stderr, "no ledger in") {
		t.Errorf("no ledger: exit %d, %s", code, stderr)
	}
	if code, _, _ := call(f.clock.now, "--ledger", f.dir+"x", "diff", "a", "b"); code != 1 {
		t.Errorf("no ledger, no --exit-code: exit %d", code)
	}
}

// Numbers that all runs share are found, however the runs overlap.
func TestCommonSamples(t *testing.T) {
	f := newFixture(t)
	var sides []side
	for _, step := range []int64{2, 3, 5} {
		s := f.begin(newRun(fmt.Sprintf("every-%d", step)))
		for n := step; n < 100-step; n += step {
			s.to(n, "")
		}
		e, err := f.Entry(context.Background(), s.Run().ID)
		if err != nil {
			t.Fatal(err)
		}
		sides = append(sides, side{Entry: e})
	}
	const want = 90 // the last multiple of 30 that all reach
	if got, err := commonSamples(context.Background(), f.Ledger, sides); got != want || err != nil {
		t.Errorf("common are %d, %v, not %d", got, err, want)
	}
}

// Whatever a learner measures, a change can be printed and encoded.
func TestChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64().Draw(t, "a"), rapid.Float64().Draw(t, "b")
		f := field{"loss", []any{a, b}}
		delta, percent := f.change()
		if _, err := json.Marshal([]*float64{delta, percent}); err != nil {
			t.Fatal(err)
		}
		if delta != nil && (*delta > 0) != (b > a) {
			t.Fatalf("from %v to %v is %v", a, b, *delta)
		}
		if text := f.changeText(); a == b && text != "" || strings.Contains(text, "NaN") {
			t.Fatalf("from %v to %v is %q", a, b, text)
		}
	})
	for want, f := range map[string]field{
		"+5 (+50.0%)":        {"patterns", []any{10.0, 15.0}},
		"-30.0 MB (-100.0%)": {"peak_memory_bytes", []any{3e7, 0.0}},
		"+7":                 {"tokens", []any{0.0, 7.0}},
		"+900 ms (+90.0%)":   {"cpu_seconds", []any{1.0, 1.9}},
		"":                   {"target", []any{0.0, 7.0}}, // 0 is to the end of the data
	} {
		if got := f.changeText(); got != want {
			t.Errorf("%v is %q, not %q", f, got, want)
		}
	}
}
