package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"

	"github.com/urfave/cli/v2"
)

// This file says why a resume is refused, and what to type next. Every command
// is complete: ledger, data and settings as they were given.

// nearest is how many runs a refusal names.
const nearest = 3

// again is the call as it was made, without the flags in drop, and with those
// that are added. A run that is named takes the place of what else chose one.
func (r *resumption) again(drop []string, add ...string) string {
	return r.againOf(r.asNamed(), drop, add...)
}

// againOf is again, of a dataset that is named in another way.
func (r *resumption) againOf(dataset string, drop []string, add ...string) string {
	if slices.Contains(add, "--run") {
		drop = append(drop, "run", "or-start", "name")
	}
	words := append([]string{"trainer", "resume", dataset}, add...)
	if r.seq != 0 && !r.c.IsSet("snapshot") && !slices.Contains(drop, "snapshot") {
		words = append(words, "--snapshot", fmt.Sprint(r.seq)) // RUN#N, RUN@SAMPLES
	}
	return records.Command(r.c, append(words, r.flags(r.c.Command.Flags, drop)...)...)
}

// asNamed is the dataset as it was named, with a revision if one was given.
func (r *resumption) asNamed() string {
	if r.want.revision != "" {
		return r.arg
	}
	return r.dataset
}

// newRun is the call as it was made, as one that starts a run of a dataset.
func (r *resumption) newRun(dataset string) []string {
	words := slices.Concat([]string{"trainer", "run", dataset}, impliedOrder(r.want.given), impliedLearner(r.c, r.want.given))
	return append(words, r.flags(runCommand().Flags, nil)...)
}

// anew is the command that starts a new run of what was asked for, with more flags,
// over the data that e was read from where none was given.
func (r *resumption) anew(e *ledger.Entry, more ...string) string {
	words := slices.Concat(r.newRun(r.asNamed()), r.likeRun(e), more)
	if r.want.data == nil && e != nil {
		if was, err := recorded(e.Source); err == nil {
			words = append(words, dataArgs(was.Data)...)
		}
	}
	return records.Command(r.c, words...)
}

