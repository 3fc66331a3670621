package cmd

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	pairs = flag.Int("pairs", 200, "how often TestTwoTrainers starts two trainers of one run at once")
	hold  = flag.Duration("hold", 20*time.Second, "how long TestReaders holds a read transaction")
)

// TestTwoTrainers starts two trainers of one run at once: one trains, and one
// exits with 13.
func TestTwoTrainers(t *testing.T) {
	origin := t.TempDir()
	mustRun(t, origin, "trainer", "run", "sample", "--max-samples", "100", "--json")
	n := *pairs
	if testing.Short() {
		n = min(n, 20)
	}
	for i := range n {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
			t.Fatal(err)
		}
		type end struct {
			who  int
			code int
		}
		ends := make(chan end, 2)
		var procs [2]*exec.Cmd
		for who := range procs {
			c := program(dir, "trainer", "resume", "sample", "--max-samples", "1800000")
			procs[who] = c
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
		}
		for who, c := range procs {
			go func() { _ = c.Wait(); ends <- end{who, c.ProcessState.ExitCode()} }()
		}
		first := <-ends
		if first.code != 13 {
			t.Errorf("pair %d: the first to end has exit code %d, want 13", i, first.code)
		}
		winner := procs[1-first.who]
		if winner.Process.Signal(syscall.Signal(0)) != nil {
			t.Errorf("pair %d: nobody trains", i)
		}
		winner.Process.Kill()
		if second := <-ends; second.code == 13 {
			t.Fatalf("pair %d: both were refused", i)
		}
		os.RemoveAll(dir)
	}
}

// TestReaders lets four readers list in a loop, and one hold a read transaction
// as long as a backup does, while a trainer commits every 10 samples: no commit
// is lost, nobody fails.
func TestReaders(t *testing.T) {
	if testing.Short() {
		*hold = 2 * time.Second
	}
	dir := t.TempDir()
	mustRun(t, dir, "trainer", "run", "sample", "--max-samples", "10", "--json")

	trainer := program(dir, "trainer", "resume", "sample", "--max-samples", "5000", "--checkpoint-interval", "10", "--json")
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	trainer.Stdout, trainer.Stderr = out, out
	if err := trainer.Start(); err != nil {
		t.Fatal(err)
	}
	var looks atomic.Int64
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if r := run(t, dir, "ckpt", "list", "--json"); r.code != 0 {
					t.Errorf("list: exit code %d\n%s", r.code, r.stderr)
					return
				}
				looks.Add(1)
			}
		})
	}
	// A reader's transaction is the shared lock of the database.
	db, err := os.Open(filepath.Join(dir, "checkpoints", "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(db.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	held := time.NewTimer(*hold)
	before := looks.Load()
	<-held.C
	during := looks.Load() - before
	db.Close()

	if err := trainer.Wait(); err != nil {
		text, _ := os.ReadFile(out.Name())
		t.Errorf("the trainer failed: %v\n%s", err, text)
	}
	close(done)
	wg.Wait()
	runs := decode[[]runJSON](t, run(t, dir, "ckpt", "list", "--json"))
	if len(runs) != 1 || runs[0].SnapshotCount != 500 || runs[0].Trained != 5000 {
		t.Errorf("runs: %+v; want one with 500 snapshots", runs)
	}
	if during == 0 {
		t.Errorf("nobody could look while the transaction was held")
	}
	t.Logf("%d looks, %d of them in the %v that the transaction was held", looks.Load(), during, *hold)
}
