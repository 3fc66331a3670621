// Package records is what both programs do with a ledger alike: the flag that
// names it, its errors as exit codes, and the objects of --json, whose names are
// a contract.
package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/ledger"
	"ckptledger/migrations"

	"github.com/urfave/cli/v2"
)

// DefaultDir is where a ledger is, unless --ledger or CKPT_LEDGER say otherwise.
const DefaultDir = "./checkpoints"

// LedgerFlag returns the flag that names the ledger's folder.
func LedgerFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "ledger", Usage: "`DIR` of the ledger", Value: DefaultDir, EnvVars: []string{"CKPT_LEDGER"},
		TakesFile: true,
	}
}

// JSONFlag returns the flag that asks for JSON.
func JSONFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON on stdout"}
}

// Dir returns the ledger's folder as it was given. An empty CKPT_LEDGER is none.
func Dir(c *cli.Context) string { return cmp.Or(c.String("ledger"), DefaultDir) }

// Open opens the ledger that the command line names. It creates none.
func Open(c *cli.Context) (*ledger.Ledger, error) {
	l, err := ledger.Open(Dir(c), ledger.Options{})
	return l, Explain(c, err)
}

// Shown is the ledger's folder as people read it: absolute, so that it is found
// again.
func Shown(l *ledger.Ledger) string {
	abs, err := filepath.Abs(l.Dir())
	if err != nil {
		return l.Dir()
	}
	return abs
}

// Command writes a complete command of one of the two programs, with the ledger
// as it was given on the command line.
func Command(c *cli.Context, words ...string) string {
	// What is the default here is the default where the command is pasted.
	if Dir(c) != cmp.Or(os.Getenv("CKPT_LEDGER"), DefaultDir) {
		words = append(words, "--ledger", Dir(c))
	}
	return human.Quote(words...)
}

// Explain gives the errors of a ledger their exit codes and the ways out.
func Explain(c *cli.Context, err error) error {
	var newer *migrations.NewerError
	var exit *cmdline.ExitError
	switch {
	case err == nil, errors.As(err, &exit):
		return err
	case errors.As(err, &newer):
		return &cmdline.ExitError{Code: cmdline.NewerFormat, Err: err}
	case errors.Is(err, ledger.ErrNoLedger):
		return &cmdline.ExitError{
			Code: cmdline.Failed, Kind: "no_ledger", Err: fmt.Errorf("no ledger in %s", Dir(c)),
			Details: []string{"--ledger DIR or CKPT_LEDGER names another folder"},
			Hints:   []cmdline.Hint{{To: "to start a run there", Command: Command(c, "trainer", "run", "sample")}},
		}
	case errors.Is(err, ledger.ErrForeign):
		return &cmdline.ExitError{
			Code: cmdline.Failed, Kind: "no_ledger", Err: err,
			Details: []string{"--ledger DIR or CKPT_LEDGER names another folder"},
		}
	case errors.Is(err, ledger.ErrDamaged):
		return &cmdline.ExitError{Code: cmdline.Damaged, Err: err}
	case errors.Is(err, ledger.ErrLeaseLost):
		return &cmdline.ExitError{Code: cmdline.RunInUse, Err: err}
	case errors.Is(err, ledger.ErrBusy):
		return &cmdline.ExitError{Code: cmdline.Failed, Err: fmt.Errorf("%w; try again", err)}
	case errors.Is(err, ledger.ErrAmbiguous):
		return &cmdline.ExitError{Code: cmdline.Ambiguous, Err: err}
	}
	return err
}

// Entry returns the run that a reference on the command line names.
func Entry(ctx context.Context, c *cli.Context, l *ledger.Ledger, text string) (ledger.Entry, ledger.Ref, error) {
	ref, err := ledger.ParseRef(text)
	if err != nil {
		return ledger.Entry{}, ref, cmdline.Usagef("%v", err)
	}
	e, err := l.Find(ctx, ref)
	if errors.Is(err, ledger.ErrNotFound) {
		err = &cmdline.ExitError{
			Code: cmdline.Failed, Kind: "not_found",
			Err:   fmt.Errorf("no run %s in %s", human.Quote(text), l.Dir()),
			Hints: []cmdline.Hint{{To: "to see the runs there are", Command: Command(c, "ckpt", "list")}},
		}
	}
	return e, ref, Explain(c, err)
}
