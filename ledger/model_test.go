package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is what a ledger should hold, as plainly as it can be said.
type model struct {
	l        *Ledger
	clock    uint64 // counts what touches a run
	runs     []*modelRun
	sessions []*modelSession
}

type modelRun struct {
	id            RunID
	dataset, name string
	snaps         []Snapshot
	errored       [][]ErroredRow // of each snapshot those that count as errored, by row
	attempt       uint64
	open          bool
	reason        Reason
	touched       uint64
	commit        uint64
	origin        *Origin
	trashed       bool
}

type modelSession struct {
	*Session
	run    *modelRun
	number uint64
	ended  bool
}

func (s *modelSession) lost() bool { return s.number != s.run.attempt }

func (m *model) touch(r *modelRun) uint64 {
	m.clock++
	r.touched = m.clock
	return m.clock
}

func (m *model) begun(s *Session, run Run) *modelSession {
	r := &modelRun{id: s.Run().ID, dataset: run.Dataset, name: run.Name, attempt: 1, open: true}
	m.runs = append(m.runs, r)
	m.touch(r)
	ms := &modelSession{Session: s, run: r, number: 1}
	m.sessions = append(m.sessions, ms)
	return ms
}

// drawRun is a run to begin, and whether its name or dataset is refused.
func (m *model) drawRun(t *rapid.T) (run Run, taken bool) {
	run = testRun(rapid.SampledFrom([]string{"wikitext", "c4", "first"}).Draw(t, "dataset"))
	run.Name = rapid.SampledFrom([]string{"", "", "", "first", "second", "c4"}).Draw(t, "name")
	for _, r := range m.runs {
		taken = taken || run.Name != "" && (r.name == run.Name || r.dataset == run.Name && !r.trashed) || r.name == run.Dataset
	}
	return run, taken || run.Name == run.Dataset
}

func (m *model) begin(t *rapid.T) {
	run, taken := m.drawRun(t)
	s, err := m.l.Begin(context.Background(), run, Attempt{})
	if taken {
		wantError(t, err, ErrNameTaken)
		return
	}
	wantError(t, err, nil)
	m.begun(s, run)
}

func (m *model) fork(t *rapid.T) {
	parent := m.drawKnown(t)
	if len(parent.snaps) == 0 {
		t.Skip("no snapshot")
	}
	from := rapid.SampledFrom(parent.snaps).Draw(t, "from")
	run, taken := m.drawRun(t)
	s, err := m.l.Fork(context.Background(), run, from, nil, Attempt{})
	if taken {
		wantError(t, err, ErrNameTaken)
		return
	}
	wantError(t, err, nil)
	ms := m.begun(s, run)
	ms.run.commit, ms.run.snaps = ms.run.touched, []Snapshot{s.Last()}
	ms.run.origin = &Origin{Run: from.Run, Seq: from.Seq, Hash: from.Hash}
	ms.run.errored = [][]ErroredRow{parent.errored[from.Seq-1]}
	if s.Last().Counters != from.Counters {
		t.Fatalf("the fork of %+v stands at %+v", from.Counters, s.Last().Counters)
	}
}

func (m *model) drawKnown(t *rapid.T) *modelRun {
	if len(m.runs) == 0 {
		t.Skip("no run")
	}
	return rapid.SampledFrom(m.runs).Draw(t, "run")
}

func (m *model) drawSession(t *rapid.T) *modelSession {
	if len(m.sessions) == 0 {
		t.Skip("no session")
	}
	return m.sessions[rapid.IntRange(0, len(m.sessions)-1).Draw(t, "session")]
}

func (m *model) proceed(t *rapid.T) {
	r := m.drawKnown(t)
	takeOver := rapid.Bool().Draw(t, "take over")
	held := slices.ContainsFunc(m.sessions, func(s *modelSession) bool { return s.run == r })
	lease, err := m.l.Acquire(context.Background(), r.id, LeaseOptions{TakeOver: takeOver, Watch: time.Millisecond})
	var inUse *HeldError
	if held && !takeOver {
		if !errors.As(err, &inUse) {
			t.Fatalf("a held lease: %v", err)
		}
		return
	}
	wantError(t, err, nil)
	if r.trashed {
		_, err := m.l.Continue(context.Background(), lease, uint64(len(r.snaps)), Changes{}, Attempt{})
		wantError(t, err, ErrTrashed)
		wantError(t, lease.Release(), nil)
		return
	}
	if held {
		r.attempt++ // the fence
		m.tryCommits(t, r)
	}
	seq := uint64(len(r.snaps))
	_, err = m.l.Continue(context.Background(), lease, seq+1, Changes{}, Attempt{})
	wantError(t, err, ErrLeaseLost)
	s, err := m.l.Continue(context.Background(), lease, seq, Changes{}, Attempt{})
	wantError(t, err, nil)
	r.attempt++
	r.open, r.reason = true, ""
	m.touch(r)
	if a := s.Attempt(); a.Number != r.attempt || a.From != seq || a.TookOver != held {
		t.Fatalf("attempt %d (took over: %v) from %d, not %d (%v) from %d", a.Number, a.TookOver, a.From, r.attempt, held, seq)
	}
	m.sessions = append(m.sessions, &modelSession{Session: s, run: r, number: r.attempt})
}

