package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"
)

// Ref names a run or one of its snapshots as people write it: RUN, RUN#N,
// RUN@SAMPLES, DATASET@latest.
type Ref struct {
	Run     string // a name, an id, or a prefix or suffix of one
	Dataset string // of DATASET@latest
	Seq     uint64 // of RUN#N, 0 for none
	Samples int64  // of RUN@SAMPLES, -1 for none
}

// ParseRef takes a reference apart. It does not look anything up.
func ParseRef(text string) (Ref, error) {
	r := Ref{Run: text, Samples: -1}
	if base, seq, ok := cutLast(text, "#"); ok {
		n, err := strconv.ParseUint(seq, 10, 64)
		if err != nil || n == 0 {
			return Ref{}, fmt.Errorf("%w: in %q, a snapshot's number after # is 1 or more", ErrRule, text)
		}
		r.Run, r.Seq = base, n
	} else if base, at, ok := cutLast(text, "@"); ok {
		if at == "latest" {
			return Ref{Dataset: base, Samples: -1}, nil
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(at, ",", ""), 10, 64)
		if err != nil || n < 0 {
			return Ref{}, fmt.Errorf("%w: in %q, after @ stands latest or a number of samples", ErrRule, text)
		}
		r.Run, r.Samples = base, n
	}
	if base, at, ok := cutLast(r.Run, "@"); ok && at == "latest" {
		r.Run, r.Dataset = "", base
	}
	return r, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Named says whether the reference names a snapshot and not the run as such.
func (r Ref) Named() bool { return r.Seq != 0 || r.Samples >= 0 }

// minPart is how many characters of an id a reference has at least.
const minPart = 4

// Find returns the run that a reference means. No run is an error that wraps
// ErrNotFound, several are an *AmbiguousError.
func (l *Ledger) Find(ctx context.Context, r Ref) (Entry, error) {
	if r.Dataset != "" {
		return l.latest(ctx, r.Dataset)
	}
	var id RunID
	err := l.db.view(ctx, func(t *tx) error {
		named, err := t.get(bNames, []byte(r.Run))
		id = RunID(named)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	if id == "" {
		if id, err = l.idLike(ctx, r.Run); err != nil {
			return Entry{}, err
		}
	}
	return l.Entry(ctx, id)
}

// idLike returns the id that begins or ends with part.
func (l *Ledger) idLike(ctx context.Context, part string) (RunID, error) {
	want := []byte(strings.ToUpper(part))
	if len(want) < minPart || len(want) > ulid.EncodedSize {
		return "", fmt.Errorf("run %q: %w", part, ErrNotFound)
	}
	var ids []RunID
	err := l.eachKey(ctx, bRuns, nil, func(_ *tx, k []byte) error {
		if len(ids) < 10 && (bytes.HasPrefix(k, want) || bytes.HasSuffix(k, want)) {
			ids = append(ids, RunID(k))
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", fmt.Errorf("run %q: %w", part, ErrNotFound)
	case len(ids) > 1:
		return "", &AmbiguousError{Ref: part, Runs: ids}
	}
	return ids[0], nil
}

// latest is the run of a dataset whose newest snapshot was committed last; of
// runs without any, the one begun last.
func (l *Ledger) latest(ctx context.Context, dataset string) (Entry, error) {
	runs, err := l.Dataset(ctx, dataset)
	if err != nil {
		return Entry{}, err
	}
	if len(runs) == 0 {
		return Entry{}, fmt.Errorf("dataset %q: no run of it: %w", dataset, ErrNotFound)
	}
	sort.SliceStable(runs, func(i, j int) bool {
		if a, b := runs[i].Head.Commit, runs[j].Head.Commit; a != b {
			return a > b
		}
		return runs[i].ID > runs[j].ID
	})
	return runs[0], nil
}

// FindSnapshot returns the snapshot that a reference names: #N is that one,
// @SAMPLES the last at or before so many samples, and a run alone its newest.
func (l *Ledger) FindSnapshot(ctx context.Context, e Entry, r Ref) (Snapshot, error) {
	if r.Samples < 0 {
		return l.Snapshot(ctx, e.ID, r.Seq)
	}
	return l.AtSamples(ctx, e, r.Samples)
}

// AtSamples returns the last snapshot at or before so many samples. Samples
// never go back within a run, so the numbers are searched in halves.
func (l *Ledger) AtSamples(ctx context.Context, e Entry, samples int64) (Snapshot, error) {
	lo, hi := uint64(0), e.Head.Seq // lo is known to be at or before, hi+1 to be after
	var best Snapshot
	err := l.db.view(ctx, func(t *tx) error {
		for lo < hi {
			mid := hi - (hi-lo)/2
			s, err := t.snapshotUpTo(e.ID, mid)
			switch {
			case errors.Is(err, ErrNotFound):
				lo = mid // all up to mid are pruned
			case err != nil:
				return err
			case s.Samples() <= samples:
				if s.Seq > best.Seq {
					best = s
				}
				lo = mid
			default:
				hi = s.Seq - 1
			}
		}
		return nil
	})
	if err == nil && best.Seq == 0 {
		err = fmt.Errorf("run %s has no snapshot at or before %d samples: %w", e.ID.Short(), samples, ErrNotFound)
	}
	return best, err
}

// snapshotUpTo is the snapshot with the largest number up to seq: numbers have
// gaps where snapshots were pruned.
func (t *tx) snapshotUpTo(id RunID, seq uint64) (Snapshot, error) {
	var s Snapshot
	found := false
	err := t.descend(bSnapshots, runKey(id), numberKey(id, seq+1), func(k, v []byte) error {
		found = true
		if err := decode(bSnapshots, k, v, &s); err != nil {
			return err
		}
		return errStop
	})
	if err == nil && !found {
		err = noSnapshot(id)
	}
	return s, err
}

func noSnapshot(id RunID) error {
	return fmt.Errorf("run %s has no snapshot: %w", id.Short(), ErrNotFound)
}
