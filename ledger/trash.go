package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTrashed is returned where a run in the trash would be worked on.
var ErrTrashed = errors.New("the run is in the trash")

// Trash moves a run to the trash: no listing shows it and no resume finds it, until
// it is taken back. All of it stays as it is, its name too. A *HeldError says that
// a trainer works on it.
func (l *Ledger) Trash(ctx context.Context, id RunID) error {
	return l.moved(ctx, id, func(t *tx, e *Entry) error {
		if err := t.makeBucket(bTrash); err != nil {
			return err
		}
		if _, ok, err := t.trashed(id); ok || err != nil {
			return err
		}
		now, err := l.now().UTC().MarshalText()
		if err != nil {
			return fmt.Errorf("encode time: %w", err)
		}
		return errors.Join(t.put(bTrash, runKey(id), now), t.delete(bKeys, indexKey(&e.Run)), t.delete(bRecent, be64(e.Head.Touched)))
	})
}

// Untrash takes a run back out of the trash, as the one touched last. Of one that
// is not there it changes nothing.
func (l *Ledger) Untrash(ctx context.Context, id RunID) error {
	return l.moved(ctx, id, func(t *tx, e *Entry) error {
		if _, ok, err := t.trashed(id); !ok || err != nil {
			return err
		}
		if taken, err := t.get(bNames, []byte(e.Dataset)); err != nil {
			return err
		} else if taken != nil {
			return fmt.Errorf("dataset %q: %w: a run is called so", e.Dataset, ErrNameTaken)
		}
		if _, err := t.touch(id, &e.Head); err != nil {
			return err
		}
		return errors.Join(t.delete(bTrash, runKey(id)), t.put(bKeys, indexKey(&e.Run), nil), t.putJSON(bHeads, runKey(id), &e.Head))
	})
}

// moved changes where a run stands while nobody trains it.
func (l *Ledger) moved(ctx context.Context, id RunID, change func(*tx, *Entry) error) error {
	if _, err := l.Entry(ctx, id); err != nil { // a lease is a trace of a run
		return err
	}
	lease, err := l.Acquire(ctx, id, LeaseOptions{})
	if err != nil {
		return err
	}
	defer lease.Release()
	return l.db.update(ctx, func(t *tx) error {
		e, err := t.entry(id)
		if err != nil {
			return err
		}
		return change(t, &e)
	})
}

// trashed returns when a run was moved to the trash, if it is there.
func (t *tx) trashed(id RunID) (at time.Time, ok bool, err error) {
	if !t.hasBucket(bTrash) {
		return at, false, nil
	}
	v, err := t.get(bTrash, runKey(id))
	if err != nil || v == nil {
		return at, false, err
	}
	if err := at.UnmarshalText(v); err != nil {
		return at, false, fmt.Errorf("record %s %q: %w: %w", bTrash, id, ErrDamaged, err)
	}
	return at, true, nil
}

// InTrash returns when the run was moved to the trash, if it is there.
func (l *Ledger) InTrash(ctx context.Context, id RunID) (at time.Time, ok bool, err error) {
	err = l.db.view(ctx, func(t *tx) (err error) {
		at, ok, err = t.trashed(id)
		return err
	})
	return at, ok, err
}

// Trashed returns the runs in the trash, the oldest first. Damaged ones are left out
// and are all in the error, as in List.
func (l *Ledger) Trashed(ctx context.Context) ([]Entry, error) {
	var raws []rawEntry
	var none bool
	if err := l.db.view(ctx, func(t *tx) error { none = !t.hasBucket(bTrash); return nil }); err != nil || none {
		return nil, err
	}
	err := l.eachKey(ctx, bTrash, nil, func(t *tx, k []byte) error {
		raws = append(raws, t.rawEntry(RunID(k)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	entries, damaged := decodeEntries(raws)
	return entries, errors.Join(damaged...)
}
