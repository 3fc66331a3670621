package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"

	"github.com/urfave/cli/v2"
)

// The headings of flags in help.
const (
	ofResume = "WHAT TO RESUME"
	ofData   = "DATA"
	ofModel  = "MODEL, the same at each resume"
	ofKato   = "MODEL, with --learner kato"
	ofServer = "SERVER, with --learner kato"
)

// trainFlags are the flags of run and resume alike.
func trainFlags() []cli.Flag {
	return slices.Concat(
		[]cli.Flag{
			&cli.Int64Flag{Name: "max-samples", DefaultText: "to its end", Usage: "target: `N` samples, trained and errored, from the dataset's start"},
			workersFlag(),
			&cli.Int64Flag{Name: "max-errors", DefaultText: fmt.Sprint(defaultMaxErrors), Usage: "end the attempt as failed, with a snapshot, when more than `N` of its rows are errored; 0 for no limit"},
			&cli.StringFlag{Name: "checkpoint-interval", Usage: "snapshot every `N[,TIME]` samples and time; what is given replaces both (default: 1000,5m)"},
			&cli.StringSliceFlag{Name: "record", Usage: "`KEY=VALUE` to keep and show, never compared"},
			&cli.StringSliceFlag{Name: "tag", Usage: "a `TAG` of the run"},
			records.JSONFlag(),
		},
		cmdline.Group(ofData,
			&cli.StringSliceFlag{Name: "data", Usage: "read DATASET from this `PATH|GLOB|URL`: text or JSONL files (also .gz, .zst), Parquet, or a folder of them"},
			epochsFlag()),
		settingFlags(),
		cmdline.Group(ofServer, katoFlags()...))
}

func runCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "run",
		Usage:     "start a new run",
		ArgsUsage: "DATASET",
		Description: `Reads DATASET from its first row, learns it, and commits a snapshot at every
interval, at the target, and when it is stopped. DATASET is a key of
"trainer datasets", hf:owner/name[@revision][:config[/split]] for any other
dataset of the Hugging Face Hub, or any name given to the files of --data. What
lies on the hub is streamed, at the commit that the revision is when the run
starts (HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE are heeded).

With --learner kato a KATO server learns, under nodes named for the run.

Ctrl-C, SIGTERM and SIGHUP finish the sample, save and leave; a second one
leaves at once. SIGUSR1 prints where training stands: how fast it goes of late and
against the first two minutes, what is left if samples go on to take longer as they
did so far, and the errors.`,
		Flags: append(trainFlags(),
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the run: letters, digits, . _ -"}),
		Action: func(c *cli.Context) error { return runAction(c.Context, c) },
	}, `trainer run sample --max-samples 20000
trainer run wikitext --max-samples 20000 --checkpoint-interval 1000,5m
trainer run hf:owner/name@v1.0:config/train
trainer run books --data 'books/*.jsonl' --text-field body --chunk-sizes 16,16 --name books-16
trainer run wikitext --workers 4
trainer run wikitext --learner kato --kato-url http://localhost:8000 --workers 4 --max-predictions 10,8,6,4
trainer run books --data 'books/*.jsonl' --order shuffle --seed 7 --epochs 3`,
		cmdline.RunInUse, cmdline.DataChanged, cmdline.Damaged, cmdline.NewerFormat, cmdline.Interrupted)
}

func runAction(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	want, err := parseWish(c)
	if err != nil {
		return err
	}
	dataset, revision, err := stream.ParseDataset(args[0])
	if err != nil {
		return sourceError(err)
	}
	want.revision = revision
	if err := checkRevision(revision, want.data); err != nil {
		return err
	}
	return startRun(ctx, c, dataset, want)
}

// wish is what the command line asks for of a run, beside the dataset.
type wish struct {
	given    ledger.Config // identity settings
	target   *int64
	epochs   int // 0 where none were asked for
	interval string
	data     []string
	revision string // of a dataset on the hub
	record   map[string]string
	tags     []string
	volatile volatile
}

func parseWish(c *cli.Context) (wish, error) {
	w := wish{interval: c.String("checkpoint-interval"), data: c.StringSlice("data"), tags: c.StringSlice("tag")}
	var err error
	if w.given, err = given(c); err != nil {
		return w, err
	}
	if w.target, err = parseTarget(c); err != nil {
		return w, err
	}
	if w.epochs, err = parseEpochs(c); err != nil {
		return w, err
	}
	if w.record, err = parseRecord(c); err != nil {
		return w, err
	}
	if w.volatile, err = parseVolatile(c); err != nil {
		return w, err
	}
	if c.IsSet("checkpoint-interval") && w.interval == "" {
		return w, cmdline.Usagef("--checkpoint-interval needs a value")
	}
	i, err := parseInterval(w.interval)
	if err != nil {
		return w, err
	}
	w.interval = ""
	if c.IsSet("checkpoint-interval") {
		w.interval = intervalText(i)
	}
	if n := maxErrors(c); n < 0 {
		return w, cmdline.Usagef("--max-errors %d: at least 1, or 0 for no limit", n)
	}
	if slices.Contains(w.data, "") || slices.Contains(w.tags, "") {
		return w, cmdline.Usagef("--data and --tag need a value")
	}
	return w, nil
}

