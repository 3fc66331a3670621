// Trainer streams a text dataset through a learner, commits snapshots to a
// ledger as it goes, and resumes at the exact row where it stopped.
package main

import (
	"context"
	"os"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/records"

	"github.com/urfave/cli/v2"
)

func main() { os.Exit(cmdline.Main(context.Background(), newApp())) }

func newApp() *cli.App {
	return &cli.App{
		Name:    "trainer",
		Version: cmdline.Version(),
		Usage:   "train over a streamed dataset, and resume at the exact row",
		UsageText: `trainer run sample --max-samples 20000
trainer resume sample --max-samples 100000
trainer rows sample --from 30612 --count 3`,
		Flags: []cli.Flag{records.LedgerFlag()},
		Commands: []*cli.Command{
			runCommand(), resumeCommand(), rowsCommand(), datasetsCommand(), patternsCommand(),
		},
	}
}
