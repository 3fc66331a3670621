package cmdline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
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

// call is how the command of a test app was called.
type call struct {
	Command    string
	Args       []string
	Ledger     string
	MaxSamples int64
	Chunks     []string
	JSON       bool
	Follow     bool
}

// mismatch is the example of the design.
func mismatch() error {
	return &ExitError{
		Code:    ConfigMismatch,
		Err:     errors.New("configuration mismatch: cannot resume wikitext"),
		Details: []string{"run 01K…7Q3M, snapshot 20, 20,000 samples, 4 minutes ago, differs:"},
		Differs: []Differ{{"chunk_sizes", []int{8, 8, 8, 8}, []int{16, 16, 16, 16}}},
		Candidates: []Candidate{
			{Run: "01KABCDEFGHJKMNPQRSTVW7Q3M", Seq: 20, Verdict: "differs", Field: "chunk_sizes"},
		},
		Hints: []Hint{
			{"to go on with that run", "trainer resume wikitext --chunk-sizes 8,8,8,8"},
			{"to start a new one", "trainer run wikitext --chunk-sizes 16,16,16,16"},
		},
	}
}

// newApp returns an app like those of the two programs. What its commands were
// called with goes to calls; result is what they return.
func newApp(calls *[]call, result error) *cli.App {
	flags := func() []cli.Flag {
		return append(Group("MODEL", &cli.StringSliceFlag{Name: "chunk-sizes", Usage: "`SIZES` of the layers"}),
			&cli.Int64Flag{Name: "max-samples", Aliases: []string{"n"}, Usage: "stop at `N` samples", DefaultText: "all"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as JSON"},
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on looking"},
			&cli.BoolFlag{Name: "secret", Hidden: true})
	}
	action := func(c *cli.Context) error {
		args, err := Args(c)
		if err != nil {
			return err
		}
		*calls = append(*calls, call{strings.TrimPrefix(c.Command.HelpName, "trainer "), args, c.String("ledger"), c.Int64("max-samples"), c.StringSlice("chunk-sizes"), c.Bool("json"), c.Bool("follow")})
		if result == nil && c.Bool("json") {
			return WriteJSON(c.App.Writer, map[string]string{"run": "<7Q3M>"})
		}
		return result
	}
	return &cli.App{
		Name:        "trainer",
		Usage:       "train on a dataset and resume exactly",
		Description: "A run is committed to the ledger as it goes.",
		Version:     "1.2.3",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "ledger", Value: "checkpoints", Usage: "the ledger's `FOLDER`", EnvVars: []string{"TEST_CMDLINE_LEDGER"}}},
		Commands: []*cli.Command{
			Document(&cli.Command{
				Name: "run", Aliases: []string{"start"}, Usage: "start a new run", ArgsUsage: "DATASET", Flags: flags(), Action: action,
				Description: "Streams a dataset through a learner.\nA second paragraph's {{braces}} and \"quotes\" stay.",
			}, `
trainer run wikitext --max-samples 100000
trainer run notes --data 'notes/*.txt'
`, RunInUse, DataChanged, Interrupted),
			{Name: "resume", Usage: "continue one", ArgsUsage: "DATASET|RUN", Flags: flags(), Action: action},
			{Name: "check-process", Usage: "test a process learner", ArgsUsage: "-- COMMAND [ARG...]", Flags: flags(), Action: action},
			{Name: "diff", Usage: "compare two", ArgsUsage: "A [B]", Flags: flags(), Action: action},
			{Name: "datasets", Usage: "the catalogue", Flags: flags(), Action: action},
			{Name: "hidden", Hidden: true, Action: action},
			{Name: "tag", Usage: "name snapshots", Subcommands: []*cli.Command{
				{Name: "add", Usage: "add a tag", ArgsUsage: "RUN TAG...", Flags: flags(), Action: action},
			}},
		},
		Reader: strings.NewReader(""),
		Writer: io.Discard, ErrWriter: io.Discard,
	}
}

