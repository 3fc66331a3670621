package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommitRules(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	o := putObject(t, s, "model", []byte("state"))
	commit(t, s, step(s, 10, o))

	absent := o
	absent.SHA256 = strings.Repeat("0", 64)
	short := o
	short.Bytes++
	tests := map[string]struct {
		change func(*Checkpoint)
		want   error
	}{
		"counters do not add up":    {func(c *Checkpoint) { c.Row++ }, ErrRule},
		"negative counter":          {func(c *Checkpoint) { c.Filtered, c.Row = -1, c.Row-1 }, ErrRule},
		"trained goes back":         {func(c *Checkpoint) { c.Trained, c.Filtered = 9, 11 }, ErrRule},
		"row goes back":             {func(c *Checkpoint) { c.Counters = Counters{Row: 5, Trained: 5} }, ErrRule},
		"counters have not moved":   {func(c *Checkpoint) { c.Counters = Counters{Row: 10, Trained: 10} }, ErrRule},
		"metric is NaN":             {func(c *Checkpoint) { c.Metrics = map[string]float64{"x": math.NaN()} }, ErrRule},
		"metric is infinite":        {func(c *Checkpoint) { c.Metrics = map[string]float64{"x": math.Inf(-1)} }, ErrRule},
		"no position":               {func(c *Checkpoint) { c.Position = nil }, ErrRule},
		"position is no JSON":       {func(c *Checkpoint) { c.Position = json.RawMessage(`{"row":`) }, ErrRule},
		"too many objects":          {func(c *Checkpoint) { c.Objects = slices.Repeat([]Object{o}, MaxObjects+1) }, ErrRule},
		"object without a name":     {func(c *Checkpoint) { c.Objects = []Object{{SHA256: "ab"}} }, ErrRule},
		"object in upper case":      {func(c *Checkpoint) { c.Objects = []Object{{SHA256: strings.ToUpper(o.SHA256), Bytes: o.Bytes}} }, ErrRule},
		"object outside the folder": {func(c *Checkpoint) { c.Objects = []Object{{SHA256: "../../../../etc/passwd"}} }, ErrRule},
		"object is missing":         {func(c *Checkpoint) { c.Objects = []Object{o, absent} }, ErrDamaged},
		"object is too short":       {func(c *Checkpoint) { c.Objects = []Object{short} }, ErrDamaged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := step(s, 10, o)
			tt.change(&c)
			unchanged(t, l, func() {
				_, err := s.Commit(context.Background(), c)
				wantIs(t, err, tt.want)
				if err != nil && err.Error() == "" { // the message itself must not panic
					t.Error("no message")
				}
			})
		})
	}
	// After all that, the session goes on where it was.
	if snap := commit(t, s, step(s, 10, o)); snap.Seq != 2 || snap.Row != 20 {
		t.Errorf("snapshot %d at row %d", snap.Seq, snap.Row)
	}
}

