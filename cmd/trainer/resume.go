package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
	"ckptledger/trainer/local"

	"github.com/urfave/cli/v2"
)

func resumeCommand() *cli.Command {
	return cmdline.Document(&cli.Command{
		Name:      "resume",
		Usage:     "continue a run at the exact row, or refuse and say why",
		ArgsUsage: "DATASET|RUN",
		Description: `Goes on from the newest snapshot of the dataset's run whose settings match. Of
the settings only those are compared that are given; the others are the run's.
Before the first new sample the last row consumed is read again and compared.

An older snapshot (--snapshot), accepted differences (--accept) and other data
(--accept data) go on as a fork: a new run that says where it comes from.`,
		Flags: append(trainFlags(),
			&cli.StringFlag{Name: "run", Usage: "this `RUN` of the dataset"},
			&cli.Uint64Flag{Name: "snapshot", Usage: "from snapshot `N` instead of the newest"},
			&cli.BoolFlag{Name: "explain", Usage: "say what would be resumed and why; train nothing"},
			&cli.BoolFlag{Name: "or-start", Usage: "start a run if there is none to resume: the one line for a job script"},
			&cli.StringFlag{Name: "name", Usage: "with --or-start: the run of this `NAME`, or a new one called so"},
			&cli.StringSliceFlag{Name: "accept", Usage: "go on as a fork although `FIELD` (or data) differs"},
			&cli.StringFlag{Name: "wait", Usage: "wait so `LONG` for a run that is in use (5m)"},
			&cli.BoolFlag{Name: "take-over", Usage: "go on although the run is in use: its holder's next save is refused"},
		),
		Action: func(c *cli.Context) error { return resumeAction(c.Context, c) },
	}, `trainer resume wikitext --max-samples 100000
trainer resume wikitext --explain
trainer resume wikitext --run 7Q3M --snapshot 12
trainer resume sample --max-samples 1000000 --or-start`,
		cmdline.NothingToResume, cmdline.ConfigMismatch, cmdline.Ambiguous, cmdline.RunInUse, cmdline.DataChanged,
		cmdline.Damaged, cmdline.NewerFormat, cmdline.Interrupted)
}

// resumption is one call of resume, as far as it has come.
type resumption struct {
	c       *cli.Context
	want    wish
	accept  []string
	ledger  *ledger.Ledger
	arg     string // as it was given
	dataset string
	only    ledger.RunID // the run that was named, or none
	seq     uint64       // the snapshot that was named, or 0

	decision ledger.Decision
	entry    ledger.Entry // the run to go on from
	lease    *ledger.Lease
	snap     ledger.Snapshot
	config   ledger.Config // the run's, with what was accepted
	accepted []string      // what of accept in fact differs
}

func resumeAction(ctx context.Context, c *cli.Context) error {
	args, err := cmdline.Args(c)
	if err != nil {
		return err
	}
	r := &resumption{c: c, arg: args[0], accept: c.StringSlice("accept"), seq: c.Uint64("snapshot")}
	if r.want, err = parseWish(c); err != nil {
		return err
	}
	if err := r.checkFlags(); err != nil {
		return err
	}
	r.ledger, err = ledger.Open(records.Dir(c), ledger.Options{})
	if errors.Is(err, ledger.ErrNoLedger) {
		if c.Bool("or-start") {
			return startRun(ctx, c, r.arg, r.want)
		}
		return r.nothing(ctx, fmt.Errorf("no ledger in %s", records.Dir(c)))
	}
	if err != nil {
		return records.Explain(err)
	}
	notes(c, r.ledger)
	if err := r.name(ctx); err != nil {
		return err
	}
	if err := r.choose(ctx); err != nil {
		return err
	}
	if r.decision.Outcome == ledger.NoneFound { // and --or-start: choose refuses otherwise
		return r.start(ctx)
	}
	if c.Bool("explain") {
		return r.explain(ctx)
	}
	return r.resume(ctx)
}

