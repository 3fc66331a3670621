package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
)

// TestOtherFilter resumes a run whose rows were filtered in another way, as by an
// older program: refused, with the field that differs, and nothing is trained.
func TestOtherFilter(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "ledger")
	code, stdout, stderr := call(t, "run", "sample", "--max-samples", "20", "--ledger", dir, "--json")
	if code != 0 {
		t.Fatal(stderr)
	}
	var first records.Run
	if err := json.Unmarshal([]byte(stdout), &first); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := l.Entry(ctx, ledger.RunID(first.Run))
	if err != nil {
		t.Fatal(err)
	}
	snap, err := l.Snapshot(ctx, e.ID, e.Head.Seq)
	if err != nil {
		t.Fatal(err)
	}
	old := e.Run
	old.ID, old.Config = "", e.Config.With(ledger.Config{"filter": "python_strip_runes>9"})
	s, err := l.Fork(ctx, old, snap, snap.Position, ledger.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	id := s.Run().ID
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = call(t, "resume", "sample", "--run", string(id), "--max-samples", "40", "--ledger", dir)
	if code != int(cmdline.NothingToResume) || !strings.Contains(stderr, "filter checkpoint=python_strip_runes>9") {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	if now, err := l.Entry(ctx, id); err != nil || now.Head.Trained != 20 {
		t.Errorf("%d samples, %v", now.Head.Trained, err)
	}
}
