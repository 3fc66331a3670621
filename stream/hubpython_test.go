package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ckptledger/stream/hub/hubtest"

	"github.com/google/go-cmp/cmp"
)

// TestDatasetsReadTheSame has Hugging Face's datasets stream from the test's hub
// what configs and splits mean, by cards and by the names of files, and reads the
// same rows.
func TestDatasetsReadTheSame(t *testing.T) {
	interpreter := python(t)
	if out, err := exec.Command(interpreter, "-c", "import datasets").CombinedOutput(); err != nil {
		t.Skipf("%s without datasets (CKPT_TEST_PYTHON names another): %s", interpreter, out)
	}
	h := hubtest.New(t)
	h.Page = 3
	lines := func(name string, n int) hubtest.File {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, "{\"text\": \"%s, row %d of it\"}\n", name, i)
		}
		return hubtest.Large(b.Bytes())
	}
	column := func(name string, n int) hubtest.File {
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf("%s, row %d of it", name, i)
		}
		return hubtest.Large(asParquet(t, pointers(rows), 4))
	}
	packedLines := func(name string, n int) hubtest.File { return hubtest.Large(gzipped(t, lines(name, n).Data)) }
	// A card is there twice: as the API shows it, and as its README has it.
	repo := func(name, card, yaml string, files map[string]hubtest.File) {
		r := h.Repo(name)
		r.Card = card
		files["README.md"] = hubtest.Small("---\n" + yaml + "---\n# Texts\n")
		r.Commit(files)
	}
	repo("owner/card", `{"configs": [{"config_name": "one", "data_files": "one/*.jsonl", "default": true},
		{"config_name": "two", "data_files": [{"split": "train", "path": ["two/b.jsonl", "two/a.jsonl"]}, {"split": "test", "path": "two/**/t.jsonl"}]},
		{"config_name": "three", "data_dir": "three"}]}`,
		"configs:\n- config_name: one\n  data_files: \"one/*.jsonl\"\n  default: true\n"+
			"- config_name: two\n  data_files:\n  - split: train\n    path: [\"two/b.jsonl\", \"two/a.jsonl\"]\n  - split: test\n    path: \"two/**/t.jsonl\"\n"+
			"- config_name: three\n  data_dir: three\n",
		map[string]hubtest.File{
			"one/b.jsonl": lines("one b", 9), "one/a.jsonl": lines("one a", 5),
			"two/a.jsonl": lines("two a", 4), "two/b.jsonl": lines("two b", 3), "two/x/t.jsonl": lines("two t", 3), "two/c.jsonl": lines("not of it", 2),
			"three/train.jsonl": lines("three", 4), "three/test.jsonl": lines("three test", 2),
		})
	for name, files := range map[string]map[string]hubtest.File{
		"owner/shards":   {"data/train-00000-of-00002.parquet": column("a", 5), "data/train-00001-of-00002.parquet": column("b", 5), "data/test-00000-of-00001.parquet": column("c", 3)},
		"owner/folders":  {"training/1.jsonl": lines("a", 3), "dev/1.jsonl": lines("b", 3), "1.jsonl": lines("c", 3)},
		"owner/words":    {"my-train.jsonl.gz": packedLines("a", 3), "eval_1.jsonl.gz": packedLines("b", 3), "trainer.jsonl.gz": packedLines("c", 3)},
		"owner/all":      {"b.json": lines("b", 3), "a.json": lines("a", 3), ".hidden/c.json": lines("c", 3)},
		"owner/majority": {"b.jsonl": lines("b", 3), "a.jsonl": lines("a", 3), "c.parquet": column("c", 3)},
		"owner/nothing":  {"a.md": lines("a", 3)},
	} {
		repo(name, "", "license: mit\n", files)
	}
	names := []string{
		"owner/card", "owner/card:one", "owner/card:two", "owner/card:two/test", "owner/card:three", "owner/card:three/test", "owner/card:four", "owner/card:two/dev",
		"owner/shards", "owner/folders", "owner/words", "owner/all", "owner/majority", "owner/nothing", "owner/none",
	}
	run := exec.Command(interpreter, append([]string{filepath.Join("testdata", "rows.py")}, names...)...)
	home := t.TempDir()
	run.Env = append(os.Environ(), "HF_ENDPOINT="+h.URL, "HF_HOME="+home, "HF_HUB_CACHE="+filepath.Join(home, "hub"), "HF_TOKEN=", "HF_TOKEN_PATH="+filepath.Join(home, "token"), "HF_HUB_OFFLINE=", "HF_DATASETS_OFFLINE=",
		"HF_HUB_DISABLE_TELEMETRY=1", "NO_PROXY=*")
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var theirs map[string]struct {
		Rows  []string
		Error string
	}
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range names {
		src, err := Open(t.Context(), Spec{Dataset: hubPrefix + name}, onHub(h))
		if err != nil || theirs[name].Error != "" {
			t.Logf("%s: %v; theirs: %.200s", name, err, theirs[name].Error)
			if (err == nil) != (theirs[name].Error == "") {
				t.Errorf("%s: error %v, theirs %s", name, err, theirs[name].Error)
			}
			continue
		}
		var rows []string
		for _, r := range readN(t, src, Cursor{}, -1) {
			rows = append(rows, r.Text)
		}
		if diff := cmp.Diff(theirs[name].Rows, rows); diff != "" {
			t.Errorf("%s, - theirs, + ours:\n%s", name, strings.ReplaceAll(diff, "\u00a0", " "))
		}
	}
}
