package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/migrations"

	"github.com/urfave/cli/v2"
)

func (p program) importCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "import",
		Usage:     "say what old checkpoint files hold",
		ArgsUsage: "PATH...",
		Description: `Looks at the checkpoint files that older training programs left: those given,
and those in the folders given. It says which program wrote each, for which
dataset and method, how old it is, what it counts and what in it cannot be true.
No ledger is needed and nothing is written. Pickles are never opened.

This version only looks, so --dry-run must be given.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only look"},
			records.JSONFlag(),
		},
		Action: p.importAction,
	}, `ckpt import --dry-run checkpoints
ckpt import --dry-run old/wikitext_parallel_checkpoint.json --json`)
}

// legacyJSON is an old checkpoint file as --json prints it. What the file does
// not say is null.
type legacyJSON struct {
	Path           string          `json:"path"`
	Kind           migrations.Kind `json:"kind"`
	Method         string          `json:"method"`
	Dataset        string          `json:"dataset"`
	Attempted      *int64          `json:"attempted"`
	Completed      *int64          `json:"completed"`
	Errored        *int64          `json:"errored"`
	Time           *time.Time      `json:"time"`
	ElapsedSeconds float64         `json:"elapsed_seconds"`
	Config         map[string]any  `json:"config"`
	LastError      string          `json:"last_error"`
	Contradictions []string        `json:"contradictions"`
	Problem        string          `json:"problem"`
}

func (p program) importAction(c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	if !c.Bool("dry-run") {
		return &cmdline.UsageError{
			Message: "this version only looks: add --dry-run",
			Try:     human.Quote(append([]string{"ckpt", "import", "--dry-run"}, args...)...),
		}
	}
	var found []migrations.Legacy
	for _, path := range args {
		files, err := look(c.App.ErrWriter, path)
		if err != nil {
			return err
		}
		found = append(found, files...)
	}
	if c.Bool("json") {
		return records.WriteArray(c.App.Writer, len(found), func(i int) legacyJSON { return legacyOf(&found[i]) })
	}
	for _, f := range found {
		p.printLegacy(c.App.Writer, &f)
	}
	fmt.Fprintf(c.App.Writer, "%s; nothing was written\n", counted(len(found), "old checkpoint file"))
	return nil
}

// look reads an old checkpoint file, or those in a folder.
func look(w io.Writer, path string) ([]migrations.Legacy, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look for old checkpoints: %w", err)
	}
	if !info.IsDir() {
		f, err := migrations.ReadLegacy(path)
		return []migrations.Legacy{f}, err
	}
	if _, err := os.Stat(filepath.Join(path, "ledger.db")); err == nil {
		fmt.Fprintf(w, "note: %s is a ledger; to see its runs: %s\n", human.Printable(path), human.Quote("ckpt", "list", "--ledger", path))
	}
	return migrations.ScanLegacy(path)
}

func legacyOf(f *migrations.Legacy) legacyJSON {
	out := legacyJSON{
		Path: f.Path, Kind: f.Kind, Method: f.Method, Dataset: f.Dataset,
		Attempted: f.Attempted, Completed: f.Completed, Errored: f.Errored,
		ElapsedSeconds: f.ElapsedSeconds, Config: f.Config, LastError: f.LastError,
		Contradictions: append([]string{}, f.Contradictions...), Problem: f.Problem,
	}
	if !f.Timestamp.IsZero() {
		t := f.Timestamp.UTC()
		out.Time = &t
	}
	return out
}

var kinds = map[migrations.Kind]string{
	migrations.V2:         "checkpoint of the notebook, one thread",
	migrations.Parallel:   "checkpoint of the parallel training function",
	migrations.Streaming:  "checkpoint of the serial training function",
	migrations.Manifest:   "record of a finished training",
	migrations.Pickle:     "pickled checkpoint",
	migrations.Unreadable: "unreadable",
}

func (p program) printLegacy(w io.Writer, f *migrations.Legacy) {
	fmt.Fprintln(w, human.Printable(f.Path))
	lines := &facts{w: w}
	add := func(name, value string) { lines.add("  "+name, value) }
	count := func(name string, n *int64) {
		if n != nil {
			add(name, human.Count(*n))
		}
	}
	add("what", kinds[f.Kind])
	add("method", f.Method)
	add("dataset", f.Dataset)
	if !f.Timestamp.IsZero() {
		add("written", when(p.now(), f.Timestamp))
	}
	count("attempted", f.Attempted)
	count("completed", f.Completed)
	count("errored", f.Errored)
	if f.ElapsedSeconds > 0 {
		add("last session", human.Duration(seconds(f.ElapsedSeconds)))
	}
	for _, key := range sortedKeys(f.Config) {
		add("config", key+"="+records.Setting(f.Config[key]))
	}
	add("last error", f.LastError)
	for _, text := range f.Contradictions {
		add("contradiction", text)
	}
	add("problem", f.Problem)
	lines.flush()
	fmt.Fprintln(w)
}
