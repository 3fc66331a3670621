package trainer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ckptledger/ledger"
	"ckptledger/stream"
)

// This file tries rows again that are errored.

// retry learns the rows of Options.Retry, one at a time. Those that succeed count as
// trained from then on; those that fail again stay errored, and do not count towards
// MaxErrors. The position does not move. A context that ends is an error.
func (r *run) retry(ctx context.Context) error {
	if len(r.Retry) == 0 {
		return nil
	}
	var told Retried
	defer func() {
		if told.Rows > 0 {
			r.tell(&told)
		}
	}()
	if r.marker != nil {
		if err := r.marker.retry(ctx, r.Retry); err != nil {
			return err
		}
	}
	rows := &rowReader{open: r.OpenAt}
	defer rows.close()
	for _, was := range r.Retry {
		if r.saver.failed() != nil {
			return nil // finish returns what failed
		}
		// None of these may be missing from the record: it would be trained twice.
		if len(r.errored) >= ledger.MaxErroredRows || r.Interval.due(r.saved, r.now, time.Since(r.savedAt)) {
			if err := r.capture(ledger.Periodic, nil); err != nil {
				return fmt.Errorf("take snapshot: %w", err)
			}
		}
		row, err := rows.read(ctx, was.Row)
		if err != nil {
			return fmt.Errorf("read row %d again: %w", was.Row, err)
		}
		is, err := r.learnAgain(ctx, row, was)
		if err != nil {
			return &LearnError{Row: was.Row, Again: true, Err: err}
		}
		told.Rows++
		if is.Trained {
			r.now.Trained++
			r.now.Errored--
			r.pulse.set(r.now)
		} else {
			told.Again = append(told.Again, is)
		}
		if is != was {
			r.errored = append(r.errored, is)
			if err := r.mark(&is); err != nil {
				return err
			}
		}
	}
	if r.marker != nil {
		if err := r.marker.retry(ctx, nil); err != nil {
			return err
		}
	}
	if r.moved() && !r.reached() { // else training ends, with a snapshot
		if err := r.capture(ledger.Periodic, nil); err != nil {
			return fmt.Errorf("take snapshot: %w", err)
		}
	}
	return nil
}

// learnAgain learns an errored row, and returns what it is now.
func (r *run) learnAgain(ctx context.Context, row *stream.Row, was ledger.ErroredRow) (ledger.ErroredRow, error) {
	if row.Kind != stream.Sample {
		was.Reason = row.Reason
		return was, nil
	}
	s, err := r.sample(row, -1, was.Learned)
	if err == nil {
		err = r.Learner.Learn(ctx, s)
	}
	var sampleErr *SampleError
	switch {
	case err == nil:
		return ledger.ErroredRow{Row: was.Row, Trained: true}, nil
	case errors.As(err, &sampleErr):
		return ledger.ErroredRow{Row: was.Row, Reason: err.Error(), Learned: sampleErr.Learned}, nil
	}
	return was, err
}

// A rowReader reads single rows of a source, each behind the one before.
type rowReader struct {
	open   func(ctx context.Context, row int64) (stream.Reader, error)
	reader stream.Reader // nil until the first
}

// read returns a row, whose text is good until the next one is read. Where the
// context has ended, its error is returned and no other.
func (r *rowReader) read(ctx context.Context, n int64) (*stream.Row, error) {
	row, err := r.find(ctx, n)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return row, err
}

func (r *rowReader) find(ctx context.Context, n int64) (row *stream.Row, err error) {
	if r.reader == nil {
		if r.reader, err = r.open(ctx, n); err != nil {
			return nil, err
		}
	}
	for row == nil || row.At.Row < n {
		if row, err = r.reader.Next(ctx); err != nil {
			return nil, err
		}
	}
	if row.At.Row != n {
		return nil, fmt.Errorf("got row %d", row.At.Row)
	}
	// What was read of files that were changed must not be learned.
	return row, check(r.reader)
}

func (r *rowReader) close() {
	if r.reader != nil {
		r.reader.Close()
	}
}
