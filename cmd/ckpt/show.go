package main

import (
	"context"
	"slices"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"

	"github.com/urfave/cli/v2"
)

func (p program) showCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "show",
		Usage:     "show all there is to know of a run, or of one of its snapshots",
		ArgsUsage: "RUN",
		Description: `Prints where a run stands and why, its settings and data, its attempts and
snapshots, what its newest snapshot measured, and the command that resumes it.
RUN#N and RUN@SAMPLES show that snapshot alone.

Of many attempts and snapshots the first and the last are printed, and 10 of the
errored rows; with --all, and with --json, all that are kept.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "all attempts, snapshots and errored rows"},
			records.JSONFlag(),
		},
		Action: func(c *cli.Context) error { return p.show(c.Context, c) },
	}, `ckpt show sample@latest
ckpt show 7Q3M#12
ckpt show books-16 --json`, cmdline.Ambiguous, cmdline.Damaged, cmdline.NewerFormat)
}

func (p program) show(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	l, err := p.open(c)
	if err != nil {
		return err
	}
	e, ref, err := p.find(ctx, c, l, args[0])
	if err != nil {
		return err
	}
	if ref.Named() {
		return p.showSnapshot(ctx, c, l, e, ref)
	}
	r, err := readRun(ctx, l, e)
	if err != nil {
		return records.Explain(c, err)
	}
	if c.Bool("json") {
		return cmdline.WriteJSON(c.App.Writer, r.json())
	}
	return p.showRun(c, r)
}

// run is a run with all that is recorded of it.
type run struct {
	ledger.Entry
	ledger.Standing
	attempts  []ledger.Attempt
	snapshots []records.Snapshot // oldest first, without positions and objects
	errored   []ledger.ErroredRow
	mark      ledger.Mark // behind the newest snapshot; the zero Mark where there is none
	trashed   time.Time   // when it was moved to the trash; zero where it is not there
}

func readRun(ctx context.Context, l *ledger.Ledger, e ledger.Entry) (*run, error) {
	standings, err := l.Standings(ctx, []ledger.Entry{e})
	if err != nil {
		return nil, err
	}
	r := &run{Entry: e, Standing: standings[0]}
	if r.attempts, err = l.Attempts(ctx, e.ID); err != nil {
		return nil, err
	}
	err = l.Snapshots(ctx, e.ID, func(s *ledger.Snapshot) error {
		light := records.SnapshotOf(s)
		light.Position = nil
		r.snapshots = append(r.snapshots, light)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if r.errored, err = l.Errored(ctx, e.ID, e.Head.Seq); err != nil {
		return nil, err
	}
	if m, err := l.Mark(ctx, e.ID); err != nil {
		return nil, err
	} else if m.Reach > e.Head.Row || len(m.Retrying) > 0 && m.Time.After(e.Head.Time) {
		r.mark = m
	}
	return r, r.readTrash(ctx, l)
}

// server is where the run's learner has its model, and the names under which that
// server keeps it, one a layer: as its newest attempt with a server found them.
func (r *run) server() (endpoint string, nodes []string) {
	for _, a := range slices.Backward(r.attempts) {
		if a.Endpoint != "" {
			return a.Endpoint, a.Nodes
		}
	}
	return "", nil
}

// metrics are those of the newest snapshot.
func (r *run) metrics() map[string]float64 {
	if n := len(r.snapshots); n > 0 && r.snapshots[n-1].Metrics != nil {
		return r.snapshots[n-1].Metrics
	}
	return map[string]float64{}
}

func (r *run) json() records.Run {
	out := records.RunOf(r.Entry, r.Standing)
	out.Metrics = r.metrics()
	out.Attempts = append([]ledger.Attempt{}, r.attempts...)
	out.ErroredRows = append([]ledger.ErroredRow{}, r.errored...)
	out.Snapshots = append([]records.Snapshot{}, r.snapshots...)
	out.Endpoint, out.Nodes = r.server()
	out.Mark = records.MarkOf(&r.mark)
	if !r.trashed.IsZero() {
		out.Trashed = &r.trashed
	}
	return out
}
