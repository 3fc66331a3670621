package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"ckptledger/ledger"
)

func TestShowRun(t *testing.T) {
	f := newFixture(t)
	run := newRun("books-16")
	run.Tags, run.Record, run.Interval = []string{"exp", "night"}, map[string]string{"note": "hi there"}, "500,1m"
	s := f.begin(run)
	for i := range int64(8) {
		s.to(500*(i+1), "")
	}
	s.to(4100, ledger.Failed)
	s = s.again()
	s.to(4500, "")
	s.to(5000, ledger.Completed)
	f.clock.advance(76 * 24 * time.Hour)
	code, stdout, stderr := f.run("show", "books-16")
	if code != 0 || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	golden(t, "show.txt", f.stable(stdout))

	_, stdout, _ = f.run("show", "books-16@latest")
	if stdout != "" {
		t.Errorf("a name is no dataset: %s", stdout)
	}
	_, byID, _ := f.run("show", string(s.Run().ID)[:25])
	_, latest, _ := f.run("show", "sample@latest")
	if _, named, _ := f.run("show", "books-16"); byID != named || latest != named {
		t.Error("a prefix and @latest show something else")
	}
}

func TestShowSnapshot(t *testing.T) {
	f := newFixture(t)
	s := f.begin(newRun("one"))
	s.to(500, "")
	s.to(1000, "")
	s.to(2000, ledger.Completed)
	code, stdout, stderr := f.run("show", "one#2")
	if code != 0 || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	// Its hash covers the run's id and the time of day.
	hashes := strings.NewReplacer(s.snapshot(1).Hash, "HASH 1", s.snapshot(2).Hash, "HASH 2")
	golden(t, "show-snapshot.txt", f.stable(hashes.Replace(stdout)))
	if _, at, _ := f.run("show", "one@1,999"); at != stdout {
		t.Error("@1,999 is not snapshot 2")
	}
	if _, newest, _ := f.run("show", "one#3"); strings.Contains(newest, "as a new run") || !strings.Contains(newest, ", the newest") {
		t.Errorf("the newest snapshot is shown as one to fork:\n%s", newest)
	}
}

func (s *session) snapshot(seq uint64) ledger.Snapshot {
	s.f.t.Helper()
	snap, err := s.f.Snapshot(s.f.t.Context(), s.Run().ID, seq)
	if err != nil {
		s.f.t.Fatal(err)
	}
	return snap
}

func TestShowElides(t *testing.T) {
	f := newFixture(t)
	s := f.begin(newRun("long"))
	for i := range int64(40) {
		s.to(500*(i+1), "")
	}
	_, stdout, _ := f.run("show", "long")
	for _, want := range []string{"… 30 snapshots more: ckpt show long --all", "… 10 rows more: ckpt show long --all", "\n       3  ", "\n      34  "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "\n       4  ") {
		t.Error("snapshot 4 is shown")
	}
	_, all, _ := f.run("show", "long", "--all")
	for n := range 40 {
		if !strings.Contains(all, fmt.Sprintf("\n%8d  periodic", n+1)) {
			t.Errorf("snapshot %d is not in --all", n+1)
		}
	}
	if strings.Contains(all, "… ") {
		t.Error("--all leaves something out")
	}
}

