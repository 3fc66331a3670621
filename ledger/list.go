package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
)

// Entry returns one run with its head.
func (l *Ledger) Entry(ctx context.Context, id RunID) (Entry, error) {
	var e Entry
	err := l.db.view(ctx, func(t *tx) (err error) {
		e, err = t.entry(id)
		return err
	})
	return e, err
}

// Query says which runs a listing holds. The zero value is all of them.
type Query struct {
	Datasets []string
	Limit    int // 0 is no limit
}

// List returns runs, the one touched last first, and whether there are more. It
// reads in pieces, so that commits go on meanwhile; a run that was committed to
// while the list was read stands in it once.
func (l *Ledger) List(ctx context.Context, q Query) (entries []Entry, more bool, err error) {
	seen := map[RunID]bool{}
	var before, top []byte // the piece goes down from before; top is where the first began
	for {
		var last []byte
		n := 0
		err := l.db.view(ctx, func(t *tx) error {
			return t.descend(bRecent, nil, before, func(k, v []byte) error {
				if top == nil {
					top = slices.Clone(after(k))
				}
				if n++; n > ScanBatch {
					return errStop
				}
				last = slices.Clone(k)
				id := RunID(v)
				if seen[id] {
					return nil
				}
				e, err := t.entry(id)
				if err != nil {
					return err
				}
				if len(q.Datasets) > 0 && !slices.Contains(q.Datasets, e.Dataset) {
					return nil
				}
				if q.Limit > 0 && len(entries) == q.Limit {
					more = true
					return errStop
				}
				seen[id] = true
				entries = append(entries, e)
				return nil
			})
		})
		if err != nil || more {
			return entries, more, err
		}
		if n <= ScanBatch {
			break
		}
		before = last
	}
	if before == nil {
		return entries, false, nil // one piece, one moment
	}
	// A run that moved up after the first piece was read, and before its own,
	// was missed on the way down.
	err = l.db.view(ctx, func(t *tx) error {
		return t.ascend(bRecent, nil, top, func(_, v []byte) error {
			if id := RunID(v); !seen[id] {
				e, err := t.entry(id)
				if err != nil {
					return err
				}
				if len(q.Datasets) == 0 || slices.Contains(q.Datasets, e.Dataset) {
					entries = append([]Entry{e}, entries...)
				}
			}
			return nil
		})
	})
	if q.Limit > 0 && len(entries) > q.Limit {
		entries, more = entries[:q.Limit], true
	}
	return entries, more, err
}

// Dataset returns the runs of one dataset, by config hash and then by age.
func (l *Ledger) Dataset(ctx context.Context, dataset string) ([]Entry, error) {
	var out []Entry
	err := l.eachKey(ctx, datasetPrefix(dataset), func(t *tx, id RunID) error {
		e, err := t.entry(id)
		if err == nil {
			out = append(out, e)
		}
		return err
	})
	return out, err
}

// eachKey calls fn for the runs below a prefix of the index, in pieces.
func (l *Ledger) eachKey(ctx context.Context, prefix []byte, fn func(*tx, RunID) error) error {
	var from []byte
	for {
		n := 0
		var next []byte
		err := l.db.view(ctx, func(t *tx) error {
			return t.ascend(bKeys, prefix, from, func(k, _ []byte) error {
				if n++; n > ScanBatch {
					next = slices.Clone(k)
					return errStop
				}
				id, err := indexRun(k)
				if err != nil {
					return err
				}
				return fn(t, id)
			})
		})
		if err != nil || next == nil {
			return err
		}
		from = next
	}
}

// HasDataset reports whether any run is of the dataset.
func (l *Ledger) HasDataset(ctx context.Context, dataset string) (bool, error) {
	found := false
	err := l.db.view(ctx, func(t *tx) error {
		return t.ascend(bKeys, datasetPrefix(dataset), nil, func(_, _ []byte) error {
			found = true
			return errStop
		})
	})
	return found, err
}

// Attempts returns a run's attempts, the first one first.
func (l *Ledger) Attempts(ctx context.Context, id RunID) ([]Attempt, error) {
	var out []Attempt
	err := scanRun(ctx, l, bAttempts, id, func(_ uint64, a *Attempt) error { out = append(out, *a); return nil })
	return out, err
}

// Snapshots calls fn for each snapshot of a run, oldest first, until fn returns
// an error, which is returned.
func (l *Ledger) Snapshots(ctx context.Context, id RunID, fn func(*Snapshot) error) error {
	return scanRun(ctx, l, bSnapshots, id, func(_ uint64, s *Snapshot) error { return fn(s) })
}

// Errored returns the rows that errored up to snapshot seq, in order; of each
// snapshot at most MaxErroredRows.
func (l *Ledger) Errored(ctx context.Context, id RunID, seq uint64) ([]ErroredRow, error) {
	var out []ErroredRow
	err := scanRun(ctx, l, bErrored, id, func(n uint64, rows *[]ErroredRow) error {
		if n > seq {
			return errStop
		}
		out = append(out, *rows...)
		return nil
	})
	return out, err
}

// scanRun decodes the records of one run in a bucket of run and number, in
// pieces. fn may return errStop.
func scanRun[T any](ctx context.Context, l *Ledger, bucket []byte, id RunID, fn func(uint64, *T) error) error {
	var from []byte
	for {
		n := 0
		var next []byte
		var batch []T
		var numbers []uint64
		err := l.db.view(ctx, func(t *tx) error {
			return t.ascend(bucket, runKey(id), from, func(k, v []byte) error {
				if n++; n > ScanBatch {
					next = slices.Clone(k)
					return errStop
				}
				var rec T
				if err := decode(bucket, k, v, &rec); err != nil {
					return err
				}
				batch, numbers = append(batch, rec), append(numbers, binary.BigEndian.Uint64(k[len(k)-8:]))
				return nil
			})
		})
		if err != nil {
			return err
		}
		for i := range batch {
			if err := fn(numbers[i], &batch[i]); err != nil {
				if errors.Is(err, errStop) {
					return nil
				}
				return err
			}
		}
		if next == nil {
			return nil
		}
		from = next
	}
}

// Snapshot returns one snapshot of a run; seq 0 is the newest.
func (l *Ledger) Snapshot(ctx context.Context, id RunID, seq uint64) (Snapshot, error) {
	var s Snapshot
	err := l.db.view(ctx, func(t *tx) error {
		if seq == 0 {
			h, err := t.head(id)
			if err != nil {
				return err
			}
			if h.Seq == 0 {
				return noSnapshot(id)
			}
			seq = h.Seq
		}
		var err error
		s, err = t.snapshot(id, seq)
		return err
	})
	return s, err
}

// Soundest returns the newest snapshot, at most seq, whose record and objects
// are whole. It hashes the objects with no transaction open.
func (l *Ledger) Soundest(ctx context.Context, id RunID, seq uint64) (Snapshot, bool, error) {
	for ; seq > 0; seq-- {
		s, err := l.Snapshot(ctx, id, seq)
		if err == nil && s.CheckHash() == nil {
			if err = l.CheckObjects(ctx, &s); err == nil {
				return s, true, nil
			}
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound) {
			return Snapshot{}, false, err
		}
	}
	return Snapshot{}, false, nil
}
