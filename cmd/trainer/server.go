package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
)

// This file is about a run whose model lies on a server: where that is, what it
// can be asked for, and what a run cannot do because of it.

// of is what is volatile of one run.
func (v volatile) of(run ledger.RunID, dataset string, n *notices) volatile {
	v.run, v.dataset, v.notices = run, dataset, n
	return v
}

// endpoint is the server of a config's learner as it may be shown and kept, without
// user and password; empty where there is none.
func (v *volatile) endpoint(c ledger.Config) string {
	u, err := url.Parse(cmp.Or(v.url, kato.DefaultURL))
	if !records.Remote(c) || err != nil {
		return ""
	}
	u.User = nil
	return strings.TrimRight(u.String(), "/")
}

// use is what is volatile of the run to go on from. Where nothing else is said its
// server is the one it had.
func (r *resumption) use(ctx context.Context) (volatile, error) {
	v := r.want.volatile.of(r.entry.ID, r.dataset, r.notices)
	if v.url == "" && records.Remote(r.config) {
		var err error
		if v.url, err = endpointOf(ctx, r.ledger, r.entry.ID); err != nil {
			return v, records.Explain(r.c, err)
		}
	}
	return v, nil
}

// endpointOf is the server of a run's newest attempt that had one.
func endpointOf(ctx context.Context, l *ledger.Ledger, id ledger.RunID) (string, error) {
	attempts, err := l.Attempts(ctx, id)
	if err != nil {
		return "", err
	}
	for _, a := range slices.Backward(attempts) {
		if a.Endpoint != "" {
			return a.Endpoint, nil
		}
	}
	return "", nil
}

// server says what learns where a server does, and how far that is ahead of the
// snapshot.
func (r *resumption) server(ctx context.Context, use volatile) (string, error) {
	if !records.Remote(r.config) {
		return "", nil
	}
	text := fmt.Sprintf("  Learner %s, %s\n", describeLearner(r.config, use.endpoint(r.config)), records.Exactness(r.config))
	m, err := r.ledger.Mark(ctx, r.entry.ID)
	if m.Row > r.snap.Row {
		text += fmt.Sprintf("  The server has learned the rows before %s: up to there they are learned here only\n", human.Count(m.Row))
	}
	return text, err
}

// checkLearner refuses flags of kato where no run of the dataset could heed them.
func (r *resumption) checkLearner(runs []ledger.Entry) error {
	var asked []ledger.Entry
	for _, e := range runs {
		if r.only == "" || r.only == e.ID {
			asked = append(asked, e)
		}
	}
	if len(asked) == 0 || slices.ContainsFunc(asked, func(e ledger.Entry) bool { return records.Remote(e.Config) }) {
		return nil
	}
	if flag := anyKato(r.c); flag != "" && !has(r.want.given, "learner") {
		return cmdline.Usagef("--%s needs --learner %s: no run of %s here has it", flag, onServer, human.Quote(r.dataset))
	}
	return nil
}

// checkFork refuses to fork a run whose model lies on a server.
func (r *resumption) checkFork() error {
	if !records.Remote(r.entry.Config) || !r.forks() {
		return nil
	}
	if r.seq != 0 && r.seq != r.entry.Head.Seq {
		return &cmdline.UsageError{
			Message: fmt.Sprintf("--snapshot %d: a run of %s resumes only from its newest snapshot, which is %d: what its server has learned since cannot be taken back",
				r.seq, onServer, r.entry.Head.Seq),
			Try: r.again([]string{"snapshot"}, "--run", string(r.entry.ID)),
		}
	}
	what := "data"
	if fields := r.differing(); len(fields) > 0 {
		what = fields[0]
	}
	return &cmdline.UsageError{
		Message: fmt.Sprintf("--accept %s: a run of %s cannot be forked: what its server knows stays what was learned before; start a new run", what, onServer),
		Try:     r.anew(&r.entry),
	}
}

// likeRun are the flags that a new run needs to have the learner and the server of
// another, where none were asked for.
func (r *resumption) likeRun(e *ledger.Entry) []string {
	if e == nil || !records.Remote(e.Config) || r.want.given["learner"] == inProcess {
		return nil
	}
	var args []string
	if !has(r.want.given, "learner") && anyKato(r.c) == "" { // which implies it
		args = []string{"--learner", onServer}
	}
	if r.want.volatile.url != "" {
		return args
	}
	if endpoint, err := endpointOf(r.c.Context, r.ledger, e.ID); err == nil && endpoint != "" && endpoint != kato.DefaultURL {
		args = append(args, "--kato-url", endpoint)
	}
	return args
}

// unfit are the flags given that mean nothing for a run.
func unfit(e *ledger.Entry) []string {
	if records.Remote(e.Config) {
		return nil
	}
	return katoNames()
}

// connect waits for the learner's server, where it has one, and returns the names
// under which it keeps what it learns, one a layer.
func connect(ctx context.Context, learner trainer.Learner) ([]string, error) {
	l, ok := learner.(*kato.Learner)
	if !ok {
		return nil, nil
	}
	nodes, err := l.Connect(ctx)
	return nodes, explainServer(err)
}

