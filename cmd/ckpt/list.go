package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"

	"github.com/urfave/cli/v2"
)

// firstPage is how many runs list prints without --all.
const firstPage = 50

func (p program) listCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "list",
		Usage:     "list runs, the one touched last first",
		ArgsUsage: "[DATASET|RUN...]",
		Description: fmt.Sprintf(`Prints the %d runs touched last, or those of the datasets and the runs named.
SAMPLES are trained and errored ones; of a running run the numbers are those of
now, else of the newest snapshot. STATE is what removing the run would free. A
dataset or run that is not there is an error.

With --json an array of objects, as many as without it.`, firstPage),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: fmt.Sprintf("all runs, not only %d", firstPage)},
			&cli.BoolFlag{Name: "trash", Usage: "the runs in the trash instead, all of them"},
			records.JSONFlag(),
		},
		Action: func(c *cli.Context) error { return p.list(c.Context, c) },
	}, `ckpt list
ckpt list sample wikitext --all
ckpt list --trash
ckpt list --all --json`, cmdline.Ambiguous, cmdline.Damaged, cmdline.NewerFormat)
}

func (p program) list(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	for _, line := range records.LegacyNotes(records.Dir(c), p.now()) {
		fmt.Fprintln(c.App.ErrWriter, line)
	}
	l, err := p.open(c)
	if err != nil {
		return err
	}
	// What is whole is listed also where other records are damaged.
	entries, total, damaged := p.listed(ctx, c, l, args)
	if damaged != nil && !errors.Is(damaged, ledger.ErrDamaged) {
		return damaged
	}
	standings, err := l.Standings(ctx, entries)
	if err != nil {
		return records.Explain(c, err)
	}
	switch {
	case len(entries) > 0 || damaged != nil:
	case c.Bool("trash"):
		fmt.Fprintf(c.App.ErrWriter, "The trash of %s is empty\n", human.Printable(l.Dir()))
	default:
		fmt.Fprintf(c.App.ErrWriter, "No runs in %s; to start one: %s\n", human.Printable(l.Dir()), records.Command(c, "trainer", "run", "sample"))
	}
	count := counted(len(entries), "run")
	more := total > len(entries)
	if more {
		count = fmt.Sprintf("%s of %s shown; for all: %s", human.Count(int64(len(entries))), counted(total, "run"), records.Command(c, append([]string{"ckpt", "list", "--all"}, args...)...))
	}
	if c.Bool("json") {
		if more {
			fmt.Fprintln(c.App.ErrWriter, count)
		}
		if err := records.WriteArray(c.App.Writer, len(entries), func(i int) records.Run { return records.RunOf(entries[i], standings[i]) }); err != nil {
			return err
		}
		return damaged
	}
	if len(entries) == 0 {
		return damaged
	}
	if err := p.runTable(c.App.Writer, entries, standings); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, count)
	return damaged
}

// listed returns the runs that the arguments mean, and how many these are beyond
// the first page too: those of datasets, and single ones. Without arguments it is
// all of them.
func (p program) listed(ctx context.Context, c *cli.Context, l *ledger.Ledger, args []string) (entries []ledger.Entry, total int, err error) {
	if c.Bool("trash") {
		if len(args) > 0 {
			return nil, 0, cmdline.Usagef("--trash lists all of the trash: leave out %s", human.Quote(args...))
		}
		entries, err = l.Trashed(ctx)
		slices.SortStableFunc(entries, func(a, b ledger.Entry) int { return cmp.Compare(b.Head.Touched, a.Head.Touched) })
		return entries, len(entries), records.Explain(c, err)
	}
	var q ledger.Query
	if !c.Bool("all") {
		q.Limit = firstPage
	}
	var named []ledger.Entry
	for _, arg := range args {
		known, err := l.HasDataset(ctx, arg)
		if err != nil {
			return nil, 0, records.Explain(c, err)
		}
		if known {
			q.Datasets = append(q.Datasets, arg)
			continue
		}
		e, ref, err := p.find(ctx, c, l, arg)
		var exit *cmdline.ExitError
		switch {
		case errors.As(err, &exit) && exit.Kind == "not_found":
			exit.Err = fmt.Errorf("no run and no dataset %s in %s", human.Quote(arg), l.Dir())
			return nil, 0, exit
		case err != nil:
			return nil, 0, err
		case ref.Named():
			return nil, 0, &cmdline.UsageError{
				Message: human.Quote(arg) + " names a snapshot, and this lists runs",
				Try:     records.Command(c, "ckpt", "show", arg),
			}
		}
		named = append(named, e)
	}
	if len(args) == 0 || len(q.Datasets) > 0 {
		var more bool
		entries, more, err = l.List(ctx, q)
		if total = len(entries); more {
			n, countErr := l.Count(ctx, q.Datasets...)
			total, err = n, errors.Join(err, countErr)
		}
		err = records.Explain(c, err)
	}
	for _, e := range named {
		if !slices.ContainsFunc(entries, func(o ledger.Entry) bool { return o.ID == e.ID }) {
			entries = append(entries, e)
			if !slices.Contains(q.Datasets, e.Dataset) {
				total++
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b ledger.Entry) int { return cmp.Compare(b.Head.Touched, a.Head.Touched) })
	return entries, total, err
}

// runTable prints runs, a line each. Names and rates have a column where any run
// has one.
func (p program) runTable(w io.Writer, entries []ledger.Entry, standings []ledger.Standing) error {
	named := slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.Name != "" })
	live := slices.ContainsFunc(standings, func(s ledger.Standing) bool { return s.Live != nil })
	columns := []term.Column{{Name: "RUN"}}
	add := func(name string, align term.Align) { columns = append(columns, term.Column{Name: name, Align: align}) }
	if named {
		add("NAME", term.Left)
	}
	add("DATASET", term.Left)
	add("STATUS", term.Left)
	for _, name := range []string{"SAMPLES", "TARGET", "ROW", "SNAPSHOTS"} {
		add(name, term.Right)
	}
	if live {
		add("RATE", term.Right)
	}
	add("UPDATED", term.Left)
	add("LEARNER", term.Left)
	add("CONFIG", term.Left)
	add("STATE", term.Right)

	t := term.NewTable(columns...)
	now := p.now()
	for i, e := range entries {
		at, rate, updated := current(e, standings[i])
		cells := []string{e.ID.Short()}
		if named {
			cells = append(cells, e.Name)
		}
		cells = append(cells, e.Dataset, string(standings[i].Status), human.Count(at.Samples()), target(e.Target), human.Count(at.Row), human.Count(e.Head.SnapshotCount))
		if live {
			cells = append(cells, rate)
		}
		cells = append(cells, human.Ago(now, updated), e.Learner, human.ShortHash(e.ConfigHash), human.Bytes(e.Head.StateBytes))
		t.Row(cells...)
	}
	return t.Render(w)
}

// current is where a run stands and when that was: by its trainer's word while
// it runs, else by its newest snapshot.
func current(e ledger.Entry, st ledger.Standing) (at ledger.Counters, rate string, updated time.Time) {
	at, updated = e.Head.Counters, e.Head.Updated
	if p := st.Live; p != nil {
		rate = human.Rate(p.Rate)
		if p.Row >= at.Row { // it may have committed since it last spoke
			at, updated = p.Counters, p.Time
		}
	}
	return at, rate, updated
}

func target(n int64) string {
	if n == 0 {
		return "the end"
	}
	return human.Count(n)
}

// counted writes a number of things: "1 run", "3 runs".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return human.Count(int64(n)) + " " + thing
}
