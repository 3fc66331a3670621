package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"
)

// This file finds the run that a resume means.

// name finds out whether the argument is a dataset or a run.
func (r *resumption) name(ctx context.Context) error {
	if r.c.IsSet("run") {
		e, ref, err := records.Entry(ctx, r.c, r.ledger, r.c.String("run"))
		if err != nil {
			return r.notFound(ctx, err)
		}
		if err := r.named(e, ref); err != nil {
			return err
		}
		if e.Dataset != r.key && string(e.ID) != r.arg && e.Name != r.arg {
			return cmdline.Usagef("run %s is a run of %s, not of %s", e.ID.Short(), e.Dataset, human.Quote(r.arg))
		}
		return nil
	}
	known, err := r.ledger.HasDataset(ctx, r.key)
	if err != nil && !errors.Is(err, ledger.ErrNoLedger) {
		return records.Explain(r.c, err)
	}
	if known || isDataset(r.key) {
		r.dataset = r.key
		return r.byName(ctx)
	}
	e, ref, err := records.Entry(ctx, r.c, r.ledger, r.arg)
	switch {
	case err == nil:
		return r.named(e, ref)
	case !isNotFound(err):
		return err
	case r.c.Bool("or-start"):
		r.dataset = r.key
		return nil
	}
	return r.nothing(ctx, fmt.Errorf("%s is neither a run nor a dataset that this program knows", human.Quote(r.arg)))
}

// byName narrows the choice to the run of --name, if there is one of it.
func (r *resumption) byName(ctx context.Context) error {
	if !r.c.IsSet("name") {
		return nil
	}
	name := r.c.String("name")
	if err := checkName(name, r.dataset); err != nil {
		return err
	}
	e, err := r.ledger.Find(ctx, ledger.Ref{Run: name, Samples: -1})
	if errors.Is(err, ledger.ErrNotFound) || err == nil && e.Name != name {
		r.only = noRun
		return nil
	}
	if err != nil {
		return records.Explain(r.c, err)
	}
	if e.Dataset != r.dataset {
		return cmdline.Usagef("--name %s: it is a run of %s, not of %s", name, e.Dataset, r.dataset)
	}
	r.only = e.ID
	return nil
}

// noRun is the id of no run: --name names one that is still to be started.
const noRun = ledger.RunID("-")

func (r *resumption) named(e ledger.Entry, ref ledger.Ref) error {
	if at, ok, err := r.ledger.InTrash(r.c.Context, e.ID); err != nil {
		return records.Explain(r.c, err)
	} else if ok {
		return &cmdline.ExitError{
			Code:  cmdline.NothingToResume,
			Err:   fmt.Errorf("nothing to resume: run %s was moved to the trash %s", e.ID.Short(), human.Ago(time.Now(), at)),
			Hints: []cmdline.Hint{{To: "to take it back", Command: records.Command(r.c, "ckpt", "rm", "--undo", string(e.ID))}},
		}
	}
	r.only, r.dataset = e.ID, e.Dataset
	if !ref.Named() {
		return nil
	}
	if r.seq != 0 {
		return cmdline.Usagef("--snapshot and the run's own # or @ both choose the snapshot: give one")
	}
	r.seq = ref.Seq
	if ref.Samples >= 0 {
		s, err := r.ledger.AtSamples(r.c.Context, e, ref.Samples)
		if err != nil {
			return r.notFound(r.c.Context, err)
		}
		r.seq = s.Seq
	}
	return nil
}

func isNotFound(err error) bool {
	var exit *cmdline.ExitError
	return errors.Is(err, ledger.ErrNotFound) || errors.As(err, &exit) && exit.Kind == "not_found"
}

func (r *resumption) notFound(ctx context.Context, err error) error {
	if isNotFound(err) {
		return r.nothing(ctx, err)
	}
	return records.Explain(r.c, err)
}

// isDataset reports whether a key is that of a dataset even where no run has it:
// one of the catalogue, or of the hub.
func isDataset(key string) bool {
	_, ok := stream.Lookup(key)
	return ok || strings.HasPrefix(key, "hf:") && !strings.Contains(key, "@")
}

// choose matches the dataset's runs with what was given. It returns no error
// where one matched, and where none was found and --or-start starts one.
func (r *resumption) choose(ctx context.Context) error {
	runs, err := r.runs(ctx)
	if err != nil {
		return err
	}
	if err := r.checkTextField(runs); err != nil {
		return err
	}
	if err := r.checkLearner(runs); err != nil {
		return err
	}
	match := maps.Clone(r.want.given)
	for _, field := range r.accept {
		delete(match, field)
	}
	r.decision = ledger.Match(runs, ledger.Want{Dataset: r.dataset, Run: r.only, Given: match, Runnable: runnable()})
	switch r.decision.Outcome {
	case ledger.NoneFound:
		if r.c.Bool("or-start") {
			return nil
		}
		return r.nothing(ctx, nil)
	case ledger.Mismatched:
		return r.mismatch()
	case ledger.Ambiguous:
		return r.ambiguous()
	}
	r.entry = r.decision.Chosen
	return nil
}

// runs are those that the match looks at: the dataset's. Where the record of one
// is damaged nobody knows whether it is the one to resume, so that only a run
// that is named can be.
func (r *resumption) runs(ctx context.Context) ([]ledger.Entry, error) {
	runs, err := r.ledger.Dataset(ctx, r.dataset)
	if !errors.Is(err, ledger.ErrDamaged) {
		if errors.Is(err, ledger.ErrNoLedger) {
			return nil, nil // made, and nothing in it yet
		}
		return runs, records.Explain(r.c, err)
	}
	if r.only != "" && r.only != noRun {
		e, entryErr := r.ledger.Entry(ctx, r.only)
		return []ledger.Entry{e}, records.Explain(r.c, entryErr)
	}
	exit := &cmdline.ExitError{Code: cmdline.Damaged, Err: fmt.Errorf("which run of %s to resume cannot be told: %w", human.Quote(r.dataset), err)}
	for _, e := range runs[:min(nearest, len(runs))] {
		exit.Details = append(exit.Details, describeEntry(e, time.Now())+" is whole")
		exit.Hints = append(exit.Hints, cmdline.Hint{To: "to resume " + e.ID.Short(), Command: r.again([]string{"run"}, "--run", string(e.ID))})
	}
	return nil, exit
}

// checkTextField refuses --text-field where no run of the dataset has columns.
func (r *resumption) checkTextField(runs []ledger.Entry) error {
	if !has(r.want.given, "text_field") || len(runs) == 0 {
		return nil
	}
	var was stream.Fingerprint
	for _, e := range runs {
		var err error
		if was, err = recorded(e.Source); err != nil {
			return records.Explain(r.c, err)
		}
		if was.TextField != "" {
			return nil
		}
	}
	return noTextField(was.Format)
}
