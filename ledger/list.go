package ledger

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
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

// List returns the runs outside the trash, the one touched last first, and whether there are more. It
// reads in pieces, so that commits go on meanwhile; a run that was committed to
// while the list was read stands in it once. Damaged records are left out of the
// list, and are all in the error, which wraps ErrDamaged.
func (l *Ledger) List(ctx context.Context, q Query) (entries []Entry, more bool, err error) {
	seen := map[RunID]bool{}
	var damaged []error
	take := func(raws []rawEntry) []Entry {
		fresh := raws[:0]
		for _, r := range raws {
			if !seen[r.id] {
				seen[r.id] = true
				fresh = append(fresh, r)
			}
		}
		found, errs := decodeEntries(fresh)
		damaged = append(damaged, errs...)
		return slices.DeleteFunc(found, func(e Entry) bool { return len(q.Datasets) > 0 && !slices.Contains(q.Datasets, e.Dataset) })
	}
	size := ScanBatch
	if q.Limit > 0 && len(q.Datasets) == 0 {
		size = min(size, q.Limit+1)
	}
	var before, top []byte // a piece goes down from before; top is above where the first began
	for q.Limit == 0 || len(entries) <= q.Limit {
		var raws []rawEntry
		var keys [][]byte
		err := l.db.view(ctx, func(t *tx) error {
			raws, keys = nil, nil
			return t.descend(bRecent, nil, before, func(k, v []byte) error {
				keys = append(keys, slices.Clone(k))
				raws = append(raws, t.rawEntry(RunID(v)))
				if len(raws) == size {
					return errStop
				}
				return nil
			})
		})
		if err != nil {
			return nil, false, err
		}
		if top == nil && len(keys) > 0 {
			top = after(keys[0])
		}
		entries = append(entries, take(raws)...)
		if len(raws) < size {
			break
		}
		before = keys[len(keys)-1]
	}
	if before != nil { // several pieces, so several moments
		// A run that moved up after the first piece was read, and before its own,
		// was missed on the way down.
		var raws []rawEntry
		err := l.db.view(ctx, func(t *tx) error {
			raws = nil
			return t.ascend(bRecent, nil, top, func(_, v []byte) error {
				raws = append(raws, t.rawEntry(RunID(v)))
				return nil
			})
		})
		if err != nil {
			return nil, false, err
		}
		slices.Reverse(raws)
		entries = append(take(raws), entries...)
	}
	if q.Limit > 0 && len(entries) > q.Limit {
		entries, more = entries[:q.Limit], true
	}
	return entries, more, errors.Join(damaged...)
}

// Count returns how many runs there are outside the trash; with datasets, how many
// of these.
func (l *Ledger) Count(ctx context.Context, datasets ...string) (int, error) {
	n := 0
	count := func(*tx, []byte) error { n++; return nil }
	if len(datasets) == 0 {
		err := l.eachKey(ctx, bRecent, nil, count)
		return n, err
	}
	for _, d := range datasets {
		if err := l.eachKey(ctx, bKeys, datasetPrefix(d), count); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// eachKey calls fn for the keys of a bucket with the prefix, in pieces.
func (l *Ledger) eachKey(ctx context.Context, bucket, prefix []byte, fn func(*tx, []byte) error) error {
	var from []byte
	for {
		n := 0
		var next []byte
		err := l.db.view(ctx, func(t *tx) error {
			return t.keys(bucket, prefix, from, func(k []byte) error {
				if n++; n > ScanBatch {
					next = slices.Clone(k)
					return errStop
				}
				return fn(t, k)
			})
		})
		if err != nil || next == nil {
			return err
		}
		from = next
	}
}

// rawEntry is an entry as it lies in the database. A transaction holds up
// commits, so it only copies; decoding, which takes most of the time, comes
// after it.
type rawEntry struct {
	id        RunID
	run, head []byte
	err       error // the records are damaged
}

func (t *tx) rawEntry(id RunID) rawEntry {
	r := rawEntry{id: id}
	run, err := t.get(bRuns, runKey(id))
	head, err2 := t.get(bHeads, runKey(id))
	if r.err = errors.Join(err, err2); r.err == nil && (run == nil || head == nil) {
		r.err = fmt.Errorf("run %s has no record: %w", id, ErrDamaged)
	}
	r.run, r.head = slices.Clone(run), slices.Clone(head)
	return r
}

func (r *rawEntry) decode() (Entry, error) {
	var e Entry
	if r.err != nil {
		return e, r.err
	}
	return e, errors.Join(decode(bRuns, runKey(r.id), r.run, &e.Run), decode(bHeads, runKey(r.id), r.head, &e.Head))
}

// decodeEntries decodes on all processors, in order, without those that are
// damaged.
func decodeEntries(raws []rawEntry) (entries []Entry, damaged []error) {
	decoded := make([]Entry, len(raws))
	errs := make([]error, len(raws))
	const share = 64
	var wg sync.WaitGroup
	for from := 0; from < len(raws); from += share {
		work := func() {
			for i := from; i < min(from+share, len(raws)); i++ {
				decoded[i], errs[i] = raws[i].decode()
			}
		}
		if len(raws) <= share {
			work()
		} else {
			wg.Go(work)
		}
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			damaged = append(damaged, err)
		} else {
			entries = append(entries, decoded[i])
		}
	}
	return entries, damaged
}

// Dataset returns the runs of one dataset, by config hash and then by age. As in
// List, damaged ones are left out and are all in the error.
func (l *Ledger) Dataset(ctx context.Context, dataset string) ([]Entry, error) {
	var raws []rawEntry
	err := l.eachKey(ctx, bKeys, datasetPrefix(dataset), func(t *tx, k []byte) error {
		id, err := indexRun(k)
		if err == nil {
			raws = append(raws, t.rawEntry(id))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	entries, damaged := decodeEntries(raws)
	return entries, errors.Join(damaged...)
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

// Errored returns the rows that count as errored at snapshot seq, by row. Those that
// were trained after all are not among them, and of those of each snapshot at most
// MaxErroredRows: the snapshot may count more.
func (l *Ledger) Errored(ctx context.Context, id RunID, seq uint64) ([]ErroredRow, error) {
	last := map[int64]ErroredRow{}
	err := scanRun(ctx, l, bErrored, id, func(n uint64, rows *[]ErroredRow) error {
		if n > seq {
			return errStop
		}
		for _, r := range *rows {
			if r.Trained {
				delete(last, r.Row)
			} else {
				last[r.Row] = r
			}
		}
		return nil
	})
	if len(last) == 0 {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(last), func(a, b ErroredRow) int { return cmp.Compare(a.Row, b.Row) }), err
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
// are whole. It hashes each object once, with no transaction open.
func (l *Ledger) Soundest(ctx context.Context, id RunID, seq uint64) (Snapshot, bool, error) {
	sound := map[string]bool{} // by SHA-256
	for ; seq > 0; seq-- {
		s, err := l.Snapshot(ctx, id, seq)
		if err == nil {
			err = s.CheckHash()
		}
		for _, o := range s.Objects {
			if err != nil {
				break
			}
			whole, known := sound[o.SHA256]
			if !known {
				err = l.checkObject(ctx, o)
				whole = err == nil
				sound[o.SHA256] = whole
			}
			if err == nil && !whole {
				err = ErrDamaged
			}
		}
		switch {
		case err == nil:
			return s, true, nil
		case !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound):
			return Snapshot{}, false, err
		}
	}
	return Snapshot{}, false, nil
}
