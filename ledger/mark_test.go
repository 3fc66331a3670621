package ledger

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMark(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	s := begin(t, l, testRun("d"))
	id := s.Run().ID
	got, err := l.Mark(ctx, id)
	if err != nil || got.Row != 0 || got.Attempt != 0 {
		t.Errorf("before the first mark: %+v, %v", got, err)
	}
	for row := int64(1); row <= 3; row++ {
		m := Mark{Counters: Counters{Row: row + 1, Trained: row, Errored: 1}, Position: []byte(`{"next":{"row":1}}`), ErroredRows: []ErroredRow{{Row: 0, Reason: "r", Learned: 2}}, Reach: row + 5, Retrying: []ErroredRow{{Row: 0, Reason: "r"}}}
		if err := s.Mark(ctx, m); err != nil {
			t.Fatal(err)
		}
		got, err := l.Mark(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		m.Attempt, m.Time = 1, got.Time
		if diff := cmp.Diff(m, got); diff != "" {
			t.Error(diff)
		}
	}
	for what, m := range map[string]Mark{
		"counters": {Counters: Counters{Row: 4, Trained: 3}, Position: []byte(`{}`), Reach: 4},
		"reach":    {Counters: Counters{Row: 4, Trained: 4}, Position: []byte(`{}`), Reach: 3},
		"position": {Counters: Counters{Row: 4, Trained: 4}, Reach: 4},
	} {
		wantIs(t, s.Mark(ctx, m), ErrRule)
		if got, err := l.Mark(ctx, id); err != nil || got.Row != 4 {
			t.Errorf("after a mark refused for its %s: row %d, %v", what, got.Row, err)
		}
	}
}

// TestMarkOfAnother holds that who lost the run marks nothing.
func TestMarkOfAnother(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	s := begin(t, l, testRun("d"))
	mark := Mark{Counters: Counters{Row: 1, Trained: 1}, Position: []byte(`{}`), Reach: 1}
	if _, err := l.fence(ctx, s.Run().ID); err != nil {
		t.Fatal(err)
	}
	wantIs(t, s.Mark(ctx, mark), ErrLeaseLost)
	if got, err := l.Mark(ctx, s.Run().ID); err != nil || got.Row != 0 {
		t.Errorf("row %d, %v", got.Row, err)
	}
}

// TestOlderLedger holds that ledgers from before there were marks and a trash have
// both when they are needed.
func TestOlderLedger(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	s := begin(t, l, testRun("d"))
	edit(t, l, func(x *tx) error {
		return errors.Join(x.b.DeleteBucket(bMarks), x.b.DeleteBucket(bTrash))
	})
	if _, err := l.Mark(ctx, s.Run().ID); err != nil {
		t.Error(err)
	}
	if runs, err := l.Trashed(ctx); err != nil || len(runs) > 0 {
		t.Errorf("%d runs in the trash, %v", len(runs), err)
	}
	if _, ok, err := l.InTrash(ctx, s.Run().ID); ok || err != nil {
		t.Errorf("in the trash: %v, %v", ok, err)
	}
	commit(t, s, step(s, 1))
	if err := s.Mark(ctx, Mark{Counters: Counters{Row: 1, Trained: 1}, Position: []byte(`{}`), Reach: 1}); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Trash(ctx, s.Run().ID); err != nil {
		t.Error(err)
	}
	if m, err := l.Mark(ctx, s.Run().ID); err != nil || m.Row != 1 {
		t.Errorf("mark at row %d, %v", m.Row, err)
	}
	if _, ok, err := l.InTrash(ctx, s.Run().ID); !ok || err != nil {
		t.Errorf("in the trash: %v, %v", ok, err)
	}
}
