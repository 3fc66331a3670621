package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"

	"github.com/urfave/cli/v2"
)

// training is an attempt that is ready to begin: everything is checked, and
// nothing is learned yet.
type training struct {
	c       *cli.Context
	ledger  *ledger.Ledger
	source  *source
	reader  stream.Reader
	cursor  stream.Cursor
	learner trainer.Learner
	retry   []ledger.ErroredRow
	config  ledger.Config
	use     volatile
	snap    ledger.Snapshot   // what is gone on from; Seq 0 for none
	start   *trainer.Standing // where that is, of a learner on a server
	intro   func(ledger.Run)  // says what is begun, once it is

	signals *signals
	session *ledger.Session
}

// run trains until there is a reason to end, shows it, and turns that reason
// into the program's exit code.
func (t *training) run(ctx, untilSignal context.Context) error {
	defer t.session.Close()
	run := t.session.Run()
	interval, err := parseInterval(run.Interval)
	if err != nil {
		return err
	}
	from := t.session.Last().Counters
	if t.start != nil {
		from = t.start.Counters
	}
	t.intro(run)
	t.announce(run, interval, from)
	t.sayRetrying()

	ui := startUI(t.c.App.ErrWriter, run.Target, from)
	t.signals.ui.Store(ui)
	t.source.notices.ui.Store(ui) // which are the learner's too
	res, err := trainer.Run(ctx, trainer.Options{
		Session: t.session, Reader: t.reader, Cursor: t.cursor, Start: t.start, Learner: t.learner,
		Target: run.Target, Interval: interval, Stop: t.signals.stop, Events: ui.event,
		Workers: workers(t.c, run.Config), MaxErrors: maxErrors(t.c),
		Retry: t.retry, OpenAt: t.openAt, Skip: skipRow(t.c),
	})
	if err == nil {
		err = t.finalize(untilSignal, res)
	}
	ui.finish()
	t.source.notices.ui.Store(nil)
	return t.report(ctx, res, from, err)
}

// begin begins the attempt, which the caller's function records, and trains. A
// signal that comes while it waits for the learner's server or the ledger ends it
// before it began.
func (t *training) begin(ctx context.Context, record func(context.Context, ledger.Attempt) (*ledger.Session, error)) error {
	var waiting context.Context
	t.signals, waiting = catchSignals(ctx, t.c.App.ErrWriter)
	defer t.signals.release()
	a := attempt(t.c, t.config)
	a.Endpoint = t.use.endpoint(t.config)
	var err error
	if a.Nodes, err = connect(waiting, t.learner); err == nil {
		err = t.catchUp(waiting)
	}
	if err == nil {
		err = patiently(waiting, t.c.App.ErrWriter, func() (err error) {
			t.session, err = record(waiting, a)
			return err
		})
	}
	switch {
	case err != nil && t.signals.stopped():
		return &cmdline.ExitError{Code: cmdline.Interrupted, Err: errors.New("interrupted before the attempt began")}
	case err != nil:
		return err
	}
	return t.run(ctx, waiting)
}

// patiently repeats what fails only because others have the ledger locked: a
// trainer never fails because somebody looks.
func patiently(ctx context.Context, w io.Writer, do func() error) error {
	began := time.Now()
	for {
		err := do()
		if !errors.Is(err, ledger.ErrBusy) || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(w, "Waiting for the ledger, which another process has locked for %s\n", human.Duration(time.Since(began)))
	}
}