// tryCommits makes sure that no session of the run can commit any more.
func (m *model) tryCommits(t *rapid.T, r *modelRun) {
	for _, s := range m.sessions {
		if s.run == r && !s.ended {
			_, err := s.Commit(context.Background(), step(s.Session, 1))
			wantError(t, err, ErrLeaseLost)
		}
	}
}

func (m *model) commit(t *rapid.T) {
	s := m.drawSession(t)
	c := step(s.Session, int64(rapid.IntRange(0, 2).Draw(t, "trained")))
	errored := s.retry(t, &c)
	for range rapid.IntRange(0, 1).Draw(t, "errored") {
		row := ErroredRow{Row: c.Row, Reason: "malformed JSON"}
		errored, c.Errored = append(errored, row), append(c.Errored, row)
		c.Counters.Errored, c.Row = c.Counters.Errored+1, c.Row+1
	}
	for _, text := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "objects") {
		o, err := s.PutObject(context.Background(), text, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
		wantError(t, err, nil)
		c.Objects = append(c.Objects, o)
	}
	if rapid.IntRange(0, 4).Draw(t, "final") == 0 {
		c.Kind, c.End = Final, &End{Reason: Completed}
	}
	last := s.Last()
	snap, err := s.Commit(context.Background(), c)
	switch {
	case s.ended, last.Seq > 0 && c.Counters == last.Counters && c.Errored == nil:
		wantError(t, err, ErrRule)
		return
	case s.lost():
		wantError(t, err, ErrLeaseLost)
		return
	}
	wantError(t, err, nil)
	r := s.run
	r.commit = m.touch(r)
	r.snaps = append(r.snaps, snap)
	r.errored = append(r.errored, errored)
	if c.End != nil {
		s.ended, r.open, r.reason = true, false, Completed
	}
}

// retry makes some errored rows of the checkpoint trained ones, or errored for
// another reason, and returns those that are left. Rows that nobody names stay
// errored.
func (s *modelSession) retry(t *rapid.T, c *Checkpoint) (left []ErroredRow) {
	if s.lost() || len(s.run.errored) == 0 {
		return nil
	}
	for _, row := range s.run.errored[len(s.run.errored)-1] {
		switch rapid.SampledFrom([]string{"stays", "stays", "again", "trained"}).Draw(t, "retry") {
		case "again":
			row.Reason, row.Learned = "too long", row.Learned+1
			c.Errored = append(c.Errored, row)
			left = append(left, row)
		case "trained":
			c.Counters.Errored--
			c.Counters.Trained++
			if !s.ended {
				_, err := s.Commit(context.Background(), *c)
				wantError(t, err, ErrRule)
			}
			c.Errored = append(c.Errored, ErroredRow{Row: row.Row, Trained: true})
		default:
			left = append(left, row)
		}
	}
	return left
}

func (m *model) end(t *rapid.T) {
	s := m.drawSession(t)
	reason := rapid.SampledFrom([]Reason{Interrupted, Failed, Exhausted}).Draw(t, "reason")
	err := s.End(context.Background(), End{Reason: reason, Error: "why"})
	switch {
	case s.ended:
		wantError(t, err, nil)
	case s.lost():
		wantError(t, err, ErrLeaseLost)
	default:
		wantError(t, err, nil)
		s.ended, s.run.open, s.run.reason = true, false, reason
		m.touch(s.run)
	}
}

func (m *model) close(t *rapid.T) {
	s := m.drawSession(t)
	wantError(t, s.Close(), nil)
	m.sessions = slices.DeleteFunc(m.sessions, func(o *modelSession) bool { return o == s })
	// One that took over gets the lock with its next beat.
	for _, o := range m.sessions {
		if o.run == s.run {
			wantError(t, o.Beat(Progress{Counters: o.Last().Counters}), nil)
		}
	}
}

func (m *model) trash(t *rapid.T) {
	r := m.drawKnown(t)
	err := m.l.Trash(context.Background(), r.id)
	var inUse *HeldError
	if slices.ContainsFunc(m.sessions, func(s *modelSession) bool { return s.run == r }) {
		if !errors.As(err, &inUse) {
			t.Fatalf("a run that is trained went to the trash: %v", err)
		}
		return
	}
	wantError(t, err, nil)
	r.trashed = true
}

func (m *model) untrash(t *rapid.T) {
	r := m.drawKnown(t)
	if !r.trashed {
		t.Skip("not in the trash")
	}
	err := m.l.Untrash(context.Background(), r.id)
	if slices.ContainsFunc(m.runs, func(o *modelRun) bool { return o.name == r.dataset }) {
		wantError(t, err, ErrNameTaken)
		return
	}
	wantError(t, err, nil)
	r.trashed = false
	m.touch(r)
}

