package trainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"ckptledger/ledger"
	"ckptledger/stream"
)

// Behind is a run whose Remote learner was restored to a snapshot, and may have
// learned more since.
type Behind struct {
	Learner Remote
	Mark    ledger.Mark // of the run

	// Of the snapshot, or of the beginning.
	Reader   stream.Reader
	Cursor   stream.Cursor // where the Reader is
	Counters ledger.Counters
	Errored  []ledger.ErroredRow // the run's, up to the snapshot

	Skip *int64 // Options.Skip

	// OpenAt opens the data at a row that lies before the snapshot.
	OpenAt func(ctx context.Context, row int64) (stream.Reader, error)
}

// Standing is where training goes on, which may be behind the newest snapshot.
type Standing struct {
	Reader   stream.Reader
	Cursor   stream.Cursor
	Counters ledger.Counters
	Errored  []ledger.ErroredRow // since the snapshot
	Reach    int64               // rows before it may have been begun
	Retrying []ledger.ErroredRow // errored rows that may have been, and are to be retried
	All      []ledger.ErroredRow // all that are errored, by row
}

// errMarked is returned where rows count as something else than they did.
var errMarked = errors.New("the rows behind the snapshot are not those that were marked")

// CatchUp brings a learner from its snapshot to the run's mark, and has it compare
// itself with its server. Nothing is sent to the server before.
func CatchUp(ctx context.Context, b Behind) (*Standing, error) {
	c := &catchUp{Behind: b, marked: map[int64]ledger.ErroredRow{}, known: map[int64]ledger.ErroredRow{}}
	c.standing = &Standing{Reader: b.Reader, Cursor: b.Cursor, Counters: b.Counters}
	c.standing.Reach = max(b.Mark.Reach, b.Counters.Row)
	for _, e := range b.Mark.ErroredRows {
		c.marked[e.Row] = e
	}
	for _, e := range b.Errored {
		c.known[e.Row] = e
	}
	for _, step := range []func(context.Context) error{c.retried, c.replay, c.retrying, c.begun} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	for _, e := range c.standing.Errored {
		if c.known[e.Row] = e; e.Trained {
			delete(c.known, e.Row)
		}
	}
	for _, row := range slices.Sorted(maps.Keys(c.known)) {
		c.standing.All = append(c.standing.All, c.known[row])
	}
	if err := b.Learner.Reconcile(ctx, c.samples); err != nil {
		return nil, err
	}
	return c.standing, nil
}

type catchUp struct {
	Behind
	marked, known map[int64]ledger.ErroredRow // by row
	standing      *Standing
	samples       []Sample // begun
}

func (c *catchUp) skips(row int64) bool { return c.Skip != nil && *c.Skip == row }

// newer reports whether the mark stands further than the snapshot.
func (c *catchUp) newer() bool {
	if m := &c.Mark; m.Row != c.Counters.Row {
		return m.Row > c.Counters.Row
	}
	return c.Mark.Trained > c.Counters.Trained
}

// retried learns what was learned of rows before the snapshot, when they were
// tried once more behind it.
func (c *catchUp) retried(ctx context.Context) error {
	rows := map[int64]func(*stream.Row) error{}
	for row, now := range c.marked {
		was, ok := c.known[row]
		upTo := now.Learned
		if now.Trained {
			upTo = -1
		}
		if row >= c.Counters.Row || !ok || upTo >= 0 && upTo <= was.Learned {
			continue // not before the snapshot, or the snapshot has it
		}
		rows[row] = func(r *stream.Row) error {
			return c.Learner.Replay(Sample{Row: row, Text: r.Text, Learned: was.Learned}, upTo)
		}
		c.standing.Errored = append(c.standing.Errored, now)
		if now.Trained {
			c.standing.Counters.Trained++
			c.standing.Counters.Errored--
			delete(c.known, row)
		} else {
			c.known[row] = now
		}
	}
	return c.readRows(ctx, rows)
}

// errored returns what a row is recorded as, if it is errored.
func (c *catchUp) errored(row int64) (ledger.ErroredRow, bool) {
	if e, ok := c.marked[row]; ok && (row >= c.Counters.Row || c.newer()) {
		return e, !e.Trained
	}
	e, ok := c.known[row]
	return e, ok
}

