package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"

	"github.com/urfave/cli/v2"
)

func resumeCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "resume",
		Usage:     "continue a run at the exact row, or refuse and say why",
		ArgsUsage: "DATASET|RUN",
		Description: `Goes on from the newest snapshot of the dataset's run whose settings match. Of
the settings only those are compared that are given. What is not given is the
run's, also the target, the epochs and the interval.
Before the first new sample the last row consumed is read again and compared.

An older snapshot (--snapshot), accepted differences (--accept) and other data
(--accept data) go on as a fork: a new run that says where it comes from.

A run of the learner kato goes on from its newest snapshot only, at the server that
it had unless --kato-url or KATO_URL say otherwise. A server that does not know what
the run has taught it, or knows more, is exit code 14, and nothing is sent to it.`,
		Flags: slices.Concat(cmdline.Group(ofResume,
			&cli.StringFlag{Name: "run", Usage: "this `RUN` of the dataset"},
			&cli.Uint64Flag{Name: "snapshot", DefaultText: "the newest", Usage: "from snapshot `N`"},
			&cli.BoolFlag{Name: "explain", Usage: "say what would be resumed and why; train nothing"},
			&cli.BoolFlag{Name: "or-start", Usage: "start a run if there is none to resume: the one line for a job script"},
			&cli.StringFlag{Name: "name", Usage: "with --or-start: the run of this `NAME`, or a new one called so"},
			&cli.StringSliceFlag{Name: "accept", Usage: "go on as a fork although `FIELD` (or data) differs"},
			&cli.StringFlag{Name: "wait", Usage: "how `LONG` to wait for a run that is in use, as 5m"},
			&cli.BoolFlag{Name: "retry-errored", Usage: "first train the rows that are errored once more, also where the target is reached"},
			&cli.Int64Flag{Name: "skip-row", DefaultText: "none", Usage: "do not train raw row `N`, which is still to come: it counts as errored"},
			&cli.BoolFlag{Name: "take-over", Usage: "go on although the run is in use: its holder's next save is refused"}), trainFlags()),
		Action: func(c *cli.Context) error { return resumeAction(c.Context, c) },
	}, `trainer resume wikitext --max-samples 100000
trainer resume wikitext --epochs 2
trainer resume wikitext --explain
trainer resume wikitext --run 7Q3M --snapshot 12
trainer resume wikitext --retry-errored
trainer resume wikitext --max-samples 100000 --kato-url http://localhost:8000 --finalize
trainer resume sample --max-samples 1000000 --or-start`,
		cmdline.NothingToResume, cmdline.ConfigMismatch, cmdline.Ambiguous, cmdline.RunInUse, cmdline.DataChanged,
		cmdline.Damaged, cmdline.NewerFormat, cmdline.Interrupted)
}

// resumption is one call of resume, as far as it has come.
type resumption struct {
	c       *cli.Context
	notices *notices
	want    wish
	accept  []string
	ledger  *ledger.Ledger
	arg     string // as it was given
	key     string // the dataset that arg names, without a revision, if it names one
	dataset string
	only    ledger.RunID // the run that was named, or none
	seq     uint64       // the snapshot that was named, or 0
	noted   bool         // what a user of this folder should know was said
	// costSaid is whether it was said what coming to the row takes.
	costSaid bool

	decision ledger.Decision
	entry    ledger.Entry // the run to go on from
	lease    *ledger.Lease
	snap     ledger.Snapshot
	cursor   stream.Cursor // its position
	config   ledger.Config // the run's, with what was accepted
	accepted []string      // what of accept in fact differs
	retry    []ledger.ErroredRow
}

