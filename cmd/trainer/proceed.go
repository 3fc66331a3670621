package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
)

// This file goes on from the run that was chosen, or starts one.

// start begins a run because there is none to resume. One of the same settings
// that was killed before its first snapshot is begun again.
func (r *resumption) start(ctx context.Context) error {
	config, err := complete(r.dataset, r.want.given)
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
			return r.beginAgain(ctx, src)
		}
		r.release(nil) // begun over other data, with nothing learned from it
	}
	var known []ledger.RunID
	for _, v := range r.decision.Verdicts {
		known = append(known, v.Entry.ID)
	}
	return startIf(ctx, r.c, r.dataset, r.want, r.noted, func(l *ledger.Ledger, ctx context.Context, run ledger.Run, a ledger.Attempt) (*ledger.Session, error) {
		return l.BeginFirst(ctx, run, known, a)
	})
}

func (r *resumption) resume(ctx context.Context) error {
	if r.forks() {
		return r.fromHere(ctx) // which only reads the origin
	}
	if r.c.Bool("take-over") {
		// What would be refused is refused before the holder loses the run.
		done, err := r.rehearse(ctx)
		if done || err != nil {
			return err
		}
	}
	if err := r.acquire(ctx); err != nil {
		return err
	}
	return r.fromHere(ctx)
}