// replay learns the rows between the snapshot and the mark.
func (c *catchUp) replay(ctx context.Context) error {
	if !c.newer() {
		return nil
	}
	s := c.standing
	var last stream.LastRow
	last.Resume(c.Cursor)
	for s.Counters.Row < c.Mark.Row {
		row, err := c.Reader.Next(ctx)
		if err != nil {
			return fmt.Errorf("read row %d: %w", s.Counters.Row, unexpected(err))
		}
		switch failed, ok := c.marked[row.At.Row]; {
		case row.Kind == stream.Filtered:
			s.Counters.Filtered++
		case row.Kind == stream.Errored:
			s.Counters.Errored++
			s.Errored = append(s.Errored, ledger.ErroredRow{Row: row.At.Row, Reason: row.Reason})
		default:
			sample, upTo := Sample{Row: row.At.Row, Number: s.Counters.Samples(), Text: row.Text}, -1
			if ok && !failed.Trained {
				upTo = failed.Learned
				s.Counters.Errored++
				s.Errored = append(s.Errored, failed)
			} else {
				s.Counters.Trained++
			}
			if err := c.Learner.Replay(sample, upTo); err != nil {
				return fmt.Errorf("learn row %d: %w", row.At.Row, err)
			}
		}
		s.Counters.Row++
		last.Set(row)
	}
	s.Cursor = last.Cursor()
	if s.Counters != c.Mark.Counters {
		return fmt.Errorf("%w: trained %d, errored %d, filtered %d, not %d, %d, %d", errMarked,
			s.Counters.Trained, s.Counters.Errored, s.Counters.Filtered, c.Mark.Trained, c.Mark.Errored, c.Mark.Filtered)
	}
	return nil
}

// unexpected is an error where a row must be.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// retrying finds the errored rows that were being tried once more.
func (c *catchUp) retrying(ctx context.Context) error {
	rows := map[int64]func(*stream.Row) error{}
	for _, was := range c.Mark.Retrying {
		if is, ok := c.errored(was.Row); !ok || is.Learned != was.Learned {
			continue // settled
		}
		c.standing.Retrying = append(c.standing.Retrying, was)
		rows[was.Row] = func(r *stream.Row) error {
			c.samples = append(c.samples, Sample{Row: was.Row, Number: -1, Text: slices.Clone(r.Text), Learned: was.Learned, Skip: c.skips(was.Row)})
			return nil
		}
	}
	return c.readRows(ctx, rows)
}

// begun finds the rows behind the mark that may have been begun. They are kept, to
// be trained.
func (c *catchUp) begun(ctx context.Context) error {
	s := c.standing
	kept := &again{Reader: c.Reader}
	number := s.Counters.Samples()
	for left := s.Reach - s.Counters.Row; left > 0; {
		b := new(stream.Batch)
		err := b.Read(ctx, c.Reader, int(min(left, 1<<20)))
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("read rows begun: %w", err)
		}
		rows := b.Rows()
		for i := range rows {
			if rows[i].Kind == stream.Sample {
				row := rows[i].At.Row
				c.samples = append(c.samples, Sample{Row: row, Number: number, Text: rows[i].Text, Skip: c.skips(row)})
			}
			if rows[i].Kind != stream.Filtered {
				number++
			}
		}
		kept.rows = append(kept.rows, rows...)
		left -= int64(len(rows))
	}
	s.Reader = kept
	return nil
}

// again is a reader that yields rows once more before it goes on.
type again struct {
	stream.Reader
	rows []stream.Row
	row  stream.Row
}

// Next implements stream.Reader.
func (r *again) Next(ctx context.Context) (*stream.Row, error) {
	if len(r.rows) == 0 {
		return r.Reader.Next(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.row, r.rows[0] = r.rows[0], stream.Row{}
	r.rows = r.rows[1:]
	return &r.row, nil
}

// Check implements stream.Checker.
func (r *again) Check() error { return check(r.Reader) }

// readRows reads single rows and hands each to its function.
func (c *catchUp) readRows(ctx context.Context, rows map[int64]func(*stream.Row) error) error {
	reader := &rowReader{open: c.OpenAt}
	defer reader.close()
	for _, n := range slices.Sorted(maps.Keys(rows)) {
		row, err := reader.read(ctx, n)
		if err != nil {
			return fmt.Errorf("read row %d: %w", n, unexpected(err))
		}
		if err := rows[n](row); err != nil {
			return fmt.Errorf("learn row %d: %w", n, err)
		}
	}
	return nil
}