func resumeAction(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	r := &resumption{c: c, notices: &notices{w: c.App.ErrWriter}, arg: args[0], accept: c.StringSlice("accept"), seq: c.Uint64("snapshot")}
	if r.want, err = parseWish(c); err != nil {
		return err
	}
	if r.key, r.want.revision, err = stream.ParseDataset(r.arg); err != nil {
		if !strings.HasSuffix(r.arg, "@latest") {
			return sourceError(err)
		}
		r.key, r.want.revision = r.arg, "" // a run of that dataset
	}
	if err := r.checkFlags(); err != nil {
		return err
	}
	if err := checkRevision(r.want.revision, r.want.data); err != nil {
		return err
	}
	for {
		err := r.once(ctx)
		// Another --or-start began the run at the same moment: it is there now.
		if !errors.Is(err, ledger.ErrNotFirst) {
			return err
		}
	}
}

// once looks for what to resume, and resumes it, starts it or says what it is.
func (r *resumption) once(ctx context.Context) error {
	c := r.c
	var err error
	r.ledger, err = ledger.Open(records.Dir(c), ledger.Options{})
	if errors.Is(err, ledger.ErrNoLedger) {
		if c.Bool("or-start") {
			r.dataset = r.key
			return r.start(ctx)
		}
		return r.nothing(ctx, fmt.Errorf("no ledger in %s", records.Dir(c)))
	}
	if err != nil {
		return records.Explain(c, err)
	}
	if !r.noted {
		notes(c, r.ledger)
		r.noted = true
	}
	if err := r.name(ctx); err != nil {
		return err
	}
	if err := r.choose(ctx); err != nil {
		return err
	}
	switch {
	case r.decision.Outcome == ledger.NoneFound: // and --or-start: choose refuses otherwise
		return r.start(ctx)
	case c.Bool("explain"):
		return r.explain(ctx)
	}
	return r.resume(ctx)
}

// checkFlags refuses flags that would have no effect.
func (r *resumption) checkFlags() error {
	c := r.c
	for _, field := range r.accept {
		switch {
		case field == "":
			return cmdline.Usagef("--accept needs a field's name, or data")
		case slices.Contains(fixed(), field):
			return cmdline.Usagef("--accept %s: a model of one %s means nothing under another; start a new run: %s",
				field, field, records.Command(c, r.newRun(r.arg)...))
		case slices.Contains(orderFields, field):
			return cmdline.Usagef("--accept %s: a position in one order is none in another; start a new run: %s",
				field, records.Command(c, r.newRun(r.arg)...))
		case field != "data" && !has(r.want.given, field):
			return cmdline.Usagef("--accept %s has no effect: give the value to go on with, by its flag or by --config %s=VALUE", human.Quote(field), human.Quote(field))
		}
	}
	if _, err := r.wait(); err != nil {
		return err
	}
	switch {
	case c.IsSet("snapshot") && r.seq == 0:
		return cmdline.Usagef("--snapshot: snapshots are counted from 1")
	case c.IsSet("name") && !c.Bool("or-start"):
		return cmdline.Usagef("--name needs --or-start; to choose a run: --run %s", human.Quote(c.String("name")))
	case c.IsSet("name") && c.IsSet("run"):
		return cmdline.Usagef("--name and --run both choose the run: give one")
	case c.Bool("or-start") && (c.IsSet("run") || c.IsSet("snapshot")):
		return cmdline.Usagef("--or-start starts a run where there is none: it cannot go with --run or --snapshot")
	case c.Bool("take-over") && c.IsSet("wait"):
		return cmdline.Usagef("--take-over does not wait: leave out --wait")
	case c.Bool("explain") && (c.Bool("take-over") || c.IsSet("wait") || c.Bool("or-start") || c.Bool("retry-errored") || c.IsSet("skip-row")):
		return cmdline.Usagef("--explain trains nothing: it cannot go with --take-over, --wait, --or-start, --retry-errored or --skip-row")
	case c.Bool("retry-errored") && slices.Contains(r.accept, "data"):
		return cmdline.Usagef("--retry-errored cannot go with --accept data: the rows that are errored are those of the data before")
	case c.Int64("skip-row") < 0:
		return cmdline.Usagef("--skip-row %d: rows are counted from 0", c.Int64("skip-row"))
	}
	return nil
}

func has(c ledger.Config, key string) bool { _, ok := c[key]; return ok }
