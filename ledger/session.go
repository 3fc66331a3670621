package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Session is one attempt at a run: the right to commit snapshots of it, until
// another attempt begins. Its methods may be called from several goroutines,
// but commits follow one another.
type Session struct {
	l     *Ledger
	run   Run
	lease *Lease
	start time.Time // of this attempt, with the monotonic clock

	objects atomic.Uint64 // counts the temporary files of PutObject

	mu      sync.Mutex // held by a commit, which may have to wait for the database
	attempt Attempt
	last    Snapshot // the newest of the run; Seq 0 before the first
	base    float64  // seconds of the attempts before
	ended   bool

	beatMu sync.Mutex // apart, so that the heart beats while a commit waits
	me     Progress   // what every beat says of this attempt
}

func (l *Ledger) newSession(run Run, lease *Lease, a Attempt, number uint64) *Session {
	s := &Session{l: l, run: run, lease: lease, start: time.Now(), attempt: a}
	s.attempt.identify()
	s.attempt.Number, s.attempt.Started = number, l.now().UTC()
	s.attempt.Target, s.attempt.Epochs, s.attempt.Interval = run.Target, run.Passes(), run.Interval
	s.me = Progress{Run: run.ID, Attempt: s.attempt.Number, Host: s.attempt.Host, PID: s.attempt.PID, Started: s.attempt.Started}
	return s
}

// Changes are what a new attempt may change of a run, because it does not
// decide the model. Nil, zero and empty leave what is recorded.
type Changes struct {
	Target   *int64
	Epochs   int
	Interval string
	Source   *Source // of the same digest: where the data lies now
	Tags     []string
	Record   map[string]string
}

func (c *Changes) apply(r *Run) error {
	if c.Target != nil {
		r.Target = *c.Target
	}
	if c.Epochs < 0 {
		return fmt.Errorf("%w: a run of %d epochs", ErrRule, c.Epochs)
	}
	if c.Epochs > 0 {
		r.Epochs = c.Epochs
	}
	if c.Interval != "" {
		r.Interval = c.Interval
	}
	if c.Source != nil {
		if c.Source.Digest != r.Source.Digest {
			return fmt.Errorf("%w: a run's source cannot become another one", ErrRule)
		}
		r.Source = *c.Source
	}
	for _, tag := range c.Tags {
		if !slices.Contains(r.Tags, tag) {
			r.Tags = append(r.Tags, tag)
		}
	}
	if len(c.Record) > 0 && r.Record == nil {
		r.Record = map[string]string{}
	}
	maps.Copy(r.Record, c.Record)
	return nil
}

// Change changes a run without an attempt at it.
func (l *Ledger) Change(ctx context.Context, id RunID, c Changes) error {
	err := l.db.update(ctx, func(t *tx) error {
		r, err := t.run(id)
		if err != nil {
			return err
		}
		if err := c.apply(&r); err != nil {
			return err
		}
		return t.putJSON(bRuns, runKey(id), &r)
	})
	if err != nil {
		return fmt.Errorf("change run: %w", err)
	}
	return nil
}

// Continue begins the next attempt at the run of which this process has the
// lease. The caller has chosen snapshot seq, which must still be the newest; 0
// is for a run that has none.
func (l *Ledger) Continue(ctx context.Context, lease *Lease, seq uint64, c Changes, a Attempt) (*Session, error) {
	// A copy of a ledger may have left its empty folders behind.
	if err := mkdirSynced(l.stateDir()); err != nil {
		return nil, fmt.Errorf("begin attempt: %w", err)
	}
	var s *Session
	err := l.db.update(ctx, func(t *tx) error {
		e, err := t.entry(lease.run)
		if err != nil {
			return err
		}
		if _, ok, err := t.trashed(e.ID); ok || err != nil {
			return errors.Join(ErrTrashed, err)
		}
		if e.Head.Attempt != lease.attempt {
			return fmt.Errorf("attempt %d began meanwhile: %w", e.Head.Attempt, ErrLeaseLost)
		}
		if e.Head.Seq != seq {
			return fmt.Errorf("newest snapshot is %d, not %d: %w", e.Head.Seq, seq, ErrLeaseLost)
		}
		if err := c.apply(&e.Run); err != nil {
			return err
		}
		s = l.newSession(e.Run, lease, a, e.Head.Attempt+1)
		if seq > 0 {
			if s.last, err = t.snapshot(e.ID, seq); err != nil {
				return err
			}
		}
		s.base = e.Head.Elapsed
		s.attempt.From, s.attempt.FromRow, s.attempt.At = seq, s.last.Row, s.last.Samples()
		s.attempt.TookOver = lease.took
		h := s.openHead(e.Head)
		if _, err := t.touch(e.ID, &h); err != nil {
			return err
		}
		return errors.Join(
			t.putJSON(bRuns, runKey(e.ID), &e.Run),
			t.putJSON(bAttempts, numberKey(e.ID, s.attempt.Number), &s.attempt),
			t.putJSON(bHeads, runKey(e.ID), &h),
		)
	})
	if err != nil {
		return nil, fmt.Errorf("begin attempt: %w", err)
	}
	if !lease.took { // else its holder may still be writing
		s.removeLeftovers()
	}
	_ = s.Beat(Progress{Counters: s.last.Counters}) // the trainer beats again, and is told then
	return s, nil
}