// start runs the test app and returns what came of it.
func start(t testing.TB, result error, args ...string) (code int, stdout, stderr string, calls []call) {
	t.Helper()
	var out, errs bytes.Buffer
	app := newApp(&calls, result)
	app.Writer, app.ErrWriter = &out, &errs
	code = Run(context.Background(), app, append([]string{"/usr/bin/trainer"}, args...))
	return code, out.String(), errs.String(), calls
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args    string
		message string
		try     string
	}{
		{"run wikitext --max-sample 5", "unknown flag --max-sample (did you mean --max-samples?)", "trainer run --help"},
		{"run --max-sample=5 wikitext", "unknown flag --max-sample (did you mean --max-samples?)", "trainer run --help"},
		{"run wikitext --bogus", "unknown flag --bogus", "trainer run --help"},
		{"run wikitext --secre", "unknown flag --secre", "trainer run --help"},
		{"run wikitext -x", "unknown flag -x", "trainer run --help"},
		{"run wikitext ---", "unknown flag ---", "trainer run --help"},
		{"run wikitext --ledgr x", "unknown flag --ledgr (did you mean --ledger?)", "trainer run --help"},
		{"--max-samples 5 run wikitext", "unknown flag --max-samples", "trainer --help"},
		{"run wikitext --max-samples", "--max-samples needs a value", "trainer run --help"},
		{"run wikitext -n", "-n needs a value", "trainer run --help"},
		{"run wikitext --max-samples many", `invalid value "many" for --max-samples: parse error`, "trainer run --help"},
		{"run wikitext --json=perhaps", `invalid value "perhaps" for --json: parse error`, "trainer run --help"},
		{"run wikitext -n 1 --max-samples 2", "cannot use two forms of the same flag: n max-samples", "trainer run --help"},
		{"", "a command is missing", "trainer --help"},
		{"tag", "a command is missing", "trainer tag --help"},
		{"rum wikitext --max-samples 5", "unknown command rum (did you mean run?)", "trainer --help"},
		{"hidde", "unknown command hidde", "trainer --help"},
		{"qqq -h", "unknown command qqq", "trainer --help"},
		{"help rum", "unknown command rum (did you mean run?)", "trainer --help"},
		{"tag ad x y", "unknown command ad (did you mean add?)", "trainer tag --help"},
		{"run", "missing DATASET", "trainer run wikitext --max-samples 100000"},
		{"resume --json=false", "missing DATASET|RUN", "trainer resume --help"},
		{"run wikitext other", "unexpected argument other", "trainer run wikitext --max-samples 100000"},
		{"datasets x", "unexpected argument x", "trainer datasets --help"},
		{"tag add 7Q3M", "missing TAG", "trainer tag add --help"},
	} {
		code, stdout, stderr, calls := start(t, nil, strings.Fields(c.args)...)
		if want := "trainer: " + c.message + "\nTry: " + c.try + "\n"; code != int(Usage) || stdout != "" || stderr != want || calls != nil {
			t.Errorf("%q: exit %d, stdout %q, calls %v, stderr\n%swant\n%s", c.args, code, stdout, calls, stderr, want)
		}
	}
}

func TestUsageOfTheEnvironment(t *testing.T) {
	t.Setenv("TEST_CMDLINE_LEDGER", "/elsewhere")
	_, _, _, calls := start(t, nil, "run", "wikitext")
	if len(calls) != 1 || calls[0].Ledger != "/elsewhere" {
		t.Errorf("%+v", calls)
	}
}

func TestUntrustedNamesAreEscaped(t *testing.T) {
	_, _, stderr, _ := start(t, nil, "run", "a", "b\x1b[2J")
	if strings.Contains(stderr, "\x1b") || !strings.Contains(stderr, `'b\x1b[2J'`) {
		t.Errorf("%q", stderr)
	}
}

