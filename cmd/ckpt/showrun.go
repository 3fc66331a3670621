package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"
	"ckptledger/stream"

	"github.com/urfave/cli/v2"
)

func (p program) showRun(c *cli.Context, r *run) error {
	w, now, e := c.App.Writer, p.now(), &r.Entry
	f := &facts{w: w}
	at, _, updated := current(*e, r.Standing)
	f.add("Run", string(e.ID))
	f.add("Name", e.Name)
	f.add("Dataset", e.Dataset)
	f.add("Status", records.Ending(e, r.Standing, now))
	if !r.trashed.IsZero() {
		f.add("Trash", "moved there "+when(now, r.trashed))
	}
	f.add("Samples", progress(at, e.Target))
	f.add("Rows", rows(at))
	f.add("Position", position(&r.mark, e.Head.Row))
	if n := e.Passes(); n > 1 {
		f.add("Epochs", strconv.Itoa(n))
	}
	f.add("Trained for", trainedFor(e, len(r.attempts)))
	f.add("Checkpoints", "every "+interval(e.Interval))
	f.add("Created", when(now, e.Created))
	f.add("Updated", when(now, updated))
	f.add("State", fmt.Sprintf("%s; restoring the newest snapshot reads %s", human.Bytes(e.Head.StateBytes), human.Bytes(e.Head.RestoreBytes)))
	f.add("Tags", strings.Join(e.Tags, ", "))
	for _, key := range sortedKeys(e.Record) {
		f.add("Record", key+"="+e.Record[key])
	}
	if o := e.ForkedFrom; o != nil {
		f.add("Forked from", fmt.Sprintf("snapshot %d of run %s", o.Seq, o.Run))
	}
	f.add("Accepted", strings.Join(e.Accepted, ", "))
	if n := len(r.attempts); n > 0 {
		a := &r.attempts[n-1]
		f.add("Command", human.Quote(a.Command...))
		f.add("Folder", a.Folder)
		f.add("Git commit", a.Git)
		f.add("Program", a.Program)
	}
	showSource(f, e)
	showServer(f, r)
	f.flush()

	fmt.Fprintf(w, "\nConfig %s\n", human.ShortHash(e.ConfigHash))
	for _, key := range sortedKeys(e.Config) {
		f.add("  "+key, records.Setting(e.Config[key]))
	}
	f.flush()
	if err := p.showAttempts(c, r); err != nil {
		return err
	}
	if err := p.showSnapshots(c, r); err != nil {
		return err
	}
	if err := showMetrics(w, r.metrics()); err != nil {
		return err
	}
	if err := showErrored(c, r.errored, e.Head.Errored); err != nil {
		return err
	}
	resume(c, r)
	return nil
}

// showSource says where the rows come from.
func showSource(f *facts, e *ledger.Entry) {
	f.add("Source", e.Source.Label+", digest "+human.ShortHash(e.Source.Digest))
	var print stream.Fingerprint
	if json.Unmarshal(e.Source.Detail, &print) != nil {
		return
	}
	if h := print.Hub; h != nil {
		f.add("  revision", fmt.Sprintf("%s, commit %s, from %s", cmp.Or(h.Revision, "main"), h.Commit, h.Endpoint))
		for _, gone := range h.Gone {
			f.add("  before", fmt.Sprintf("commit %s, which the hub has no more", gone))
		}
	}
	for i, file := range print.Files {
		if i == mostFiles {
			f.add("", fmt.Sprintf("and %s more (--json shows them)", human.Count(int64(len(print.Files)-i))))
			break
		}
		f.add("  file", fmt.Sprintf("%s, %s, %s", file.Path, human.Bytes(file.Size), file.Hash()))
	}
}

