package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
)

// served begins a run that a server learns.
func (f *fixture) served(name string, mirror bool) *session {
	f.t.Helper()
	run := newRun(name)
	run.Learner = "kato"
	run.Config = run.Config.With(ledger.Config{"learner": "kato", "mirror": mirror})
	a := attempt()
	a.Endpoint, a.Nodes = "http://host:8000", []string{"node0_X_kato", "node1_X_kato"}
	s, err := f.Begin(f.t.Context(), run, a)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.session(s)
}

// mark marks the rows before row as learned, and those before reach as begun.
func (s *session) mark(row, reach int64) {
	s.f.t.Helper()
	m := ledger.Mark{Counters: ledger.Counters{Row: row, Trained: row}, Position: json.RawMessage(`{}`), Reach: reach, Retrying: []ledger.ErroredRow{{Row: 7, Reason: "rejected"}}}
	if err := s.Mark(s.f.t.Context(), m); err != nil {
		s.f.t.Fatal(err)
	}
}

func TestShowServed(t *testing.T) {
	f := newFixture(t)
	exact, loose := f.served("exact", true), f.served("loose", false)
	exact.to(500, "")
	exact.mark(900, 905)
	loose.mark(900, 900)
	loose.to(1000, "") // which is newer than the mark
	f.begin(newRun("here"))
	for name, want := range map[string][]string{
		"exact": {
			`Position  row 900, learned on the server up to it; rows to before 905 in flight; 1 errored row once more`,
			`Exactness  exact: nothing is learned twice or left out, whatever stops or restarts`,
			`Endpoint  http://host:8000`, `  node 0  node0_X_kato`, `  node 1  node1_X_kato`,
		},
		"loose": {`Exactness  at least once, up to the samples in flight: they may be learned twice when a trainer or the server dies`},
	} {
		_, stdout, _ := f.run("show", name)
		for _, line := range want {
			if !strings.Contains(blanks.ReplaceAllString(stdout, "$1  "), "\n"+line+"\n") {
				t.Errorf("%s: no %q in\n%s", name, line, stdout)
			}
		}
		_, stdout, _ = f.run("show", name, "--json")
		shown := unmarshal[records.Run](t, stdout)
		if shown.Endpoint != "http://host:8000" || !slices.Equal(shown.Nodes, []string{"node0_X_kato", "node1_X_kato"}) || (shown.Exactness == "exact") != (name == "exact") {
			t.Errorf("%s: endpoint %s, nodes %v, %s", name, shown.Endpoint, shown.Nodes, shown.Exactness)
		}
		if m := shown.Mark; (m != nil) != (name == "exact") || m != nil && (m.Row != 900 || m.Reach != 905 || m.Trained != 900) {
			t.Errorf("%s: mark %+v", name, m)
		}
	}
	if _, stdout, _ := f.run("show", "here"); regexp.MustCompile(`Position|Exactness|Endpoint`).MatchString(stdout) {
		t.Errorf("a run without a server has one:\n%s", stdout)
	}

	// A mark that is older than the snapshot and reaches behind it.
	loose.mark(1400, 1600)
	_, stdout, _ := f.run("show", "loose")
	if want := fmt.Sprintf("row %s, learned on the server up to it; rows to before 1,600 in flight", "1,500"); !strings.Contains(stdout, want) {
		t.Errorf("no %q in\n%s", want, stdout)
	}

	// What a server knows cannot be taken back.
	exact.to(1000, "")
	if _, stdout, _ := f.run("show", "exact#1"); strings.Contains(stdout, "trainer resume") {
		t.Errorf("a snapshot is shown as one to fork:\n%s", stdout)
	}
}
