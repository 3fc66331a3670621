package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/ledger"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// katoServer is a KATO server.
type katoServer struct{ *katotest.Server }

func startKato(t *testing.T) katoServer {
	t.Helper()
	server, err := katotest.New(katotest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	t.Setenv(katoEnv, "")
	return katoServer{server}
}

// finalized is how often each of the nodes was finalized, where that is equal; else
// -1.
func (s katoServer) finalized(nodes []string) int {
	n := -1
	for i, node := range nodes {
		if f := s.Finalized(node); i == 0 {
			n = f
		} else if f != n {
			return -1
		}
	}
	return n
}

// refuseToFinalize has the server refuse that, or no more.
func (s katoServer) refuseToFinalize(refuse bool) {
	s.Change(func(o *katotest.Options) {
		o.Fault = func(r katotest.Request) katotest.Fault {
			if refuse && r.Kind == katotest.Finalize {
				return katotest.Fault{Status: http.StatusInsufficientStorage}
			}
			return katotest.Fault{}
		}
	})
}

// flags are those that have the server learn.
func (s katoServer) flags() []string { return []string{"--learner", "kato", "--kato-url", s.URL} }

// goneURL is an address where nobody listens.
func goneURL() string {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	return s.URL
}

// lastAttempt is the newest attempt of the run that a call printed.
func lastAttempt(o outcome) ledger.Attempt {
	l, err := ledger.Open(o.dir, ledger.Options{})
	if err != nil {
		return ledger.Attempt{}
	}
	all, err := l.Attempts(context.Background(), o.run.Run)
	if err != nil || len(all) == 0 {
		return ledger.Attempt{}
	}
	return all[len(all)-1]
}

// katoFlagCases are the flags that only the learner kato heeds.
func katoFlagCases(s katoServer) map[string]flagCase {
	done := func(o outcome) bool { return o.code == 0 } // TestKatoWaits says to what effect
	return map[string]flagCase{
		"recall-threshold": {args: []string{"--recall-threshold", "0.1,0.2,0.3,0.4"}, recorded: configIs("recall_threshold", `[0.1,0.2,0.3,0.4]`)},
		"max-predictions":  {args: []string{"--max-predictions", "10"}, recorded: configIs("max_predictions", `[10]`)},
		"sort-symbols":     {args: []string{"--sort-symbols", "false"}, recorded: configIs("sort_symbols", `[false]`)},
		"capture-metadata": {args: []string{"--capture-metadata", "3,2"}, recorded: configIs("capture_metadata", `[2,3]`)},
		"no-mirror": {args: []string{"--no-mirror"}, recorded: func(o outcome) bool {
			return configIs("mirror", `false`)(o) && o.run.Exactness == "at least once, up to the samples in flight"
		}},
		"kato-url": {args: []string{"--kato-url", strings.Replace(s.URL, "http://", "http://me:secret@", 1)}, recorded: func(o outcome) bool { return lastAttempt(o).Endpoint == s.URL }},
		"kato-wait": {args: []string{"--kato-wait", "1ms", "--kato-url", goneURL()}, recorded: func(o outcome) bool {
			return o.code == 1 && strings.Contains(o.stdout, `"server_unreachable"`) && strings.Contains(o.stderr, katoEnv)
		}},
		"kato-poll":     {args: []string{"--kato-poll", "3ms"}, recorded: done},
		"kato-timeout":  {args: []string{"--kato-timeout", "1m"}, recorded: done},
		"kato-visible":  {args: []string{"--kato-visible", "1s"}, recorded: done},
		"stall-timeout": {args: []string{"--stall-timeout", "1m"}, recorded: done},
		"finalize":      {args: []string{"--finalize"}, recorded: func(o outcome) bool { return o.code == 0 && s.finalized(lastAttempt(o).Nodes) == 1 }},
	}
}

func TestKatoWaits(t *testing.T) {
	s := startKato(t)
	var got kato.Options
	app := newApp()
	app.Writer, app.ErrWriter = io.Discard, io.Discard
	run := app.Commands[slices.IndexFunc(app.Commands, func(c *cli.Command) bool { return c.Name == "run" })]
	run.Action = func(c *cli.Context) error {
		w, err := parseWish(c)
		v := w.volatile.of("RUN", "books", &notices{w: io.Discard})
		got = v.katoOptions(w.given)
		return err
	}
	args := append([]string{"trainer", "run", "books", "--kato-wait", "1s", "--kato-poll", "2ms", "--kato-timeout", "3s", "--kato-visible", "4ms", "--stall-timeout", "5m",
		"--no-mirror", "--chunk-sizes", "4,4", "--max-predictions", "10,8"}, s.flags()...)
	if code := cmdline.Run(t.Context(), app, args); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	want := kato.Options{
		ChunkSizes: []int{4, 4}, MaxPredictions: []int{10, 8}, NoMirror: true, URL: s.URL, Run: "RUN", Dataset: "books",
		Waits: kato.Waits{Health: time.Second, Poll: 2 * time.Millisecond, Request: 3 * time.Second, Visible: 4 * time.Millisecond, Stall: 5 * time.Minute},
	}
	if got.Say == nil {
		t.Error("nobody is told what the learner survived")
	}
	got.Say = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestKatoSession is a run that is begun, gone on with, looked at and finalized.
func TestKatoSession(t *testing.T) {
	s := startKato(t)
	dir := filepath.Join(t.TempDir(), "ledger")
	do := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := call(t, append(args, "--ledger", dir)...)
		if code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, want, stdout, stderr)
		}
		return stdout, stderr
	}
	says := func(text, pattern string) {
		t.Helper()
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("no %q in\n%s", pattern, text)
		}
	}
	_, stderr := do(0, append([]string{"run", "sample", "--max-samples", "20", "--checkpoint-interval", "10", "--workers", "7", "--max-predictions", "10,8,6,4", "--name", "mine"}, s.flags()...)...)
	says(stderr, `Starting run \w+, kato at `+s.URL+`, gpt2, chunk sizes 8,8,8,8, parallel, exact\n`)

	// It goes on at the server that it had, with its own settings.
	_, stderr = do(0, "resume", "mine", "--max-samples", "30", "--finalize")
	says(stderr, `Learner kato at `+s.URL+`, exact\n`)
	if n := s.finalized(s.Nodes()); n != 1 {
		t.Errorf("its nodes were finalized %d times", n)
	}
	do(0, "resume", "mine", "--finalize") // the target is reached
	if n := s.finalized(s.Nodes()); n != 2 {
		t.Errorf("its nodes were finalized %d times, the second at a target that was reached before", n)
	}
	do(0, "resume", "mine", "--finalize", "--take-over")
	if n := s.finalized(s.Nodes()); n != 3 {
		t.Errorf("its nodes were finalized %d times, the third of a run that was taken over", n)
	}
	s.refuseToFinalize(true)
	_, stderr = do(1, "resume", "mine", "--finalize")
	says(stderr, `finalize training: `)
	stdout, _ := do(1, "resume", "mine", "--finalize", "--max-samples", "35")
	says(stdout, `to finalize it: +trainer resume sample --run \w+ --finalize --ledger`)
	s.refuseToFinalize(false)

	// The patterns are those of the mirror, of the local learner's format.
	stdout, _ = do(0, "patterns", "mine")
	says(stdout, `PTRN\|`)

	// Every form of a fork is refused.
	_, stderr = do(2, "resume", "mine", "--snapshot", "1", "--max-samples", "40")
	says(stderr, `--snapshot 1: a run of kato resumes only from its newest snapshot, which is 5: .*cannot be taken back\nTry: trainer resume sample --run \w+ --max-samples 40`)
	do(2, "resume", "mine#1", "--max-samples", "40")
	do(2, "resume", "mine", "--snapshot", "1", "--explain")
	_, stderr = do(2, "resume", "mine", "--accept", "data", "--max-samples", "40")
	says(stderr, `--accept data: a run of kato cannot be forked`)
	says(stderr, `Try: trainer run sample --max-samples 40 --learner kato --kato-url `+s.URL)
	_, stderr = do(2, "resume", "mine", "--config", "lr=1", "--accept", "lr", "--max-samples", "40")
	says(stderr, `--accept lr: a run of kato cannot be forked`)
	_, stderr = do(2, "resume", "mine", "--recall-threshold", "0.5", "--accept", "recall_threshold")
	says(stderr, `--accept recall_threshold: a model of one recall_threshold means nothing under another`)

	// Other settings are refused with commands that are true.
	_, stderr = do(11, "resume", "mine", "--max-predictions", "10", "--capture-metadata", "2", "--no-mirror", "--max-samples", "40")
	says(stderr, `max_predictions +checkpoint=\[10,8,6,4\] +current=\[10\]`)
	says(stderr, `to go on with that run: +trainer resume sample --run \w+ --max-samples 40`)
	_, stderr = do(11, "resume", "sample", "--max-predictions", "10", "--capture-metadata", "2", "--no-mirror", "--max-samples", "40")
	says(stderr, `to go on with that run: +trainer resume sample --capture-metadata none --max-predictions 10,8,6,4 --no-mirror=false --max-samples 40`)
	says(stderr, `to start a new one: +trainer run sample --learner kato --max-predictions 10 --capture-metadata 2 --no-mirror --max-samples 40 --kato-url `+s.URL)
	do(0, "resume", "sample", "--capture-metadata", "none", "--max-predictions", "10,8,6,4", "--no-mirror=false", "--max-samples", "40")
	_, stderr = do(11, "resume", "sample", "--learner", "local", "--max-samples", "50")
	says(stderr, `to go on with that run: +trainer resume sample --learner kato --max-samples 50`)
	_, stderr = do(11, "resume", "sample", "--chunk-sizes", "8,8", "--max-samples", "50")
	says(stderr, `to start a new one: +trainer run sample --chunk-sizes 8,8 --max-samples 50 --learner kato --kato-url `+s.URL)

	// More workers than its connections bear.
	_, stderr = do(2, "resume", "mine", "--workers", "8", "--max-samples", "50")
	says(stderr, `--workers 8: .* 30 connections.* with 4 layers give 7 workers or fewer`)
	stdout, _ = do(2, append([]string{"run", "sample", "--workers", "16", "--chunk-sizes", "8,8", "--json"}, s.flags()...)...)
	says(stdout, `give 15 workers or fewer`)
}

