package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/local"

	"github.com/urfave/cli/v2"
)

// This file is about the flags of a learner that has a KATO server learn.

const (
	inProcess = "local"
	onServer  = "kato"

	// katoEnv names the server where --kato-url does not.
	katoEnv = "KATO_URL"
)

// katoSettings are the settings of a kato run that a local one does not have.
var katoSettings = []string{"recall_threshold", "max_predictions", "sort_symbols", "capture_metadata", "mirror"}

// katoSettingFlags are the flags of these settings.
func katoSettingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "recall-threshold", Usage: "`X` from 0 to 1, one for all layers or A,B,… (default: 0.6)"},
		&cli.StringFlag{Name: "max-predictions", Usage: "`N` from 1 to 10000, one for all layers or A,B,… (default: 100)"},
		&cli.StringFlag{Name: "sort-symbols", Usage: "`true|false`, one for all layers or A,B,… (default: true)"},
		&cli.StringFlag{Name: "capture-metadata", Usage: "send source, sample_id and row with the patterns of the layers `A,B,…`, from 0 (default: none)"},
		&cli.BoolFlag{Name: "no-mirror", Usage: "without the mirror: at least once, up to the samples in flight, in place of exact"},
	}
}

// katoFlags are the flags of kato that decide nothing of the model.
func katoFlags() []cli.Flag {
	d := kato.DefaultWaits
	wait := func(name string, byDefault time.Duration, usage string) cli.Flag {
		return &cli.StringFlag{Name: name, DefaultText: human.Exact(byDefault), Usage: usage}
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "kato-url", DefaultText: katoEnv + ", what the run had, or " + kato.DefaultURL, Usage: "`URL` of the server"},
		wait("kato-wait", d.Health, "how `LONG` to wait for a server that is away"),
		wait("kato-poll", d.Poll, "how `LONG` between two looks at it"),
		wait("kato-timeout", d.Request, "how `LONG` to wait for the answer of a request"),
		wait("kato-visible", d.Visible, "how `LONG` a pattern may be missing after it was learned"),
		wait("stall-timeout", d.Stall, "how `LONG` a worker may be without any answer, before the attempt ends as failed, with a snapshot"),
		&cli.BoolFlag{Name: "finalize", Usage: "have the server finalize its training when the target is reached"},
	}
}

// givenKato adds the settings of kato that stand on the command line.
func givenKato(c *cli.Context, out ledger.Config) error {
	err := errors.Join(
		layered(c, out, "recall-threshold", func(s string) (float64, error) { return strconv.ParseFloat(s, 64) },
			func(v []float64) kato.Options { return kato.Options{RecallThreshold: v} }),
		layered(c, out, "max-predictions", strconv.Atoi,
			func(v []int) kato.Options { return kato.Options{MaxPredictions: v} }),
		layered(c, out, "sort-symbols", strconv.ParseBool,
			func(v []bool) kato.Options { return kato.Options{SortSymbols: v} }))
	if err != nil {
		return err
	}
	if c.IsSet("capture-metadata") {
		if out["capture_metadata"], err = parseLayers(c.String("capture-metadata")); err != nil {
			return err
		}
	}
	if c.IsSet("no-mirror") {
		out["mirror"] = !c.Bool("no-mirror")
	}
	if has(out, "learner") {
		return checkKato(c, out)
	}
	return nil // a resume takes the learner from the run
}

// layered takes a layer parameter: one value for all layers, or one a layer. How
// many layers there are only the whole config knows.
func layered[T comparable](c *cli.Context, out ledger.Config, flag string, parse func(string) (T, error), options func([]T) kato.Options) error {
	if !c.IsSet(flag) {
		return nil
	}
	var values []T
	for _, part := range strings.Split(c.String(flag), ",") {
		v, err := parse(strings.TrimSpace(part))
		if err != nil {
			return cmdline.Usagef("--%s %s: %s is no such value (give one, or one a layer: A,B,…)", flag, human.Quote(c.String(flag)), human.Quote(part))
		}
		if _, err := kato.New(options([]T{v})); err != nil { // the learner knows what is possible
			return optionError(err)
		}
		values = append(values, v)
	}
	out[strings.ReplaceAll(flag, "-", "_")] = kato.Collapse(values)
	return nil
}

// noLayers is the value of --capture-metadata that means none.
const noLayers = "none"

func parseLayers(text string) ([]int, error) {
	layers := []int{} // which is [] in the config, not null
	if text == noLayers {
		return layers, nil
	}
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		switch {
		case err != nil || n < 0:
			return nil, cmdline.Usagef("--capture-metadata %s: %s is no layer (write 2,3 or %s)", human.Quote(text), human.Quote(part), noLayers)
		case slices.Contains(layers, n):
			return nil, cmdline.Usagef("--capture-metadata %s: layer %d is given twice", human.Quote(text), n)
		}
		layers = append(layers, n)
	}
	slices.Sort(layers)
	return layers, nil
}

