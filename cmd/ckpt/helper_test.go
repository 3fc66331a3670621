package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/ledger"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// clock is a clock that stands still until it is moved.
type clock struct{ time time.Time }

func (c *clock) now() time.Time          { return c.time }
func (c *clock) advance(d time.Duration) { c.time = c.time.Add(d) }

// fixture is a ledger that tests fill and look at.
type fixture struct {
	t     testing.TB
	dir   string
	clock *clock
	*ledger.Ledger
	short map[string]string // of ids in golden files
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: filepath.Join(t.TempDir(), "checkpoints"), clock: &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, short: map[string]string{}}
	l, err := ledger.Create(context.Background(), f.dir, ledger.Options{Now: f.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	f.Ledger = l
	return f
}

// newRun is a run of 8,8 that is named and otherwise like all others.
func newRun(name string) ledger.Run {
	return ledger.Run{
		Name: name, Dataset: "sample", Method: "sequential", Learner: "local", Target: 5000,
		Config: ledger.Config{
			"learner": "local", "learner_version": 1, "method": "sequential", "filter": "python_strip_runes>10",
			"order": "sequential", "text_field": "text", "tokenizer": "gpt2", "chunk_sizes": []int{8, 8},
		},
		Source: ledger.Source{Digest: strings.Repeat("a1", 32), Label: "rows.txt, 9,000 rows", Detail: json.RawMessage(`{"files":[{"path":"/data/rows.txt","size":123456,"sha256":"` + strings.Repeat("b2", 32) + `"}]}`)},
	}
}

// session is a trainer that does as it is told.
type session struct {
	f *fixture
	*ledger.Session
}

func (f *fixture) begin(run ledger.Run) *session {
	f.t.Helper()
	s, err := f.Begin(context.Background(), run, attempt())
	if err != nil {
		f.t.Fatal(err)
	}
	return f.session(s)
}

func (f *fixture) session(s *ledger.Session) *session {
	f.t.Cleanup(func() { s.Close() })
	f.short[string(s.Run().ID)] = fmt.Sprintf("01KRUN%016dR%03d", 0, len(f.short)+1)
	return &session{f, s}
}

func attempt() ledger.Attempt {
	return ledger.Attempt{Program: "v1", Git: "c0ffee", Folder: "/home/me", Command: []string{"trainer", "run", "sample", "--name", "two words"}}
}

// again begins the run's next attempt.
func (s *session) again() *session {
	s.f.t.Helper()
	s.Close()
	ctx := context.Background()
	lease, err := s.f.Acquire(ctx, s.Run().ID, ledger.LeaseOptions{})
	if err != nil {
		s.f.t.Fatal(err)
	}
	next, err := s.f.Continue(ctx, lease, s.Last().Seq, ledger.Changes{}, attempt())
	if err != nil {
		s.f.t.Fatal(err)
	}
	return s.f.session(next)
}

// to commits a snapshot at so many samples, half as many rows being filtered and
// every thousandth sample errored; end ends the attempt unless it is empty.
func (s *session) to(samples int64, end ledger.Reason) ledger.Snapshot {
	s.f.t.Helper()
	ctx := context.Background()
	s.f.clock.advance(time.Minute)
	o, err := s.PutObject(ctx, "model", func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s %d %s", s.f.short[string(s.Run().ID)], samples, strings.Repeat("x", int(samples)))
		return err
	})
	if err != nil {
		s.f.t.Fatal(err)
	}
	n := ledger.Counters{Errored: samples / 1000, Filtered: samples / 2}
	n.Trained = samples - n.Errored
	n.Row = samples + n.Filtered
	c := ledger.Checkpoint{
		Kind: ledger.Periodic, Counters: n, Position: json.RawMessage(fmt.Sprintf(`{"row":%d}`, n.Row)),
		ModelDigest: strings.Repeat(fmt.Sprintf("%04x", samples), 16), Objects: []ledger.Object{o}, Rate: 1000,
		Metrics: map[string]float64{"tokens": float64(20 * samples), "samples_per_second": 1000, "peak_memory_bytes": 3e7},
	}
	for layer := range s.Run().Config["chunk_sizes"].([]any) {
		c.Metrics[fmt.Sprintf("layer%d.patterns", layer)] = float64(samples) / float64(layer+1)
		c.Metrics[fmt.Sprintf("layer%d.mean_frequency", layer)] = 1.25
	}
	for e := s.Last().Errored; e < n.Errored; e++ {
		c.Errored = append(c.Errored, ledger.ErroredRow{Row: 1500 * (e + 1), Reason: "no column text"})
	}
	if end != "" {
		c.End = &ledger.End{Reason: end}
		c.Kind = ledger.Emergency
		if end == ledger.Completed || end == ledger.Exhausted {
			c.Kind = ledger.Final
		}
		if end == ledger.Failed {
			c.End.Error = "disk\x1b[31m full"
		}
	}
	snap, err := s.Commit(ctx, c)
	if err != nil {
		s.f.t.Fatal(err)
	}
	if end != "" {
		s.Close()
	}
	return snap
}

// run runs ckpt on the ledger.
func (f *fixture) run(args ...string) (code int, stdout, stderr string) {
	return call(f.clock.now, append([]string{"--ledger", f.dir}, args...)...)
}

func call(now func() time.Time, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	app := newApp(now)
	app.Writer, app.ErrWriter, app.Reader = &out, &errs, strings.NewReader("")
	code = cmdline.Run(context.Background(), app, append([]string{"ckpt"}, args...))
	return code, out.String(), errs.String()
}

var (
	fewMillis = regexp.MustCompile(`[+-]?\b[\d.]+ (?:µs|ms|s)\b( \([^)]*\))?`)
	blanks    = regexp.MustCompile(`(\S) {2,}`)
)

// stable takes from output what is another at each run of the tests: ids, this
// machine, its folders, and how long things took.
func (f *fixture) stable(out string) string {
	for id, is := range f.short {
		out = strings.ReplaceAll(out, id, is)
		out = strings.ReplaceAll(out, ledger.RunID(id).Short(), ledger.RunID(is).Short())
	}
	host, err := os.Hostname()
	if err != nil {
		f.t.Fatal(err)
	}
	out = strings.ReplaceAll(out, f.dir, "DIR")
	machine := regexp.MustCompile(`\b(` + regexp.QuoteMeta(host) + `|` + strconv.Itoa(os.Getpid()) + `)\b`)
	blocks := strings.Split(out, "\n\n")
	for i, block := range blocks {
		stable := fewMillis.ReplaceAllString(block, "SOME ms")
		stable = machine.ReplaceAllStringFunc(stable, func(s string) string {
			if s == host {
				return "HOST"
			}
			return "PID"
		})
		if stable != block { // its columns are as wide as what was replaced
			stable = blanks.ReplaceAllString(stable, "$1  ")
		}
		blocks[i] = stable
	}
	return strings.Join(blocks, "\n\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// unmarshal reads what --json printed.
func unmarshal[T any](t *testing.T, out string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return v
}
