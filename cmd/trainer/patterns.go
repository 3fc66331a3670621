package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/local"

	"github.com/urfave/cli/v2"
)

func patternsCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "patterns",
		Usage:     "print what a model learned",
		ArgsUsage: "RUN",
		Description: `Restores a snapshot of RUN (its newest, RUN#N or RUN@SAMPLES) and prints its
patterns, the most frequent first. With --json each pattern is an object with
its name, as a KATO server names it, and its symbols. Of a run of the learner kato
they are those of its mirror: nothing is asked of the server.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "layer", Usage: "only the patterns of layer `N`, from 0"},
			&cli.Uint64Flag{Name: "min-frequency", Usage: "only those learned `N` times or more", Value: 1},
			&cli.IntFlag{Name: "limit", Usage: "print at most `N`; 0 is all", Value: 20},
			records.JSONFlag(),
		},
		Action: func(c *cli.Context) error { return patternsAction(c.Context, c) },
	}, `trainer patterns sample@latest
trainer patterns 7Q3M#12 --layer 0 --limit 100
trainer patterns 7Q3M --min-frequency 50 --limit 0 --json`,
		cmdline.Ambiguous, cmdline.Damaged, cmdline.NewerFormat)
}

type patternJSON struct {
	Layer     int      `json:"layer"`
	Name      string   `json:"name"`
	Frequency uint64   `json:"frequency"`
	Symbols   []string `json:"symbols"`
	Text      string   `json:"text"`
}

func patternsAction(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	if c.Int("limit") < 0 {
		return cmdline.Usagef("--limit %d: 0 is all", c.Int("limit"))
	}
	l, err := records.Open(c)
	if err != nil {
		return err
	}
	e, ref, err := records.Entry(ctx, c, l, args[0])
	if err != nil {
		return err
	}
	snap, err := l.FindSnapshot(ctx, e, ref)
	if err != nil {
		return records.Explain(c, err)
	}
	model, err := loadLocal(ctx, c, l, e, snap)
	if err != nil {
		return err
	}
	if c.IsSet("layer") && (c.Int("layer") < 0 || c.Int("layer") >= model.Layers()) {
		return cmdline.Usagef("--layer %d: the model has layers 0 to %d", c.Int("layer"), model.Layers()-1)
	}
	found := frequent(model, c)
	if c.Bool("json") {
		return writePatterns(c, found)
	}
	t := term.NewTable(term.Column{Name: "LAYER", Align: term.Right}, term.Column{Name: "FREQUENCY", Align: term.Right}, term.Column{Name: "NAME"}, term.Column{Name: "TEXT"})
	for _, p := range found {
		text := human.Printable(string(p.AppendText(nil)))
		if r := []rune(text); len(r) > 80 {
			text = string(r[:79]) + "…"
		}
		t.Row(fmt.Sprint(p.Layer), human.Count(int64(p.Frequency)), p.Name()[:5+12], text)
	}
	return t.Render(c.App.Writer)
}

// loadLocal restores the local model that a snapshot holds: that of a local run,
// or the mirror of one that a server has learned.
func loadLocal(ctx context.Context, c *cli.Context, l *ledger.Ledger, e ledger.Entry, snap ledger.Snapshot) (*local.Learner, error) {
	d := ledger.Match([]ledger.Entry{e}, ledger.Want{Dataset: e.Dataset, Runnable: runnable()})
	if d.Outcome != ledger.Matched {
		return nil, cmdline.Usagef("run %s is of learner %v, version %v: this program reads the patterns of local, version %d, and of kato, version %d", e.ID.Short(), e.Config["learner"], e.Config["learner_version"], local.Version, kato.Version)
	}
	config := e.Config
	if config["learner"] == onServer {
		if config["mirror"] == false {
			return nil, cmdline.Usagef("run %s was trained with --no-mirror: its patterns lie on its server alone, not in its snapshots", e.ID.Short())
		}
		config = mirrorOf(config)
	}
	learner, err := restoreLearner(ctx, l, config, volatile{}, &snap)
	if err != nil {
		return nil, records.Explain(c, fmt.Errorf("snapshot %d of run %s: %w", snap.Seq, e.ID.Short(), err))
	}
	return learner.(*local.Learner), nil
}

// frequent picks the patterns asked for, the most frequent first; equal ones by
// layer and in the order in which they were learned.
func frequent(model *local.Learner, c *cli.Context) []local.Pattern {
	var found []local.Pattern
	for layer := range model.Layers() {
		if c.IsSet("layer") && layer != c.Int("layer") {
			continue
		}
		for p := range model.Patterns(layer) {
			if p.Frequency >= c.Uint64("min-frequency") {
				found = append(found, p)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b local.Pattern) int { return cmp.Compare(b.Frequency, a.Frequency) })
	if limit := c.Int("limit"); limit > 0 {
		found = found[:min(limit, len(found))]
	}
	return found
}

// writePatterns prints one array, an element a line, without holding it.
func writePatterns(c *cli.Context, found []local.Pattern) error {
	out := bufio.NewWriterSize(c.App.Writer, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	out.WriteString("[")
	for i, p := range found {
		if i > 0 {
			out.WriteString(",")
		}
		text := strings.ToValidUTF8(string(p.AppendText(nil)), "\uFFFD")
		if err := enc.Encode(patternJSON{p.Layer, p.Name(), p.Frequency, p.Symbols(), text}); err != nil {
			return fmt.Errorf("write pattern: %w", err)
		}
	}
	out.WriteString("]\n")
	return out.Flush()
}