// checkFlags refuses flags that would have no effect.
func (r *resumption) checkFlags() error {
	c := r.c
	learner, err := newLearner(r.want.given)
	if err != nil {
		return err
	}
	defer learner.Close()
	for _, field := range r.accept {
		switch {
		case field == "":
			return cmdline.Usagef("--accept needs a field's name, or data")
		case slices.Contains(learner.Fixed(), field):
			return cmdline.Usagef("--accept %s: a model of one %s means nothing under another; start a new run: %s",
				field, field, records.Command(c, append([]string{"trainer", "run", r.arg}, settingArgs(r.want.given)...)...))
		case field != "data" && !has(r.want.given, field):
			return cmdline.Usagef("--accept %s has no effect: give the value to go on with, by its flag or by --config %s=VALUE", human.Quote(field), human.Quote(field))
		}
	}
	if _, err := r.wait(); err != nil {
		return err
	}
	switch {
	case c.IsSet("snapshot") && r.seq == 0:
		return cmdline.Usagef("--snapshot: snapshots are counted from 1")
	case c.IsSet("name") && !c.Bool("or-start"):
		return cmdline.Usagef("--name needs --or-start; to choose a run: --run %s", human.Quote(c.String("name")))
	case c.IsSet("name") && c.IsSet("run"):
		return cmdline.Usagef("--name and --run both choose the run: give one")
	case c.Bool("or-start") && (c.IsSet("run") || c.IsSet("snapshot")):
		return cmdline.Usagef("--or-start starts a run where there is none: it cannot go with --run or --snapshot")
	case c.Bool("take-over") && c.IsSet("wait"):
		return cmdline.Usagef("--take-over does not wait: leave out --wait")
	case c.Bool("explain") && (c.Bool("take-over") || c.IsSet("wait") || c.Bool("or-start")):
		return cmdline.Usagef("--explain trains nothing: it cannot go with --take-over, --wait or --or-start")
	}
	return nil
}

func has(c ledger.Config, key string) bool { _, ok := c[key]; return ok }

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
		if e.Dataset != r.arg && string(e.ID) != r.arg && e.Name != r.arg {
			return cmdline.Usagef("run %s is a run of %s, not of %s", e.ID.Short(), e.Dataset, human.Quote(r.arg))
		}
		return nil
	}
	known, err := r.ledger.HasDataset(ctx, r.arg)
	if err != nil && !errors.Is(err, ledger.ErrNoLedger) {
		return records.Explain(err)
	}
	if known || isDataset(r.arg) {
		r.dataset = r.arg
		return r.byName(ctx)
	}
	e, ref, err := records.Entry(ctx, r.c, r.ledger, r.arg)
	switch {
	case err == nil:
		return r.named(e, ref)
	case !isNotFound(err):
		return err
	case r.c.Bool("or-start"):
		r.dataset = r.arg
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
		return records.Explain(err)
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
	return records.Explain(err)
}

// isDataset reports whether the catalogue has the key.
func isDataset(key string) bool {
	return slices.ContainsFunc(stream.Datasets(), func(d stream.Dataset) bool { return d.Key == key })
}

