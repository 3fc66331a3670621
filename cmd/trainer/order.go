package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/ledger"
	"ckptledger/stream"

	"github.com/urfave/cli/v2"
)

// This file is about the order of the rows, which decides what the model becomes
// on its way, and the number of passes over them, which only ends it later.

const (
	sequential = "sequential" // as the rows lie
	shuffle    = "shuffle"    // permuted inside windows

	maxSeed       = 1<<53 - 1 // above it JSON loses digits
	defaultWindow = 10_000    // rows
	maxWindow     = 1_000_000
	maxEpochs     = 1_000_000
)

// The orders there are, the default first.
var orders = []string{sequential, shuffle}

// orderFields are the settings that say which row comes when.
var orderFields = []string{"order", "seed", "window"}

// orderFlags are the flags of these settings.
func orderFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "order", Usage: "`ORDER` of the rows, as they lie or mixed: " + strings.Join(orders, ", ") + " (default: " + orders[0] + ")"},
		&cli.Int64Flag{Name: "seed", DefaultText: "0", Usage: "with --order shuffle: what the order follows from, `N` from 0 to 2^53-1"},
		&cli.Int64Flag{Name: "window", DefaultText: fmt.Sprint(defaultWindow),
			Usage: fmt.Sprintf("with --order shuffle: rows are mixed, in memory, inside windows of `N`, from 2 to %d", maxWindow)},
	}
}

func epochsFlag() cli.Flag {
	return &cli.IntFlag{Name: "epochs", DefaultText: "1", Usage: "go through the data `N` times; shuffled, each time in another order"}
}

// givenOrder returns the settings of the order that stand on the command line.
func givenOrder(c *cli.Context) (ledger.Config, error) {
	out := ledger.Config{}
	if err := setting(c, out, "order", "order", orders); err != nil {
		return nil, err
	}
	for _, n := range []struct {
		flag        string
		least, most int64
	}{{"seed", 0, maxSeed}, {"window", 2, maxWindow}} {
		if !c.IsSet(n.flag) {
			continue
		}
		v := c.Int64(n.flag)
		if v < n.least || v > n.most {
			return nil, cmdline.Usagef("--%s %d: possible is %d to %d", n.flag, v, n.least, n.most)
		}
		out[n.flag] = float64(v)
	}
	if has(out, "order") {
		return out, checkOrder(out)
	}
	return out, nil // a resume takes the order from the run
}

// checkOrder refuses settings of a shuffle where there is none.
func checkOrder(c ledger.Config) error {
	if c["order"] == shuffle {
		return nil
	}
	for _, flag := range []string{"seed", "window"} {
		if has(c, flag) {
			return cmdline.Usagef("--%s needs --order %s", flag, shuffle)
		}
	}
	return nil
}

// completeOrder adds the defaults of the order to what was given.
func completeOrder(given ledger.Config) (ledger.Config, error) {
	if err := checkOrder(given); err != nil {
		return nil, err
	}
	defaults := ledger.Config{"order": orders[0]}
	if given["order"] == shuffle {
		defaults = ledger.Config{"seed": 0.0, "window": float64(defaultWindow)}
	}
	return defaults.With(given), nil
}

// orderOf is what of a config decides the order.
func orderOf(c ledger.Config) ledger.Config {
	if c["order"] != shuffle {
		return ledger.Config{"order": sequential}
	}
	return ledger.Config{"order": shuffle, "seed": c["seed"], "window": c["window"]}
}

// arrange returns a source that yields the rows of src in the order of a config,
// so many times. It is src itself where they come once and as they lie.
func arrange(src stream.Source, c ledger.Config, epochs int) stream.Source {
	if c["order"] == shuffle {
		seed, _ := c["seed"].(float64)
		window, _ := c["window"].(float64)
		src = stream.Shuffle(src, int(window), uint64(seed))
	}
	if epochs > 1 {
		src = stream.Repeat(src, epochs)
	}
	return src
}

// orderArgs are the flags that read the rows in the order of a config, so many
// times.
func orderArgs(c ledger.Config, epochs int) []string {
	var args []string
	if c["order"] == shuffle {
		args = settingArgs(orderOf(c))
	}
	if epochs > 1 {
		args = append(args, "--epochs", fmt.Sprint(epochs))
	}
	return args
}

// parseEpochs reads --epochs: 0 where it is not given.
func parseEpochs(c *cli.Context) (int, error) {
	if !c.IsSet("epochs") {
		return 0, nil
	}
	n := c.Int("epochs")
	if n < 1 || n > maxEpochs {
		return 0, cmdline.Usagef("--epochs %d: possible is 1 to %d", n, maxEpochs)
	}
	return n, nil
}

// epochs is how often the run is to go through the data now.
func (r *resumption) epochs() int { return cmp.Or(r.want.epochs, r.entry.Passes()) }

// checkEpochs refuses fewer passes than the snapshot has begun.
func (r *resumption) checkEpochs() error {
	begun := r.cursor.Next.Pass + 1
	if r.epochs() >= begun {
		return nil
	}
	return &cmdline.UsageError{
		Message: fmt.Sprintf("--epochs %d: run %s stands in pass %d at snapshot %d: give %d or more",
			r.epochs(), r.entry.ID.Short(), begun, r.snap.Seq, begun),
		Try: r.again([]string{"epochs"}, "--epochs", fmt.Sprint(begun)),
	}
}

// impliedOrder is the flag that a new run needs beside --seed or --window, which
// a resume may name alone.
func impliedOrder(given ledger.Config) []string {
	if !has(given, "order") && slices.ContainsFunc(orderFields, func(f string) bool { return has(given, f) }) {
		return []string{"--order", shuffle}
	}
	return nil
}
