package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/oklog/ulid/v2"
)

// fill writes n runs with so many snapshots each, in large transactions, the
// first run touched first. The records are those that sessions would write.
func fill(t testing.TB, l *Ledger, n, snapshots int, dataset func(i int) string) []RunID {
	t.Helper()
	const runsAtOnce = 500
	var ids []RunID
	entropy := rand.NewChaCha8([32]byte{})
	for len(ids) < n {
		err := l.db.update(context.Background(), func(x *tx) error {
			for range min(runsAtOnce, n-len(ids)) {
				run := testRun(dataset(len(ids)))
				run.ID = RunID(ulid.MustNew(uint64(1700000000000+len(ids)), entropy).String())
				run.Created = newClock().now
				hash, err := run.Config.Hash()
				if err != nil {
					return err
				}
				run.ConfigHash = hash
				s := &Session{l: l, run: run}
				s.attempt.identify()
				s.attempt.Number, s.attempt.Started = 1, run.Created
				if err := s.create(x, beginning{}); err != nil {
					return err
				}
				if err := s.extend(x, snapshots); err != nil {
					return err
				}
				ids = append(ids, run.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// extend adds snapshots and ends the attempt.
func (s *Session) extend(x *tx, snapshots int) error {
	h, err := x.head(s.run.ID)
	if err != nil {
		return err
	}
	for range snapshots {
		c := step(s, 1000)
		snap := Snapshot{
			Run: s.run.ID, Seq: s.last.Seq + 1, Kind: c.Kind, Time: s.run.Created, Dataset: s.run.Dataset, ConfigHash: s.run.ConfigHash,
			Source: s.run.Source.Digest, Position: c.Position, Counters: c.Counters, Metrics: c.Metrics, ModelDigest: c.ModelDigest,
			Prev: s.last.Hash, Attempt: 1,
		}
		if err := x.putSnapshot(&snap, &h, nil); err != nil {
			return err
		}
		s.last = snap
	}
	a := s.end(&h, End{Reason: Completed}, s.run.Created)
	h.Elapsed = 0
	return errors.Join(x.putJSON(bAttempts, numberKey(s.run.ID, 1), &a), x.putJSON(bHeads, runKey(s.run.ID), &h))
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func list(t testing.TB, l *Ledger, q Query) ([]RunID, bool) {
	t.Helper()
	entries, more, err := l.List(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(entries), more
}

func idsOf(entries []Entry) (ids []RunID) {
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestListOrder(t *testing.T) {
	l := testLedger(t)
	if ids, more := list(t, l, Query{}); ids != nil || more {
		t.Errorf("an empty ledger lists %v, %v", ids, more)
	}
	a, b, c := begin(t, l, testRun("a")), begin(t, l, testRun("b")), begin(t, l, testRun("a"))
	ida, idb, idc := a.Run().ID, b.Run().ID, c.Run().ID
	commit(t, b, step(b, 1))
	commit(t, a, step(a, 1))
	if err := b.End(context.Background(), End{Reason: Failed}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		q    Query
		want []RunID
		more bool
	}{
		{Query{}, []RunID{idb, ida, idc}, false},
		{Query{Limit: 1}, []RunID{idb}, true},
		{Query{Limit: 2}, []RunID{idb, ida}, true},
		{Query{Limit: 3}, []RunID{idb, ida, idc}, false},
		{Query{Limit: 9}, []RunID{idb, ida, idc}, false},
		{Query{Datasets: []string{"a"}}, []RunID{ida, idc}, false},
		{Query{Datasets: []string{"a"}, Limit: 1}, []RunID{ida}, true},
		{Query{Datasets: []string{"b"}, Limit: 1}, []RunID{idb}, false},
		{Query{Datasets: []string{"b", "a"}}, []RunID{idb, ida, idc}, false},
		{Query{Datasets: []string{"none"}}, nil, false},
	} {
		unchanged(t, l, func() {
			if ids, more := list(t, l, tt.q); !slices.Equal(ids, tt.want) || more != tt.more {
				t.Errorf("%+v lists %v, %v", tt.q, ids, more)
			}
		})
	}
}

func TestListInPieces(t *testing.T) {
	l := testLedger(t)
	const n = 2*ScanBatch + 100
	ids := fill(t, l, n, 0, func(i int) string { return fmt.Sprintf("d%d", i%7) })
	newest := slices.Clone(ids)
	slices.Reverse(newest)
	if got, more := list(t, l, Query{}); !slices.Equal(got, newest) || more {
		t.Errorf("%d runs are listed (more: %v)", len(got), more)
	}
	if got, more := list(t, l, Query{Limit: ScanBatch + 1}); !slices.Equal(got, newest[:ScanBatch+1]) || !more {
		t.Errorf("%d runs are listed (more: %v)", len(got), more)
	}
	if got, more := list(t, l, Query{Limit: ScanBatch}); !slices.Equal(got, newest[:ScanBatch]) || !more {
		t.Errorf("%d runs are listed (more: %v)", len(got), more)
	}
	got, _ := list(t, l, Query{Datasets: []string{"d3"}})
	if want := (n + 3) / 7; len(got) != want {
		t.Errorf("%d runs of d3, not %d", len(got), want)
	}
	dataset, err := l.Dataset(context.Background(), "d3")
	if err != nil || len(dataset) != len(got) {
		t.Errorf("%d runs of the dataset (%v)", len(dataset), err)
	}
}

// While a listing is read in pieces, commits move runs to the front: none may be
// missed, and none stand twice.
func TestListWhileRunsMove(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	ids := fill(t, l, ScanBatch+100, 0, func(int) string { return "wikitext" })
	touch := func(id RunID) error {
		return l.db.update(ctx, func(x *tx) error {
			h, err := x.head(id)
			if err != nil {
				return err
			}
			if _, err := x.touch(id, &h); err != nil {
				return err
			}
			return x.putJSON(bHeads, runKey(id), &h)
		})
	}
	var stop atomic.Bool
	done := make(chan error)
	go func() {
		var err error
		for i := 0; !stop.Load() && err == nil; i++ {
			err = touch(ids[i%len(ids)]) // the one that stands last, mostly
		}
		done <- err
	}()
	for i := range 20 {
		q := Query{Limit: i % 2 * (ScanBatch + 50)}
		got, more := list(t, l, q)
		seen := map[RunID]bool{}
		for _, id := range got {
			if seen[id] {
				t.Errorf("%s stands twice", id)
			}
			seen[id] = true
		}
		if want := len(ids); q.Limit == 0 && (len(got) != want || more) {
			t.Errorf("%d of %d runs are listed, more: %v", len(got), want, more)
		}
		if q.Limit > 0 && (len(got) != q.Limit || !more) {
			t.Errorf("%d of %d runs are listed, more: %v", len(got), q.Limit, more)
		}
	}
	stop.Store(true)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestScanOfOneRunInPieces(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	const n = ScanBatch + 5
	id := fill(t, l, 1, n, func(int) string { return "wikitext" })[0]
	other := begin(t, l, testRun("c4"))
	commit(t, other, step(other, 1))
	var seqs []uint64
	err := l.Snapshots(ctx, id, func(s *Snapshot) error { seqs = append(seqs, s.Seq); return nil })
	if err != nil || len(seqs) != n || !slices.IsSorted(seqs) {
		t.Errorf("%d snapshots (%v)", len(seqs), err)
	}
	stop := errors.New("enough")
	seen := 0
	if err := l.Snapshots(ctx, id, func(*Snapshot) error { seen++; return stop }); err != stop || seen != 1 {
		t.Errorf("%d snapshots after a stop: %v", seen, err)
	}
	attempts, err := l.Attempts(ctx, id)
	if err != nil || len(attempts) != 1 || attempts[0].Reason != Completed {
		t.Errorf("attempts are %+v (%v)", attempts, err)
	}
	for _, seq := range []uint64{0, n} {
		if s, err := l.Snapshot(ctx, id, seq); err != nil || s.Seq != n {
			t.Errorf("snapshot %d is %d (%v)", seq, s.Seq, err)
		}
	}
	_, err = l.Snapshot(ctx, id, n+1)
	wantIs(t, err, ErrNotFound)
	_, err = l.Snapshot(ctx, "no such run", 0)
	wantIs(t, err, ErrNotFound)
	if has, err := l.HasDataset(ctx, "wikitext"); !has || err != nil {
		t.Error("the dataset is not there", err)
	}
	if has, err := l.HasDataset(ctx, "wiki"); has || err != nil { // a prefix of a key is no key
		t.Error("a dataset that is not there is", err)
	}
}

func TestSoundest(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	var objects []Object
	for i := range 3 {
		o := putObject(t, s, "model", fmt.Appendf(nil, "state %d", i))
		commit(t, s, step(s, 1, o))
		objects = append(objects, o)
	}
	undo := damage(t, l, objects[2])
	if got, ok, err := l.Soundest(ctx, id, 3); err != nil || !ok || got.Seq != 2 {
		t.Errorf("the newest sound one is %d, %v (%v)", got.Seq, ok, err)
	}
	undoAll := []func(){undo, damage(t, l, objects[1]), damage(t, l, objects[0])}
	if _, ok, err := l.Soundest(ctx, id, 3); err != nil || ok {
		t.Errorf("all are damaged, and one is sound (%v)", err)
	}
	for _, undo := range undoAll {
		undo()
	}
	if got, ok, err := l.Soundest(ctx, id, 3); err != nil || !ok || got.Hash != s.Last().Hash {
		t.Errorf("the newest sound one is %d, %v (%v)", got.Seq, ok, err)
	}
}