// showServer says where the model lies where a server learns, and what can be relied
// on.
func showServer(f *facts, r *run) {
	exact := map[bool]string{
		true:  ": nothing is learned twice or left out, whatever stops or restarts",
		false: ": they may be learned twice when a trainer or the server dies",
	}
	if word := records.Exactness(r.Config); word != "" {
		f.add("Exactness", word+exact[r.Config["mirror"] != false])
	}
	endpoint, nodes := r.server()
	f.add("Endpoint", endpoint)
	for layer, node := range nodes {
		f.add(fmt.Sprintf("  node %d", layer), node)
	}
}

// position says how far a server has learned behind the newest snapshot, which
// stands at the row saved.
func position(m *ledger.Mark, saved int64) string {
	if m.Attempt == 0 {
		return ""
	}
	row := max(m.Row, saved)
	text := fmt.Sprintf("row %s, learned on the server up to it", human.Count(row))
	if m.Reach > row {
		text += fmt.Sprintf("; rows to before %s in flight", human.Count(m.Reach))
	}
	if n := len(m.Retrying); n > 0 {
		text += fmt.Sprintf("; %s once more", counted(n, "errored row"))
	}
	return text
}

// mostFiles is how many files of a source are shown.
const mostFiles = 10

func (p program) showAttempts(c *cli.Context, r *run) error {
	fmt.Fprintf(c.App.Writer, "\n%s\n", counted(len(r.attempts), "attempt"))
	t := term.NewTable(term.Column{Name: "ATTEMPT", Align: term.Right}, term.Column{Name: "STARTED"}, term.Column{Name: "TOOK", Align: term.Right},
		term.Column{Name: "HOST"}, term.Column{Name: "PID", Align: term.Right}, term.Column{Name: "FROM SAMPLE", Align: term.Right},
		term.Column{Name: "END"}, term.Column{Name: "ERROR"})
	return elided(c, t, r.attempts, "attempt", func(a ledger.Attempt) {
		end, took := string(a.Reason), ""
		switch {
		case !a.Ended.IsZero():
			took = human.Duration(a.Ended.Sub(a.Started))
		case a.Number == r.Head.Attempt:
			end = string(r.Status)
		default:
			end = string(ledger.Crashed)
		}
		if a.TookOver {
			end += ", had taken over"
		}
		t.Row(strconv.FormatUint(a.Number, 10), human.Ago(p.now(), a.Started), took, a.Host, strconv.Itoa(a.PID), human.Count(a.At), end, a.Error)
	})
}

func (p program) showSnapshots(c *cli.Context, r *run) error {
	fmt.Fprintf(c.App.Writer, "\n%s\n", counted(len(r.snapshots), "snapshot"))
	if len(r.snapshots) == 0 {
		return nil
	}
	t := term.NewTable(term.Column{Name: "SNAPSHOT", Align: term.Right}, term.Column{Name: "KIND"}, term.Column{Name: "SAMPLES", Align: term.Right},
		term.Column{Name: "ROW", Align: term.Right}, term.Column{Name: "TAKEN"}, term.Column{Name: "STATE", Align: term.Right}, term.Column{Name: "MODEL"})
	return elided(c, t, r.snapshots, "snapshot", func(s records.Snapshot) {
		t.Row(strconv.FormatUint(s.Seq, 10), string(s.Kind), human.Count(s.Trained+s.Errored), human.Count(s.Row), human.Ago(p.now(), s.Time),
			human.Bytes(s.StateBytes), human.ShortHash(s.ModelDigest))
	})
}

// elided prints a table of the first and the last of many things, and says how
// many are left out.
func elided[T any](c *cli.Context, t *term.Table, list []T, thing string, row func(T)) error {
	const first, last = 3, 7
	left := len(list) - first - last
	if c.Bool("all") || left <= 1 {
		left = 0
	}
	for i, v := range list {
		if left > 0 && i == first {
			t.Row("…")
		}
		if left == 0 || i < first || i >= len(list)-last {
			row(v)
		}
	}
	if err := t.Render(c.App.Writer); err != nil {
		return err
	}
	if left > 0 {
		fmt.Fprintf(c.App.Writer, "… %s more: %s\n", counted(left, thing), showAll(c))
	}
	return nil
}

