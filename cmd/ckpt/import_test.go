package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImport(t *testing.T) {
	f := newFixture(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"wikitext_parallel_checkpoint.json": `{"dataset_key":"wikitext","samples_attempted":94316,"samples_completed":40000,"samples_errored":0,
			"timestamp":1765800000,"elapsed_seconds":3661,"learner_config":{"chunk_sizes":[8,8],"dataset_key":"other"},"last_error":"timeout"}`,
		"x_v2_checkpoint.json": `{"samples`,
		"model.pkl":            "\x80\x04",
		"notes.txt":            "not looked at",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := call(f.clock.now, "import", dir, "--dry-run")
	if code != 0 || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	golden(t, "import.txt", strings.ReplaceAll(stdout, dir, "DIR"))

	_, one, _ := call(f.clock.now, "import", "--dry-run", filepath.Join(dir, "model.pkl"))
	if !strings.HasSuffix(one, "1 old checkpoint file; nothing was written\n") {
		t.Errorf("one file: %q", one)
	}
	_, stdout, stderr = f.run("import", "--dry-run", f.dir)
	if want := "note: DIR is a ledger; to see its runs: ckpt list --ledger DIR\n"; f.stable(stderr) != want || stdout != "0 old checkpoint files; nothing was written\n" {
		t.Errorf("a ledger: stdout %q, stderr %q", stdout, f.stable(stderr))
	}
}

func TestImportRefusals(t *testing.T) {
	f := newFixture(t)
	for args, c := range map[string]struct {
		code   int
		stderr string
	}{
		"import old":              {2, "ckpt: this version only looks: add --dry-run\nTry: ckpt import --dry-run old\n"},
		"import --json a b":       {2, "ckpt: this version only looks: add --dry-run\nTry: ckpt import --dry-run a b\n"},
		"import":                  {2, "ckpt: missing PATH\nTry: ckpt import --dry-run checkpoints\n"},
		"import --dry-run absent": {1, "ckpt: look for old checkpoints: stat absent: no such file or directory\n"},
	} {
		code, stdout, stderr := call(f.clock.now, strings.Fields(args)...)
		if code != c.code || stderr != c.stderr || strings.Contains(args, "json") == (stdout == "") {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}
