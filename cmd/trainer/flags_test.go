package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/urfave/cli/v2"
)

// call runs the program in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	app := newApp()
	app.Writer, app.ErrWriter = &out, &errOut
	code = cmdline.Run(context.Background(), app, append([]string{"trainer"}, args...))
	return code, out.String(), errOut.String()
}

// outcome is what a call with a flag came to.
type outcome struct {
	code           int
	stdout, stderr string
	run            records.Run // where stdout is one
	dir            string      // the ledger
}

// flagCase is one flag with a value, and how its effect is seen.
type flagCase struct {
	args []string
	// recorded finds the effect in what is recorded or done.
	recorded func(outcome) bool
	// refused says for which sources and learners the flag has no effect, or cannot
	// have it, and is refused.
	refused func(source, learner string) bool
}

func configIs(key, want string) func(outcome) bool {
	return func(o outcome) bool {
		b, _ := json.Marshal(o.run.Config[key])
		return string(b) == want
	}
}

// runFlags are the flags of run and resume alike; the sources all have columns
// text and body.
var runFlags = map[string]flagCase{
	"max-samples":         {args: []string{"--max-samples", "7"}, recorded: func(o outcome) bool { return o.run.Target == 7 }},
	"checkpoint-interval": {args: []string{"--checkpoint-interval", "3"}, recorded: func(o outcome) bool { return o.run.Interval == "3" && o.run.SnapshotCount > 2 }},
	"record":              {args: []string{"--record", "gpu=none"}, recorded: func(o outcome) bool { return o.run.Record["gpu"] == "none" }},
	"tag":                 {args: []string{"--tag", "first"}, recorded: func(o outcome) bool { return slices.Contains(o.run.Tags, "first") }},
	"json":                {args: []string{"--json"}, recorded: func(o outcome) bool { return json.Valid([]byte(o.stdout)) }},
	"method":              {args: []string{"--method", "sequential"}, recorded: configIs("method", `"sequential"`)},
	"max-errors": {args: []string{"--max-errors", "3"}, recorded: func(o outcome) bool {
		l, err := ledger.Open(o.dir, ledger.Options{})
		if err != nil {
			return false
		}
		all, err := l.Attempts(context.Background(), o.run.Run)
		return err == nil && all[len(all)-1].MaxErrors == 3
	}},
	"workers":     {args: []string{"--workers", "3"}, recorded: configIs("method", `"parallel"`)},
	"tokenizer":   {args: []string{"--tokenizer", "gpt2"}, recorded: configIs("tokenizer", `"gpt2"`)},
	"chunk-sizes": {args: []string{"--chunk-sizes", "4,4"}, recorded: configIs("chunk_sizes", `[4,4]`)},
	"text-field": {
		args: []string{"--text-field", "body"}, recorded: configIs("text_field", `"body"`),
		refused: func(source, _ string) bool { return source == "sample" || source == "text" },
	},
	"order":  {args: []string{"--order", "shuffle"}, recorded: configIs("order", `"shuffle"`)},
	"seed":   {args: []string{"--order", "shuffle", "--seed", "9007199254740991"}, recorded: configIs("seed", `9007199254740991`)},
	"window": {args: []string{"--order", "shuffle", "--window", "50000"}, recorded: configIs("window", `50000`)},
	"epochs": {args: []string{"--epochs", "2"}, recorded: func(o outcome) bool {
		return o.run.Epochs == 2 && (o.run.Row == 40 || o.run.Target > 0) // without a target the files' 20 rows are read twice
	}},
	"config": {args: []string{"--config", "lr=1e-4"}, recorded: configIs("lr", `0.0001`)},
	"ledger": {args: nil, recorded: func(o outcome) bool { _, err := os.Stat(filepath.Join(o.dir, "ledger.db")); return err == nil }},
	"data": {args: nil, recorded: func(o outcome) bool {
		was, err := recorded(o.run.Source)
		return err == nil && (was.Kind == "sample" || len(was.Data) == 1 && filepath.IsAbs(was.Data[0]))
	}},
}

