package trainer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

func newLedger(t testing.TB) *ledger.Ledger { return newLedgerWith(t, ledger.Options{}) }

func newLedgerWith(t testing.TB, o ledger.Options) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Create(context.Background(), filepath.Join(t.TempDir(), "checkpoints"), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// begin starts a run.
func begin(t testing.TB, l *ledger.Ledger, learner trainer.Learner) *ledger.Session {
	t.Helper()
	s, err := l.Begin(context.Background(), ledger.Run{
		Dataset: "rows", Method: "sequential", Learner: "list", Config: learner.Config(), Source: ledger.Source{Digest: "aa", Label: "rows"},
	}, ledger.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// proceed begins the next attempt at the run, and restores the learner.
func proceed(t testing.TB, l *ledger.Ledger, id ledger.RunID, learner trainer.Learner, o ledger.LeaseOptions) *ledger.Session {
	t.Helper()
	ctx := context.Background()
	lease, err := l.Acquire(ctx, id, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Continue(ctx, lease, entry(t, l, id).Head.Seq, ledger.Changes{}, ledger.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if last := s.Last(); last.Seq > 0 {
		digest, err := learner.Restore(ctx, s, last.Objects)
		if err != nil {
			t.Fatal(err)
		}
		if digest != last.ModelDigest {
			t.Fatalf("restored digest %s, recorded %s", digest, last.ModelDigest)
		}
	}
	return s
}

// takeOver takes a lease from a holder that is not waited for.
var takeOver = ledger.LeaseOptions{TakeOver: true, Watch: time.Nanosecond}

// cursor returns where a session goes on.
func cursor(t testing.TB, s *ledger.Session) stream.Cursor {
	t.Helper()
	var c stream.Cursor
	if last := s.Last(); last.Seq > 0 {
		if err := json.Unmarshal(last.Position, &c); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// options complete o for an attempt at the rows of a source.
func options(t testing.TB, s *ledger.Session, src source, l trainer.Learner, o trainer.Options) trainer.Options {
	t.Helper()
	o.Session, o.Learner, o.Cursor = s, l, cursor(t, s)
	if o.Reader == nil {
		o.Reader = &reader{source: src, next: o.Cursor.Next.Row}
	}
	return o
}

// train runs an attempt that is to end for the reason, and without an error.
func train(t testing.TB, reason ledger.Reason, o trainer.Options) trainer.Result {
	t.Helper()
	res, err := trainer.Run(context.Background(), o)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if res.Reason != reason {
		t.Fatalf("ended %s, want %s", res.Reason, reason)
	}
	if res.Newest.Counters != res.Counters {
		t.Fatalf("trained to %+v, the newest snapshot is at %+v", res.Counters, res.Newest.Counters)
	}
	o.Session.Close()
	return res
}

func entry(t testing.TB, l *ledger.Ledger, id ledger.RunID) ledger.Entry {
	t.Helper()
	e, err := l.Entry(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func attempts(t testing.TB, l *ledger.Ledger, id ledger.RunID) []ledger.Attempt {
	t.Helper()
	all, err := l.Attempts(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantSnapshots compares a run's snapshots, each in the words "periodic 10 at 16":
// kind, samples and next row.
func wantSnapshots(t testing.TB, l *ledger.Ledger, id ledger.RunID, want ...string) {
	t.Helper()
	got := []string{}
	err := l.Snapshots(context.Background(), id, func(s *ledger.Snapshot) error {
		got = append(got, fmt.Sprintf("%s %d at %d", s.Kind, s.Samples(), s.Row))
		return s.CheckHash()
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Error(diff)
	}
}

// wantExact checks that the run's newest snapshot is that of a run which took the
// source's first rows, each once and in order.
func wantExact(t testing.TB, l *ledger.Ledger, id ledger.RunID, src source) {
	t.Helper()
	snap, err := l.Snapshot(context.Background(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := src.counters(snap.Row); snap.Counters != want {
		t.Errorf("counters are %+v, want %+v", snap.Counters, want)
	}
	var c stream.Cursor
	if err := json.Unmarshal(snap.Position, &c); err != nil {
		t.Error(err)
	}
	if c.Next.Row != snap.Row || c.Last == nil || c.Last.At.Row != snap.Row-1 {
		t.Errorf("position is %s after %d rows", snap.Position, snap.Row)
	}
	model := &list{}
	if _, err := model.Restore(context.Background(), l, snap.Objects); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(src.trained(snap.Row), model.rows); diff != "" {
		t.Errorf("rows trained: %s", diff)
	}
}

// lock locks the ledger's database as another process would that uses it.
func lock(t testing.TB, l *ledger.Ledger) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(l.Dir(), "ledger.db"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return func() { f.Close() }
}
