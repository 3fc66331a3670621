package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
)

// This file makes new runs, forks among them.

// Begin starts a new run and its first attempt. The run's id, unless it has one
// already, hash and time of creation are filled in.
func (l *Ledger) Begin(ctx context.Context, run Run, a Attempt) (*Session, error) {
	return l.begin(ctx, run, a, beginning{})
}

// BeginFirst is Begin, unless there is a run of the same dataset and config other
// than those known: then the error is ErrNotFirst, and the caller looks again. Of
// several that begin at once, one does.
func (l *Ledger) BeginFirst(ctx context.Context, run Run, known []RunID, a Attempt) (*Session, error) {
	return l.begin(ctx, run, a, beginning{first: true, known: known})
}

// Fork starts a new run from a snapshot of another one: position, counters,
// errored rows and objects of that one are its snapshot 1. The position may be
// replaced, for a source in which the rows lie elsewhere.
func (l *Ledger) Fork(ctx context.Context, run Run, from Snapshot, position json.RawMessage, a Attempt) (*Session, error) {
	errored, err := l.Errored(ctx, from.Run, from.Seq)
	if err != nil {
		return nil, err
	}
	run.ForkedFrom = &Origin{Run: from.Run, Seq: from.Seq, Hash: from.Hash}
	if position != nil {
		from.Position = position
	}
	return l.begin(ctx, run, a, beginning{from: &from, errored: errored[:min(len(errored), MaxErroredRows)]})
}

// beginning says how a run begins.
type beginning struct {
	from    *Snapshot // of a fork
	errored []ErroredRow
	first   bool // only if no other run of its key than the known ones is there
	known   []RunID
}

func (l *Ledger) begin(ctx context.Context, run Run, a Attempt, o beginning) (*Session, error) {
	if err := CheckDataset(run.Dataset); err != nil {
		return nil, err
	}
	if run.Name != "" {
		if err := CheckName(run.Name); err != nil {
			return nil, err
		}
	}
	if run.Epochs < 0 {
		return nil, fmt.Errorf("%w: a run of %d epochs", ErrRule, run.Epochs)
	}
	run.Epochs = run.Passes()
	var err error
	if run.Config, err = run.Config.Normalize(); err != nil {
		return nil, err
	}
	if run.ConfigHash, err = run.Config.Hash(); err != nil {
		return nil, err
	}
	// Asked before the lease is made, which is a trace of a ledger.
	if err := l.db.view(ctx, func(*tx) error { return nil }); err != nil {
		return nil, fmt.Errorf("begin run: %w", err)
	}
	if run.Created = l.now().UTC(); run.ID == "" {
		run.ID = NewRunID()
	}
	lease, err := l.Acquire(ctx, run.ID, LeaseOptions{})
	if err != nil {
		return nil, err
	}
	s := l.newSession(run, lease, a, 1)
	err = l.db.update(ctx, func(t *tx) error { return s.create(t, o) })
	if err != nil {
		lease.Release()
		os.Remove(l.leasePath(run.ID))
		return nil, fmt.Errorf("begin run: %w", err)
	}
	_ = s.Beat(Progress{Counters: s.last.Counters}) // the trainer beats again, and is told then
	return s, nil
}

// create writes the records of a new run.
func (s *Session) create(t *tx, o beginning) error {
	r, from := &s.run, o.from
	if o.first {
		if err := t.isFirst(r, o.known); err != nil {
			return err
		}
	}
	if err := t.takeName(r); err != nil {
		return err
	}
	if taken, err := t.get(bNames, []byte(r.Dataset)); err != nil {
		return err
	} else if taken != nil {
		return fmt.Errorf("dataset %q: %w: a run is called so", r.Dataset, ErrNameTaken)
	}
	h := s.openHead(Head{})
	if from != nil {
		snap, err := s.forkSnapshot(t, from, o.errored, &h)
		if err != nil {
			return err
		}
		s.last, s.base = snap, snap.Elapsed
		s.attempt.From, s.attempt.FromRow, s.attempt.At = 1, snap.Row, snap.Samples()
	} else if _, err := t.touch(r.ID, &h); err != nil {
		return err
	}
	return errors.Join(
		t.putJSON(bRuns, runKey(r.ID), r),
		t.put(bKeys, indexKey(r), nil),
		t.putJSON(bAttempts, numberKey(r.ID, 1), &s.attempt),
		t.putJSON(bHeads, runKey(r.ID), &h),
	)
}

// isFirst refuses a run where there is another of its key.
func (t *tx) isFirst(r *Run, known []RunID) error {
	prefix := append(append(datasetPrefix(r.Dataset), r.ConfigHash...), 0)
	return t.keys(bKeys, prefix, nil, func(k []byte) error {
		id, err := indexRun(k)
		if err == nil && !slices.Contains(known, id) {
			err = ErrNotFirst
		}
		return err
	})
}

// takeName gives the run its name, which must be nobody's.
func (t *tx) takeName(r *Run) error {
	if r.Name == "" {
		return nil
	}
	if taken, err := t.get(bNames, []byte(r.Name)); err != nil {
		return err
	} else if taken != nil {
		return fmt.Errorf("name %q: %w: by run %s", r.Name, ErrNameTaken, RunID(taken).Short())
	}
	isDataset := false
	if err := t.ascend(bKeys, datasetPrefix(r.Name), nil, func(_, _ []byte) error { isDataset = true; return errStop }); err != nil {
		return err
	}
	if isDataset || r.Name == r.Dataset {
		return fmt.Errorf("name %q: %w: it is a dataset's key", r.Name, ErrNameTaken)
	}
	return t.put(bNames, []byte(r.Name), []byte(r.ID))
}

// forkSnapshot writes snapshot 1 of a fork.
func (s *Session) forkSnapshot(t *tx, from *Snapshot, errored []ErroredRow, h *Head) (Snapshot, error) {
	snap := *from
	snap.Run, snap.Seq, snap.Kind, snap.Prev, snap.Attempt = s.run.ID, 1, Forked, from.Hash, 1
	snap.Dataset, snap.ConfigHash, snap.Source, snap.Time = s.run.Dataset, s.run.ConfigHash, s.run.Source.Digest, s.attempt.Started
	if err := snap.check(); err != nil {
		return snap, err
	}
	if missing := s.l.missing(snap.Objects); missing != nil {
		return snap, &MissingError{Objects: missing}
	}
	return snap, t.putSnapshot(&snap, h, errored)
}
