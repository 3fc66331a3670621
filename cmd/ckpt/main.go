// Ckpt shows an operator what a ledger of training runs holds, also while
// trainers run.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"

	"github.com/urfave/cli/v2"
)

func main() { os.Exit(cmdline.Main(context.Background(), newApp(time.Now))) }

// program is what the commands share: the clock that ages are told by.
type program struct{ now func() time.Time }

func newApp(now func() time.Time) *cli.App {
	p := program{now}
	return &cli.App{
		Name: "ckpt", Version: cmdline.Version(),
		Usage: "look at training runs and their checkpoints",
		Description: `A RUN is named by its id, the first or last 4 characters of it or more, its
name, or DATASET@latest. RUN#12 is its snapshot 12, RUN@20000 the last one at or
before 20,000 samples. No command here but rm changes anything.`,
		UsageText: `ckpt list
ckpt show sample@latest
ckpt diff 7Q3M books-16
ckpt rm 7Q3M`,
		Flags:    []cli.Flag{records.LedgerFlag()},
		Commands: []*cli.Command{p.listCommand(), p.showCommand(), p.diffCommand(), p.rmCommand(), p.importCommand()},
	}
}

// open opens the ledger that the command line names. It creates none.
func (p program) open(c *cli.Context) (*ledger.Ledger, error) {
	l, err := ledger.Open(records.Dir(c), ledger.Options{Now: p.now})
	return l, records.Explain(c, err)
}

// find returns the run that an argument names, and what it says of a snapshot.
func (p program) find(ctx context.Context, c *cli.Context, l *ledger.Ledger, arg string) (ledger.Entry, ledger.Ref, error) {
	e, ref, err := records.Entry(ctx, c, l, arg)
	var exit *cmdline.ExitError
	if errors.As(err, &exit) && exit.Kind == "not_found" {
		if known, _ := l.HasDataset(ctx, arg); known {
			exit.Err = fmt.Errorf("%s is a dataset, not a run", human.Quote(arg))
			exit.Hints = append([]cmdline.Hint{{To: "for its latest run", Command: records.Command(c, "ckpt", "show", arg+"@latest")}}, exit.Hints...)
		}
	}
	return e, ref, records.Explain(c, err)
}

// snapshot returns the snapshot that an argument names of a run.
func (p program) snapshot(ctx context.Context, c *cli.Context, l *ledger.Ledger, e ledger.Entry, ref ledger.Ref) (ledger.Snapshot, error) {
	s, err := l.FindSnapshot(ctx, e, ref)
	if !errors.Is(err, ledger.ErrNotFound) {
		return s, records.Explain(c, err)
	}
	exit := &cmdline.ExitError{Code: cmdline.Failed, Kind: "not_found", Err: err}
	if ref.Seq > 0 {
		exit.Err = fmt.Errorf("run %s has no snapshot %d", e.ID.Short(), ref.Seq)
	}
	if e.Head.Seq > 0 {
		exit.Err = fmt.Errorf("%w; its newest is %d, of %s", exit.Err, e.Head.Seq, records.Samples(e.Head.Samples()))
		exit.Hints = []cmdline.Hint{{To: "to see its snapshots", Command: records.Command(c, "ckpt", "show", string(e.ID), "--all")}}
	}
	return s, exit
}