// katoArgs writes a setting of kato as the flag that gives it.
func katoArgs(key string, v any) []string {
	switch {
	case key == "mirror" && v == true:
		return []string{"--no-mirror=false"}
	case key == "mirror":
		return []string{"--no-mirror"}
	}
	return []string{"--" + strings.ReplaceAll(key, "_", "-"), cmp.Or(records.Setting(v), noLayers)}
}

// checkKato refuses flags of kato for another learner, and more workers than a
// server bears.
func checkKato(c *cli.Context, config ledger.Config) error {
	if config["learner"] != onServer {
		if flag := anyKato(c); flag != "" {
			return cmdline.Usagef("--%s needs --learner %s", flag, onServer)
		}
		return nil
	}
	layers, ok := config["chunk_sizes"].([]any)
	if most := kato.MaxWorkers(max(1, len(layers))); ok && workers(c, config) > most {
		return cmdline.Usagef("--workers %d: a KATO server bears %d connections, one for each worker and layer; with %d layers give %d workers or fewer",
			workers(c, config), kato.MaxConnections, len(layers), most)
	}
	return nil
}

// anyKato is a flag of kato that was given, or none.
func anyKato(c *cli.Context) string {
	for _, name := range katoNames() {
		if c.IsSet(name) {
			return name
		}
	}
	return ""
}

func katoNames() []string {
	var names []string
	for _, f := range append(katoSettingFlags(), katoFlags()...) {
		names = append(names, f.Names()[0])
	}
	return names
}

// volatile is what a learner works with that is no part of its run's config.
type volatile struct {
	run     ledger.RunID
	dataset string
	url     string // of the server; empty for the default
	fromEnv bool   // it is the environment's
	waits   kato.Waits
	notices *notices // told what the learner survived
}

// parseVolatile reads what of it stands on the command line, and in the
// environment.
func parseVolatile(c *cli.Context) (volatile, error) {
	v := volatile{url: c.String("kato-url")}
	switch env := os.Getenv(katoEnv); {
	case c.IsSet("kato-url") && v.url == "":
		return v, cmdline.Usagef("--kato-url needs a value")
	case v.url == "" && env != "":
		v.url, v.fromEnv = env, true
	}
	if !v.fromEnv {
		if _, err := kato.New(kato.Options{URL: v.url}); err != nil {
			return v, optionError(err)
		}
	}
	for flag, wait := range map[string]*time.Duration{
		"kato-wait": &v.waits.Health, "kato-poll": &v.waits.Poll, "kato-timeout": &v.waits.Request, "kato-visible": &v.waits.Visible, "stall-timeout": &v.waits.Stall,
	} {
		if !c.IsSet(flag) {
			continue
		}
		d, err := human.ParseDuration(c.String(flag))
		if err != nil {
			return v, cmdline.Usagef("--%s %v", flag, err)
		}
		if d <= 0 {
			return v, cmdline.Usagef("--%s %s: give more than nothing", flag, human.Quote(c.String(flag)))
		}
		*wait = d
	}
	return v, nil
}

// katoOptions are those of the learner of a config.
func (v *volatile) katoOptions(c ledger.Config) kato.Options {
	o := kato.FromConfig(c)
	o.URL, o.Run, o.Dataset, o.Waits = v.url, v.run, v.dataset, v.waits
	if v.notices != nil {
		o.Say = v.notices.say
	}
	return o
}

func newKato(c ledger.Config, v volatile) (trainer.Learner, error) {
	l, err := kato.New(v.katoOptions(c))
	var bad *local.OptionError
	if v.fromEnv && errors.As(err, &bad) && bad.Option == "kato_url" {
		return nil, cmdline.Usagef("%s: %s", katoEnv, bad.Reason)
	}
	if err != nil {
		return nil, optionError(err)
	}
	return l, nil
}

// mirrorOf is the config of the local learner that a kato run carries, whose
// state its snapshots hold.
func mirrorOf(c ledger.Config) ledger.Config {
	return ledger.Config{"learner": inProcess, "tokenizer": c["tokenizer"], "chunk_sizes": c["chunk_sizes"]}
}

// impliedLearner are the flags that a new run needs beside those of kato, which a
// resume may give alone.
func impliedLearner(c *cli.Context, given ledger.Config) []string {
	if !has(given, "learner") && anyKato(c) != "" {
		return []string{"--learner", onServer}
	}
	return nil
}

// describeLearner says what learns, and where.
func describeLearner(c ledger.Config, endpoint string) string {
	name := fmt.Sprint(c["learner"])
	if endpoint != "" {
		name += " at " + endpoint
	}
	return name
}