func TestCommitMissingObjectNamesIt(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	kept, lost := putObject(t, s, "kept", []byte("kept")), putObject(t, s, "lost", []byte("lost"))
	path, err := l.objectPath(lost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = s.Commit(context.Background(), step(s, 1, kept, lost))
	var missing *MissingError
	if !errors.As(err, &missing) || len(missing.Objects) != 1 || missing.Objects[0].Name != "lost" {
		t.Fatalf("error is %v", err)
	}
	// Written again it commits: the trainer's way out.
	putObject(t, s, "lost", []byte("lost"))
	commit(t, s, step(s, 1, kept, lost))
}

func TestFinalAndEndAreOneTransaction(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	commit(t, s, step(s, 10))
	before := commitCount(t, l)
	c := step(s, 10)
	c.Kind, c.End = Final, &End{Reason: Completed}
	snap := commit(t, s, c)
	if n := commitCount(t, l) - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	h := entry(t, l, s.Run().ID).Head
	if h.Open || h.Reason != Completed || h.Seq != snap.Seq || h.Kind != Final {
		t.Errorf("head is %+v", h)
	}
	if a := s.Attempt(); a.Ended.IsZero() || a.Reason != Completed {
		t.Errorf("attempt is %+v", a)
	}

	_, err := s.Commit(context.Background(), step(s, 10))
	wantIs(t, err, ErrRule)
	unchanged(t, l, func() {
		if err := s.End(context.Background(), End{Reason: Failed, Error: "late"}); err != nil {
			t.Errorf("a second end: %v", err)
		}
	})
}

func TestEndWithoutSnapshot(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	if err := s.End(context.Background(), End{Reason: Failed, Error: "no such column"}); err != nil {
		t.Fatal(err)
	}
	h := entry(t, l, s.Run().ID).Head
	if h.Open || h.Reason != Failed || h.LastError != "no such column" || h.Seq != 0 {
		t.Errorf("head is %+v", h)
	}
	if _, err := s.Commit(context.Background(), step(s, 1)); !errors.Is(err, ErrRule) {
		t.Errorf("a commit after the end: %v", err)
	}
}

// commitCount is the ledger's count of commits.
func commitCount(t testing.TB, l *Ledger) (n uint64) {
	t.Helper()
	entries, _, err := l.List(context.Background(), Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		n = e.Head.Touched
	}
	return n
}

func TestCommitWithoutMetricsKeepsItsHash(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	for _, metrics := range []map[string]float64{nil, {}, {"-0": math.Copysign(0, -1), "<é\u2028>": 1e300, "small": 5e-324}} {
		c := step(s, 1)
		c.Metrics = metrics
		c.Position = json.RawMessage("{ \"file\": \"<a>&\u2028\",\n \"offset\": 12345678901234567 }")
		commit(t, s, c)
	}
	err := l.Snapshots(context.Background(), s.Run().ID, func(s *Snapshot) error { return s.CheckHash() })
	if err != nil {
		t.Error(err)
	}
}

func TestSnapshotHashCoversTheRecord(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	commit(t, s, step(s, 1))
	snap := commit(t, s, step(s, 1))
	for name, change := range map[string]func(*Snapshot){
		"run": func(s *Snapshot) { s.Run = "other" }, "seq": func(s *Snapshot) { s.Seq++ }, "prev": func(s *Snapshot) { s.Prev = "" },
		"dataset": func(s *Snapshot) { s.Dataset += "x" }, "config": func(s *Snapshot) { s.ConfigHash = "" }, "source": func(s *Snapshot) { s.Source = "" },
		"position": func(s *Snapshot) { s.Position = json.RawMessage(`{"row":3}`) }, "counters": func(s *Snapshot) { s.Trained++ },
		"kind": func(s *Snapshot) { s.Kind = Final }, "time": func(s *Snapshot) { s.Time = s.Time.Add(1) },
		"metrics": func(s *Snapshot) { s.Metrics = map[string]float64{"tokens": 1} }, "digest": func(s *Snapshot) { s.ModelDigest = "" },
	} {
		changed := snap
		change(&changed)
		if err := changed.CheckHash(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s is changed, and the hash says %v", name, err)
		}
	}
	same := snap
	same.Objects, same.Commit, same.Elapsed, same.Attempt = nil, 0, 0, 0
	if err := same.CheckHash(); err != nil {
		t.Error(err)
	}
}

func TestErroredRows(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	c := step(s, 1)
	c.Errored = []ErroredRow{{Row: 0, Reason: "malformed JSON"}}
	commit(t, s, c)
	commit(t, s, step(s, 1))
	c = step(s, 1)
	for i := range int64(MaxErroredRows + 5) {
		c.Errored = append(c.Errored, ErroredRow{Row: 100 + i, Reason: "no column"})
	}
	commit(t, s, c)
	for seq, want := range []int{0, 1, 1, 1 + MaxErroredRows} {
		rows, err := l.Errored(context.Background(), id, uint64(seq))
		if err != nil || len(rows) != want {
			t.Errorf("up to snapshot %d: %d errored rows, not %d (%v)", seq, len(rows), want, err)
		}
	}
}

// A row is what its latest record says, also in a fork: errored for another reason,
// or trained after all.
func TestErroredRowsAgain(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	next := func(counters Counters, rows ...ErroredRow) Checkpoint {
		c := step(s, 0)
		c.Counters, c.Errored = counters, rows
		return c
	}
	commit(t, s, next(Counters{Row: 9, Trained: 6, Errored: 3}, ErroredRow{Row: 7, Reason: "timeout"}, ErroredRow{Row: 2, Reason: "timeout"}, ErroredRow{Row: 4, Reason: "timeout"}))
	for name, c := range map[string]Checkpoint{
		"one trained that is not named":    next(Counters{Row: 9, Trained: 7, Errored: 2}, ErroredRow{Row: 2, Reason: "too long"}),
		"two trained and one named":        next(Counters{Row: 9, Trained: 8, Errored: 1}, ErroredRow{Row: 2, Trained: true}),
		"one filtered after all":           next(Counters{Row: 9, Trained: 6, Errored: 2, Filtered: 1}, ErroredRow{Row: 2, Trained: true}),
		"one named and none of them moved": next(Counters{Row: 8, Trained: 6, Errored: 2}, ErroredRow{Row: 2, Trained: true}),
	} {
		_, err := s.Commit(t.Context(), c)
		if !errors.Is(err, ErrRule) {
			t.Errorf("%s: %v", name, err)
		}
	}
	commit(t, s, next(Counters{Row: 9, Trained: 7, Errored: 2}, ErroredRow{Row: 4, Trained: true}, ErroredRow{Row: 7, Reason: "too long", Learned: 3}))
	commit(t, s, next(Counters{Row: 9, Trained: 7, Errored: 2}, ErroredRow{Row: 7, Reason: "too long", Learned: 4}))
	commit(t, s, next(Counters{Row: 9, Trained: 9}, ErroredRow{Row: 7, Trained: true}, ErroredRow{Row: 2, Trained: true}))

	early, late := ErroredRow{Row: 2, Reason: "timeout"}, ErroredRow{Row: 7, Reason: "too long", Learned: 4}
	for seq, want := range [][]ErroredRow{1: {early, {Row: 4, Reason: "timeout"}, {Row: 7, Reason: "timeout"}}, 2: {early, {Row: 7, Reason: "too long", Learned: 3}}, 3: {early, late}, 4: nil} {
		got, err := l.Errored(t.Context(), s.Run().ID, uint64(seq))
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("at snapshot %d: %s %v", seq, d, err)
		}
	}
	from, err := l.Snapshot(t.Context(), s.Run().ID, 3)
	if err != nil {
		t.Fatal(err)
	}
	fork, err := l.Fork(t.Context(), testRun("wikitext"), from, nil, Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	defer fork.Close()
	got, err := l.Errored(t.Context(), fork.Run().ID, 1)
	if d := cmp.Diff([]ErroredRow{early, late}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestFork(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	parent := begin(t, l, testRun("wikitext"))
	var want []ErroredRow
	var from Snapshot
	for i := range int64(3) {
		c := step(parent, 10, putObject(t, parent, "model", fmt.Appendf(nil, "state %d", i)))
		c.Counters.Errored, c.Row = c.Counters.Errored+1, c.Row+1
		c.Errored = []ErroredRow{{Row: 10 * i, Reason: "malformed JSON"}}
		if snap := commit(t, parent, c); snap.Seq <= 2 {
			from, want = snap, append(want, c.Errored...)
		}
	}

	run := testRun("wikitext")
	run.Accepted = []string{"chunk_sizes"}
	run.Config = run.Config.With(Config{"chunk_sizes": []any{4}})
	fork, err := l.Fork(ctx, run, from, json.RawMessage(`{"row":22,"page":3}`), Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	defer fork.Close()
	first := fork.Last()
	if first.Seq != 1 || first.Kind != Forked || first.Counters != from.Counters || first.Prev != from.Hash || first.Run == from.Run {
		t.Errorf("the fork begins with %+v", first)
	}
	if string(first.Position) != `{"row":22,"page":3}` || first.ConfigHash == from.ConfigHash || first.ModelDigest != from.ModelDigest {
		t.Errorf("the fork begins with %+v", first)
	}
	if d := cmp.Diff(from.Objects, first.Objects); d != "" {
		t.Error(d)
	}
	got, err := l.Errored(ctx, fork.Run().ID, 1)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	e := entry(t, l, fork.Run().ID)
	if e.ForkedFrom == nil || *e.ForkedFrom != (Origin{from.Run, 2, from.Hash}) || e.Head.SnapshotCount != 1 {
		t.Errorf("the fork is %+v", e)
	}
	if a := fork.Attempt(); a.From != 1 || a.FromRow != from.Row || a.At != from.Samples() {
		t.Errorf("its attempt is %+v", a)
	}
	// It goes on like any run, and its parent too.
	if snap := commit(t, fork, step(fork, 5, first.Objects...)); snap.Seq != 2 || snap.Prev != first.Hash {
		t.Errorf("the fork goes on with %+v", snap)
	}
	commit(t, parent, step(parent, 1))
}

func TestForkOfLostStateIsRefused(t *testing.T) {
	l := testLedger(t)
	parent := begin(t, l, testRun("wikitext"))
	o := putObject(t, parent, "model", []byte("state"))
	snap := commit(t, parent, step(parent, 10, o))
	path, err := l.objectPath(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	unchanged(t, l, func() {
		_, err := l.Fork(context.Background(), testRun("wikitext"), snap, nil, Attempt{})
		var missing *MissingError
		if !errors.As(err, &missing) {
			t.Errorf("error is %v", err)
		}
	})
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
}

func TestChanges(t *testing.T) {
	l := testLedger(t)
	ctx := context.Background()
	run := testRun("wikitext")
	run.Tags, run.Record = []string{"a"}, map[string]string{"gpu": "none"}
	s := begin(t, l, run)
	id := s.Run().ID
	s.Close()

	target := int64(5000)
	moved := run.Source
	moved.Label = "elsewhere.txt"
	lease, err := l.Acquire(ctx, id, LeaseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other := moved
	other.Digest = "sha256:bb"
	unchanged(t, l, func() {
		_, err = l.Continue(ctx, lease, 0, Changes{Source: &other}, Attempt{})
		wantIs(t, err, ErrRule)
		_, err = l.Continue(ctx, lease, 3, Changes{}, Attempt{})
		wantIs(t, err, ErrLeaseLost)
		_, err = l.Continue(ctx, lease, 0, Changes{Epochs: -1}, Attempt{})
		wantIs(t, err, ErrRule)
	})
	s, err = l.Continue(ctx, lease, 0, Changes{Target: &target, Epochs: 3, Interval: "50", Source: &moved, Tags: []string{"b", "a"}, Record: map[string]string{"gpu": "one"}}, Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := entry(t, l, id).Run
	if d := cmp.Diff(s.Run(), got); d != "" {
		t.Error(d)
	}
	if got.Target != 5000 || got.Epochs != 3 || got.Interval != "50" || got.Source.Label != "elsewhere.txt" || fmt.Sprint(got.Tags) != "[a b]" || got.Record["gpu"] != "one" {
		t.Errorf("run is %+v", got)
	}
	if got.Config["method"] != "sequential" || got.Created.IsZero() {
		t.Errorf("run is %+v", got)
	}
	if a := s.Attempt(); a.Number != 2 || a.Target != 5000 || a.Epochs != 3 || a.Interval != "50" {
		t.Errorf("attempt is %+v", a)
	}
}

// TestEpochs has a run read its source once unless it says otherwise, in records
// from before there were epochs too.
func TestEpochs(t *testing.T) {
	l := testLedger(t)
	ctx := context.Background()
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	if r, a := entry(t, l, id).Run, s.Attempt(); r.Epochs != 1 || a.Epochs != 1 {
		t.Errorf("a new run has %d epochs, its attempt %d", r.Epochs, a.Epochs)
	}
	s.Close()

	old := s.Run()
	old.Epochs = 0
	if err := l.db.update(ctx, func(t *tx) error { return t.putJSON(bRuns, runKey(id), &old) }); err != nil {
		t.Fatal(err)
	}
	if r := entry(t, l, id).Run; r.Epochs != 0 || r.Passes() != 1 {
		t.Errorf("an old run has %d epochs, %d passes", r.Epochs, r.Passes())
	}
	if a := proceed(t, l, id, LeaseOptions{}).Attempt(); a.Epochs != 1 {
		t.Errorf("an attempt at an old run has %d epochs", a.Epochs)
	}
	if err := l.Change(ctx, id, Changes{Epochs: 2}); err != nil {
		t.Fatal(err)
	}
	if err := l.Change(ctx, id, Changes{Interval: "50"}); err != nil {
		t.Fatal(err)
	}
	if r := entry(t, l, id).Run; r.Passes() != 2 {
		t.Errorf("after the change the run has %d passes", r.Passes())
	}
}

func TestBeginRefuses(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	named := testRun("wikitext")
	named.Name = "first"
	begin(t, l, named)
	unchanged(t, l, func() {
		for name, tt := range map[string]struct {
			change func(*Run)
			want   error
		}{
			"no dataset":                  {func(r *Run) { r.Dataset = "" }, ErrRule},
			"dataset with #":              {func(r *Run) { r.Dataset = "a#1" }, ErrRule},
			"dataset with a zero":         {func(r *Run) { r.Dataset = "a\x00b" }, ErrRule},
			"dataset is no UTF-8":         {func(r *Run) { r.Dataset = "a\xff" }, ErrRule},
			"dataset is a run's name":     {func(r *Run) { r.Dataset = "first" }, ErrNameTaken},
			"name taken":                  {func(r *Run) { r.Name = "first" }, ErrNameTaken},
			"name is a dataset's key":     {func(r *Run) { r.Name = "wikitext" }, ErrNameTaken},
			"name is its own dataset key": {func(r *Run) { r.Dataset, r.Name = "mine", "mine" }, ErrNameTaken},
			"name with a slash":           {func(r *Run) { r.Name = "a/b" }, ErrRule},
			"name reads as an id":         {func(r *Run) { r.Name = "01arz3ndektsv4rrffq69g5fav" }, ErrRule},
			"epochs below zero":           {func(r *Run) { r.Epochs = -1 }, ErrRule},
			"setting named v":             {func(r *Run) { r.Config = Config{"v": 1} }, ErrRule},
		} {
			r := testRun("other")
			tt.change(&r)
			_, err := l.Begin(ctx, r, Attempt{})
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	leases, err := os.ReadDir(l.leaseDir())
	if err != nil || len(leases) != 1 {
		t.Errorf("%d lease files (%v): what was refused leaves none", len(leases), err)
	}
}