// announce says where the data comes from and what will be done.
func (t *training) announce(run ledger.Run, interval trainer.Interval, from ledger.Counters) {
	w := t.c.App.ErrWriter
	label := t.source.Info().Label
	if d, ok := t.source.Source.(stream.Describer); ok && len(t.source.print.Files) > 1 {
		label += ", " + d.Describe(t.cursor.Next)
	}
	if t.source.print.Sampled {
		label += ", fingerprint sampled"
	}
	fmt.Fprintf(w, "Streaming %s\n", human.Printable(label))
	target := "to the end of the data"
	if run.Target > 0 {
		target = "target " + human.Count(run.Target)
	}
	start := "starting from the beginning"
	if from.Row > 0 {
		start = "starting from sample " + human.Count(from.Samples())
	}
	crew := ""
	if n := workers(t.c, run.Config); n > 0 {
		crew = fmt.Sprintf(", %d workers", n)
	}
	fmt.Fprintf(w, "Training %s: %s, %s%s, checkpoint every %s\n", human.Printable(run.Dataset), target, start, crew, human.Interval(interval.Samples, interval.Time))
}

// report says how the attempt ended, and what to type next.
func (t *training) report(ctx context.Context, res trainer.Result, from ledger.Counters, runErr error) error {
	code := cmdline.OK
	switch {
	case errors.Is(runErr, ledger.ErrLeaseLost):
		code = cmdline.RunInUse
	case dataChanged(runErr):
		code = cmdline.DataChanged
	case errors.Is(runErr, errFinalize) && t.signals.stopped():
		code = cmdline.Interrupted
	case runErr != nil:
		code = cmdline.Failed
	case res.Reason == ledger.Interrupted:
		code = cmdline.Interrupted
	}
	if res.Reason == ledger.Exhausted {
		fmt.Fprintf(t.c.App.ErrWriter, "Exhausted: the data ended at row %s\n", human.Count(res.Counters.Row))
	}
	w := t.c.App.Writer
	if t.c.Bool("json") {
		w = t.c.App.ErrWriter
		if err := t.printJSON(ctx, from.Samples()); err != nil && runErr == nil {
			runErr, code = err, cmdline.Failed
		}
	}
	stuck := t.stuck(ctx, res, runErr)
	t.summary(w, res, runErr, stuck)
	if code == cmdline.OK {
		return nil
	}
	exit, ok := explainServer(runErr).(*cmdline.ExitError)
	if !ok {
		exit = &cmdline.ExitError{Code: code, Err: runErr}
	}
	if errors.Is(runErr, syscall.ENOSPC) {
		exit.Details = []string{"the disk is full: free some of it, and then go on"}
	}
	if stuck != nil {
		exit.Details = append(exit.Details, stuck.words...)
	}
	return exit
}

func (t *training) summary(w io.Writer, res trainer.Result, runErr error, stuck *stuckRow) {
	run := t.session.Run()
	n := res.Counters
	fmt.Fprintf(w, "%s: %s of %s\n", ending(res, run), records.Samples(n.Samples()), human.Printable(run.Dataset))
	fmt.Fprintf(w, "  Samples completed: %s   errored: %s   filtered: %s   next row: %s\n",
		human.Count(n.Trained), human.Count(n.Errored), human.Count(n.Filtered), human.Count(n.Row))
	rate := 0.0
	if s := res.Took.Seconds(); s > 0 {
		rate = float64(res.Samples) / s
	}
	fmt.Fprintf(w, "  This attempt: %s in %s, %s\n", records.Samples(res.Samples), human.Duration(res.Took), human.Rate(rate))
	if s := res.Newest; s.Seq > 0 {
		fmt.Fprintf(w, "  Snapshot %d (%s) of run %s, %s, in %s\n", s.Seq, s.Kind, run.ID.Short(), human.Bytes(s.StateBytes()), human.Printable(records.Shown(t.ledger)))
	} else {
		fmt.Fprintf(w, "  No snapshot of run %s in %s\n", run.ID.Short(), human.Printable(records.Shown(t.ledger)))
	}
	fmt.Fprintln(w)
	alignHints(w, t.next(res, run, runErr, stuck))
}

// ending names the end in words.
func ending(res trainer.Result, run ledger.Run) string {
	switch res.Reason {
	case ledger.Completed:
		return "Completed, the target is reached"
	case ledger.Exhausted:
		if run.Target > 0 {
			return fmt.Sprintf("Exhausted, the data ended before the target of %s", human.Count(run.Target))
		}
		return "Exhausted, the data ended"
	case ledger.Interrupted:
		return "Interrupted"
	}
	return "Failed"
}