// The command that resumes a run fits what became of it.
func TestShowSaysHowToGoOn(t *testing.T) {
	f := newFixture(t)
	running := everyStatus(f)
	fork := f.fork(running.snapshot(1), newRun("fork"))
	fork.to(1500, ledger.Interrupted)
	for id, want := range map[string]string{
		"R001":        "To train further:   trainer resume sample --run R001 --max-samples 10000 --ledger DIR",
		"no-target":   "The data ended; to go through it once more:   trainer resume sample --run R002 --epochs 2 --ledger DIR",
		"R003":        "To go on:   trainer resume sample --run R003 --ledger DIR",
		"R004":        "To go on:   trainer resume sample --run R004 --ledger DIR",
		"crashed":     "To go on:   trainer resume sample --run R005 --ledger DIR",
		"no-snapshot": "It has no snapshot to go on from",
		"stalled":     "To take it over:   trainer resume sample --run R007 --take-over --ledger DIR",
		"R008":        "",
		"fork":        "To go on:   trainer resume sample --run R009 --ledger DIR",
	} {
		ref := id
		for long, short := range f.short {
			if strings.HasSuffix(short, id) {
				ref = long
			}
		}
		code, stdout, stderr := f.run("show", ref)
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit %d, %q", id, code, stderr)
		}
		stdout = strings.ReplaceAll(f.stable(stdout), "01KRUN0000000000000000", "")
		blocks := strings.Split(strings.TrimSpace(stdout), "\n\n")
		last := blocks[len(blocks)-1]
		if want == "" && strings.Contains(stdout, "trainer resume") {
			t.Errorf("%s: a running run is to be resumed:\n%s", id, stdout)
		} else if want != "" && last != want {
			t.Errorf("%s: ends with %q, not %q", id, last, want)
		}
	}
}

// Epochs are shown where there are several, and compared like a target.
func TestEpochs(t *testing.T) {
	f := newFixture(t)
	f.begin(newRun("once")).to(1000, ledger.Exhausted)
	run := newRun("thrice")
	run.Epochs = 3
	f.begin(run).to(1000, ledger.Exhausted)
	for name, want := range map[string]int{"once": 1, "thrice": 3} {
		_, stdout, _ := f.run("show", name)
		shown := strings.Contains(f.stable(stdout), fmt.Sprintf("\nEpochs  %d\n", want))
		if several := want > 1; shown != several {
			t.Errorf("%s has %d epochs:\n%s", name, want, stdout)
		}
		_, stdout, _ = f.run("show", name, "--json")
		if got := unmarshal[struct{ Epochs int }](t, stdout).Epochs; got != want {
			t.Errorf("%s: %d epochs in JSON, not %d", name, got, want)
		}
	}
	code, stdout, _ := f.run("diff", "once", "thrice", "--exit-code")
	if code != 1 || !regexp.MustCompile(`(?m)^epochs +1 +3 +\+2 `).MatchString(stdout) {
		t.Errorf("diff: exit %d\n%s", code, stdout)
	}
}

// fork begins a run from a snapshot of another one.
func (f *fixture) fork(from ledger.Snapshot, run ledger.Run) *session {
	f.t.Helper()
	s, err := f.Fork(f.t.Context(), run, from, nil, attempt())
	if err != nil {
		f.t.Fatal(err)
	}
	return f.session(s)
}

func TestShowRefusals(t *testing.T) {
	f := newFixture(t)
	f.begin(newRun("one")).to(500, "")
	f.begin(newRun("none"))
	for args, want := range map[string]string{
		"show sample":   "ckpt: sample is a dataset, not a run\n\n  for its latest run:          ckpt show sample@latest --ledger DIR\n  to see the runs there are:   ckpt list --ledger DIR\n",
		"show two":      "ckpt: no run two in DIR\n\n  to see the runs there are:   ckpt list --ledger DIR\n",
		"show one#7":    "ckpt: run 01K…R001 has no snapshot 7; its newest is 1, of 500 samples\n\n  to see its snapshots:   ckpt show 01KRUN0000000000000000R001 --all --ledger DIR\n",
		"show one@7":    "ckpt: run 01K…R001 has no snapshot at or before 7 samples: not found; its newest is 1, of 500 samples\n\n  to see its snapshots:   ckpt show 01KRUN0000000000000000R001 --all --ledger DIR\n",
		"show none#1":   "ckpt: run 01K…R002 has no snapshot 1\n",
		"show x@latest": "ckpt: no run x@latest in DIR\n\n  to see the runs there are:   ckpt list --ledger DIR\n",
	} {
		code, stdout, stderr := f.run(strings.Fields(args)...)
		if code != 1 || stdout != "" || f.stable(stderr) != want {
			t.Errorf("%s: exit %d, stdout %q, stderr\n%s", args, code, stdout, f.stable(stderr))
		}
	}
	if code, _, stderr := f.run("show"); code != 2 || stderr != "ckpt: missing RUN\nTry: ckpt show sample@latest\n" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
}
