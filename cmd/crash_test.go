package cmd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// crashSamples is how far the runs of the crash tests go: far enough that a
// process can be killed many times on the way.
const crashSamples = 60000

// uninterrupted is the digest of a run that nobody stopped.
func uninterrupted(t *testing.T, samples int, flags ...string) string {
	t.Helper()
	args := append([]string{"run", "sample", "--json", "--max-samples", fmt.Sprint(samples)}, flags...)
	return mustRun(t, t.TempDir(), "trainer", args...).ModelDigest
}

// TestKill kills a real trainer at random moments, which commits a snapshot
// every few milliseconds, so in the middle of commits too, and finds that the
// model after all the resumes is the one that was never stopped.
func TestKill(t *testing.T) {
	if testing.Short() {
		testKill(t, 6)
	} else {
		testKill(t, 20)
	}
}

// TestKillWorkers does so to a trainer that works on many samples at a time. The
// model that nobody stopped is that of one worker.
func TestKillWorkers(t *testing.T) {
	if testing.Short() {
		testKill(t, 3, "--workers", "8")
	} else {
		testKill(t, 10, "--workers", "8")
	}
}

func testKill(t *testing.T, enough int, flags ...string) {
	t.Helper()
	want := uninterrupted(t, crashSamples)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	kills := 0
	args := append([]string{"resume", "sample", "--or-start", "--json", "--max-samples", fmt.Sprint(crashSamples), "--checkpoint-interval", "500"}, flags...)
	rows := map[int64]bool{} // at which attempts began
	check := func(r result) {
		t.Helper()
		got := decode[runJSON](t, r)
		if got.ModelDigest != want || got.Trained != crashSamples {
			t.Errorf("after %d kills: %d samples, digest %.12s; uninterrupted: %d, %.12s", kills, got.Trained, got.ModelDigest, crashSamples, want)
		}
		for _, a := range checkSound(t, dir, got.Run).Attempts {
			rows[a.FromRow] = true
		}
	}
	for try := 0; kills < enough; try++ {
		if try > 200 {
			t.Fatalf("only %d of %d processes lived long enough to be killed", kills, try)
		}
		r, died := killLater(t, dir, time.Duration(random.IntN(100))*time.Millisecond, args...)
		if died {
			kills++
		} else { // it reached the target: the next one to kill begins anew
			check(r)
			dir = t.TempDir()
		}
	}
	check(run(t, dir, "trainer", args...))
	if len(rows) < enough/2 {
		t.Errorf("after %d kills attempts began at only %d rows: they came too early to find anything", kills, len(rows))
	}
}