// flags are those of the list that were given, as they were given; those that
// decide the model come first.
func (r *resumption) flags(list []cli.Flag, drop []string) []string {
	var words []string
	settings := settingNames()
	first := slices.Clone(list)
	slices.SortStableFunc(first, func(a, b cli.Flag) int {
		rank := func(f cli.Flag) int {
			if slices.Contains(settings, f.Names()[0]) {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	for _, f := range first {
		name := f.Names()[0]
		if !r.c.IsSet(name) || name == "json" || name == "explain" || slices.Contains(drop, name) {
			continue
		}
		switch f.(type) {
		case *cli.BoolFlag:
			if !r.c.Bool(name) {
				name += "=false"
			}
			words = append(words, "--"+name)
		case *cli.StringSliceFlag:
			for _, v := range withoutSecrets(r.c.StringSlice(name)) {
				words = append(words, "--"+name, v)
			}
		default:
			words = append(words, "--"+name, withoutSecrets([]string{fmt.Sprint(r.c.Value(name))})[0])
		}
	}
	return words
}

// settingNames are the flags that decide what the model becomes, and --workers,
// which may say how.
func settingNames() []string {
	names := []string{"workers"}
	for _, f := range settingFlags() {
		names = append(names, f.Names()[0])
	}
	return names
}

// nothing refuses because there is no run to resume. Nothing is started instead.
func (r *resumption) nothing(ctx context.Context, cause error) error {
	if r.dataset == "" {
		r.dataset = r.arg
	}
	name := r.dataset
	exit := &cmdline.ExitError{Code: cmdline.NothingToResume, Candidates: r.candidates()}
	exit.Err = fmt.Errorf("nothing to resume: no run of %s in %s", human.Quote(name), records.Dir(r.c))
	if cause != nil {
		exit.Err = fmt.Errorf("nothing to resume: %w", cause)
	}
	now := time.Now()
	if r.ledger == nil {
		for _, line := range records.LegacyNotes(records.Dir(r.c), now) {
			fmt.Fprintln(r.c.App.ErrWriter, line)
		}
	} else {
		exit.Details = append(exit.Details, "looked in "+records.Shown(r.ledger))
		exit.Details = append(exit.Details, r.near(ctx, now)...)
	}
	if r.ledger != nil {
		exit.Hints = append(exit.Hints, cmdline.Hint{To: "to see the runs there are", Command: records.Command(r.c, "ckpt", "list")})
	}
	exit.Hints = append(exit.Hints, cmdline.Hint{To: "to start a run", Command: r.startCommand(name)})
	return exit
}

// startCommand starts a run of a dataset.
func (r *resumption) startCommand(name string) string {
	if !isDataset(name) && r.want.data == nil {
		for _, v := range r.decision.Verdicts {
			return r.anew(&v.Entry)
		}
		return "trainer run --help" // what to type depends on where the data lies
	}
	return r.anew(nil)
}

// near describes the runs that come nearest, each with the first field that
// differs: those of the dataset, else the latest of all.
func (r *resumption) near(ctx context.Context, now time.Time) []string {
	verdicts := r.decision.Verdicts
	if len(verdicts) == 0 {
		runs, _, err := r.ledger.List(ctx, ledger.Query{Limit: nearest})
		if err != nil {
			return nil // the refusal itself matters more
		}
		verdicts = ledger.Match(runs, ledger.Want{Dataset: r.dataset, Given: r.want.given, Runnable: runnable()}).Verdicts
	}
	var lines []string
	for _, v := range verdicts[:min(nearest, len(verdicts))] {
		line := describeEntry(v.Entry, now)
		switch v.Verdict {
		case ledger.Chosen, ledger.Older, ledger.Further, ledger.OtherConfig: // nothing speaks against it
		default:
			line += ": " + why(v)
		}
		lines = append(lines, line)
	}
	return lines
}

// why says what speaks against a run: the first field that differs, or the verdict.
func why(v ledger.Verdict) string {
	if len(v.Differs) == 0 {
		return v.Verdict
	}
	d := v.Differs[0]
	return fmt.Sprintf("%s checkpoint=%s current=%s", d.Field, records.Setting(d.Checkpoint), records.Setting(d.Current))
}

func (r *resumption) candidates() []cmdline.Candidate {
	var out []cmdline.Candidate
	for _, v := range r.decision.Verdicts {
		out = append(out, cmdline.Candidate{Run: string(v.Entry.ID), Seq: v.Entry.Head.Seq, Verdict: v.Verdict, Field: v.Field})
	}
	return out
}

// mismatch refuses because each run differs in a setting that was given. The one
// that differs least is shown; of several the latest.
func (r *resumption) mismatch() error {
	best := -1
	for i, v := range r.decision.Verdicts {
		if v.Verdict == ledger.Differs && (best < 0 || len(v.Differs) < len(r.decision.Verdicts[best].Differs)) {
			best = i
		}
	}
	v := r.decision.Verdicts[best]
	now := time.Now()
	exit := &cmdline.ExitError{
		Code: cmdline.ConfigMismatch, Candidates: r.candidates(),
		Err:     fmt.Errorf("configuration mismatch: cannot resume %s", human.Printable(r.arg)),
		Details: []string{describeEntry(v.Entry, now) + ", differs:"},
		Hints: []cmdline.Hint{
			{To: "to go on with that run", Command: r.resumeOf(v)},
			{To: "to start a new one", Command: r.anew(&v.Entry)},
		},
	}
	for _, d := range v.Differs {
		exit.Differs = append(exit.Differs, cmdline.Differ(d))
	}
	if others := len(r.decision.Verdicts) - 1; others > 0 {
		exit.Hints = append(exit.Hints, cmdline.Hint{To: "to see all runs of it", Command: records.Command(r.c, "ckpt", "list", r.dataset)})
	}
	return exit
}

// resumeOf is the command that resumes the run of a verdict: by the settings in
// which it differs where these mean just that run, else by its id.
func (r *resumption) resumeOf(v ledger.Verdict) string {
	instead := ledger.Config{}
	for key := range r.want.given {
		if value, ok := v.Entry.Config[key]; ok {
			instead[key] = value
		}
	}
	var runs []ledger.Entry
	for _, o := range r.decision.Verdicts {
		runs = append(runs, o.Entry)
	}
	d := ledger.Match(runs, ledger.Want{Dataset: r.dataset, Run: r.only, Given: instead, Runnable: runnable()})
	if d.Outcome == ledger.Matched && d.Chosen.ID == v.Entry.ID && r.only == "" {
		return r.again(append(settingNames(), unfit(&v.Entry)...), settingArgs(instead)...)
	}
	return r.again(append(settingNames(), unfit(&v.Entry)...), "--run", string(v.Entry.ID))
}

// ambiguous refuses because runs of several configs are left.
func (r *resumption) ambiguous() error {
	now := time.Now()
	exit := &cmdline.ExitError{
		Code: cmdline.Ambiguous, Candidates: r.candidates(),
		Err: fmt.Errorf("ambiguous: runs of %s with several configurations could be resumed", human.Printable(r.dataset)),
	}
	for _, v := range r.decision.Verdicts {
		if v.Verdict != ledger.OtherConfig {
			continue
		}
		line := describeEntry(v.Entry, now)
		for _, d := range v.Differs {
			line += fmt.Sprintf(", %s %s", d.Field, records.Setting(d.Checkpoint))
		}
		exit.Details = append(exit.Details, line)
		exit.Hints = append(exit.Hints, cmdline.Hint{To: "to resume " + v.Entry.ID.Short(), Command: r.again(unfit(&v.Entry), "--run", string(v.Entry.ID))})
	}
	return exit
}

// inUse refuses because a live trainer has the run.
func (r *resumption) inUse(held *ledger.HeldError) error {
	id := string(r.entry.ID)
	return &cmdline.ExitError{
		Code: cmdline.RunInUse, Candidates: r.candidates(), Err: held,
		Hints: []cmdline.Hint{
			{To: "to wait for it", Command: r.again([]string{"take-over", "wait"}, "--run", id, "--wait", "5m")},
			{To: "to look at it", Command: records.Command(r.c, "ckpt", "show", id)},
			{To: "to take it over", Command: r.again([]string{"wait"}, "--run", id, "--take-over")},
		},
	}
}

// damaged refuses a snapshot whose record or state is not what it was, and names
// the newest one before it that is.
func (r *resumption) damaged(ctx context.Context, seq uint64, cause error) error {
	exit := &cmdline.ExitError{
		Code: cmdline.Damaged,
		Err:  fmt.Errorf("snapshot %d of run %s cannot be restored: %w", seq, r.entry.ID.Short(), cause),
	}
	sound, ok, err := r.ledger.Soundest(ctx, r.entry.ID, seq-1)
	switch {
	case err != nil:
		exit.Err = errors.Join(exit.Err, err)
	case ok:
		exit.Details = []string{fmt.Sprintf("the newest sound snapshot is %d, of %s, %s", sound.Seq, records.Samples(sound.Samples()), human.Ago(time.Now(), sound.Time))}
		if records.Remote(r.entry.Config) {
			exit.Details = append(exit.Details, "it cannot be gone on from: what the server has learned since cannot be taken back")
			break
		}
		exit.Hints = append(exit.Hints, cmdline.Hint{To: "to go on from it, as a new run",
			Command: r.again([]string{"snapshot", "take-over", "wait"}, "--run", string(r.entry.ID), "--snapshot", fmt.Sprint(sound.Seq))})
	default:
		exit.Details = []string{"no snapshot before it is sound"}
	}
	exit.Hints = append(exit.Hints, cmdline.Hint{To: "to start a new run", Command: r.anew(&r.entry)})
	return exit
}

// dataGone refuses because the data is not where it was.
func (r *resumption) dataGone(cause error) error {
	return &cmdline.ExitError{
		Code: cmdline.DataChanged, Kind: "data_missing",
		Err:     fmt.Errorf("the data of run %s cannot be read where it was: %w", r.entry.ID.Short(), cause),
		Details: []string{"if it lies elsewhere now, say where with --data PATH"},
		Hints:   []cmdline.Hint{{To: "to look at the run", Command: records.Command(r.c, "ckpt", "show", string(r.entry.ID))}},
	}
}

// dataChanged refuses because the data is not what the run has seen, or cannot
// be gone on with.
func (r *resumption) dataChanged(changes []stream.Change, cause error) error {
	accepted := slices.Contains(r.accepted, "data")
	exit := &cmdline.ExitError{Code: cmdline.DataChanged, Err: fmt.Errorf("the data changed since run %s read it", r.entry.ID.Short())}
	switch {
	case accepted: // and does not reach as far as the run did
		exit.Err = fmt.Errorf("the data cannot be gone on with at row %s: %w", human.Count(r.snap.Row), cause)
	case cause != nil:
		exit.Err = fmt.Errorf("%w: %w", exit.Err, cause)
	}
	for _, c := range changes[:min(20, len(changes))] {
		exit.Details = append(exit.Details, c.String())
	}
	if more := len(changes) - 20; more > 0 {
		exit.Details = append(exit.Details, fmt.Sprintf("and %d more", more))
	}
	if !accepted && r.want.revision != "" {
		exit.Hints = append(exit.Hints, cmdline.Hint{To: "to go on with the revision it has read", Command: r.againOf(r.dataset, nil)})
	}
	damaged := slices.ContainsFunc(changes, func(c stream.Change) bool { return c.What == stream.Damaged })
	if damaged { // nothing else would be read with --accept data
		exit.Err = errors.New("the Hugging Face cache is damaged")
		exit.Details = append(exit.Details, "remove it from the cache, and it is read from the hub")
		return exit
	}
	if !accepted {
		exit.Details = append(exit.Details, "if the data it read lies elsewhere, say where with --data PATH")
	}
	if !accepted && !records.Remote(r.entry.Config) {
		exit.Hints = append(exit.Hints, cmdline.Hint{To: "to go on with it as it is now, as a new run",
			Command: r.again([]string{"take-over", "wait"}, "--run", string(r.entry.ID), "--accept", "data")})
	}
	exit.Hints = append(exit.Hints, cmdline.Hint{To: "to start a new run", Command: r.anew(&r.entry)})
	return exit
}

// explain says what would be resumed, looking at everything that a resume looks
// at but the state.
func (r *resumption) explain(ctx context.Context) error {
	w, now := r.c.App.Writer, time.Now()
	if err := r.pick(ctx); err != nil {
		return err
	}
	live, err := r.ledger.Probe(r.entry.ID)
	if err != nil {
		return records.Explain(r.c, err)
	}
	src, err := r.openSource(ctx)
	if err != nil {
		return err
	}
	cursor, reader, err := r.prove(ctx, src)
	if err != nil {
		return err
	}
	reader.Close()
	cost := src.cost(cursor)
	if r.c.Bool("json") {
		return cmdline.WriteJSON(w, struct {
			Run        ledger.RunID        `json:"run"`
			Seq        uint64              `json:"seq"`
			Row        int64               `json:"row"`
			Trained    int64               `json:"trained"`
			InUse      bool                `json:"in_use"`
			Target     int64               `json:"target"`
			Epochs     int                 `json:"epochs"`
			Fork       bool                `json:"fork"`
			Cost       costJSON            `json:"cost"`
			Candidates []cmdline.Candidate `json:"candidates"`
		}{r.entry.ID, r.snap.Seq, r.snap.Row, r.snap.Trained, live.Held, r.target(), r.epochs(), r.snap.Seq != r.entry.Head.Seq || len(r.accepted) > 0, costJSON{cost.Compressed, cost.Raw}, r.candidates()})
	}
	fork := r.snap.Seq != r.entry.Head.Seq || len(r.accepted) > 0
	verified := "data verified"
	if slices.Contains(r.accepted, "data") {
		verified = "data differs, which is accepted"
	}
	how := "Would resume"
	if fork {
		how = "Would fork a new run from"
	}
	fmt.Fprintf(w, "%s run %s, snapshot %d (%s, %s): %s, next row %s, %s\n", how, r.entry.ID, r.snap.Seq, r.snap.Kind,
		human.Ago(now, r.snap.Time), records.Samples(r.snap.Samples()), human.Count(r.snap.Row), verified)
	switch target := r.target(); {
	case live.Held:
		fmt.Fprintf(w, "  but it is in use by pid %d on %s\n", live.Progress.PID, live.Progress.Host)
	case target > 0 && r.snap.Samples() >= target:
		fmt.Fprintf(w, "  but its target of %s is reached\n", human.Count(target))
	}
	if words := costWords(src.Info().Format, cost); words != "" {
		fmt.Fprintf(w, "  to find the row, %s\n", words)
	}
	for _, v := range r.decision.Verdicts {
		line := fmt.Sprintf("  %-14s %s", v.Verdict, describeEntry(v.Entry, now))
		if len(v.Differs) > 0 {
			line += ": " + why(v)
		}
		fmt.Fprintln(w, human.Printable(line))
	}
	return nil
}
