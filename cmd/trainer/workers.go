package main

import (
	"runtime"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/ledger"
	"ckptledger/trainer/kato"

	"github.com/urfave/cli/v2"
)

// This file is about how many samples are worked on at a time. The method is part
// of the config, the number of workers is not: it may be another at each resume.

const (
	oneByOne = "sequential"
	parallel = "parallel"

	maxWorkers = 1024
)

// The methods there are, the default first.
var methods = []string{oneByOne, parallel}

func workersFlag() cli.Flag {
	return &cli.IntFlag{Name: "workers", DefaultText: "one a core", Usage: "with --method parallel: work on `N` samples at a time; above 1 means --method parallel"}
}

// givenWorkers adds to the settings that were given what --workers says of the
// method.
func givenWorkers(c *cli.Context, out ledger.Config) error {
	if !c.IsSet("workers") {
		return nil
	}
	n := c.Int("workers")
	switch {
	case n < 1 || n > maxWorkers:
		return cmdline.Usagef("--workers %d: possible is 1 to %d", n, maxWorkers)
	case has(out, "method"):
		return checkWorkers(c, out)
	case n > 1:
		out["method"] = parallel
	}
	return nil
}

// checkUse refuses flags of this attempt that its config makes no use of.
func checkUse(c *cli.Context, config ledger.Config) error {
	if err := checkWorkers(c, config); err != nil {
		return err
	}
	return checkKato(c, config)
}

// checkWorkers refuses --workers for a config whose rows are learned one by one.
func checkWorkers(c *cli.Context, config ledger.Config) error {
	if c.IsSet("workers") && config["method"] != parallel {
		return cmdline.Usagef("--workers needs --method %s", parallel)
	}
	return nil
}

// workers is how many workers train a config: 0 where it is not parallel.
func workers(c *cli.Context, config ledger.Config) int {
	switch {
	case config["method"] != parallel:
		return 0
	case c.IsSet("workers"):
		return c.Int("workers")
	}
	n := runtime.NumCPU()
	if layers, ok := config["chunk_sizes"].([]any); ok && config["learner"] == onServer {
		n = min(n, kato.MaxWorkers(len(layers)))
	}
	return n
}