// TestRunFlags walks every flag of run through every source, learner and method
// there are, and finds that it changes what is recorded or is refused.
func TestRunFlags(t *testing.T) {
	cases := map[string]flagCase{}
	for name, c := range runFlags {
		cases[name] = c
	}
	cases["name"] = flagCase{args: []string{"--name", "mine"}, recorded: func(o outcome) bool { return o.run.Name == "mine" }}
	walk(t, "run", cases, katoFlagCases, func(t *testing.T, source, dir string, data []string, c flagCase) outcome {
		args := []string{"run", dataset(source), "--ledger", dir}
		if source == "sample" && !slices.Contains(c.args, "--max-samples") {
			args = append(args, "--max-samples", "12") // it has 1,800,000 rows
		}
		return outcomeOf(t, dir, slices.Concat(args, data, c.args))
	})
}

// TestResumeFlags does the same for resume, over a run of 5 samples.
func TestResumeFlags(t *testing.T) {
	cases := map[string]flagCase{}
	for name, c := range runFlags {
		switch name {
		case "method", "tokenizer": // equal to the run's: it is resumed
			c.recorded = func(o outcome) bool { return *o.run.ResumedAtSample == 5 }
		case "chunk-sizes", "config", "workers", "text-field", "order", "seed", "window": // others than the run's: it is refused
			c.recorded = func(o outcome) bool { return o.code == int(cmdline.ConfigMismatch) }
		case "checkpoint-interval":
			c.recorded = func(o outcome) bool { return o.run.Interval == "3" && o.run.SnapshotCount > 4 }
		}
		cases[name] = c
	}
	isKato := func(_, learner string) bool { return learner == onServer } // which cannot be forked
	isRun := func(o outcome) bool { return *o.run.ResumedAtSample > 0 }
	more := map[string]flagCase{
		"run":           {args: []string{"--run", "mine"}, recorded: isRun},
		"snapshot":      {args: []string{"--snapshot", "1"}, refused: isKato, recorded: func(o outcome) bool { return o.run.ForkedFrom != nil && *o.run.ResumedAtSample == 3 }},
		"explain":       {args: []string{"--explain"}, recorded: func(o outcome) bool { return strings.Contains(o.stdout, `"candidates"`) && o.run.Trained == 5 }},
		"or-start":      {args: []string{"--or-start"}, recorded: isRun},
		"name":          {args: []string{"--or-start", "--name", "other"}, recorded: func(o outcome) bool { return o.run.Name == "other" && *o.run.ResumedAtSample == 0 }},
		"accept":        {args: []string{"--config", "lr=1", "--accept", "lr"}, refused: isKato, recorded: func(o outcome) bool { return slices.Contains(o.run.Accepted, "lr") }},
		"wait":          {args: []string{"--wait", "5m"}, recorded: isRun},
		"retry-errored": {args: []string{"--retry-errored"}, recorded: func(o outcome) bool { return isRun(o) && strings.Contains(o.stderr, "No errored row to try again") }},
		"skip-row":      {args: []string{"--skip-row", "10"}, recorded: func(o outcome) bool { return o.run.Errored == 1 && o.run.Trained == 11 }},
		"take-over":     {args: []string{"--take-over"}, recorded: isRun},
	}
	for name, c := range more {
		cases[name] = c
	}
	ofKato := func(s katoServer) map[string]flagCase {
		cases := katoFlagCases(s)
		for name, c := range cases {
			if name == "no-mirror" || slices.Contains(katoSettings, strings.ReplaceAll(name, "-", "_")) { // others than the run's
				c.recorded = func(o outcome) bool { return o.code == int(cmdline.ConfigMismatch) }
				cases[name] = c
			}
		}
		return cases
	}
	walk(t, "resume", cases, ofKato, func(t *testing.T, source, dir string, data []string, c flagCase) outcome {
		first := append([]string{"run", dataset(source), "--ledger", dir, "--max-samples", "5", "--checkpoint-interval", "3", "--name", "mine", "--json"}, data...)
		if code, _, stderr := call(t, first...); code != 0 {
			t.Fatalf("first run: exit code %d\n%s", code, stderr)
		}
		args := []string{"resume", dataset(source), "--ledger", dir}
		if !slices.Contains(c.args, "--max-samples") {
			args = append(args, "--max-samples", "12")
		}
		return outcomeOf(t, dir, slices.Concat(args, data, c.args))
	})
}

