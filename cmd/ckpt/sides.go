package main

import (
	"context"
	"errors"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"

	"github.com/urfave/cli/v2"
)

// A side is one of the things compared: a run at one of its snapshots.
type side struct {
	ledger.Entry
	snap    ledger.Snapshot // Seq is 0 where the run has none
	attempt ledger.Attempt  // the one that took the snapshot
	fixed   bool            // the argument named the snapshot, not just the run
}

// sides finds what the arguments name, and the place at which to compare it.
func (p program) sides(ctx context.Context, c *cli.Context, l *ledger.Ledger, args []string) ([]side, error) {
	sides := make([]side, len(args))
	loose := 0
	for i, arg := range args {
		e, ref, err := p.find(ctx, c, l, arg)
		if err != nil {
			return nil, err
		}
		s := side{Entry: e, fixed: ref.Named() || ref.Dataset != ""}
		switch {
		case !s.fixed:
			loose++
		case e.Head.Seq > 0 || ref.Named():
			if s.snap, err = p.snapshot(ctx, c, l, e, ref); err != nil {
				return nil, err
			}
		}
		sides[i] = s
	}
	if c.Bool("latest") && loose == 0 {
		return nil, cmdline.Usagef("--latest has no effect: every argument names its snapshot")
	}
	if err := place(ctx, l, sides, c.Bool("latest")); err != nil {
		return nil, records.Explain(c, err)
	}
	for i := range sides {
		s := &sides[i]
		attempts, err := l.Attempts(ctx, s.ID)
		if err != nil {
			return nil, records.Explain(c, err)
		}
		for _, a := range attempts {
			if a.Number == s.snap.Attempt || s.snap.Seq == 0 {
				s.attempt = a
			}
		}
	}
	return sides, nil
}

// place chooses the snapshots of the runs that were named without one.
func place(ctx context.Context, l *ledger.Ledger, sides []side, latest bool) error {
	at, known := int64(0), false // the number of samples at which to compare
	for _, s := range sides {
		if s.fixed && s.snap.Seq > 0 && s.snap.Samples() >= at {
			at, known = s.snap.Samples(), true
		}
	}
	if !known && !latest {
		var err error
		if at, err = commonSamples(ctx, l, sides); err != nil {
			return err
		}
	}
	for i := range sides {
		s := &sides[i]
		if s.fixed || s.Head.Seq == 0 {
			continue
		}
		var err error
		if latest || fixedElsewhere(sides, s.ID) {
			s.snap, err = l.Snapshot(ctx, s.ID, s.Head.Seq)
		} else {
			s.snap, err = nearest(ctx, l, s.Entry, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fixedElsewhere reports whether a snapshot of the run was named beside it.
func fixedElsewhere(sides []side, id ledger.RunID) bool {
	for _, s := range sides {
		if s.fixed && s.ID == id {
			return true
		}
	}
	return false
}

// commonSamples is the largest number of samples at which all the runs that have
// snapshots have one. If there is no such number, it is where the run ends that
// ends first.
func commonSamples(ctx context.Context, l *ledger.Ledger, sides []side) (int64, error) {
	var runs []ledger.Entry
	for _, s := range sides {
		if s.Head.Seq > 0 {
			runs = append(runs, s.Entry)
		}
	}
	if len(runs) == 0 {
		return 0, nil
	}
	shortest, equal := runs[0].Head.Samples(), true
	for _, e := range runs {
		equal = equal && e.Head.Samples() == shortest
		shortest = min(shortest, e.Head.Samples())
	}
	if equal { // without reading a snapshot
		return shortest, nil
	}
	var common []int64 // ascending, as samples are in every run
	for i, e := range runs {
		var both []int64
		left := common
		err := l.Snapshots(ctx, e.ID, func(s *ledger.Snapshot) error {
			n := s.Samples()
			for i > 0 && len(left) > 0 && left[0] < n {
				left = left[1:]
			}
			if i == 0 || len(left) > 0 && left[0] == n {
				both = append(both, n)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		common = both
	}
	if len(common) == 0 {
		return shortest, nil
	}
	return common[len(common)-1], nil
}

// nearest is the last snapshot at or before so many samples, else the first.
func nearest(ctx context.Context, l *ledger.Ledger, e ledger.Entry, samples int64) (ledger.Snapshot, error) {
	s, err := l.AtSamples(ctx, e, samples)
	if !errors.Is(err, ledger.ErrNotFound) {
		return s, err
	}
	found := errors.New("found")
	err = l.Snapshots(ctx, e.ID, func(first *ledger.Snapshot) error { s = *first; return found })
	if errors.Is(err, found) {
		err = nil
	}
	return s, err
}
