package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func roleCreate(args []string) int {
	l, err := Create(context.Background(), args[0], Options{})
	if err != nil {
		return complain(err)
	}
	s, err := l.Begin(context.Background(), testRun("wikitext"), Attempt{})
	if err != nil {
		return complain(err)
	}
	defer s.Close()
	if err := s.End(context.Background(), End{Reason: Interrupted}); err != nil {
		return complain(err)
	}
	return 0
}

func TestManyCreateOneLedger(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "checkpoints")
	const n = 8
	var creators []*exec.Cmd
	for range n {
		cmd := child(t, "create", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		creators = append(creators, cmd)
	}
	for _, cmd := range creators {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range problems(l) {
		t.Error(err)
	}
	if ids, _ := list(t, l, Query{}); len(ids) != n {
		t.Errorf("%d runs, not %d", len(ids), n)
	}
}

// roleList lists again and again until its input ends.
func roleList(args []string) int {
	l, err := Open(args[0], Options{LockTimeout: time.Minute})
	if err != nil {
		return complain(err)
	}
	ended := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(ended) }()
	for n := 0; ; n++ {
		if _, _, err := l.List(context.Background(), Query{}); err != nil {
			return complain(err)
		}
		if n == 0 {
			fmt.Println("reading")
		}
		select {
		case <-ended:
			return 0
		default:
		}
	}
}

// Readers that never pause must not keep a commit from its turn.
func TestCommitsAmongReaders(t *testing.T) {
	l := testLedger(t)
	fill(t, l, 30, 1, func(int) string { return "wikitext" })
	s := begin(t, l, testRun("wikitext"))
	var readers []*talker
	for range 4 {
		readers = append(readers, talk(t, "list", l.Dir()))
	}
	for _, r := range readers {
		r.hear(t)
	}
	var longest time.Duration
	for i := range 200 {
		start := time.Now()
		if _, err := s.Commit(context.Background(), step(s, 1)); err != nil {
			t.Fatalf("commit %d: %v", i, err)
		}
		longest = max(longest, time.Since(start))
	}
	t.Logf("the longest of 200 commits among 4 readers: %v", longest)
	for _, r := range readers {
		r.in.Close()
		if err := r.cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// roleObserve holds a read transaction open until its input ends.
func roleObserve(args []string) int {
	l, err := Open(args[0], Options{})
	if err != nil {
		return complain(err)
	}
	err = l.db.view(context.Background(), func(*tx) error {
		fmt.Println("reading")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	})
	if err != nil {
		return complain(err)
	}
	return 0
}

// A long read delays a commit, and nothing is lost.
func TestCommitWaitsForALongRead(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	reader := talk(t, "observe", l.Dir())
	reader.hear(t)

	s.l = newLedger(l.Dir(), Options{LockTimeout: 20 * time.Millisecond})
	_, err := s.Commit(context.Background(), step(s, 1))
	wantIs(t, err, ErrBusy)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	s.l = l
	if _, err = s.Commit(ctx, step(s, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	// Others may read meanwhile.
	entry(t, l, s.Run().ID)

	done := make(chan error)
	go func() { _, err := s.Commit(context.Background(), step(s, 1)); done <- err }()
	select {
	case err := <-done:
		t.Errorf("committed under a reader (%v)", err)
		return
	case <-time.After(300 * time.Millisecond):
	}
	reader.in.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if h := entry(t, l, s.Run().ID).Head; h.Seq != 1 {
		t.Errorf("head is %+v", h)
	}
}
