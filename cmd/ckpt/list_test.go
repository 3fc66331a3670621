package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ckptledger/ledger"
)

// everyStatus fills a ledger with a run of each kind.
func everyStatus(f *fixture) (running *session) {
	f.begin(newRun("")).to(5000, ledger.Completed)
	open := newRun("no-target")
	open.Target = 0
	f.begin(open).to(3000, ledger.Exhausted)
	f.begin(newRun("")).to(1200, ledger.Interrupted)
	f.begin(newRun("")).to(800, ledger.Failed)
	crashed := f.begin(newRun("crashed"))
	crashed.to(700, "")
	crashed.Close()
	f.begin(newRun("no-snapshot")).Close()
	stalled := f.begin(newRun("stalled"))
	stalled.to(600, "")
	if err := stalled.Beat(ledger.Progress{Counters: stalled.Last().Counters, Moved: f.clock.now()}); err != nil {
		f.t.Fatal(err)
	}
	other := newRun("")
	other.Dataset, other.Config["chunk_sizes"] = "wikitext", []int{16}
	f.clock.advance(3 * time.Minute)
	running = f.begin(other)
	running.to(1000, "")
	if err := running.Beat(ledger.Progress{Counters: ledger.Counters{Row: 1800, Trained: 1199, Errored: 1, Filtered: 600}, Rate: 4012, Moved: f.clock.now()}); err != nil {
		f.t.Fatal(err)
	}
	f.clock.advance(30 * time.Second)
	return running
}

func TestList(t *testing.T) {
	f := newFixture(t)
	everyStatus(f)
	code, stdout, stderr := f.run("list")
	if code != 0 || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	golden(t, "list.txt", f.stable(stdout))
}

func TestListPages(t *testing.T) {
	f := newFixture(t)
	for i := range firstPage + 2 {
		f.begin(newRun(fmt.Sprintf("run-%d", i))).Close()
	}
	for _, c := range []struct {
		args string
		want int
		more string
	}{
		{"list --json", firstPage, "50 of 52 runs shown; for all: ckpt list --all --ledger DIR\n"},
		{"list sample --json", firstPage, "50 of 52 runs shown; for all: ckpt list --all sample --ledger DIR\n"},
		{"list --json --all", firstPage + 2, ""},
		{"list run-0 run-51 run-0 --json", 2, ""},
		{"list sample run-0 --json", firstPage + 1, "51 of 52 runs shown; for all: ckpt list --all sample run-0 --ledger DIR\n"},
	} {
		code, stdout, stderr := f.run(strings.Fields(c.args)...)
		if code != 0 || f.stable(stderr) != c.more {
			t.Errorf("%s: exit %d, stderr %q", c.args, code, stderr)
		}
		runs := unmarshal[[]struct {
			Run     ledger.RunID
			Updated time.Time
		}](t, stdout)
		if len(runs) != c.want {
			t.Errorf("%s: %d runs, not %d", c.args, len(runs), c.want)
		}
		if !slices.IsSortedFunc(runs, func(a, b struct {
			Run     ledger.RunID
			Updated time.Time
		}) int {
			return strings.Compare(string(b.Run), string(a.Run))
		}) {
			t.Errorf("%s: not the newest first", c.args)
		}
	}
	for args, want := range map[string]string{
		"list":             "50 of 52 runs shown; for all: ckpt list --all --ledger DIR",
		"list --all":       "52 runs",
		"list run-3":       "1 run",
		"list run-3 run-4": "2 runs",
	} {
		_, stdout, _ := f.run(strings.Fields(args)...)
		lines := strings.Split(strings.TrimSpace(f.stable(stdout)), "\n")
		if lines[len(lines)-1] != want {
			t.Errorf("%s ends with %q, not %q", args, lines[len(lines)-1], want)
		}
	}
}

func TestListRefusals(t *testing.T) {
	f := newFixture(t)
	f.begin(newRun("one")).to(100, "")
	for _, c := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"list wikitext", 1, "ckpt: no run and no dataset wikitext in DIR\n\n  to see the runs there are:   ckpt list --ledger DIR\n"},
		{"list sample one#1", 2, "ckpt: one#1 names a snapshot, and this lists runs\nTry: ckpt show one#1 --ledger DIR\n"},
		{"list one#0", 2, "ckpt: not allowed: in \"one#0\", a snapshot's number after # is 1 or more\nTry: ckpt list --help\n"},
	} {
		code, stdout, stderr := f.run(strings.Fields(c.args)...)
		if code != c.code || stdout != "" || f.stable(stderr) != c.stderr {
			t.Errorf("%s: exit %d, stdout %q, stderr\n%s", c.args, code, stdout, f.stable(stderr))
		}
	}
}

func TestListOfNothing(t *testing.T) {
	f := newFixture(t)
	want := "No runs in DIR; to start one: trainer run sample --ledger DIR\n"
	if code, stdout, stderr := f.run("list"); code != 0 || stdout != "" || f.stable(stderr) != want {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if code, stdout, stderr := f.run("list", "--json"); code != 0 || stdout != "[]\n" || f.stable(stderr) != want {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestListNamesFilesOfAnotherMake(t *testing.T) {
	f := newFixture(t)
	path := filepath.Join(f.dir, "wikitext_parallel_checkpoint.json")
	old := fmt.Sprintf(`{"dataset_key":"wikitext","samples_attempted":94316,"samples_completed":40000,"timestamp":%d}`, f.clock.now().Add(-76*24*time.Hour).Unix())
	if err := os.WriteFile(path, []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, stderr := f.run("list")
	want := "note: DIR/wikitext_parallel_checkpoint.json (parallel method, 76 days old, 94,316 attempted, 40,000 completed) is not used; to look at it: ckpt import --dry-run DIR\n"
	if !strings.HasPrefix(f.stable(stderr), want) {
		t.Errorf("stderr %q", f.stable(stderr))
	}
}

// many fills a ledger with n runs; it is for benchmarks, and slow.
func many(b *testing.B, n int) *fixture {
	f := newFixture(b)
	for i := range n {
		run := newRun("")
		run.Config["seed"] = i
		s, err := f.Begin(context.Background(), run, attempt())
		if err != nil {
			b.Fatal(err)
		}
		(&session{f, s}).to(10, ledger.Interrupted)
	}
	return f
}

func BenchmarkList(b *testing.B) {
	f := many(b, 10_000)
	for _, args := range []string{"list", "list --json", "list --json --all", "list --all", "list sample"} {
		b.Run(args, func(b *testing.B) {
			for b.Loop() {
				if code, _, stderr := f.run(strings.Fields(args)...); code != 0 {
					b.Fatal(stderr)
				}
			}
		})
	}
}

// TestListDamaged finds what is whole listed, and the damage said, with its exit
// code.
func TestListDamaged(t *testing.T) {
	f := newFixture(t)
	f.begin(newRun("whole")).to(100, "")
	f.begin(newRun("broken-one")).to(100, "")
	path := filepath.Join(f.dir, "ledger.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The name stands in the run's record and, as a key, among the names.
	if !bytes.Contains(b, []byte(`"name":"broken-one"`)) {
		t.Fatal("no record of the run")
	}
	b = bytes.ReplaceAll(b, []byte(`"name":"broken-one"`), []byte(`"name":"broken-two"`))
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := f.run("list")
	if code != 15 || !strings.Contains(stdout, "whole") || strings.Contains(stdout, "broken") || !strings.Contains(stderr, "checksum does not match") {
		t.Errorf("exit code %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
	}
}