// catchUp brings a learner on a server from the snapshot to where the server is, and
// has it compare itself with that.
func (t *training) catchUp(ctx context.Context) error {
	learner, ok := t.learner.(trainer.Remote)
	if !ok {
		return nil
	}
	mark, err := t.ledger.Mark(ctx, t.use.run)
	if err != nil {
		return err
	}
	errored, err := t.ledger.Errored(ctx, t.use.run, t.snap.Seq)
	if err != nil {
		return err
	}
	t.start, err = trainer.CatchUp(ctx, trainer.Behind{
		Learner: learner, Mark: mark, Reader: t.reader, Cursor: t.cursor, Counters: t.snap.Counters, Errored: errored, Skip: skipRow(t.c), OpenAt: t.openAt,
	})
	if err != nil {
		return explainServer(err)
	}
	t.retry = t.start.Retrying // an attempt that was at it goes on with it
	if t.c.Bool("retry-errored") {
		t.retry = t.start.All
	}
	return nil
}

// finalize has the server do what it does once, after training: it is asked for
// and the target is reached, or the end of the data where there is no target.
func (t *training) finalize(ctx context.Context, res trainer.Result) error {
	l, ok := t.learner.(*kato.Learner)
	switch {
	case !ok || !t.c.Bool("finalize"):
		return nil
	case res.Reason == ledger.Completed, res.Reason == ledger.Exhausted && t.session.Run().Target == 0:
		return finalize(ctx, l, t.use.notices)
	}
	t.use.notices.say("note: the target is not reached, so that nothing was finalized")
	return nil
}

// finalize does so where the target was reached before.
func (r *resumption) finalize(ctx context.Context) error {
	if !r.c.Bool("finalize") {
		return nil
	}
	use, err := r.use(ctx)
	if err != nil {
		return err
	}
	learner, err := newLearner(r.config, use)
	if err != nil {
		return err
	}
	defer learner.Close()
	if _, err := connect(ctx, learner); err != nil {
		return err
	}
	if err := finalize(ctx, learner.(*kato.Learner), use.notices); err != nil { // pick refuses the flag for others
		return &cmdline.ExitError{Code: cmdline.Failed, Err: err, Hints: []cmdline.Hint{{To: "to try it again", Command: r.again(nil, "--run", string(r.entry.ID))}}}
	}
	return nil
}

func finalize(ctx context.Context, l *kato.Learner, notices *notices) error {
	notices.say("Finalizing the training on the server")
	if err := l.Finalize(ctx); err != nil {
		return fmt.Errorf("%w: %w", errFinalize, err)
	}
	return nil
}

// errFinalize says that all is trained and saved, and the server did not finish
// with it.
var errFinalize = errors.New("finalize training")

// serverChanged adds the ways out to the refusal of a server that does not know
// what the run has taught it, or knows more.
func (r *resumption) serverChanged(err error) error {
	var exit *cmdline.ExitError
	if errors.As(err, &exit) && exit.Kind == serverChanged {
		exit.Hints = []cmdline.Hint{
			{To: "to start a new run like it", Command: r.likeIt()},
			{To: "to look at it", Command: records.Command(r.c, "ckpt", "show", string(r.entry.ID))},
		}
	}
	return err
}

// likeIt is the command that starts a new run of the settings and the target of
// this one.
func (r *resumption) likeIt() string {
	usual, err := complete(r.dataset, ledger.Config{"learner": onServer})
	if err != nil {
		return r.anew(&r.entry)
	}
	own := ledger.Config{}
	for _, d := range usual.DiffGiven(r.entry.Config) {
		if !has(r.want.given, d.Field) {
			own[d.Field] = r.entry.Config[d.Field]
		}
	}
	args := settingArgs(own)
	if r.want.target == nil && r.entry.Target > 0 {
		args = append(args, "--max-samples", fmt.Sprint(r.entry.Target))
	}
	return r.anew(&r.entry, args...)
}

// serverChanged is the kind of error of a server whose knowledge is not the run's.
const serverChanged = "server_changed"

// explainServer gives what a server does wrong its exit code and the ways out.
func explainServer(err error) error {
	var unreachable *kato.UnreachableError
	var foreign *kato.ForeignError
	switch {
	case errors.As(err, &unreachable):
		return &cmdline.ExitError{
			Code: cmdline.Failed, Kind: "server_unreachable", Err: err,
			Details: []string{"--kato-url URL or " + katoEnv + " names another server, --kato-wait LONG waits longer for it"},
		}
	case errors.As(err, &foreign):
		exit := &cmdline.ExitError{Code: cmdline.DataChanged, Kind: serverChanged, Err: err}
		for _, d := range foreign.Differs {
			exit.Details = append(exit.Details, d.String())
		}
		if more := foreign.Count - len(foreign.Differs); more > 0 {
			exit.Details = append(exit.Details, fmt.Sprintf("and %d more", more))
		}
		ways := "if another server was taught, --kato-url URL or " + katoEnv + " names it; without what it has learned the run cannot go on"
		if foreign.Higher {
			ways = "the model there is not what this run has learned any more: the run cannot go on"
		}
		exit.Details = append(exit.Details, ways)
		return exit
	}
	return err
}
