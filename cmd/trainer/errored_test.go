package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/local"

	"github.com/urfave/cli/v2"
)

// poisoned is a local learner that one text is too much for.
type poisoned struct{ *local.Learner }

var errTooMuch = errors.New("it is too much")

func tooMuch(s trainer.Sample) error {
	if bytes.Contains(s.Text, []byte("poison")) {
		return errTooMuch
	}
	return nil
}

func (p poisoned) Learn(ctx context.Context, s trainer.Sample) error {
	if err := tooMuch(s); err != nil {
		return err
	}
	return p.Learner.Learn(ctx, s)
}

func (p poisoned) NewWorker() (trainer.Worker, error) {
	w, err := p.Learner.NewWorker()
	return poisonedWorker{w}, err
}

type poisonedWorker struct{ trainer.Worker }

func (w poisonedWorker) Work(ctx context.Context, s trainer.Sample) (trainer.Work, error) {
	if err := tooMuch(s); err != nil {
		return nil, err
	}
	return w.Worker.Work(ctx, s)
}

// resumePoisoned is "trainer resume" with a poisoned learner.
func resumePoisoned(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	app := newApp()
	app.Writer, app.ErrWriter = &out, &errOut
	i := slices.IndexFunc(app.Commands, func(c *cli.Command) bool { return c.Name == "resume" })
	app.Commands[i].Action = func(c *cli.Context) (err error) {
		ctx := c.Context
		r := &resumption{c: c, notices: &notices{w: c.App.ErrWriter}, arg: c.Args().First(), key: c.Args().First()}
		if r.want, err = parseWish(c); err != nil {
			return err
		}
		if r.ledger, err = ledger.Open(records.Dir(c), ledger.Options{}); err != nil {
			return err
		}
		for _, step := range []func(context.Context) error{r.name, r.choose, r.acquire, r.pick} {
			if err := step(ctx); err != nil {
				return r.release(err)
			}
		}
		use, err := r.use(ctx)
		if err != nil {
			return r.release(err)
		}
		learner, err := r.restore(ctx, use)
		if err != nil {
			return r.release(err)
		}
		src, err := r.openSource(ctx)
		if err != nil {
			return r.release(err)
		}
		cursor, reader, err := r.prove(ctx, src)
		if err != nil {
			return r.release(err)
		}
		defer reader.Close()
		return r.train(ctx, src, cursor, reader, poisoned{learner.(*local.Learner)}, use)
	}
	code = cmdline.Run(context.Background(), app, append([]string{"trainer", "resume"}, args...))
	return code, out.String(), errOut.String()
}

// suggested is the command that a message suggests.
func suggested(t *testing.T, said, to string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(said, to+":")
	if !ok {
		t.Fatalf("nothing is suggested %s:\n%s", to, said)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Fields(line)[2:] // without "trainer resume"
}

// A row at which a third attempt in a row fails is shown, and can be skipped.
func TestStuck(t *testing.T) {
	for _, method := range []string{"sequential", "parallel"} {
		t.Run(method, func(t *testing.T) {
			dir, data := filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "rows.txt")
			poison := "this is \x1b poison " + strings.Repeat("é", 300)
			var text strings.Builder
			for i := range 20 {
				if i == 12 {
					fmt.Fprintln(&text, poison)
				} else {
					fmt.Fprintf(&text, "this is the text of row number %d\n", i)
				}
			}
			if err := os.WriteFile(data, []byte(text.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := call(t, "run", "things", "--ledger", dir, "--data", data, "--method", method, "--max-samples", "5"); code != 0 {
				t.Fatal(stderr)
			}
			resume := []string{"things", "--ledger", dir, "--max-samples", "20"}
			for attempt := 1; attempt <= 4; attempt++ {
				code, stdout, stderr := resumePoisoned(t, resume...)
				if code != int(cmdline.Failed) || !strings.Contains(stderr, "learn row 12: it is too much") {
					t.Fatalf("exit code %d\n%s", code, stderr)
				}
				stuck := fmt.Sprintf("\n  %d attempts in a row have ended at row 12, whose text is:\n", attempt) +
					`    "this is \x1b poison ` + strings.Repeat("é", 200-len("this is \x1b poison ")) + `…"` + "\n"
				if got := strings.Contains(stderr, stuck); got != (attempt >= 3) {
					t.Errorf("attempt %d says:\n%s", attempt, stderr)
				}
				if got := strings.Contains(stdout, "--skip-row"); got != (attempt >= 3) {
					t.Errorf("attempt %d suggests:\n%s", attempt, stdout)
				}
				if attempt == 4 {
					resume = suggested(t, stdout, "to go on without it")
				}
			}
			code, stdout, stderr := resumePoisoned(t, resume...)
			if code != 0 || !strings.Contains(stdout, "Samples completed: 19   errored: 1   filtered: 0   next row: 20") {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
			// As an errored row it fails again for good, and says which it was.
			code, _, stderr = resumePoisoned(t, "things", "--ledger", dir, "--retry-errored")
			if code != int(cmdline.Failed) || !strings.Contains(stderr, "learn row 12 again: it is too much") {
				t.Errorf("exit code %d\n%s", code, stderr)
			}
			if code, stdout, stderr = call(t, "resume", "things", "--ledger", dir, "--retry-errored"); code != 0 || !strings.Contains(stdout, "Samples completed: 20   errored: 0") {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

// A row that is not reached is skipped by the next attempt, if that is what the
// command suggested says.
func TestSkipIsKeptUntilReached(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	data := writeSources(t)["jsonl"]
	if code, _, stderr := call(t, slices.Concat([]string{"run", "things", "--ledger", dir, "--max-samples", "2"}, data)...); code != 0 {
		t.Fatal(stderr)
	}
	_, stdout, _ := call(t, "resume", "things", "--ledger", dir, "--max-samples", "6", "--skip-row", "9")
	again := suggested(t, stdout, "to train further")
	if i := slices.Index(again, "--skip-row"); i < 0 || again[i+1] != "9" {
		t.Fatalf("suggested is %v", again)
	}
	_, stdout, _ = call(t, append([]string{"resume"}, again...)...)
	if !strings.Contains(stdout, "errored: 1") || slices.Contains(suggested(t, stdout, "to train further"), "--skip-row") {
		t.Errorf("the end is:\n%s", stdout)
	}
}

func TestBeginning(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"äöüß", 3, "äöü…"}, {" a b ", 9, "a b"}, {"\xff\xfe\xfd\xfc", 2, "\xff\xfe…"}} {
		if got := beginning(c.text, c.n); got != c.want {
			t.Errorf("the first %d of %q are %q", c.n, c.text, got)
		}
	}
}
