package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ckptledger/ledger"

	"github.com/google/go-cmp/cmp"
)

// names lists the names in a JSON value, those of objects within as a.b and those
// of an array's elements as a[].b. Objects whose names are data are not entered.
func names(v any, data ...string) []string {
	seen := map[string]bool{}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		if slices.Contains(data, prefix) {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				path := strings.TrimPrefix(prefix+"."+name, ".")
				seen[path] = true
				walk(path, inner)
			}
		case []any:
			for _, inner := range v {
				walk(prefix+"[]", inner)
			}
		}
	}
	walk("", v)
	return sortedKeys(seen)
}

// The names of --json are a contract: scripts depend on them, so a change here
// breaks somebody.
func TestJSONNames(t *testing.T) {
	f := newFixture(t)
	running := everyStatus(f)
	forked := newRun("fork")
	forked.Accepted, forked.Tags, forked.Record = []string{"data"}, []string{"t"}, map[string]string{"k": "v"}
	f.fork(running.snapshot(1), forked).to(2000, ledger.Failed)
	f.served("served", true).mark(900, 905)
	old := filepath.Join(t.TempDir(), "wikitext_v2_checkpoint.json")
	if err := os.WriteFile(old, []byte(`{"samples_completed":1,"timestamp":1770000000}`), 0o644); err != nil {
		t.Fatal(err)
	}

	data := []string{
		"config", "record", "metrics", "source.detail", "[].config", "[].record", "[].source.detail", "snapshots[].metrics", "position",
		"config[].a", "config[].b",
	}
	for name, args := range map[string][]string{
		"list.json-names":          {"list"},
		"show.json-names":          {"show", "fork"},
		"show-snapshot.json-names": {"show", "fork#2"},
		"show-kato.json-names":     {"show", "served"},
		"diff.json-names":          {"diff", "no-target", "fork"},
		"diff-rows.json-names":     {"diff", "no-target", "fork", "crashed"},
		"import.json-names":        {"import", "--dry-run", old},
	} {
		code, stdout, stderr := f.run(append(args, "--json")...)
		if code != 0 || stderr != "" {
			t.Errorf("%v: exit %d, stderr %q", args, code, stderr)
		}
		golden(t, name, strings.Join(names(unmarshal[any](t, stdout), data...), "\n")+"\n")
	}
}

// What there is none of is [] in show, and no list is ever null.
func TestJSONOfNothing(t *testing.T) {
	f := newFixture(t)
	f.begin(newRun("none")).Close()
	_, stdout, _ := f.run("show", "none", "--json")
	shown := unmarshal[map[string]json.RawMessage](t, stdout)
	for name, want := range map[string]string{"snapshots": "[]", "errored_rows": "[]", "metrics": "{}", "tags": "[]", "time": "null", "row": "0"} {
		if got := string(shown[name]); got != want {
			t.Errorf("%s is %s, not %s", name, got, want)
		}
	}
	_, stdout, _ = f.run("diff", "none", "none", "--json")
	d := unmarshal[map[string]json.RawMessage](t, stdout)
	for name, want := range map[string]string{"config": "[]", "metrics": "[]", "environment": "[]", "differs": "false", "fair": "false"} {
		if got := string(d[name]); got != want {
			t.Errorf("%s is %s, not %s", name, got, want)
		}
	}
	if code, stdout, _ := f.run("import", "--dry-run", "--json", t.TempDir()); code != 0 || stdout != "[]\n" {
		t.Errorf("import: exit %d, %q", code, stdout)
	}
}

// every is each command, as it is called in the tests that try them all.
func every(ref string) [][]string {
	return [][]string{
		{"list"}, {"list", "--all", "--json"}, {"show", ref}, {"show", ref, "--json"}, {"show", ref + "#1"},
		{"diff", ref, "sample@latest"}, {"diff", ref, ref, ref, "--json"},
	}
}

// content reads all files of a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all[path] = "folder"
			return err
		}
		b, err := os.ReadFile(path)
		info, _ := d.Info()
		all[path] = fmt.Sprintf("%v %s", info.ModTime(), b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNothingIsWritten(t *testing.T) {
	f := newFixture(t)
	everyStatus(f)
	before := content(t, f.dir)
	for _, args := range append(every("crashed"), []string{"import", "--dry-run", f.dir}) {
		if code, _, stderr := f.run(args...); code != 0 {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
		if diff := cmp.Diff(before, content(t, f.dir)); diff != "" {
			t.Errorf("%v changes the ledger: %s", args, diff)
		}
	}
	// Nor is a ledger made where there is none.
	dir := filepath.Join(t.TempDir(), "none")
	for _, args := range every("crashed") {
		code, stdout, stderr := call(f.clock.now, append([]string{"--ledger", dir}, args...)...)
		if code != 1 || !strings.HasPrefix(stderr, "ckpt: no ledger in "+dir) || strings.Contains(stdout, "null,") {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}

// A ledger that is not what it should be is an error with its code, never a
// crash.
func TestStrangeLedgers(t *testing.T) {
	f := newFixture(t)
	f.begin(newRun("one")).to(500, ledger.Completed)
	path := filepath.Join(f.dir, "ledger.db")
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		code int
		says string
	}{
		"empty":       {nil, 15, "is empty, and runs have left"},
		"foreign":     {[]byte(strings.Repeat("SQLite format 3\x00", 1000)), 15, "no page of it can be read"},
		"short":       {[]byte("x"), 15, "no page of it can be read"},
		"cut":         {sound[:len(sound)/2], 15, "damaged"},
		"newer":       {withSchema(t, sound, 9), 16, "this ledger has format 9"},
		"overwritten": {slices.Concat(sound[:8192], bytes.Repeat([]byte{0x5a}, len(sound)-8192)), 15, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, c.file, 0o644); err != nil {
				t.Fatal(err)
			}
			for _, args := range every("one") {
				code, _, stderr := f.run(args...)
				if code != c.code || !strings.Contains(stderr, c.says) {
					t.Errorf("%v: exit %d, not %d: %s", args, code, c.code, stderr)
				}
			}
		})
	}
}

// withSchema is a database with another number of its format.
func withSchema(t *testing.T, db []byte, number uint64) []byte {
	t.Helper()
	value := func(n uint64) []byte {
		b := binary.BigEndian.AppendUint64(nil, n)
		sum := crc32.Checksum(slices.Concat([]byte("meta"), []byte("schema"), b), crc32.MakeTable(crc32.Castagnoli))
		return slices.Concat([]byte("schema"), binary.BigEndian.AppendUint32(b, sum))
	}
	if !bytes.Contains(db, value(1)) {
		t.Fatal("the number of the format is not where this test looks")
	}
	return bytes.ReplaceAll(db, value(1), value(number))
}

func TestHelp(t *testing.T) {
	f := newFixture(t)
	for _, command := range []string{"", "list", "show", "diff", "rm", "import"} {
		code, stdout, stderr := call(f.clock.now, append(strings.Fields(command), "--help")...)
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit %d, %s", command, code, stderr)
		}
		golden(t, "help"+strings.TrimRight("-"+command, "-")+".txt", stdout)
	}
}