// openHead is h with this attempt as the newest, not ended.
func (s *Session) openHead(h Head) Head {
	a := &s.attempt
	h.Attempt, h.Open, h.Reason, h.LastError = a.Number, true, "", ""
	h.Host, h.Boot, h.PID, h.Started, h.Updated = a.Host, a.Boot, a.PID, a.Started, a.Started
	return h
}

// Run returns the run as it is recorded.
func (s *Session) Run() Run { return s.run }

// Attempt returns this attempt.
func (s *Session) Attempt() Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempt
}

// Elapsed returns how long this attempt has lasted.
func (s *Session) Elapsed() time.Duration { return time.Since(s.start) }

// Last returns the newest snapshot; Seq is 0 before the first.
func (s *Session) Last() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// GetObject is the ledger's.
func (s *Session) GetObject(ctx context.Context, o Object, read func(io.Reader) error) error {
	return s.l.GetObject(ctx, o, read)
}

// Checkpoint is what a trainer commits.
type Checkpoint struct {
	Kind Kind
	Counters
	Position    json.RawMessage
	Metrics     map[string]float64
	ModelDigest string
	Objects     []Object
	Errored     []ErroredRow // since the checkpoint before, those trained after all too
	Rate        float64      // samples a second in this attempt
	// Elapsed is how long the attempt had lasted when this was captured; 0 is until
	// now. A commit may have to wait, which is no time of training.
	Elapsed time.Duration
	End     *End // with a final or emergency one: the attempt ends here
}

// End says why an attempt ended.
type End struct {
	Reason Reason
	Error  string
}

// Commit records a checkpoint as the run's next snapshot. It is refused with
// ErrLeaseLost when another attempt has begun, with a *MissingError when an
// object is not in the store, and with ErrRule when counters contradict each
// other, go back, or have not moved. Errored goes back by the rows that are named as
// trained after all, and where rows are named, nothing else has to move. Nothing is
// written when it is refused.
func (s *Session) Commit(ctx context.Context, c Checkpoint) (Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.l.now().UTC()
	if c.Elapsed == 0 {
		c.Elapsed = s.Elapsed()
	}
	snap := Snapshot{
		Run: s.run.ID, Seq: s.last.Seq + 1, Kind: c.Kind, Time: now,
		Dataset: s.run.Dataset, ConfigHash: s.run.ConfigHash, Source: s.run.Source.Digest,
		Position: c.Position, Counters: c.Counters, Metrics: c.Metrics, ModelDigest: c.ModelDigest,
		Prev: s.last.Hash, Objects: c.Objects, Attempt: s.attempt.Number,
		Elapsed: s.base + c.Elapsed.Seconds(),
	}
	if s.last.Seq == 0 && s.run.ForkedFrom != nil {
		snap.Prev = s.run.ForkedFrom.Hash
	}
	if s.ended {
		return Snapshot{}, fmt.Errorf("%w: the attempt has ended", ErrRule)
	}
	errored := c.Errored[:min(len(c.Errored), MaxErroredRows)]
	if err := s.follows(&snap, errored); err != nil {
		return Snapshot{}, err
	}
	ended := s.attempt
	err := s.l.db.update(ctx, func(t *tx) error {
		h, err := s.mine(t)
		if err != nil {
			return err
		}
		if h.Hash != s.last.Hash {
			return ErrLeaseLost
		}
		if missing := s.l.missing(snap.Objects); missing != nil {
			return &MissingError{Objects: missing}
		}
		h.Rate = c.Rate
		if c.End != nil {
			ended = s.end(&h, *c.End, now)
			if err := t.putJSON(bAttempts, numberKey(s.run.ID, ended.Number), &ended); err != nil {
				return err
			}
		}
		if err := t.putSnapshot(&snap, &h, errored); err != nil {
			return err
		}
		return t.putJSON(bHeads, runKey(s.run.ID), &h)
	})
	if err != nil {
		return Snapshot{}, fmt.Errorf("commit snapshot %d: %w", snap.Seq, err)
	}
	s.last, s.attempt, s.ended = snap, ended, c.End != nil
	return snap, nil
}