// check compares all that can be asked with what the model says, now and then.
func (m *model) check(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "look") > 0 {
		return
	}
	ctx := context.Background()
	newest := slices.SortedFunc(slices.Values(m.runs), func(a, b *modelRun) int { return cmp.Compare(b.touched, a.touched) })
	newest = slices.DeleteFunc(newest, func(r *modelRun) bool { return r.trashed })
	trashed, err := m.l.Trashed(ctx)
	wantError(t, err, nil)
	if n, err := m.l.Count(ctx); len(trashed) != len(m.runs)-len(newest) || n != len(newest) || err != nil {
		t.Fatalf("%d runs in the trash and %d outside, not %d and %d (%v)", len(trashed), n, len(m.runs)-len(newest), len(newest), err)
	}
	entries, more, err := m.l.List(ctx, Query{})
	wantError(t, err, nil)
	if len(entries) != len(newest) || more {
		t.Fatalf("%d of %d runs are listed", len(entries), len(newest))
	}
	latest := map[string]*modelRun{}
	for i, r := range newest {
		e := entries[i]
		if e.ID != r.id || e.Name != r.name || e.Dataset != r.dataset {
			t.Fatalf("entry %d is %s, not %s", i, e.ID, r.id)
		}
		h := e.Head
		if h.Seq != uint64(len(r.snaps)) || h.Attempt != r.attempt || h.Open != r.open || h.Reason != r.reason || h.Touched != r.touched || h.Commit != r.commit {
			t.Fatalf("head of %+v is %+v", r, h)
		}
		if (r.origin == nil) != (e.ForkedFrom == nil) || r.origin != nil && *r.origin != *e.ForkedFrom {
			t.Fatalf("origin is %v, not %v", e.ForkedFrom, r.origin)
		}
		if o := latest[r.dataset]; o == nil || r.commit > o.commit || r.commit == o.commit && r.id > o.id {
			latest[r.dataset] = r
		}
		rows, err := m.l.Errored(ctx, r.id, h.Seq)
		wantError(t, err, nil)
		var want []ErroredRow
		if len(r.errored) > 0 {
			want = r.errored[len(r.errored)-1]
		}
		if !slices.Equal(rows, want) || int64(len(want)) != h.Errored {
			t.Fatalf("%d errored: rows %v, not %v", h.Errored, rows, want)
		}
		m.checkSnapshots(t, e, r)
		if r.name != "" {
			if id, err := find(m.l, r.name); err != nil || id != r.id {
				t.Fatalf("%s is %s, not %s (%v)", r.name, id, r.id, err)
			}
		}
	}
	for dataset, r := range latest {
		if id, err := find(m.l, dataset+"@latest"); err != nil || id != r.id {
			t.Fatalf("latest of %s is %s, not %s (%v)", dataset, id, r.id, err)
		}
	}
}

func (m *model) checkSnapshots(t *rapid.T, e Entry, r *modelRun) {
	i := 0
	err := m.l.Snapshots(context.Background(), r.id, func(s *Snapshot) error {
		if i >= len(r.snaps) || s.Hash != r.snaps[i].Hash {
			return fmt.Errorf("snapshot %d is not the one committed", s.Seq)
		}
		i++
		return nil
	})
	if err != nil || i != len(r.snaps) {
		t.Fatalf("%d of %d snapshots (%v)", i, len(r.snaps), err)
	}
	at := int64(rapid.IntRange(0, 10).Draw(t, "samples"))
	want := uint64(0)
	for _, s := range r.snaps {
		if s.Samples() <= at {
			want = s.Seq
		}
	}
	got, err := m.l.AtSamples(context.Background(), e, at)
	if want == 0 {
		wantError(t, err, ErrNotFound)
	} else if err != nil || got.Seq != want {
		t.Fatalf("at %d samples snapshot %d, not %d (%v)", at, got.Seq, want, err)
	}
}

func wantError(t *rapid.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, not %v", err, want)
	}
}

func TestAgainstModel(t *testing.T) {
	root := t.TempDir()
	start := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		if time.Since(start) > 3*time.Second {
			return // a slow machine tries fewer histories
		}
		dir, err := os.MkdirTemp(root, "")
		wantError(t, err, nil)
		l, err := Create(context.Background(), filepath.Join(dir, "checkpoints"), Options{})
		wantError(t, err, nil)
		m := &model{l: l}
		defer func() {
			for _, s := range m.sessions {
				s.Close()
			}
		}()
		commit := m.commit // more often than the others
		t.Repeat(map[string]func(*rapid.T){
			"": m.check, "begin": m.begin, "fork": m.fork, "proceed": m.proceed, "end": m.end, "close": m.close,
			"trash": m.trash, "untrash": m.untrash,
			"commit": commit, "commit too": commit, "commit again": commit,
		})
		for _, err := range problems(l) {
			t.Errorf("the ledger is not sound: %v", err)
		}
	})
}