// TestKatoAhead holds that a resume says how far the server is ahead of the snapshot.
func TestKatoAhead(t *testing.T) {
	l, err := ledger.Create(t.Context(), t.TempDir(), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config := ledger.Config{"learner": "kato", "mirror": true}
	session, err := l.Begin(t.Context(), ledger.Run{Dataset: "books", Config: config}, ledger.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	r := &resumption{ledger: l, entry: ledger.Entry{Run: session.Run()}, config: config}
	for row, want := range map[int64]string{
		1000: "  Learner kato at http://localhost:8000, exact\n",
		1001: "  Learner kato at http://localhost:8000, exact\n  The server has learned the rows before 1,001: up to there they are learned here only\n",
	} {
		r.snap.Row = 1000
		if err := session.Mark(t.Context(), ledger.Mark{Counters: ledger.Counters{Row: row, Trained: row}, Position: []byte(`{}`), Reach: row}); err != nil {
			t.Fatal(err)
		}
		if got, err := r.server(t.Context(), volatile{}); err != nil || got != want {
			t.Errorf("a mark at row %d: %q, %v", row, got, err)
		}
	}
}

// TestKatoWithoutMirror has no patterns to print.
func TestKatoWithoutMirror(t *testing.T) {
	s := startKato(t)
	dir := t.TempDir()
	code, _, stderr := call(t, append([]string{"run", "sample", "--max-samples", "5", "--no-mirror", "--name", "mine", "--ledger", dir}, s.flags()...)...)
	if code != 0 || !strings.Contains(stderr, "sequential, at least once, up to the samples in flight\n") {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if code, _, stderr := call(t, "patterns", "mine", "--ledger", dir); code != 2 || !strings.Contains(stderr, "--no-mirror") {
		t.Errorf("patterns: exit code %d\n%s", code, stderr)
	}
}

// TestKatoOrLocal holds that flags of kato are heeded or refused where a dataset
// has runs of both learners, and that the commands suggested say which is meant.
func TestKatoOrLocal(t *testing.T) {
	s := startKato(t)
	dir := filepath.Join(t.TempDir(), "ledger")
	do := func(want int, pattern string, args ...string) {
		t.Helper()
		code, stdout, stderr := call(t, append(args, "--ledger", dir)...)
		if code != want || !regexp.MustCompile(pattern).MatchString(stdout+stderr) {
			t.Errorf("%v: exit code %d, want %d and %q\n%s%s", args, code, want, pattern, stdout, stderr)
		}
	}
	do(10, `to start a run: +trainer run sample --learner kato --max-samples 5 --kato-url http://there`, "resume", "sample", "--kato-url", "http://there", "--max-samples", "5")
	do(2, `--kato-url needs --learner kato`, "resume", "sample", "--kato-url", s.URL, "--or-start", "--max-samples", "5")
	do(0, ``, "run", "sample", "--max-samples", "5", "--name", "here")
	do(2, `--kato-url needs --learner kato: no run of sample here has it`, "resume", "sample", "--kato-url", s.URL)
	do(2, `--finalize needs --learner kato`, "resume", "sample", "--finalize")
	do(11, `to go on with that run: +trainer resume sample --learner local --max-samples 9 --ledger`, "resume", "sample", "--learner", "kato", "--kato-url", s.URL, "--max-samples", "9")
	do(0, ``, append([]string{"run", "sample", "--max-samples", "5", "--name", "there"}, s.flags()...)...)
	do(12, `trainer resume sample --run \w+ --max-samples 9 --ledger (?s:.*) --run \w+ --max-samples 9 --kato-wait 1s|trainer resume sample --run \w+ --max-samples 9 --kato-wait 1s(?s:.*) --run \w+ --max-samples 9 --ledger`,
		"resume", "sample", "--kato-wait", "1s", "--max-samples", "9")
	do(2, `--kato-wait needs --learner kato`, "resume", "here", "--kato-wait", "1s", "--max-samples", "9")
	do(0, `Learner kato at `, "resume", "sample", "--learner", "kato", "--kato-wait", "1s", "--max-samples", "9")

	// The environment alone is never refused, and never asked where nothing needs it.
	t.Setenv(katoEnv, "not an address")
	do(0, ``, "resume", "here", "--max-samples", "9")
	do(2, katoEnv+`: not an http or https address`, "resume", "there", "--max-samples", "12")
	t.Setenv(katoEnv, s.URL+"/")
	do(0, `Learner kato at `+s.URL+`, exact`, "resume", "there", "--max-samples", "12")
}

// TestKatoUnreachable holds that nothing is begun where no server answers.
func TestKatoUnreachable(t *testing.T) {
	t.Setenv(katoEnv, "")
	dir := filepath.Join(t.TempDir(), "ledger")
	code, stdout, stderr := call(t, "run", "sample", "--learner", "kato", "--kato-url", goneURL(), "--kato-wait", "1ms", "--ledger", dir, "--json")
	if code != 1 || !strings.Contains(stdout, `"kind": "server_unreachable"`) || !strings.Contains(stderr, "--kato-url URL or KATO_URL names another server") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	l, err := ledger.Open(dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if runs, _, err := l.List(t.Context(), ledger.Query{}); err != nil || len(runs) > 0 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if leases, err := os.ReadDir(filepath.Join(dir, "leases")); err != nil || len(leases) > 0 {
		t.Errorf("%d leases, %v", len(leases), err)
	}
}

// TestExplainServer holds what a wiped or another server exits with.
func TestExplainServer(t *testing.T) {
	var exit *cmdline.ExitError
	err := explainServer(fmt.Errorf("reconcile: %w", &kato.ForeignError{
		Nodes: []string{"node0_A", "node1_A", "node2_A"}, Compared: 9, Count: 7,
		Differs: []kato.Difference{{Node: "node1_A", Name: "PTRN|x", Want: 3, Got: 1}},
	}))
	if cmdline.CodeOf(err) != cmdline.DataChanged {
		t.Fatalf("exit code %d", cmdline.CodeOf(err))
	}
	exit, _ = err.(*cmdline.ExitError)
	want := []string{"PTRN|x in node1_A: learned once there, 3 times by this run", "and 6 more"}
	if exit.Kind != "server_changed" || !strings.Contains(err.Error(), "of 9 patterns of node0_A to node2_A, 7 missing") || !slices.Equal(exit.Details[:2], want) {
		t.Errorf("%+v", exit)
	}
}

// TestKatoSettings holds which settings of kato are none.
func TestKatoSettings(t *testing.T) {
	s := startKato(t)
	for args, want := range map[string]string{
		"--recall-threshold 1.5":               "--recall-threshold: 1.5 is not between 0 and 1",
		"--recall-threshold NaN":               "--recall-threshold: NaN is not between 0 and 1",
		"--recall-threshold 0.1,0.2":           "--recall-threshold: 2 values for 4 layers",
		"--max-predictions 0":                  "--max-predictions: 0 is not between 1 and 10,000",
		"--max-predictions ten":                "ten is no such value",
		"--max-predictions 10,":                "is no such value",
		"--sort-symbols maybe":                 "maybe is no such value",
		"--capture-metadata 2,2":               "layer 2 is given twice",
		"--capture-metadata -1":                "-1 is no layer",
		"--capture-metadata 4":                 "--capture-metadata: 4: the layers are 0 to 3",
		"--kato-wait 0s":                       "--kato-wait 0s: give more than nothing",
		"--kato-wait soon":                     "--kato-wait",
		"--kato-url ftp://x":                   "--kato-url: not an http or https address",
		"--kato-url=":                          "--kato-url needs a value",
		"--config mirror=false":                "use --no-mirror",
		"--config recall_threshold=0.5":        "use --recall-threshold",
		"--learner local":                      "--kato-url needs --learner kato",
		"--learner local --capture-metadata 1": "--capture-metadata needs --learner kato",
	} {
		dir := filepath.Join(t.TempDir(), "ledger")
		code, _, stderr := call(t, slices.Concat([]string{"run", "sample", "--ledger", dir}, s.flags(), strings.Fields(args))...)
		if code != int(cmdline.Usage) || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %q in\n%s", args, code, want, stderr)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s left a ledger behind", args)
		}
	}
}

// TestSecrets holds that no password is shown or kept.
func TestSecrets(t *testing.T) {
	got := withoutSecrets([]string{"--kato-url=http://me:secret@host:8000/x", "HTTPS://me@host", "http://host/a@b", "books"})
	want := []string{"--kato-url=http://host:8000/x", "HTTPS://host", "http://host/a@b", "books"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