// TestKillShuffled kills a trainer that reads a file several times, shuffled, and
// finds at each snapshot the model of a run that nobody stopped: so the rows came
// in the same order, not only all of them.
func TestKillShuffled(t *testing.T) {
	data := filepath.Join(t.TempDir(), "rows.jsonl")
	rows := run(t, t.TempDir(), "trainer", "rows", "sample", "--raw", "--count", "4000")
	if err := os.WriteFile(data, []byte(rows.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"resume", "rows", "--or-start", "--json", "--data", data, "--checkpoint-interval", "200",
		"--order", "shuffle", "--seed", "7", "--window", "300", "--epochs", "4"}
	through := t.TempDir()
	want := checkSound(t, through, mustRun(t, through, "trainer", args...).Run)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir, kills := t.TempDir(), 0
	for try := 0; kills < 5 && try < 20; try++ {
		if _, died := killLater(t, dir, time.Duration(random.IntN(40))*time.Millisecond, args...); died {
			kills++
		} else {
			break // at the end of the data
		}
	}
	t.Logf("%d kills", kills)
	if kills == 0 {
		t.Fatal("nothing was killed")
	}
	got := checkSound(t, dir, mustRun(t, dir, "trainer", args...).Run)
	if got.Row != 16000 {
		t.Errorf("%d rows, want 16000", got.Row)
	}
	if diff := cmp.Diff(want.Snapshots, got.Snapshots); diff != "" {
		t.Errorf("after %d kills: %s", kills, diff)
	}
}

// killLater runs a trainer that is killed so long after its first snapshot, if it
// has not ended well by then.
func killLater(t *testing.T, dir string, after time.Duration, args ...string) (r result, died bool) {
	t.Helper()
	return killAfter(t, program(dir, "trainer", args...), "Checkpoint saved", after)
}

// killAfter runs a process that is killed so long after it has said a text, if it
// has not ended well by then.
func killAfter(t *testing.T, c *exec.Cmd, text string, after time.Duration) (r result, died bool) {
	t.Helper()
	var stdout bytes.Buffer
	stderr := &trigger{text: text, do: func() {
		time.AfterFunc(after, func() { c.Process.Kill() })
	}}
	c.Stdout, c.Stderr = &stdout, stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	err := c.Wait()
	if err != nil && !killed(err) {
		t.Fatalf("the process ended by itself: %v\n%s", err, stderr.String())
	}
	return result{stdout: stdout.String(), stderr: stderr.String()}, err != nil
}

// trigger is a process's output, which does something once a text stands in it.
type trigger struct {
	seen bytes.Buffer // not embedded: io.Copy would go past Write
	text string
	do   func()
}

func (x *trigger) Write(p []byte) (int, error) {
	n, err := x.seen.Write(p)
	if x.do != nil && strings.Contains(x.seen.String(), x.text) {
		x.do()
		x.do = nil
	}
	return n, err
}

func (x *trigger) String() string { return x.seen.String() }

func killed(err error) bool {
	exit, ok := err.(*exec.ExitError)
	return ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// checkSound looks at the whole record of a run: snapshots that count on, and
// rows that never go back.
func checkSound(t *testing.T, dir, id string) runJSON {
	t.Helper()
	show := mustRun(t, dir, "ckpt", "show", id, "--json")
	row := int64(-1)
	for i, s := range show.Snapshots {
		if s.Seq != uint64(i+1) {
			t.Errorf("snapshot %d stands at place %d", s.Seq, i+1)
		}
		if s.Row <= row {
			t.Errorf("snapshot %d: row %d after row %d", s.Seq, s.Row, row)
		}
		row = s.Row
	}
	if int64(len(show.Snapshots)) != show.SnapshotCount {
		t.Errorf("%d snapshots, but the run counts %d", len(show.Snapshots), show.SnapshotCount)
	}
	return show
}

// TestJobScript starts the one line of a job script again and again, killed each
// time, and finds one run. With other settings the line refuses.
func TestJobScript(t *testing.T) {
	want := uninterrupted(t, crashSamples)
	dir := t.TempDir()
	line := []string{"resume", "sample", "--or-start", "--json", "--max-samples", fmt.Sprint(crashSamples), "--checkpoint-interval", "2000"}
	for i := range 10 {
		c := program(dir, "trainer", line...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(5+10*i)*time.Millisecond, func() { c.Process.Kill() })
		if err := c.Wait(); err != nil && !killed(err) {
			t.Fatalf("the process ended by itself: %v", err)
		}
	}
	got := mustRun(t, dir, "trainer", line...)
	if got.ModelDigest != want {
		t.Errorf("digest %.12s, uninterrupted %.12s", got.ModelDigest, want)
	}
	runs := decode[[]runJSON](t, run(t, dir, "ckpt", "list", "--json"))
	if len(runs) != 1 {
		t.Errorf("%d runs, want 1", len(runs))
	}

	other := run(t, dir, "trainer", append(line, "--chunk-sizes", "16,16")...)
	if other.code != 11 {
		t.Errorf("with other settings: exit code %d, want 11\n%s", other.code, other.stderr)
	}
	if runs := decode[[]runJSON](t, run(t, dir, "ckpt", "list", "--json")); len(runs) != 1 {
		t.Errorf("with other settings: %d runs, want 1", len(runs))
	}
}

// TestInterrupt sends the signals that end a training and finds the snapshot, and
// the model unharmed by five stops in a row.
func TestInterrupt(t *testing.T) { testInterrupt(t) }

// TestInterruptWorkers does so to a trainer that works on many samples at a time.
func TestInterruptWorkers(t *testing.T) { testInterrupt(t, "--workers", "8") }

func testInterrupt(t *testing.T, flags ...string) {
	t.Helper()
	want := uninterrupted(t, crashSamples)
	dir := t.TempDir()
	line := append([]string{"resume", "sample", "--or-start", "--max-samples", fmt.Sprint(crashSamples)}, flags...)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		c := program(dir, "trainer", line...)
		stderr := &trigger{text: "Training sample", do: func() { c.Process.Signal(sig) }}
		c.Stderr = stderr
		err := c.Run()
		if code := c.ProcessState.ExitCode(); code != 130 {
			t.Fatalf("%v: exit code %d (%v), want 130\n%s", sig, code, err, stderr)
		}
	}
	got := mustRun(t, dir, "trainer", append(line, "--json")...)
	if got.ModelDigest != want {
		t.Errorf("digest %.12s, uninterrupted %.12s", got.ModelDigest, want)
	}
	show := mustRun(t, dir, "ckpt", "show", got.Run, "--json")
	for i, a := range show.Attempts {
		want := "interrupted"
		if i == len(show.Attempts)-1 {
			want = "completed"
		}
		if a.Reason != want {
			t.Errorf("attempt %d ended %s, want %s", i+1, a.Reason, want)
		}
	}
}

// TestAskedToTheEnd asks a training where it stands, again and again until its
// process is gone.
func TestAskedToTheEnd(t *testing.T) {
	for range 5 {
		c := program(t.TempDir(), "trainer", "run", "sample", "--max-samples", "3000")
		var stderr trigger
		gone := make(chan struct{})
		stderr.text, stderr.do = "Training sample", func() {
			go func() {
				tick := time.NewTicker(200 * time.Microsecond)
				defer tick.Stop()
				for {
					select {
					case <-gone:
						return
					case <-tick.C:
						c.Process.Signal(syscall.SIGUSR1)
					}
				}
			}()
		}
		c.Stderr = &stderr
		err := c.Run()
		close(gone)
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
	}
}
