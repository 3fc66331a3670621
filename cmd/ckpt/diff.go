package main

import (
	"context"
	"errors"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/records"

	"github.com/urfave/cli/v2"
)

func (p program) diffCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "diff",
		Usage:     "compare runs or snapshots",
		ArgsUsage: "A B [C...]",
		Description: `Compares runs at the largest number of samples at which all have a snapshot, or
with --latest at their newest. RUN#N, RUN@SAMPLES and DATASET@latest are that
snapshot; a run beside one is taken at as many samples, or, if it is the same
run, at its newest. The first line says whether the comparison is fair: same
data, filter and order, same place, and same machine where rates are shown.

Printed is what differs, or with --all everything. Of three and more there is
one table, a row a run. CHANGE is B minus A, in percent of A.

With --exit-code 0 says that config, progress and metrics are equal, 1 that they
differ, and 2 that the comparison failed, whatever the reason. Rates and the
environment, which are never the same twice, do not count.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "latest", Usage: "compare runs at their newest snapshots"},
			&cli.BoolFlag{Name: "all", Usage: "print what is equal too"},
			&cli.BoolFlag{Name: "exit-code", Usage: "exit with 1 if they differ, with 2 if anything fails"},
			records.JSONFlag(),
		},
		Action: func(c *cli.Context) error {
			err := p.diff(c.Context, c)
			if c.Bool("exit-code") {
				return asDiff(err)
			}
			return err
		},
	}, `ckpt diff 7Q3M books-16
ckpt diff 7Q3M#12 7Q3M#20
ckpt diff sample@latest 7Q3M --exit-code
ckpt diff 7Q3M books-16 24RY --latest --json`, cmdline.Ambiguous, cmdline.Damaged, cmdline.NewerFormat)
}

// errDiffers ends a diff that found a difference, with nothing left to say.
var errDiffers = &cmdline.ExitError{Code: cmdline.Failed}

func (p program) diff(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	l, err := p.open(c)
	if err != nil {
		return err
	}
	sides, err := p.sides(ctx, c, l, args)
	if err != nil {
		return err
	}
	d := compare(sides)
	switch {
	case c.Bool("json"):
		err = cmdline.WriteJSON(c.App.Writer, d.json(c.Bool("all")))
	case len(sides) == 2:
		err = p.printPair(c.App.Writer, d, c.Bool("all"))
	default:
		err = p.printRows(c.App.Writer, d, c.Bool("all"))
	}
	if err == nil && c.Bool("exit-code") && d.differs() {
		return errDiffers
	}
	return err
}

// asDiff gives every failure the code 2, as diff(1) does, because 1 says that
// there is a difference.
func asDiff(err error) error {
	if err == nil || err == error(errDiffers) {
		return err
	}
	exit := &cmdline.ExitError{Code: cmdline.Usage, Kind: cmdline.CodeOf(err).Kind(), Err: err}
	var inner *cmdline.ExitError
	if errors.As(err, &inner) {
		exit.Details, exit.Hints = inner.Details, inner.Hints
		if inner.Kind != "" {
			exit.Kind = inner.Kind
		}
	}
	return exit
}