// rehearse does all that a resume does before it begins, and undoes it.
func (r *resumption) rehearse(ctx context.Context) (done bool, err error) {
	if err := r.pick(ctx); err != nil {
		return false, err
	}
	if r.stands() && !r.c.Bool("finalize") { // to finalize, the run must be had
		return r.reached(ctx)
	}
	use, err := r.use(ctx)
	if err != nil {
		return false, err
	}
	learner, err := r.restore(ctx, use)
	if err != nil {
		return false, err
	}
	learner.Close()
	src, err := r.openSource(ctx)
	if err != nil {
		return false, err
	}
	_, reader, err := r.prove(ctx, src)
	if err != nil {
		return false, err
	}
	return false, reader.Close()
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
	err = patiently(ctx, r.c.App.ErrWriter, func() (err error) {
		r.lease, err = r.ledger.Acquire(ctx, r.entry.ID, ledger.LeaseOptions{
			Wait: wait, TakeOver: r.c.Bool("take-over"),
			OnWait: func(e *ledger.HeldError) {
				fmt.Fprintf(r.c.App.ErrWriter, "Waiting up to %s: %v\n", human.Exact(wait), e)
			},
			OnWatch: func(p ledger.Progress) {
				fmt.Fprintf(r.c.App.ErrWriter, "Watching whether pid %d on %s still trains run %s\n", p.PID, p.Host, r.entry.ID.Short())
			},
		})
		return err
	})
	var held *ledger.HeldError
	if errors.As(err, &held) {
		return r.inUse(held)
	}
	if err != nil {
		return records.Explain(r.c, err)
	}
	if r.entry, err = r.ledger.Entry(ctx, r.entry.ID); err != nil {
		return r.release(records.Explain(r.c, err))
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
	use, err := r.use(ctx)
	if err != nil {
		return r.release(err)
	}
	learner, err := r.restore(ctx, use)
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
	return r.train(ctx, src, cursor, reader, learner, use)
}

// pick reads the snapshot to go on from, and fixes the config.
func (r *resumption) pick(ctx context.Context) error {
	if err := r.checkFork(); err != nil {
		return err
	}
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
	if err == nil {
		r.cursor = stream.Cursor{}
		if err = json.Unmarshal(r.snap.Position, &r.cursor); err != nil {
			err = fmt.Errorf("position: %w: %w", ledger.ErrDamaged, err)
		}
	}
	if err != nil {
		return r.damaged(ctx, seq, err)
	}
	if err := r.checkEpochs(); err != nil {
		return err
	}
	if err := r.pickErrored(ctx); err != nil {
		return err
	}
	r.accepted = r.differing()
	over := ledger.Config{}
	for _, field := range r.accepted {
		over[field] = r.want.given[field]
	}
	r.config = r.entry.Config.With(over)
	return checkUse(r.c, r.config)
}

// target is what the run is to reach now.
func (r *resumption) target() int64 {
	if r.want.target != nil {
		return *r.want.target
	}
	return r.entry.Target
}

// stands reports whether the target is reached.
func (r *resumption) stands() bool {
	return r.target() > 0 && r.snap.Samples() >= r.target()
}

// reached reports whether there is nothing left to train, nor to try again. What was asked to be
// changed of the run is changed all the same.
func (r *resumption) reached(ctx context.Context) (bool, error) {
	target := r.target()
	if !r.stands() || len(r.retry) > 0 {
		return false, nil
	}
	if !r.forks() {
		change := r.changes(nil)
		if change.Target != nil || change.Epochs > 0 || change.Interval != "" || len(change.Tags) > 0 || len(change.Record) > 0 {
			if err := patiently(ctx, r.c.App.ErrWriter, func() error { return r.ledger.Change(ctx, r.entry.ID, change) }); err != nil {
				return true, records.Explain(r.c, err)
			}
		}
	}
	at := r.snap.Samples()
	fmt.Fprintf(r.c.App.ErrWriter, "Ledger %s\nRun %s stands at %s: its target of %s is reached\n",
		human.Printable(records.Shown(r.ledger)), r.entry.ID.Short(), records.Samples(at), human.Count(target))
	r.sayRetry()
	if err := r.finalize(ctx); err != nil {
		return true, err
	}
	hint := r.again([]string{"run", "max-samples", "retry-errored"}, "--run", string(r.entry.ID), "--max-samples", fmt.Sprint(2*max(at, target)))
	alignHints(r.c.App.ErrWriter, []cmdline.Hint{{To: "to train further", Command: hint}})
	if r.c.Bool("json") {
		return true, printRun(ctx, r.c, r.ledger, r.entry.ID, at)
	}
	return true, nil
}

// restore gives the learner the snapshot's state, every byte of it verified.
func (r *resumption) restore(ctx context.Context, use volatile) (trainer.Learner, error) {
	learner, err := restoreLearner(ctx, r.ledger, r.config, use, &r.snap)
	if errors.Is(err, ledger.ErrDamaged) {
		return nil, r.damaged(ctx, r.snap.Seq, err)
	}
	return learner, err
}

// restoreLearner makes the learner of a config that knows what a snapshot holds.
func restoreLearner(ctx context.Context, l *ledger.Ledger, config ledger.Config, use volatile, snap *ledger.Snapshot) (trainer.Learner, error) {
	learner, err := newLearner(config, use)
	if err != nil {
		return nil, err
	}
	digest, err := learner.Restore(ctx, l, snap.Objects)
	switch {
	case err == nil && digest == snap.ModelDigest:
		return learner, nil
	case err == nil:
		err = fmt.Errorf("the restored model's digest is %.12s, not %.12s: %w", digest, snap.ModelDigest, ledger.ErrDamaged)
	case errors.Is(err, local.ErrState):
		err = fmt.Errorf("%w: %w", ledger.ErrDamaged, err)
	}
	learner.Close()
	return nil, fmt.Errorf("restore state: %w", err)
}

// train says where it is, begins the attempt and trains.
func (r *resumption) train(ctx context.Context, src *source, cursor stream.Cursor, reader stream.Reader, learner trainer.Learner, use volatile) error {
	fork := r.snap.Seq != r.entry.Head.Seq || len(r.accepted) > 0
	if slices.Contains(r.accept, "data") && !slices.Contains(r.accepted, "data") {
		fmt.Fprintln(r.c.App.ErrWriter, "note: --accept data was not needed: the data is the same")
	}
	switch {
	case fork:
		r.release(nil) // where the run moved on under an explicit --snapshot
	case r.lease == nil: // nothing that was to be accepted differs
		if err := r.acquire(ctx); err != nil {
			return err
		}
		if r.entry.Head.Seq != r.snap.Seq {
			return r.release(&cmdline.ExitError{Code: cmdline.RunInUse, Err: fmt.Errorf("run %s moved on while it was opened; try again", r.entry.ID.Short())})
		}
	}
	server, err := r.server(ctx, use)
	if err != nil {
		return r.release(records.Explain(r.c, err))
	}
	r.where(cursor, fork, server)
	t := &training{c: r.c, ledger: r.ledger, source: src, reader: reader, cursor: cursor, learner: learner, retry: r.retry, config: r.config, use: use, snap: r.snap, intro: func(run ledger.Run) {
		if fork {
			fmt.Fprintf(r.c.App.ErrWriter, "  As new run %s, forked from snapshot %d of run %s\n", run.ID, r.snap.Seq, r.entry.ID.Short())
		}
	}}
	return r.begin(ctx, t, func(ctx context.Context, a ledger.Attempt) (*ledger.Session, error) {
		if fork {
			return r.fork(ctx, src, cursor, a)
		}
		return r.ledger.Continue(ctx, r.lease, r.snap.Seq, r.changes(&src.record), a)
	})
}

// beginAgain begins a run once more that has no snapshot yet.
func (r *resumption) beginAgain(ctx context.Context, src *source) error {
	if err := checkUse(r.c, r.config); err != nil {
		return r.release(err)
	}
	use, err := r.use(ctx)
	if err != nil {
		return r.release(err)
	}
	learner, err := newLearner(r.config, use)
	if err != nil {
		return r.release(err)
	}
	defer learner.Close()
	reader, err := src.Open(ctx, stream.Cursor{})
	if err != nil {
		return r.release(err)
	}
	defer reader.Close()
	t := &training{c: r.c, ledger: r.ledger, source: src, reader: reader, learner: learner, config: r.config, use: use, intro: func(run ledger.Run) {
		fmt.Fprintf(r.c.App.ErrWriter, "Ledger %s\nStarting run %s again, it was stopped before its first snapshot, %s\n",
			human.Printable(records.Shown(r.ledger)), run.ID, describeConfig(r.config, use.endpoint(r.config)))
	}}
	return r.begin(ctx, t, func(ctx context.Context, a ledger.Attempt) (*ledger.Session, error) {
		return r.ledger.Continue(ctx, r.lease, 0, r.changes(&src.record), a)
	})
}

// begin begins the attempt; where it does not, the lease is given up.
func (r *resumption) begin(ctx context.Context, t *training, record func(context.Context, ledger.Attempt) (*ledger.Session, error)) error {
	err := t.begin(ctx, record)
	if t.session == nil {
		r.release(nil)
	}
	return records.Explain(r.c, r.serverChanged(err))
}

// changes are what of the run this attempt changes.
func (r *resumption) changes(src *ledger.Source) ledger.Changes {
	return ledger.Changes{Target: r.want.target, Epochs: r.want.epochs, Interval: r.want.interval, Source: src, Tags: r.want.tags, Record: r.want.record}
}

func (r *resumption) fork(ctx context.Context, src *source, cursor stream.Cursor, a ledger.Attempt) (*ledger.Session, error) {
	e := r.entry
	run := ledger.Run{
		Dataset: e.Dataset, Method: e.Method, Learner: e.Learner, Config: r.config, Source: src.record,
		Target: r.target(), Epochs: r.epochs(), Interval: e.Interval, Tags: r.want.tags, Record: r.want.record, Accepted: r.accepted,
	}
	if r.want.interval != "" {
		run.Interval = r.want.interval
	}
	position, err := json.Marshal(cursor)
	if err != nil {
		return nil, fmt.Errorf("encode position: %w", err)
	}
	return r.ledger.Fork(ctx, run, r.snap, position, a)
}

// where says where training goes on, before it does.
func (r *resumption) where(cursor stream.Cursor, fork bool, server string) {
	w, s := r.c.App.ErrWriter, &r.snap
	fmt.Fprintf(w, "Ledger %s\n", human.Printable(records.Shown(r.ledger)))
	verb := "Resuming run"
	if fork {
		verb = "Forking run"
	}
	fmt.Fprintf(w, "%s %s from snapshot %d (%s, %s)\n", verb, r.entry.ID.Short(), s.Seq, s.Kind, human.Ago(time.Now(), s.Time))
	fmt.Fprintf(w, "  Samples completed: %s   errored: %s   filtered: %s   next row: %s\n",
		human.Count(s.Trained), human.Count(s.Errored), human.Count(s.Filtered), human.Count(s.Row))
	proof := "nothing was consumed yet"
	switch {
	case slices.Contains(r.accepted, "data"):
		proof = "data differs and is accepted"
	case cursor.Last != nil:
		proof = "data verified at row " + human.Count(cursor.Last.At.Row)
	case s.Row > 0:
		proof = "another column is read, so that row " + human.Count(s.Row-1) + " could not be compared"
	}
	validated := "Configuration validated"
	if fields := slices.DeleteFunc(slices.Clone(r.accepted), func(f string) bool { return f == "data" }); len(fields) > 0 {
		validated = "Configuration differs in " + strings.Join(fields, ", ") + ", which is accepted"
	}
	fmt.Fprintf(w, "  %s, %s\n", validated, proof)
	fmt.Fprint(w, server)
	r.sayRetry()
	for _, v := range r.decision.Verdicts {
		if v.Verdict == ledger.Further {
			fmt.Fprintf(w, "note: %s, stands further; to resume it: %s\n", describeEntry(v.Entry, time.Now()),
				records.Command(r.c, "trainer", "resume", r.dataset, "--run", string(v.Entry.ID)))
		}
	}
}
