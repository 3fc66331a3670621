package ledger

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTakeOverFencesTheFirst(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	first := begin(t, l, testRun("wikitext"))
	commit(t, first, step(first, 10))
	id := first.Run().ID

	_, err := l.Acquire(ctx, id, LeaseOptions{})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.PID != os.Getpid() || held.Holder.Host != hostName() || held.Holder.Attempt != 1 {
		t.Fatalf("error is %v", err)
	}
	second := proceed(t, l, id, LeaseOptions{TakeOver: true, Watch: time.Millisecond})
	if a := second.Attempt(); !a.TookOver || a.Number <= first.Attempt().Number || a.From != 1 {
		t.Errorf("attempt is %+v", a)
	}
	unchanged(t, l, func() {
		_, err := first.Commit(ctx, step(first, 10))
		wantIs(t, err, ErrLeaseLost)
		wantIs(t, first.End(ctx, End{Reason: Failed}), ErrLeaseLost)
	})
	commit(t, second, step(second, 10))

	// The first one goes; the next beat of the second takes the lock.
	first.Close()
	if err := second.Beat(Progress{Counters: Counters{Row: 20, Trained: 20}}); err != nil {
		t.Fatal(err)
	}
	live, err := l.Probe(id)
	if err != nil || !live.Held || live.Progress.Attempt != second.Attempt().Number || live.Progress.Row != 20 {
		t.Errorf("live is %+v (%v)", live, err)
	}
	second.Close()
	if live, err = l.Probe(id); err != nil || live.Held {
		t.Errorf("live is %+v (%v)", live, err)
	}
}

// A commit by another process that this one did not see, such as a restore, is a
// lost lease even under the same attempt.
func TestCommitAfterAForeignSnapshot(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	commit(t, s, step(s, 10))
	stale := *entryLast(s)
	commit(t, s, step(s, 10))
	s.mu.Lock()
	current := s.last
	s.last = stale
	s.mu.Unlock()
	unchanged(t, l, func() {
		_, err := s.Commit(context.Background(), step(s, 10))
		wantIs(t, err, ErrLeaseLost)
	})
	s.mu.Lock()
	s.last = current
	s.mu.Unlock()
}

func entryLast(s *Session) *Snapshot { snap := s.Last(); return &snap }

func TestAcquireWaits(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	told := 0
	lease, err := l.Acquire(context.Background(), id, LeaseOptions{
		Wait:   time.Minute,
		OnWait: func(e *HeldError) { told++; s.Close() },
		poll:   immediately,
	})
	if err != nil || told != 1 {
		t.Fatalf("told %d times: %v", told, err)
	}
	lease.Release()

	s = begin(t, l, testRun("wikitext"))
	ctx, cancel := context.WithCancel(context.Background())
	_, err = l.Acquire(ctx, s.Run().ID, LeaseOptions{Wait: time.Hour, OnWait: func(*HeldError) { cancel() }})
	wantIs(t, err, context.Canceled)
	_, err = l.Acquire(context.Background(), s.Run().ID, LeaseOptions{Wait: 3 * time.Millisecond, poll: immediately})
	var held *HeldError
	if !errors.As(err, &held) {
		t.Errorf("after waiting: %v", err)
	}
}

// immediately is a poll that does not wait.
func immediately() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}

// onHost makes the run's newest attempt one of another host, over a filesystem
// that keeps its lock from us.
func onHost(t *testing.T, l *Ledger, id RunID, host string) {
	l.remote = true
	t.Helper()
	err := l.db.update(context.Background(), func(x *tx) error {
		h, err := x.head(id)
		if err != nil {
			return err
		}
		h.Host = host
		var a Attempt
		if _, err := x.getJSON(bAttempts, numberKey(id, h.Attempt), &a); err != nil {
			return err
		}
		a.Host = host
		return errors.Join(x.putJSON(bHeads, runKey(id), &h), x.putJSON(bAttempts, numberKey(id, h.Attempt), &a))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Where flock does not reach the other host, its beat is what counts.
func TestHolderOnAnotherHost(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	commit(t, s, step(s, 10))
	id := s.Run().ID
	onHost(t, l, id, "elsewhere")
	f, err := os.OpenFile(l.leasePath(id), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := s.Close(); err != nil { // the lock is not seen here any more
		t.Fatal(err)
	}
	watched := 0
	beat := func(n uint64) {
		block, err := encodeProgress(Progress{Run: id, Attempt: 1, Host: "elsewhere", PID: 7, Beat: n, Started: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(block, 0); err != nil {
			t.Fatal(err)
		}
	}
	beat(100)
	beats := uint64(100)
	_, err = l.Acquire(ctx, id, LeaseOptions{
		Watch:   time.Minute,
		OnWatch: func(p Progress) { watched++ },
		poll:    func() <-chan time.Time { beats++; beat(beats); return immediately() },
	})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.Host != "elsewhere" || watched != 1 {
		t.Fatalf("watched %d times: %v", watched, err)
	}
	if live, err := l.Probe(id); err != nil || live.Held {
		t.Errorf("refused, and the lock is still held: %+v, %v", live, err)
	}

	// It stands still: the lease is free.
	lease, err := l.Acquire(ctx, id, LeaseOptions{Watch: 5 * time.Millisecond, poll: immediately})
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
	// It moves, and is taken over.
	beat(beats)
	next := proceed(t, l, id, LeaseOptions{TakeOver: true, Watch: time.Minute, poll: func() <-chan time.Time { beats++; beat(beats); return immediately() }})
	if !next.Attempt().TookOver {
		t.Error("a live holder was not taken over from")
	}
}

func TestAcquireMakesTheLeaseFolder(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	s.Close()
	if err := os.RemoveAll(l.leaseDir()); err != nil { // as a copy without its empty folders has it
		t.Fatal(err)
	}
	proceed(t, l, id, LeaseOptions{})
}

func TestProbingNeverFailsAcquire(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	s.Close()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				if _, err := l.Probe(id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		lease, err := l.Acquire(context.Background(), id, LeaseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
	}
	stop.Store(true)
	wg.Wait()
}

// A holder that goes when it is fenced leaves its lock to the one that took over.
func TestTakeOverWaitsForTheHolderToGo(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	first := begin(t, l, testRun("wikitext"))
	polls := 0
	lease, err := l.Acquire(ctx, first.Run().ID, LeaseOptions{TakeOver: true, Watch: time.Minute, poll: func() <-chan time.Time {
		if polls++; polls == 3 {
			_, err := first.Commit(ctx, step(first, 1))
			wantIs(t, err, ErrLeaseLost)
			first.Close()
		}
		return immediately()
	}})
	if err != nil || polls != 3 {
		t.Fatalf("after %d looks: %v", polls, err)
	}
	s, err := l.Continue(ctx, lease, 0, Changes{}, Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if live, err := l.Probe(first.Run().ID); err != nil || !live.Held || !s.Attempt().TookOver {
		t.Errorf("live is %+v (%v), attempt %+v", live, err, s.Attempt())
	}
}