// dataset is the name under which a source is read.
func dataset(source string) string {
	if source == "sample" {
		return "sample"
	}
	return "things"
}

func outcomeOf(t *testing.T, dir string, args []string) outcome {
	t.Helper()
	if !slices.Contains(args, "--json") {
		args = append(args, "--json")
	}
	o := outcome{dir: dir}
	o.code, o.stdout, o.stderr = call(t, args...)
	_ = json.Unmarshal([]byte(o.stdout), &o.run) // a refusal is none
	return o
}

// walk does a call for every flag with every source and learner. What is refused
// for all sources alike is not tried with all of them.
func walk(t *testing.T, command string, cases map[string]flagCase, ofKato func(katoServer) map[string]flagCase, do func(*testing.T, string, string, []string, flagCase) outcome) {
	sources := writeSources(t)
	if testing.Short() {
		for _, alike := range []string{"jsonl.gz", "jsonl.zst", "parquet"} { // to jsonl, for every flag
			delete(sources, alike)
		}
	}
	server := startKato(t)
	for name, c := range ofKato(server) {
		c.refused = func(_, learner string) bool { return learner != onServer }
		cases[name] = c
	}
	for _, flag := range commandFlags(t, command) {
		for source, data := range sources {
			for _, learner := range learners {
				c, ok := cases[flag]
				switch {
				case flag == "learner":
					c = flagCase{args: []string{"--learner", learner}, recorded: configIs("learner", strconv.Quote(learner))}
				case !ok:
					t.Fatalf("no case for --%s of %s", flag, command)
				}
				if source != "sample" && source != "jsonl" && (learner == onServer || katoFlag(flag)) {
					continue
				}
				flags := data
				if learner == onServer {
					flags = slices.Concat(data, server.flags())
				} else if katoFlag(flag) {
					c.args = c.args[:min(2, len(c.args))] // it alone is to be refused
				}
				t.Run(flag+"/"+source+"/"+learner, func(t *testing.T) {
					t.Parallel()
					o := do(t, source, filepath.Join(t.TempDir(), "ledger"), flags, c)
					if c.refused != nil && c.refused(source, learner) {
						if o.code != int(cmdline.Usage) || !strings.Contains(o.stderr, "--"+flag) {
							t.Errorf("exit code %d, want a refusal that names --%s:\n%s", o.code, flag, o.stderr)
						}
						return
					}
					if !c.recorded(o) {
						t.Errorf("%v left no trace: exit code %d\nstdout: %s\nstderr: %s", c.args, o.code, o.stdout, o.stderr)
					}
				})
			}
		}
	}
}

func katoFlag(name string) bool { return slices.Contains(katoNames(), name) }

// commandFlags are the names of all flags that a command takes.
func commandFlags(t *testing.T, name string) []string {
	t.Helper()
	app := newApp()
	var names []string
	for _, f := range app.Flags {
		names = append(names, f.Names()[0])
	}
	i := slices.IndexFunc(app.Commands, func(c *cli.Command) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no command %s", name)
	}
	for _, f := range app.Commands[i].Flags {
		names = append(names, f.Names()[0])
	}
	return names
}

// writeSources writes the same rows in every format, and returns the flags that
// name them.
func writeSources(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	type row struct {
		Text string `parquet:"text" json:"text"`
		Body string `parquet:"body" json:"body"`
	}
	var rows []row
	var text, lines bytes.Buffer
	for i := range 20 {
		r := row{fmt.Sprintf("this is the text of row number %d of the test", i), fmt.Sprintf("and this is the body of row number %d", i)}
		rows = append(rows, r)
		fmt.Fprintln(&text, r.Text)
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(b, '\n'))
	}
	write := func(name string, b []byte) []string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return []string{"--data", path}
	}
	var columns bytes.Buffer
	if err := parquet.Write(&columns, rows); err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"sample":  nil,
		"text":    write("rows.txt", text.Bytes()),
		"jsonl":   write("rows.jsonl", lines.Bytes()),
		"parquet": write("rows.parquet", columns.Bytes()),

		"jsonl.gz":  write("rows.jsonl.gz", gzipped(t, lines.Bytes())),
		"jsonl.zst": write("rows.jsonl.zst", zstded(t, lines.Bytes())),
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}
