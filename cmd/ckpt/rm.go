package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"

	"github.com/urfave/cli/v2"
)

func (p program) rmCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "rm",
		Usage:     "move runs to the trash, or take them back",
		ArgsUsage: "RUN...",
		Description: `Moves runs to the trash: no list shows them and no resume finds them any more.
They lie there for 7 days at least, take the space they took, and keep their names;
--undo takes them back as they were. None is moved while one of them is in use.

What a KATO server has learned of a run stays on the server.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "undo", Usage: "take the runs back out of the trash"},
			records.JSONFlag(),
		},
		Action: func(c *cli.Context) error { return p.rm(c.Context, c) },
	}, `ckpt rm 7Q3M
ckpt list --trash
ckpt rm --undo 7Q3M`, cmdline.Ambiguous, cmdline.RunInUse, cmdline.Damaged, cmdline.NewerFormat)
}

func (p program) rm(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	l, err := p.open(c)
	if err != nil {
		return err
	}
	runs, err := p.toMove(ctx, c, l, args)
	if err != nil {
		return err
	}
	move := l.Trash
	if c.Bool("undo") {
		move = l.Untrash
	}
	for _, r := range runs {
		if err := move(ctx, r.ID); err != nil {
			return inUse(c, records.Explain(c, err), r.ID)
		}
		if !c.Bool("json") {
			p.sayMoved(c, r)
		}
	}
	if !c.Bool("json") {
		return nil
	}
	for _, r := range runs {
		if err := r.readTrash(ctx, l); err != nil {
			return records.Explain(c, err)
		}
	}
	return records.WriteArray(c.App.Writer, len(runs), func(i int) records.Run { return runs[i].json() })
}

// toMove are the runs that the arguments name, none of which is in use.
func (p program) toMove(ctx context.Context, c *cli.Context, l *ledger.Ledger, args []string) ([]*run, error) {
	var runs []*run
	for _, arg := range args {
		e, ref, err := p.find(ctx, c, l, arg)
		if err != nil {
			return nil, err
		}
		if ref.Named() {
			return nil, cmdline.Usagef("%s names a snapshot, and this moves runs", human.Quote(arg))
		}
		r, err := readRun(ctx, l, e)
		if err != nil {
			return nil, records.Explain(c, err)
		}
		if c.Bool("undo") && r.trashed.IsZero() {
			return nil, cmdline.Usagef("run %s is not in the trash", e.ID.Short())
		}
		if live, err := l.Probe(e.ID); err != nil {
			return nil, records.Explain(c, err)
		} else if live.Held {
			return nil, inUse(c, &ledger.HeldError{Run: e.ID, Holder: live.Progress, Age: max(0, p.now().Sub(live.Progress.Started))}, e.ID)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// inUse gives the error of a run that a trainer works on its exit code.
func inUse(c *cli.Context, err error, id ledger.RunID) error {
	var held *ledger.HeldError
	if !errors.As(err, &held) {
		return err
	}
	return &cmdline.ExitError{
		Code: cmdline.RunInUse, Err: held,
		Details: []string{"stop its trainer first"},
		Hints:   []cmdline.Hint{{To: "to look at it", Command: records.Command(c, "ckpt", "show", string(id))}},
	}
}

// sayMoved says what became of a run, and what did not.
func (p program) sayMoved(c *cli.Context, r *run) {
	w := c.App.Writer
	what := fmt.Sprintf("%s, %s of %s", records.Title(&r.Run), counted(int(r.Head.SnapshotCount), "snapshot"), human.Printable(r.Dataset))
	if c.Bool("undo") {
		fmt.Fprintf(w, "Taken back: %s\n", what)
		return
	}
	fmt.Fprintf(w, "Moved to the trash: %s\n", what)
	if endpoint, nodes := r.server(); endpoint != "" {
		fmt.Fprintf(w, "  what the server at %s has learned stays there, as nodes %s\n", human.Printable(endpoint), human.Printable(strings.Join(nodes, ", ")))
	}
	fmt.Fprintf(w, "  to take it back:   %s\n", records.Command(c, "ckpt", "rm", "--undo", string(r.ID)))
}

// readTrash finds out whether the run is in the trash.
func (r *run) readTrash(ctx context.Context, l *ledger.Ledger) error {
	at, ok, err := l.InTrash(ctx, r.ID)
	if r.trashed = (time.Time{}); ok {
		r.trashed = at
	}
	return err
}