// choose matches the dataset's runs with what was given. It returns no error
// where one matched, and where none was found and --or-start starts one.
func (r *resumption) choose(ctx context.Context) error {
	runs, err := r.ledger.Dataset(ctx, r.dataset)
	if err != nil && !errors.Is(err, ledger.ErrNoLedger) {
		return records.Explain(err)
	}
	if err := r.checkTextField(runs); err != nil {
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

// checkTextField refuses --text-field where no run of the dataset has columns.
func (r *resumption) checkTextField(runs []ledger.Entry) error {
	if !has(r.want.given, "text_field") || len(runs) == 0 {
		return nil
	}
	var was stream.Fingerprint
	for _, e := range runs {
		var err error
		if was, err = recorded(e.Source); err != nil {
			return records.Explain(err)
		}
		if was.TextField != "" {
			return nil
		}
	}
	return noTextField(was.Format)
}

// start begins a run because there is none to resume. One of the same settings
// that was killed before its first snapshot is begun again.
func (r *resumption) start(ctx context.Context) error {
	config, err := complete(r.want.given)
	if err != nil {
		return err
	}
	hash, err := config.Hash()
	if err != nil {
		return err
	}
	for _, v := range r.decision.Verdicts {
		e := v.Entry
		if v.Verdict != ledger.NoSnapshot || e.ConfigHash != hash || e.Name != r.c.String("name") {
			continue
		}
		r.entry, r.config = e, e.Config
		if err := r.acquire(ctx); err != nil {
			return err
		}
		if r.entry.Head.Seq > 0 { // its trainer made one meanwhile
			return r.fromHere(ctx)
		}
		src, err := r.openSource(ctx)
		if err != nil {
			return r.release(err)
		}
		if src.record.Digest == e.Source.Digest {
			return r.begin(ctx, src, stream.Cursor{})
		}
		r.release(nil) // begun over other data, with nothing learned from it
	}
	return startRun(ctx, r.c, r.dataset, r.want)
}

func (r *resumption) resume(ctx context.Context) error {
	// A fork only reads its origin, and where the target is reached there is
	// nothing to take over.
	target, stands := r.target(), r.entry.Head.Samples()
	if r.forks() || r.c.Bool("take-over") && target > 0 && stands >= target {
		return r.fromHere(ctx)
	}
	if err := r.acquire(ctx); err != nil {
		return err
	}
	return r.fromHere(ctx)
}

// forks reports whether what is asked for can only go on as a new run.
func (r *resumption) forks() bool {
	if r.seq != 0 && r.seq != r.entry.Head.Seq {
		return true
	}
	return slices.Contains(r.accept, "data") || len(r.differing()) > 0
}

// differing are the accepted fields in which the run in fact differs.
func (r *resumption) differing() []string {
	var out []string
	for _, d := range r.entry.Config.DiffGiven(r.want.given) {
		if slices.Contains(r.accept, d.Field) {
			out = append(out, d.Field)
		}
	}
	return out
}

// acquire takes the lease and then looks again where the run stands.
func (r *resumption) acquire(ctx context.Context) error {
	wait, err := r.wait()
	if err != nil {
		return err
	}
	r.lease, err = r.ledger.Acquire(ctx, r.entry.ID, ledger.LeaseOptions{
		Wait: wait, TakeOver: r.c.Bool("take-over"),
		OnWait: func(e *ledger.HeldError) {
			fmt.Fprintf(r.c.App.ErrWriter, "Waiting up to %s: %v\n", human.Exact(wait), e)
		},
		OnWatch: func(p ledger.Progress) {
			fmt.Fprintf(r.c.App.ErrWriter, "Watching whether pid %d on %s still trains run %s\n", p.PID, p.Host, r.entry.ID.Short())
		},
	})
	var held *ledger.HeldError
	if errors.As(err, &held) {
		return r.inUse(held)
	}
	if err != nil {
		return records.Explain(err)
	}
	if r.entry, err = r.ledger.Entry(ctx, r.entry.ID); err != nil {
		return r.release(records.Explain(err))
	}
	return nil
}

func (r *resumption) wait() (time.Duration, error) {
	if !r.c.IsSet("wait") {
		return 0, nil
	}
	d, err := human.ParseDuration(r.c.String("wait"))
	if err != nil {
		return 0, cmdline.Usagef("--wait %v", err)
	}
	return d, nil
}

// release gives the lease up where the attempt does not begin.
func (r *resumption) release(err error) error {
	if r.lease != nil {
		r.lease.Release()
		r.lease = nil
	}
	return err
}

// fromHere goes on from the chosen run: target, then state, then data, each
// checked before anything is trained.
func (r *resumption) fromHere(ctx context.Context) error {
	if err := r.pick(ctx); err != nil {
		return r.release(err)
	}
	if done, err := r.reached(ctx); done || err != nil {
		return r.release(err)
	}
	learner, err := r.restore(ctx)
	if err != nil {
		return r.release(err)
	}
	defer learner.Close()
	src, err := r.openSource(ctx)
	if err != nil {
		return r.release(err)
	}
	cursor, reader, err := r.prove(ctx, src)
	if err != nil {
		return r.release(err)
	}
	defer reader.Close()
	return r.train(ctx, src, cursor, reader, learner)
}

// pick reads the snapshot to go on from, and fixes the config.
func (r *resumption) pick(ctx context.Context) error {
	seq := r.seq
	if seq == 0 {
		seq = r.entry.Head.Seq
	}
	var err error
	r.snap, err = r.ledger.Snapshot(ctx, r.entry.ID, seq)
	if errors.Is(err, ledger.ErrNotFound) {
		return r.nothing(ctx, fmt.Errorf("run %s has no snapshot %d; its newest is %d", r.entry.ID.Short(), seq, r.entry.Head.Seq))
	}
	if err == nil {
		err = r.snap.CheckHash()
	}
	if err != nil {
		return r.damaged(ctx, seq, err)
	}
	r.accepted = r.differing()
	over := ledger.Config{}
	for _, field := range r.accepted {
		over[field] = r.want.given[field]
	}
	r.config = r.entry.Config.With(over)
	return nil
}

// target is what the run is to reach now.
func (r *resumption) target() int64 {
	if r.want.target != nil {
		return *r.want.target
	}
	return r.entry.Target
}

// reached reports whether there is nothing left to do.
func (r *resumption) reached(ctx context.Context) (bool, error) {
	target := r.target()
	if target == 0 || r.snap.Samples() < target {
		return false, nil
	}
	at := r.snap.Samples()
	fmt.Fprintf(r.c.App.ErrWriter, "Ledger %s\nRun %s stands at %s: its target of %s is reached\n",
		records.Shown(r.ledger), r.entry.ID.Short(), samples(at), human.Count(target))
	hint := r.command("resume", "--run", string(r.entry.ID), "--max-samples", fmt.Sprint(2*max(at, target)))
	alignHints(r.c.App.ErrWriter, []cmdline.Hint{{To: "to train further", Command: hint}})
	if r.c.Bool("json") {
		return true, printRun(ctx, r.c, r.ledger, r.entry.ID, at)
	}
	return true, nil
}

// restore gives the learner the snapshot's state, every byte of it verified.
func (r *resumption) restore(ctx context.Context) (trainer.Learner, error) {
	learner, err := newLearner(r.config)
	if err != nil {
		return nil, err
	}
	digest, err := learner.Restore(ctx, r.ledger, r.snap.Objects)
	if err == nil && digest != r.snap.ModelDigest {
		err = fmt.Errorf("the restored model's digest is %.12s, not %.12s: %w", digest, r.snap.ModelDigest, ledger.ErrDamaged)
	}
	if err == nil {
		return learner, nil
	}
	learner.Close()
	if errors.Is(err, ledger.ErrDamaged) || errors.Is(err, local.ErrState) {
		return nil, r.damaged(ctx, r.snap.Seq, err)
	}
	return nil, fmt.Errorf("restore state: %w", err)
}

// openSource opens the data where it lies now, and refuses other data.
func (r *resumption) openSource(ctx context.Context) (*source, error) {
	was, err := recorded(r.entry.Source)
	if err != nil {
		return nil, records.Explain(err)
	}
	spec := stream.Spec{Dataset: r.dataset, Data: r.want.data, TextField: textField(r.config)}
	if spec.Data == nil {
		spec.Data = was.Data
	}
	src, err := openSource(ctx, r.c.App.ErrWriter, r.ledger.FileCache(ctx), spec)
	if err != nil {
		if r.want.data != nil {
			return nil, err
		}
		return nil, r.dataGone(err)
	}
	if err := checkTextField(src, r.want.given); err != nil {
		return nil, err
	}
	return src, nil
}

// prove opens the reader at the snapshot's position, where the last row consumed
// is compared with the one recorded.
func (r *resumption) prove(ctx context.Context, src *source) (stream.Cursor, stream.Reader, error) {
	var cursor stream.Cursor
	if err := json.Unmarshal(r.snap.Position, &cursor); err != nil {
		return cursor, nil, r.damaged(ctx, r.snap.Seq, fmt.Errorf("position: %w: %w", ledger.ErrDamaged, err))
	}
	if src.record.Digest != r.snap.Source {
		was, err := recorded(r.entry.Source)
		if err != nil {
			return cursor, nil, records.Explain(err)
		}
		if !slices.Contains(r.accept, "data") {
			return cursor, nil, r.dataChanged(was.Diff(src.print), nil)
		}
		r.accepted = append(r.accepted, "data")
		cursor = stream.Cursor{Next: stream.Position{Row: cursor.Next.Row}, OnlyRow: true}
	}
	reader, err := src.Open(ctx, cursor)
	var proof *stream.ProofError
	var changed *stream.ChangedError
	switch {
	case err == nil:
		return cursor, reader, nil
	case errors.As(err, &proof):
		return cursor, nil, r.dataChanged(nil, err)
	case errors.As(err, &changed):
		return cursor, nil, r.dataChanged(changed.Changes, err)
	}
	return cursor, nil, fmt.Errorf("open data at row %d: %w", cursor.Next.Row, err)
}

// train says where it is, begins the attempt and trains.
func (r *resumption) train(ctx context.Context, src *source, cursor stream.Cursor, reader stream.Reader, learner trainer.Learner) error {
	fork := r.snap.Seq != r.entry.Head.Seq || len(r.accepted) > 0
	if slices.Contains(r.accept, "data") && !slices.Contains(r.accepted, "data") {
		fmt.Fprintln(r.c.App.ErrWriter, "note: --accept data was not needed: the data is the same")
	}
	if !fork && r.lease == nil { // nothing that was to be accepted differs
		if err := r.acquire(ctx); err != nil {
			return err
		}
		if r.entry.Head.Seq != r.snap.Seq {
			return r.release(&cmdline.ExitError{Code: cmdline.RunInUse, Err: fmt.Errorf("run %s moved on while it was opened; try again", r.entry.ID.Short())})
		}
	}
	r.where(cursor, fork)
	signals := catchSignals()
	defer signals.release()
	var session *ledger.Session
	err := patiently(r.c.App.ErrWriter, func() (err error) {
		if fork {
			session, err = r.fork(ctx, src, cursor)
		} else {
			session, err = r.ledger.Continue(ctx, r.lease, r.snap.Seq, r.changes(src), attempt())
		}
		return err
	})
	if err != nil {
		return r.release(records.Explain(err))
	}
	if fork {
		fmt.Fprintf(r.c.App.ErrWriter, "  As new run %s, forked from snapshot %d of run %s\n", session.Run().ID, r.snap.Seq, r.entry.ID.Short())
	}
	t := &training{c: r.c, ledger: r.ledger, session: session, source: src, reader: reader, cursor: cursor, learner: learner, signals: signals}
	return t.run(ctx)
}

// begin is train for a run that has no snapshot yet.
func (r *resumption) begin(ctx context.Context, src *source, cursor stream.Cursor) error {
	learner, err := newLearner(r.config)
	if err != nil {
		return r.release(err)
	}
	defer learner.Close()
	reader, err := src.Open(ctx, cursor)
	if err != nil {
		return r.release(err)
	}
	defer reader.Close()
	signals := catchSignals()
	defer signals.release()
	var session *ledger.Session
	err = patiently(r.c.App.ErrWriter, func() (err error) {
		session, err = r.ledger.Continue(ctx, r.lease, 0, r.changes(src), attempt())
		return err
	})
	if err != nil {
		return r.release(records.Explain(err))
	}
	fmt.Fprintf(r.c.App.ErrWriter, "Ledger %s\nStarting run %s again, it was stopped before its first snapshot, %s\n",
		records.Shown(r.ledger), session.Run().ID, describeConfig(r.config))
	t := &training{c: r.c, ledger: r.ledger, session: session, source: src, reader: reader, cursor: cursor, learner: learner, signals: signals}
	return t.run(ctx)
}

// changes are what of the run this attempt changes.
func (r *resumption) changes(src *source) ledger.Changes {
	return ledger.Changes{Target: r.want.target, Interval: r.want.interval, Source: &src.record, Tags: r.want.tags, Record: r.want.record}
}

func (r *resumption) fork(ctx context.Context, src *source, cursor stream.Cursor) (*ledger.Session, error) {
	e := r.entry
	run := ledger.Run{
		Dataset: e.Dataset, Method: e.Method, Learner: e.Learner, Config: r.config, Source: src.record,
		Target: r.target(), Interval: e.Interval, Tags: r.want.tags, Record: r.want.record, Accepted: r.accepted,
	}
	if r.want.interval != "" {
		run.Interval = r.want.interval
	}
	position, err := json.Marshal(cursor)
	if err != nil {
		return nil, fmt.Errorf("encode position: %w", err)
	}
	return r.ledger.Fork(ctx, run, r.snap, position, attempt())
}

// where says where training goes on, before it does.
func (r *resumption) where(cursor stream.Cursor, fork bool) {
	w, s := r.c.App.ErrWriter, &r.snap
	fmt.Fprintf(w, "Ledger %s\n", records.Shown(r.ledger))
	verb := "Resuming run"
	if fork {
		verb = "Forking run"
	}
	fmt.Fprintf(w, "%s %s from snapshot %d (%s, %s)\n", verb, r.entry.ID.Short(), s.Seq, s.Kind, human.Ago(time.Now(), s.Time))
	fmt.Fprintf(w, "  Samples completed: %s   errored: %s   filtered: %s   next row: %s\n",
		human.Count(s.Trained), human.Count(s.Errored), human.Count(s.Filtered), human.Count(s.Row))
	proof := "nothing was consumed yet"
	switch {
	case cursor.Last != nil:
		proof = "data verified at row " + human.Count(cursor.Last.At.Row)
	case cursor.OnlyRow:
		proof = "data differs and is accepted"
	}
	validated := "Configuration validated"
	if fields := slices.DeleteFunc(slices.Clone(r.accepted), func(f string) bool { return f == "data" }); len(fields) > 0 {
		validated = "Configuration differs in " + strings.Join(fields, ", ") + ", which is accepted"
	}
	fmt.Fprintf(w, "  %s, %s\n", validated, proof)
	for _, v := range r.decision.Verdicts {
		if v.Verdict == ledger.Further {
			fmt.Fprintf(w, "note: %s, stands further; to resume it: %s\n", describeEntry(v.Entry, time.Now()),
				records.Command(r.c, "trainer", "resume", r.dataset, "--run", string(v.Entry.ID)))
		}
	}
}
