package ledger

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
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

// onHost makes the run's newest attempt one of another host.
func onHost(t *testing.T, l *Ledger, id RunID, host string) {
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

// roleRace waits for a line, tries once for the lease, and says how that went.
// It keeps what it has until its input ends.
func roleRace(args []string) int {
	l, err := Open(args[0], Options{})
	if err != nil {
		return complain(err)
	}
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return 0
		}
		lease, err := l.Acquire(context.Background(), RunID(args[1]), LeaseOptions{})
		var held *HeldError
		switch {
		case err == nil:
			fmt.Println("won")
		case errors.As(err, &held):
			fmt.Println("lost")
		default:
			return complain(err)
		}
		if _, err := in.ReadString('\n'); err != nil { // until all have tried
			return 0
		}
		if lease != nil {
			lease.Release()
		}
		fmt.Println("ready")
	}
}

// talker is a child process that is spoken to line by line.
type talker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func talk(t testing.TB, role string, args ...string) *talker {
	t.Helper()
	cmd := child(t, role, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &talker{cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() { p.in.Close(); cmd.Wait() })
	return p
}

func (p *talker) say(t testing.TB) {
	t.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		t.Fatal(err)
	}
}

func (p *talker) hear(t testing.TB) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestOneWinsTheLease(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	id := s.Run().ID
	if err := s.End(context.Background(), End{Reason: Interrupted}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	var racers []*talker
	for range 3 {
		racers = append(racers, talk(t, "race", l.Dir(), string(id)))
	}
	for round := range 100 {
		for _, r := range racers {
			r.say(t)
		}
		won := 0
		for _, r := range racers {
			if r.hear(t) == "won" {
				won++
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d have the lease", round, won)
		}
		for _, r := range racers {
			r.say(t)
		}
		for _, r := range racers {
			r.hear(t)
		}
	}
}

// roleHold begins a run, says its id, and holds it until it is killed.
func roleHold(args []string) int {
	l, err := Open(args[0], Options{})
	if err != nil {
		return complain(err)
	}
	s, err := l.Begin(context.Background(), testRun("wikitext"), Attempt{})
	if err != nil {
		return complain(err)
	}
	defer s.Close()
	fmt.Println(s.Run().ID)
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestKilledHolderLosesTheLease(t *testing.T) {
	l := testLedger(t)
	p := talk(t, "hold", l.Dir())
	id := RunID(p.hear(t))
	_, err := l.Acquire(context.Background(), id, LeaseOptions{})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.PID != p.cmd.Process.Pid {
		t.Fatalf("error is %v", err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.cmd.Wait()
	got, err := l.Standings(context.Background(), []Entry{entry(t, l, id)})
	if err != nil || got[0].Status != Crashed {
		t.Errorf("standing is %+v (%v)", got, err)
	}
	s := proceed(t, l, id, LeaseOptions{})
	if a := s.Attempt(); a.Number != 2 || a.TookOver {
		t.Errorf("attempt is %+v", a)
	}
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

func TestProgressBlock(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 123000000, time.UTC)
	most := Progress{
		Run: RunID(ulid.Make().String()), Attempt: math.MaxUint64, Host: strings.Repeat("h", 64), PID: math.MaxInt32,
		Started: now.Add(987654321), Beat: math.MaxUint64, Time: now, Moved: now, Rate: math.MaxFloat64,
		Counters: Counters{Row: math.MaxInt64, Trained: math.MaxInt64, Errored: math.MaxInt64, Filtered: math.MaxInt64},
	}
	for _, p := range []Progress{{}, {Attempt: 1, PID: 2}, most} {
		block, err := encodeProgress(p)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := decodeProgress(block)
		if !ok || !cmp.Equal(p, got) {
			t.Errorf("%+v became %+v", p, got)
		}
		for i := range block { // torn anywhere
			torn := append([]byte(nil), block...)
			torn[i] ^= 0x40
			if _, ok := decodeProgress(torn); ok {
				t.Fatalf("byte %d is changed, and the block is believed", i)
			}
		}
	}
	if _, err := encodeProgress(Progress{Host: strings.Repeat("h", leaseBlock)}); !errors.Is(err, ErrRule) {
		t.Errorf("a block that is too long: %v", err)
	}
}

func TestUnreadableProgressIsNoProgress(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	for _, garbage := range []string{"", "short", strings.Repeat("\xff", leaseBlock)} {
		if err := os.WriteFile(l.leasePath(s.Run().ID), []byte(garbage), 0o644); err != nil {
			t.Fatal(err)
		}
		live, err := l.Probe(s.Run().ID)
		if err != nil || !live.Held || live.Progress != (Progress{}) {
			t.Errorf("live is %+v (%v)", live, err)
		}
		_, err = l.Acquire(context.Background(), s.Run().ID, LeaseOptions{})
		var held *HeldError
		if !errors.As(err, &held) || !strings.Contains(err.Error(), "another trainer") {
			t.Errorf("error is %v", err)
		}
	}
}

func FuzzDecodeProgress(f *testing.F) {
	block, err := encodeProgress(Progress{Run: "x", Attempt: 3, Host: "h", Beat: 9})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(block)
	f.Add(block[:100])
	f.Add(make([]byte, leaseBlock))
	f.Fuzz(func(t *testing.T, b []byte) {
		decodeProgress(b)
		// With a fitting checksum, so that what is behind it is reached.
		sealed := make([]byte, leaseBlock)
		copy(sealed[:leaseBlock-4], b)
		binary.BigEndian.PutUint32(sealed[leaseBlock-4:], crc32.Checksum(sealed[:leaseBlock-4], castagnoli))
		p, ok := decodeProgress(sealed)
		if !ok && p != (Progress{}) {
			t.Errorf("refused, and yet %+v", p)
		}
	})
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
