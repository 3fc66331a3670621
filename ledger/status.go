package ledger

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Status says how a run stands. It is derived when it is read and stored
// nowhere.
type Status string

// The states of a run.
const (
	Running Status = "running" // a live process trains it
	Stalled Status = "stalled" // a live process holds it, and its position does not move
	Crashed Status = "crashed" // its process is gone without a word
	// The others are the reasons for which the newest attempt ended.
	IsInterrupted = Status(Interrupted)
	IsFailed      = Status(Failed)
	IsExhausted   = Status(Exhausted)
	IsCompleted   = Status(Completed)
)

// StallAfter is how long a position may stand still before a running run counts
// as stalled.
const StallAfter = 2 * time.Minute

// Derive computes the status from the head, what a look at the lease showed,
// and whether the progress of a holder on another host moved while we watched.
func Derive(h Head, live Live, moving bool, now time.Time) Status {
	if !h.Open {
		return Status(h.Reason)
	}
	if !live.Held && !moving {
		return Crashed
	}
	p := live.Progress
	if away(h.Host, h.Boot) {
		now = p.Time // the clock that wrote p.Moved; ours may differ from it
	}
	if p.Attempt == h.Attempt && now.Sub(p.Moved) > StallAfter {
		return Stalled
	}
	return Running
}

// Standing is a run's status with what its trainer says meanwhile.
type Standing struct {
	Status Status
	Live   *Progress // of a running or stalled run
}

// watchFor is how long Standings watches leases whose lock is no proof.
const watchFor = 1500 * time.Millisecond

// Standings derives the status of each run. Only runs whose newest attempt has
// not ended cost a look at a file; those whose lock is no proof are watched
// together for a moment.
func (l *Ledger) Standings(ctx context.Context, entries []Entry) ([]Standing, error) {
	out := make([]Standing, len(entries))
	lives := make([]Live, len(entries))
	var away []int
	for i, e := range entries {
		if !e.Head.Open {
			continue
		}
		live, err := l.Probe(e.ID)
		if err != nil { // nobody here may look: what the record says is all there is
			lives[i].Held = true
			continue
		}
		lives[i] = live
		if !live.Held && l.lockIsNoProof(e.Head, live.Progress) && live.Progress.Attempt == e.Head.Attempt {
			away = append(away, i)
		}
	}
	moving := make([]bool, len(entries))
	if len(away) > 0 {
		timer := time.NewTimer(watchFor)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
		for _, i := range away {
			again, err := l.Probe(entries[i].ID)
			if err != nil {
				return nil, err
			}
			moving[i] = again.Progress.Beat != lives[i].Progress.Beat
			lives[i] = again
		}
	}
	now := l.now()
	var crashed []int
	for i, e := range entries {
		out[i].Status = Derive(e.Head, lives[i], moving[i], now)
		switch s := out[i].Status; {
		case s == Crashed:
			crashed = append(crashed, i)
		case (s == Running || s == Stalled) && lives[i].Progress.Attempt == e.Head.Attempt:
			out[i].Live = &lives[i].Progress
		}
	}
	for piece := range slices.Chunk(crashed, ScanBatch) {
		if err := l.confirmCrashed(ctx, entries, out, piece); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// confirmCrashed looks once more at the runs whose lease was free: the attempt
// may have ended in order, or the next one begun, after the entry was read.
func (l *Ledger) confirmCrashed(ctx context.Context, entries []Entry, out []Standing, crashed []int) error {
	return l.db.view(ctx, func(t *tx) error {
		for _, i := range crashed {
			h, err := t.head(entries[i].ID)
			switch {
			case errors.Is(err, ErrNotFound): // removed since
			case err != nil:
				return err
			case !h.Open:
				out[i].Status = Status(h.Reason)
			case h.Attempt != entries[i].Head.Attempt:
				out[i].Status = Running
			}
		}
		return nil
	})
}