func showAll(c *cli.Context) string {
	return records.Command(c, "ckpt", "show", c.Args().First(), "--all")
}

// showErrored prints errored rows, of which not all are kept.
func showErrored(c *cli.Context, rows []ledger.ErroredRow, total int64) error {
	if total == 0 {
		return nil
	}
	fmt.Fprintf(c.App.Writer, "\n%s errored\n", counted(int(total), "row"))
	t := term.NewTable(term.Column{Name: "ROW", Align: term.Right}, term.Column{Name: "REASON"})
	shown := rows
	if !c.Bool("all") {
		shown = rows[:min(10, len(rows))]
	}
	for _, r := range shown {
		t.Row(human.Count(r.Row), r.Reason)
	}
	if err := t.Render(c.App.Writer); err != nil {
		return err
	}
	if left := len(rows) - len(shown); left > 0 {
		fmt.Fprintf(c.App.Writer, "… %s more: %s\n", counted(left, "row"), showAll(c))
	}
	if lost := int(total) - len(rows); lost > 0 {
		fmt.Fprintf(c.App.Writer, "%s counted and not kept by number\n", counted(lost, "row"))
	}
	return nil
}

// resume prints the command that goes on from where the run stands, or why there
// is none.
func resume(c *cli.Context, r *run) {
	e := &r.Entry
	words := []string{"trainer", "resume", e.Dataset, "--run", string(e.ID)}
	to := "To go on"
	reached := e.Target > 0 && e.Head.Samples() >= e.Target
	switch {
	case r.Status == ledger.Running:
		return
	case !r.trashed.IsZero():
		to, words = "To take it back", []string{"ckpt", "rm", "--undo", string(e.ID)}
	case e.Head.Seq == 0:
		fmt.Fprint(c.App.Writer, "\nIt has no snapshot to go on from\n")
		return
	case r.Status == ledger.IsExhausted && !reached:
		to, words = "The data ended; to go through it once more", append(words, "--epochs", strconv.Itoa(e.Passes()+1))
	case r.Status == ledger.Stalled:
		to, words = "To take it over", append(words, "--take-over")
	case reached:
		to, words = "To train further", append(words, "--max-samples", strconv.FormatInt(2*e.Head.Samples(), 10))
	}
	fmt.Fprintf(c.App.Writer, "\n%s:   %s\n", to, records.Command(c, words...))
}

func progress(at ledger.Counters, goal int64) string {
	text := human.Count(at.Samples())
	if goal > 0 {
		text += fmt.Sprintf(" of %s (%.1f%%)", human.Count(goal), 100*float64(at.Samples())/float64(goal))
	}
	return fmt.Sprintf("%s: %s trained, %s errored", text, human.Count(at.Trained), human.Count(at.Errored))
}

func rows(at ledger.Counters) string {
	return fmt.Sprintf("%s read, %s of them filtered; the next is row %s", human.Count(at.Row), human.Count(at.Filtered), human.Count(at.Row))
}

func trainedFor(e *ledger.Entry, attempts int) string {
	text := human.Duration(seconds(e.Head.Elapsed)) + " in " + counted(attempts, "attempt")
	if e.Head.Rate > 0 {
		text += ", " + human.Rate(e.Head.Rate) + " in the newest"
	}
	return text
}

// interval writes a recorded interval as words; none recorded is the default.
func interval(text string) string {
	if text == "" {
		return "1,000 or 5m"
	}
	samples, every, err := human.ParseInterval(text)
	if err != nil {
		return text
	}
	return human.Interval(samples, every)
}

func when(now, t time.Time) string {
	return t.UTC().Format("2006-01-02 15:04:05 UTC") + ", " + human.Ago(now, t)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