func TestHelp(t *testing.T) {
	for file, lines := range map[string][]string{
		"help-program.txt": {"--help", "-h", "help", "--ledger x help", "--help --bogus"},
		"help-run.txt":     {"run --help", "run -h", "help run", "run wikitext --help", "run --bogus -h", "--help run", "start --help", "help start"},
		"help-tag.txt":     {"tag --help", "help tag"},
		"help-tag-add.txt": {"tag add --help", "help tag add", "tag --help add"},
	} {
		for i, args := range lines {
			code, stdout, stderr, calls := start(t, nil, strings.Fields(args)...)
			if code != 0 || stderr != "" || calls != nil {
				t.Errorf("%q: exit %d, stderr %q, calls %v", args, code, stderr, calls)
			}
			if *update && i > 0 {
				continue
			}
			golden(t, file, stdout)
		}
	}
	// What is a value or follows -- asks for nothing.
	for _, args := range []string{"run --chunk-sizes --help wikitext", "run -- --help", "run help", "--ledger help run wikitext"} {
		if code, _, stderr, calls := start(t, nil, strings.Fields(args)...); code != 0 || len(calls) != 1 {
			t.Errorf("%q: exit %d, calls %v, stderr %q", args, code, calls, stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range []string{"--version", "-v"} {
		if code, stdout, stderr, _ := start(t, nil, args); code != 0 || stdout != "trainer version 1.2.3\n" || stderr != "" {
			t.Errorf("%s: exit %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

func TestMismatch(t *testing.T) {
	code, stdout, stderr, _ := start(t, mismatch(), "resume", "wikitext")
	if code != 11 || stdout != "" {
		t.Errorf("exit %d, stdout %q", code, stdout)
	}
	golden(t, "mismatch.txt", stderr)

	code, stdout, stderr, _ = start(t, mismatch(), "resume", "wikitext", "--json")
	if code != 11 {
		t.Errorf("exit %d", code)
	}
	golden(t, "mismatch.txt", stderr)
	golden(t, "mismatch.json", stdout)
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		code   Code
		stderr string
		json   string // the object within "error"
	}{
		{
			"plain", errors.New("open ledger: no space"), Failed, "trainer: open ledger: no space\n",
			`{"code":1,"kind":"failed","message":"open ledger: no space","differs":[],"candidates":[],"commands":[]}`,
		},
		{
			"wrapped", fmt.Errorf("resume: %w", &ExitError{Code: RunInUse, Err: io.EOF}), RunInUse, "trainer: resume: EOF\n",
			`{"code":13,"kind":"run_in_use","message":"resume: EOF","differs":[],"candidates":[],"commands":[]}`,
		},
		{
			"own kind", &ExitError{Code: Failed, Kind: "no_ledger", Err: errors.New("no ledger\nin \x1b[1m.")}, Failed, "trainer: no ledger\n  in \\x1b[1m.\n",
			`{"code":1,"kind":"no_ledger","message":"no ledger\nin \u001b[1m.","differs":[],"candidates":[],"commands":[]}`,
		},
		{
			"usage", Usagef("--workers needs --method parallel"), Usage, "trainer: --workers needs --method parallel\nTry: trainer resume --help\n",
			`{"code":2,"kind":"usage","message":"--workers needs --method parallel","differs":[],"candidates":[],"commands":[]}`,
		},
		{
			"not set", &ExitError{Code: Ambiguous, Err: io.EOF, Differs: []Differ{{"tokenizer", nil, "gpt2"}, {"a", "<x\x1b>", 1.5}}}, Ambiguous,
			"trainer: EOF\n\n    tokenizer   checkpoint=(not set)     current=\"gpt2\"\n    a           checkpoint=\"<x\\u001b>\"   current=1.5\n",
			`{"code":12,"kind":"ambiguous","message":"EOF","differs":[{"field":"tokenizer","checkpoint":null,"current":"gpt2"},{"field":"a","checkpoint":"<x\u001b>","current":1.5}],"candidates":[],"commands":[]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr, _ := start(t, c.err, "resume", "wikitext", "--json")
			if code != int(c.code) || stderr != c.stderr {
				t.Errorf("exit %d, stderr %q, want %q", code, stderr, c.stderr)
			}
			var got, want any
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(`{"error":`+c.json+`}`), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A command that has said it all itself, and one that has printed its result,
// are not talked over.
func TestOneValueOnStdout(t *testing.T) {
	code, stdout, stderr, _ := start(t, fmt.Errorf("wrapped: %w", &ExitError{Code: Interrupted}), "run", "wikitext", "--json")
	if code != 130 || stdout+stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}

	app := &cli.App{Name: "ckpt", Commands: []*cli.Command{{Name: "list", Flags: []cli.Flag{&cli.BoolFlag{Name: "json"}}, Action: func(c *cli.Context) error {
		if err := WriteJSON(c.App.Writer, []string(nil)); err != nil {
			return err
		}
		return errors.New("and then it failed")
	}}}}
	var out, errs bytes.Buffer
	app.Writer, app.ErrWriter = &out, &errs
	code = Run(context.Background(), app, []string{"ckpt", "list", "--json"})
	if code != 1 || out.String() != "[]\n" || errs.String() != "ckpt: and then it failed\n" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, &out, &errs)
	}
}

// failing is a writer that returns err.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestResultsThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   int
		stderr string
	}{
		{syscall.ENOSPC, 1, "trainer: write results: no space left on device\n"},
		{syscall.EPIPE, 0, ""},
	} {
		var calls []call
		var errs bytes.Buffer
		app := newApp(&calls, nil)
		app.Writer, app.ErrWriter = failing{c.err}, &errs
		if code := Run(context.Background(), app, []string{"trainer", "run", "wikitext", "--json"}); code != c.code || errs.String() != c.stderr {
			t.Errorf("%v: exit %d, stderr %q", c.err, code, &errs)
		}
	}
	// Nor does anything happen where stderr is gone.
	var calls []call
	app := newApp(&calls, errors.New("failed"))
	app.ErrWriter = failing{syscall.EPIPE}
	if code := Run(context.Background(), app, []string{"trainer", "run", "wikitext"}); code != 1 {
		t.Errorf("exit %d", code)
	}
}

// Main is run in a process of its own, whose stdout nobody reads.
func TestBrokenPipe(t *testing.T) {
	if os.Getenv("TEST_CMDLINE_MAIN") != "" {
		os.Args = []string{"trainer", "talk"}
		os.Exit(Main(context.Background(), &cli.App{Name: "trainer", Commands: []*cli.Command{{Name: "talk", Action: func(c *cli.Context) error {
			for range 100 {
				fmt.Fprintln(c.App.Writer, "still here")
			}
			// What is started from here still dies of a broken pipe.
			out, err := exec.Command("sh", "-c", "kill -PIPE $$; echo immune").Output()
			if err == nil || len(out) > 0 {
				return fmt.Errorf("sh: %q, %v", out, err)
			}
			fmt.Fprintln(c.App.ErrWriter, "saved")
			return nil
		}}}}))
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], "-test.run=^TestBrokenPipe$")
	cmd.Env = append(os.Environ(), "TEST_CMDLINE_MAIN=1")
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Run()
	w.Close()
	if err != nil || stderr.String() != "saved\n" {
		t.Errorf("%v, stderr %q", err, &stderr)
	}
}

func TestCodes(t *testing.T) {
	kinds := map[string]bool{}
	for code := range codes {
		if code.Kind() == "" || code.String() == "" || kinds[code.Kind()] {
			t.Errorf("code %d: kind %q, text %q", int(code), code.Kind(), code)
		}
		kinds[code.Kind()] = true
	}
	if CodeOf(nil) != OK || CodeOf(io.EOF) != Failed || CodeOf(fmt.Errorf("x: %w", Usagef("y"))) != Usage || CodeOf(mismatch()) != ConfigMismatch {
		t.Error("wrong code")
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, map[string]any{"a": "<&>", "b": []int{}}); err != nil || b.String() != "{\n  \"a\": \"<&>\",\n  \"b\": []\n}\n" {
		t.Errorf("%q, %v", &b, err)
	}
	if err := WriteJSON(failing{syscall.ENOSPC}, 1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	if err := WriteJSON(&b, func() {}); err == nil {
		t.Error("a func was written")
	}
}
