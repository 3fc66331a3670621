package migrations

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func count(n int64) *int64 { return &n }

// write makes a file of its own for a test.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) Legacy {
	t.Helper()
	l, err := ReadLegacy(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestScanLegacy(t *testing.T) {
	got, err := ScanLegacy("testdata/legacy")
	if err != nil {
		t.Fatal(err)
	}
	sizes := []any{8.0, 8.0, 8.0, 8.0}
	want := []Legacy{
		{
			Path: "testdata/legacy/checkpoint_node0_20251104.pkl", Kind: Pickle,
			Problem: "a Python pickle, never opened",
		},
		{
			Path: "testdata/legacy/c4_streaming_checkpoint.json", Kind: Streaming, Method: "sequential", Dataset: "c4",
			Completed: count(1500), Timestamp: time.Unix(1762214400, 500000000), ElapsedSeconds: 12.5,
		},
		{
			Path: "testdata/legacy/empty_v2_checkpoint.json", Kind: Unreadable, Dataset: "empty",
			Problem: "empty",
		},
		{
			Path: "testdata/legacy/wikitext_parallel_checkpoint.json", Kind: Parallel, Method: "parallel", Dataset: "wikitext",
			Attempted: count(94316), Completed: count(40000), Errored: count(0), Timestamp: time.Unix(1762214400, 0), ElapsedSeconds: 3682,
			Config: map[string]any{"num_nodes": 4.0, "chunk_sizes": sizes, "tokenizer_name": "gpt2", "node_ids": []any{"node0", "node1", "node2", "node3"}, "segmentation_mode": "chunked"},
			Contradictions: []string{
				"94,316 attempted, 40,000 completed: 54,316 were submitted and perhaps never trained",
				"the workers count 39,999 completed, the checkpoint 40,000",
			},
		},
		{
			Path: "testdata/legacy/wikitext_v2_checkpoint.json", Kind: V2, Method: "sequential", Dataset: "wikitext",
			Completed: count(20000), Errored: count(3), Timestamp: time.Unix(1768780800, 125000000), ElapsedSeconds: 1234.56,
			Config:    map[string]any{"chunk_sizes": sizes, "dataset_key": "wikitext", "tokenizer": "gpt2", "num_layers": 4.0},
			LastError: "HTTP 503: restarting",
		},
		{
			Path: "testdata/legacy/manifests/training_20251104_093000.json", Kind: Manifest, Dataset: "wikitext",
			Completed: count(20000), Timestamp: time.Date(2025, 11, 4, 9, 30, 0, 0, time.Local),
			Config: map[string]any{"nodes": map[string]any{"node0": map[string]any{"db_name": "node0_kato", "chunk_size": 8.0, "mode": "chunked"}}, "tokenizer": "gpt2"},
		},
	}
	// ReadDir sorts by bytes: c4_ before checkpoint_.
	want[0], want[1] = want[1], want[0]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScanLegacyOfAMissingFolder(t *testing.T) {
	if _, err := ScanLegacy(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if found, err := ScanLegacy(t.TempDir()); err != nil || len(found) != 0 {
		t.Errorf("an empty folder: %v, %v", found, err)
	}
}

// What is no regular file is named and never opened: a pipe would wait for
// ever, a link could lead anywhere.
func TestScanLegacyOpensOnlyFiles(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, "secret", `{"samples_completed": 1, "dataset_key": "secret"}`)
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "a_v2_checkpoint.json"), 0o700),
		os.Symlink(secret, filepath.Join(dir, "b_v2_checkpoint.json")),
		syscall.Mkfifo(filepath.Join(dir, "c_v2_checkpoint.json"), 0o600),
		os.Symlink("/nowhere", filepath.Join(dir, "d.pkl")),
		os.WriteFile(filepath.Join(dir, "e_v2_checkpoint.json"), []byte(`{"samples_completed": 1}`), 0o000),
		os.WriteFile(filepath.Join(dir, "ledger.db"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, "notes.json"), []byte(`{"samples_completed": 1}`), 0o600),
		os.Symlink(filepath.Dir(secret), filepath.Join(dir, "manifests")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	found, err := ScanLegacy(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range found {
		got = append(got, filepath.Base(l.Path)+": "+l.Problem)
	}
	want := []string{
		"a_v2_checkpoint.json: a folder, not opened",
		"b_v2_checkpoint.json: a symbolic link, not opened",
		"c_v2_checkpoint.json: a named pipe, not opened",
		"d.pkl: a symbolic link, not opened",
		"e_v2_checkpoint.json: permission denied",
	}
	if os.Geteuid() == 0 {
		want[4] = "e_v2_checkpoint.json: " // root may read everything
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := readRegular(filepath.Join(dir, "c_v2_checkpoint.json")); err == nil || err.Error() != "a named pipe, not read" {
		t.Errorf("a file that became a pipe: %v", err)
	}
	if _, err := readRegular(filepath.Join(dir, "b_v2_checkpoint.json")); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a file that became a link: %v", err)
	}
}

func TestReadLegacyOfNothing(t *testing.T) {
	if _, err := ReadLegacy(filepath.Join(t.TempDir(), "x_v2_checkpoint.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestReadLegacyProblems(t *testing.T) {
	deep := strings.Repeat("[", 20000)
	for _, c := range []struct{ name, content, problem string }{
		{"x_v2_checkpoint.json", " \n", "empty"},
		{"x_v2_checkpoint.json", `{"samples_completed": 20`, "truncated"},
		{"x_v2_checkpoint.json", `{"dataset_key": "wiki`, "truncated"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1}x`, "not JSON: invalid character 'x' after top-level value at byte 25"},
		{"x_v2_checkpoint.json", `{"elapsed_seconds": NaN}`, "not JSON: invalid character 'N' looking for beginning of value at byte 21"},
		{"x_v2_checkpoint.json", `{"a": ` + deep, "not JSON: invalid character '[' exceeded max depth at byte 10006"},
		{"x_v2_checkpoint.json", `[1]`, "not a JSON object"},
		{"x_v2_checkpoint.json", `null`, "not a JSON object"},
		{"x_v2_checkpoint.json", `{}`, "without the counts of a v2 checkpoint"},
		{"training_20251104_093000.json", `{"loss": 1}`, "without the counts of a manifest checkpoint"},
		{"trainer_state.json", `{"global_step": 1}`, "not a checkpoint that an old program wrote"},
		{"x_v2_checkpoint.json", strings.Repeat(" ", MaxLegacySize+1), "16777217 bytes are too many for a checkpoint"},
	} {
		l := read(t, write(t, c.name, c.content))
		if l.Kind != Unreadable || l.Problem != c.problem || l.Completed != nil {
			t.Errorf("%s %.40q: kind %s, problem %q, want %q", c.name, c.content, l.Kind, l.Problem, c.problem)
		}
	}
}

func TestReadLegacyContradictions(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"x_parallel_checkpoint.json", `{"samples_attempted": 43, "samples_completed": 40, "samples_errored": 3}`, ""},
		{"x_parallel_checkpoint.json", `{"samples_attempted": 1000, "samples_completed": 40, "samples_errored": 3}`, "1,000 attempted, 40 completed, 3 errored: 957 were submitted and perhaps never trained"},
		{"x_parallel_checkpoint.json", `{"samples_attempted": 42, "samples_completed": 40, "samples_errored": 3}`, "42 attempted, 40 completed, 3 errored: 1 more than there were"},
		{"x_parallel_checkpoint.json", `{"samples_attempted": 40}`, ""},
		{"x_parallel_checkpoint.json", `{"samples_attempted": 9, "samples_completed": 9, "worker_progress": {"0": 4, "1": 5}}`, ""},
		{"x_parallel_checkpoint.json", `{"samples_attempted": 9, "samples_completed": 9, "worker_progress": {"0": 4, "1": "5"}}`, `worker "1" counts what cannot be samples`},
		{"x_parallel_checkpoint.json", `{"samples_attempted": 9, "samples_completed": 9, "worker_progress": [4, 5]}`, "worker_progress is not an object"},
		{"x_v2_checkpoint.json", `{"dataset_key": "y", "samples_completed": 1}`, `the name says dataset "x", the content "y"`},
		{"x_v2_checkpoint.json", `{"dataset_key": "x", "samples_completed": 1, "model_config": {"dataset_key": "y"}}`, `the dataset is "x", in its configuration "y"`},
		{"x_v2_checkpoint.json", `{"samples_attempted": 1, "samples_completed": 1}`, "the name says v2, the content parallel"},
		{"x_v2_checkpoint.json", `{"samples_completed": -5}`, "samples_completed is -5: negative"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1e300}`, "samples_completed is 1e+300: too many to be true"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1e999}`, "samples_completed is not a number"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1.5}`, "samples_completed is 1.5: not a whole number"},
		{"x_v2_checkpoint.json", `{"samples_completed": "many"}`, "samples_completed is not a number"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1, "dataset_key": 7}`, "dataset_key is not text"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1, "timestamp": -1}`, "timestamp is -1: no time at which this can have been written"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1, "timestamp": 1e18}`, "timestamp is 1e+18: no time at which this can have been written"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1, "timestamp": "yesterday"}`, `timestamp "yesterday" is no time`},
		{"x_v2_checkpoint.json", `{"samples_completed": 1, "timestamp": true}`, "timestamp is not a time"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1, "elapsed_seconds": -1}`, "elapsed_seconds is negative"},
		{"x_v2_checkpoint.json", `{"samples_completed": 1, "timestamp": null, "samples_errored": null, "model_config": null, "last_error": null}`, ""},
	} {
		l := read(t, write(t, c.name, c.content))
		if got := strings.Join(l.Contradictions, "; "); got != c.want || l.Problem != "" {
			t.Errorf("%s\n got %q %s\nwant %q", c.content, got, l.Problem, c.want)
		}
	}
}

func TestReadLegacyIsKnownByItsContentToo(t *testing.T) {
	l := read(t, write(t, "copy.json", `{"dataset_key": "wikitext", "samples_attempted": 7, "samples_completed": 7.0}`))
	want := Legacy{Path: l.Path, Kind: Parallel, Method: "parallel", Dataset: "wikitext", Attempted: count(7), Completed: count(7)}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
}

func TestReadLegacyTimes(t *testing.T) {
	for in, want := range map[string]time.Time{
		`1768780800.125`:              time.Unix(1768780800, 125000000),
		`"2026-01-19T00:00:00Z"`:      time.Unix(1768780800, 0),
		`"2026-01-19T00:00:00.5"`:     time.Date(2026, 1, 19, 0, 0, 0, 500000000, time.Local),
		`"2026-01-19 00:00:00"`:       time.Date(2026, 1, 19, 0, 0, 0, 0, time.Local),
		`"20260119_000000"`:           time.Date(2026, 1, 19, 0, 0, 0, 0, time.Local),
		`"2026-01-19T02:00:00+02:00"`: time.Unix(1768780800, 0),
	} {
		if got := read(t, write(t, "x_v2_checkpoint.json", `{"samples_completed": 1, "timestamp": `+in+`}`)).Timestamp; !got.Equal(want) {
			t.Errorf("%s is %v, want %v", in, got, want)
		}
	}
}

// What the parallel function wrote is judged by its sums, whatever they are.
func TestJudgeAttempted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64Range(0, 1<<50)
		attempted, completed, errored := n.Draw(rt, "attempted"), n.Draw(rt, "completed"), n.Draw(rt, "errored")
		if rapid.Bool().Draw(rt, "sound") {
			completed, errored = completed/2, errored/2
			attempted = completed + errored
		}
		data, err := json.Marshal(map[string]any{"samples_attempted": attempted, "samples_completed": completed, "samples_errored": errored})
		if err != nil {
			rt.Fatal(err)
		}
		l := Legacy{Kind: Parallel}
		l.parse(data)
		if l.Attempted == nil || l.Completed == nil || l.Errored == nil {
			if max(attempted, completed, errored) <= maxCount {
				rt.Fatalf("%+v of %s", l, data)
			}
			return
		}
		if sound := attempted == completed+errored; *l.Attempted != attempted || *l.Completed != completed || sound != (l.Contradictions == nil) {
			rt.Fatalf("%+v of %s", l, data)
		}
	})
}

// No content makes the reader panic or believe in a count that cannot be.
func FuzzParseLegacy(f *testing.F) {
	files, err := filepath.Glob("testdata/legacy/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"samples_trained": 1e15, "nodes": [], "timestamp": "x"}`))
	f.Add([]byte(`{"samples_attempted": null, "worker_progress": {"": 1e15}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := Legacy{Kind: Parallel, Dataset: "x"}
		l.parse(data)
		for _, n := range []*int64{l.Attempted, l.Completed, l.Errored} {
			if n != nil && (*n < 0 || *n > maxCount) {
				t.Fatalf("count %d of %q", *n, data)
			}
		}
		if (l.Kind == Unreadable) != (l.Problem != "") || l.ElapsedSeconds < 0 {
			t.Fatalf("%+v of %q", l, data)
		}
	})
}
