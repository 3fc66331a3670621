package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"

	"github.com/urfave/cli/v2"
)

// This file tries errored rows again, skips one, and says where attempts end at one
// row again and again.

// skipRow is the row of --skip-row; nil where none is to be skipped.
func skipRow(c *cli.Context) *int64 {
	if !c.IsSet("skip-row") {
		return nil
	}
	n := c.Int64("skip-row")
	return &n
}

// pickErrored finds the rows that are to be tried again, and refuses to skip another
// row that was read already.
func (r *resumption) pickErrored(ctx context.Context) error {
	mark, err := r.ledger.Mark(ctx, r.entry.ID)
	if err != nil {
		return records.Explain(r.c, err)
	}
	next := max(r.snap.Row, mark.Row)
	again := mark.Retrying // goes on whether it is asked for or not
	if r.c.Bool("retry-errored") {
		if r.retry, err = r.ledger.Errored(ctx, r.entry.ID, r.snap.Seq); err != nil {
			return err
		}
		again = slices.Concat(again, r.retry, mark.ErroredRows)
	}
	skip := skipRow(r.c)
	if skip != nil && *skip < next && !slices.ContainsFunc(again, func(e ledger.ErroredRow) bool { return e.Row == *skip }) {
		return &cmdline.UsageError{
			Message: fmt.Sprintf("--skip-row %d: run %s has read that row already; its next row is %d", *skip, r.entry.ID.Short(), next),
			Try:     r.again([]string{"skip-row"}),
		}
	}
	return nil
}

// sayRetry says which rows cannot be tried again. That there are none that can is no
// error: a job script may always ask for it.
func (r *resumption) sayRetry() {
	if !r.c.Bool("retry-errored") {
		return
	}
	if len(r.retry) == 0 {
		fmt.Fprintln(r.c.App.ErrWriter, "No errored row to try again")
	}
	if lost := r.snap.Errored - int64(len(r.retry)); lost > 0 {
		fmt.Fprintf(r.c.App.ErrWriter, "note: more rows errored than are kept by number; %s cannot be tried again\n", human.Count(lost))
	}
}

// sayRetrying says how many rows are tried again now.
func (t *training) sayRetrying() {
	switch n := len(t.retry); n {
	case 0:
	case 1:
		fmt.Fprintln(t.c.App.ErrWriter, "Retrying 1 errored row")
	default:
		fmt.Fprintf(t.c.App.ErrWriter, "Retrying %s errored rows\n", human.Count(int64(n)))
	}
}

// toldAgain is how many rows that failed again are told by number.
const toldAgain = 3

// retried says what came of trying rows again.
func retried(e *trainer.Retried) string {
	again := e.Again
	line := fmt.Sprintf("%s of %s were trained", human.Count(e.Rows-int64(len(again))), human.Count(e.Rows))
	for _, row := range again[:min(len(again), toldAgain)] {
		line += fmt.Sprintf("; row %s again: %s", human.Count(row.Row), row.Reason)
	}
	if more := len(again) - toldAgain; more > 0 {
		line += fmt.Sprintf("; and %d more", more)
	}
	return line
}

// openAt opens one more reader of the source at a row.
func (t *training) openAt(ctx context.Context, row int64) (stream.Reader, error) {
	return t.source.Open(ctx, stream.Cursor{Next: stream.Position{Row: row}, OnlyRow: true})
}

// A stuckRow is one at which several attempts in a row have failed.
type stuckRow struct {
	row   int64
	skip  bool // it is a sample, which would be done without by skipping it
	words []string
}

const (
	stuckAfter = 3   // attempts
	stuckText  = 200 // characters of the row that are shown
)

// stuck reports whether this attempt is the third in a row that failed at one row,
// or one after that; nil if it is not. An attempt ended where the next began.
func (t *training) stuck(ctx context.Context, res trainer.Result, runErr error) *stuckRow {
	row := res.Counters.Row
	if res.Reason != ledger.Failed || res.Newest.Counters != res.Counters || errors.Is(runErr, ledger.ErrLeaseLost) {
		return nil
	}
	all, err := t.ledger.Attempts(ctx, t.session.Run().ID)
	if err != nil {
		return nil // how the attempt ended matters more
	}
	ended := 1
	for i := len(all) - 1; i > 0 && all[i].FromRow == row && all[i-1].Reason == ledger.Failed; i-- {
		ended++
	}
	if ended < stuckAfter {
		return nil
	}
	s := &stuckRow{row: row, words: []string{fmt.Sprintf("%d attempts in a row have ended at row %s", ended, human.Count(row))}}
	var unlearned *trainer.LearnError
	if s.skip = errors.As(runErr, &unlearned) && unlearned.Row == row; !s.skip {
		return s
	}
	if text, err := t.nextText(ctx, res.Newest); err == nil {
		s.words[0] += ", whose text is:"
		s.words = append(s.words, `  "`+text+`"`)
	}
	if res.Newest.Seq == 0 { // no command resumes it
		s.words = append(s.words, fmt.Sprintf("to go on without it, add --skip-row %d", row))
	}
	return s
}

// nextText returns how the row begins that comes after a snapshot.
func (t *training) nextText(ctx context.Context, s ledger.Snapshot) (string, error) {
	var cursor stream.Cursor
	if s.Seq > 0 {
		if err := json.Unmarshal(s.Position, &cursor); err != nil {
			return "", err
		}
	}
	reader, err := t.source.Open(ctx, cursor)
	if err != nil {
		return "", err
	}
	defer reader.Close()
	row, err := reader.Next(ctx)
	if err != nil {
		return "", err
	}
	return beginning(string(row.Text), stuckText), nil
}

// beginning returns the first n characters of a text.
func beginning(text string, n int) string {
	for i := range text {
		if n == 0 {
			return strings.TrimSpace(text[:i]) + "…"
		}
		n--
	}
	return strings.TrimSpace(text)
}