// next are the commands that follow from how the attempt ended.
func (t *training) next(res trainer.Result, run ledger.Run, runErr error, stuck *stuckRow) []cmdline.Hint {
	var hints []cmdline.Hint
	hint := func(to string, flags ...string) {
		words := slices.Concat([]string{"trainer", "resume", run.Dataset, "--run", string(run.ID)}, flags)
		if skip := skipRow(t.c); skip != nil && *skip >= res.Counters.Row && !slices.Contains(flags, "--skip-row") {
			words = append(words, "--skip-row", fmt.Sprint(*skip)) // it was not reached
		}
		hints = append(hints, cmdline.Hint{To: to, Command: records.Command(t.c, words...)})
	}
	var tooMany *trainer.MaxErrorsError
	var unlearned *trainer.LearnError
	var foreign *kato.ForeignError
	switch {
	case errors.Is(runErr, ledger.ErrLeaseLost), res.Newest.Seq == 0:
	case errors.As(runErr, &tooMany):
		hints = append(hints,
			cmdline.Hint{To: "to see the last of these rows", Command: records.Command(t.c, "trainer", "rows", string(run.ID), "--from", fmt.Sprint(tooMany.Last.Row), "--count", "1", "--raw")})
		hint("to go on behind it")
		hint("to go on however many there are", "--max-errors", "0")
	case errors.As(runErr, &foreign): // a resume would be refused like this one
	case errors.Is(runErr, errFinalize):
		hint("to finalize it", "--finalize")
	case dataChanged(runErr) && records.Remote(run.Config):
	case dataChanged(runErr):
		hint("to go on with it as it is now, as a new run", "--accept", "data")
	case res.Reason == ledger.Completed:
		hint("to train further", "--max-samples", fmt.Sprint(2*run.Target))
	case res.Reason == ledger.Exhausted:
		hint("to go through the data once more", "--epochs", fmt.Sprint(run.Passes()+1))
	case errors.As(runErr, &unlearned) && unlearned.Again && records.Remote(run.Config): // it goes on with that row
		hint("to go on")
		hint("to leave that row errored", "--skip-row", fmt.Sprint(unlearned.Row))
	case stuck != nil && stuck.skip:
		hint("to go on without it", "--skip-row", fmt.Sprint(stuck.row))
		hint("to try it again")
	case res.Reason == ledger.Interrupted, res.Reason == ledger.Failed:
		hint("to go on")
	}
	return append(hints, cmdline.Hint{To: "to look at it", Command: records.Command(t.c, "ckpt", "show", string(run.ID))})
}

// dataChanged reports whether files were changed while they were read.
func dataChanged(err error) bool {
	var changed *stream.ChangedError
	return errors.As(err, &changed)
}

func alignHints(w io.Writer, hints []cmdline.Hint) {
	width := 0
	for _, h := range hints {
		width = max(width, len(h.To))
	}
	for _, h := range hints {
		fmt.Fprintf(w, "  %-*s   %s\n", width+1, h.To+":", h.Command)
	}
}

func (t *training) printJSON(ctx context.Context, resumedAt int64) error {
	return printRun(ctx, t.c, t.ledger, t.session.Run().ID, resumedAt)
}

// printRun prints the run as one object.
func printRun(ctx context.Context, c *cli.Context, l *ledger.Ledger, id ledger.RunID, resumedAt int64) error {
	e, err := l.Entry(ctx, id)
	if err != nil {
		return records.Explain(c, err)
	}
	standings, err := l.Standings(ctx, []ledger.Entry{e})
	if err != nil {
		return records.Explain(c, err)
	}
	out := records.RunOf(e, standings[0])
	out.ResumedAtSample = &resumedAt
	return cmdline.WriteJSON(c.App.Writer, out)
}