// follows checks a snapshot, and the errored rows that come with it, against the one
// before it.
func (s *Session) follows(snap *Snapshot, errored []ErroredRow) error {
	if err := snap.check(); err != nil {
		return err
	}
	l := &s.last
	if l.Seq == 0 {
		return nil
	}
	trained := int64(0) // after all
	for _, r := range errored {
		if r.Trained {
			trained++
		}
	}
	if snap.Row < l.Row || snap.Trained < l.Trained || snap.Filtered < l.Filtered || snap.Samples() < l.Samples() || snap.Errored < l.Errored-trained {
		return fmt.Errorf("%w: snapshot %d would go back behind snapshot %d", ErrRule, snap.Seq, l.Seq)
	}
	if snap.Counters == l.Counters && len(errored) == 0 {
		return fmt.Errorf("%w: snapshot %d has the counters of snapshot %d", ErrRule, snap.Seq, l.Seq)
	}
	return nil
}

// putSnapshot writes a snapshot, its errored rows and its references, and moves
// the head on; the caller writes the head.
func (t *tx) putSnapshot(snap *Snapshot, h *Head, errored []ErroredRow) error {
	snap.Hash = snap.chainHash()
	added, err := t.refer(snap.Objects)
	if err != nil {
		return err
	}
	if snap.Commit, err = t.touch(snap.Run, h); err != nil {
		return err
	}
	h.Counters, h.Seq, h.Kind, h.Hash, h.Time, h.Commit = snap.Counters, snap.Seq, snap.Kind, snap.Hash, snap.Time, snap.Commit
	h.Updated, h.ModelDigest, h.Elapsed = snap.Time, snap.ModelDigest, snap.Elapsed
	h.SnapshotCount++
	h.StateBytes += added
	h.RestoreBytes = snap.StateBytes()
	if len(errored) > 0 {
		if err := t.putJSON(bErrored, numberKey(snap.Run, snap.Seq), errored); err != nil {
			return err
		}
	}
	return t.putJSON(bSnapshots, numberKey(snap.Run, snap.Seq), snap)
}

// mine returns the head if this attempt is still the run's newest.
func (s *Session) mine(t *tx) (Head, error) {
	h, err := t.head(s.run.ID)
	if err == nil && h.Attempt != s.attempt.Number {
		err = ErrLeaseLost
	}
	if err == nil { // where locks are no proof somebody may have moved it there
		if _, ok, trashErr := t.trashed(s.run.ID); ok || trashErr != nil {
			err = errors.Join(ErrTrashed, trashErr)
		}
	}
	return h, err
}

// end marks the attempt ended in the head and returns its record.
func (s *Session) end(h *Head, e End, now time.Time) Attempt {
	a := s.attempt
	a.Ended, a.Reason, a.Error = now, e.Reason, e.Error
	h.Open, h.Reason, h.LastError, h.Updated = false, e.Reason, e.Error, now
	h.Elapsed = s.base + time.Since(s.start).Seconds()
	return a
}

// End ends the attempt without a snapshot, because the newest one stands where
// the attempt does, or because none could be made.
func (s *Session) End(ctx context.Context, e End) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	ended := s.attempt
	err := s.l.db.update(ctx, func(t *tx) error {
		h, err := s.mine(t)
		if err != nil {
			return err
		}
		ended = s.end(&h, e, s.l.now().UTC())
		if _, err := t.touch(s.run.ID, &h); err != nil {
			return err
		}
		return errors.Join(
			t.putJSON(bAttempts, numberKey(s.run.ID, ended.Number), &ended),
			t.putJSON(bHeads, runKey(s.run.ID), &h),
		)
	})
	if err != nil {
		return fmt.Errorf("end attempt: %w", err)
	}
	s.attempt, s.ended = ended, true
	return nil
}

// Beat writes the progress block. The caller does so at most once a second and
// fills in what moves: counters, rate and when the position last moved.
func (s *Session) Beat(p Progress) error {
	s.beatMu.Lock()
	defer s.beatMu.Unlock()
	s.me.Beat++
	me := s.me
	me.Counters, me.Rate = p.Counters, p.Rate
	me.Time = s.l.now().UTC().Truncate(time.Millisecond)
	if me.Moved = p.Moved.UTC().Truncate(time.Millisecond); p.Moved.IsZero() {
		me.Moved = me.Time
	}
	return s.lease.write(me)
}

// Close gives up the lease. An attempt that has not ended counts as crashed.
func (s *Session) Close() error { return s.lease.Release() }