// startRun begins a new run of a dataset and trains it.
func startRun(ctx context.Context, c *cli.Context, dataset string, want wish) error {
	return startIf(ctx, c, dataset, want, false, (*ledger.Ledger).Begin)
}

// startIf is startRun with another way to begin the run, which may have been
// looked for before: then the notes were said.
func startIf(ctx context.Context, c *cli.Context, dataset string, want wish, noted bool, begin func(*ledger.Ledger, context.Context, ledger.Run, ledger.Attempt) (*ledger.Session, error)) error {
	if err := ledger.CheckDataset(dataset); err != nil {
		return cmdline.Usagef("%v", err)
	}
	name := c.String("name")
	if c.IsSet("name") {
		if err := checkName(name, dataset); err != nil {
			return err
		}
	}
	config, err := complete(dataset, want.given)
	if err != nil {
		return err
	}
	if err := checkUse(c, config); err != nil {
		return err
	}
	spec := stream.Spec{Dataset: dataset, Revision: want.revision, Data: want.data, TextField: textField(config)}
	// The source is opened before the ledger is made: a typing error leaves no
	// folder behind. It is hashed after, so that the ledger remembers the hash.
	n := &notices{w: c.App.ErrWriter}
	src, err := lookAt(ctx, n, spec)
	if err != nil {
		return err
	}
	if err := checkTextField(src, want.given); err != nil {
		return err
	}
	var l *ledger.Ledger
	if err := patiently(ctx, c.App.ErrWriter, func() (err error) {
		l, err = ledger.Create(ctx, records.Dir(c), ledger.Options{})
		return err
	}); err != nil {
		return records.Explain(c, err)
	}
	if !noted {
		notes(c, l)
	}
	if err := src.identify(ctx, l.FileCache(ctx)); err != nil {
		return sourceError(err)
	}
	src.Source = arrange(src.Source, config, want.epochs)
	id := ledger.NewRunID() // already now: a server's nodes are named for it
	use := want.volatile.of(id, dataset, n)
	learner, err := newLearner(config, use)
	if err != nil {
		return err
	}
	defer learner.Close()
	reader, err := src.Open(ctx, stream.Cursor{})
	if err != nil {
		return err
	}
	defer reader.Close()

	run := ledger.Run{
		ID: id, Name: name, Dataset: dataset, Method: fmt.Sprint(config["method"]), Learner: fmt.Sprint(config["learner"]),
		Config: config, Source: src.record, Tags: want.tags, Record: want.record,
		Epochs: want.epochs, Interval: cmp.Or(want.interval, intervalText(trainer.DefaultInterval)),
	}
	if want.target != nil {
		run.Target = *want.target
	}
	t := &training{c: c, ledger: l, source: src, reader: reader, learner: learner, config: config, use: use, intro: func(run ledger.Run) {
		fmt.Fprintf(c.App.ErrWriter, "Ledger %s\nStarting run %s, %s\n", human.Printable(records.Shown(l)), run.ID, describeConfig(config, use.endpoint(config)))
	}}
	err = t.begin(ctx, func(ctx context.Context, a ledger.Attempt) (*ledger.Session, error) {
		return begin(l, ctx, run, a)
	})
	if errors.Is(err, ledger.ErrNameTaken) {
		return &cmdline.UsageError{Message: err.Error(), Try: records.Command(c, "ckpt", "list")}
	}
	return records.Explain(c, err)
}

func checkName(name, dataset string) error {
	if err := ledger.CheckName(name); err != nil {
		return cmdline.Usagef("--name: %v", err)
	}
	if isDataset(name) {
		return cmdline.Usagef("--name %s: a dataset is called so", name)
	}
	if name == dataset {
		return cmdline.Usagef("--name %s: the dataset is called so", name)
	}
	return nil
}

// notes says once what a user of this folder should know.
func notes(c *cli.Context, l *ledger.Ledger) {
	for _, line := range records.LegacyNotes(l.Dir(), time.Now()) {
		fmt.Fprintln(c.App.ErrWriter, line)
	}
	if kind := ledger.RemoteFilesystem(l.Dir()); kind != "" {
		fmt.Fprintf(c.App.ErrWriter, "note: %s lies on %s, where locks may not reach other hosts: train a run from one host at a time\n", l.Dir(), kind)
	}
}

// attempt is what this process notes of itself.
func attempt(c *cli.Context, config ledger.Config) ledger.Attempt {
	a := process()
	a.Workers, a.MaxErrors = workers(c, config), maxErrors(c)
	return a
}

// defaultMaxErrors is how many rows of an attempt may be errored.
const defaultMaxErrors = 10

func maxErrors(c *cli.Context) int64 {
	if c.IsSet("max-errors") {
		return c.Int64("max-errors")
	}
	return defaultMaxErrors
}

var process = sync.OnceValue(func() ledger.Attempt {
	folder, _ := os.Getwd()
	return ledger.Attempt{Program: cmdline.Version(), Git: gitCommit(folder), Folder: folder, Command: withoutSecrets(os.Args)}
})
