package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTee interrupts a training whose output goes through a pipe to a program
// that dies of the same Ctrl-C: what is written then fails, and the save must
// not.
func TestTee(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command("sh", "-c", "trainer run sample --checkpoint-interval 1h 2>&1 | tee log")
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "CKPT_LEDGER=")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	// With that interval the snapshot of the interruption is the only one.
	if !waitUntil(30*time.Second, func() bool {
		r := run(t, dir, "ckpt", "list", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"live"`) && decode[[]runJSON](t, r)[0].Live.Trained > 0
	}) {
		t.Fatal("the training did not begin")
	}
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // the shell's status is the signal's
	checkEmergency(t, dir)
}

// TestTerminalClosed closes the terminal under a training.
func TestTerminalClosed(t *testing.T) {
	dir := t.TempDir()
	master, slave := openTerminal(t)
	c := program(dir, "trainer", "run", "sample", "--checkpoint-interval", "1h")
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var seen strings.Builder
	buf := make([]byte, 4096)
	moved := regexp.MustCompile(`\r[1-9][0-9,]* \[[^]]*samples/s\]`) // the bar of a run without a target
	for !moved.MatchString(seen.String()) {
		n, err := master.Read(buf)
		if err != nil {
			t.Fatalf("read terminal: %v\n%s", err, seen.String())
		}
		seen.Write(buf[:n])
	}
	master.Close()
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	checkEmergency(t, dir)
}

// checkEmergency finds the run interrupted, with an emergency snapshot from which
// a resume is exact.
func checkEmergency(t *testing.T, dir string) {
	t.Helper()
	var runs []runJSON
	if !waitUntil(30*time.Second, func() bool {
		runs = decode[[]runJSON](t, run(t, dir, "ckpt", "list", "--json"))
		return len(runs) == 1 && runs[0].Status != "running"
	}) {
		t.Fatalf("the training goes on: %+v", runs)
	}
	if runs[0].Status != "interrupted" || runs[0].Kind != "emergency" {
		t.Fatalf("status %s, newest snapshot %s; want interrupted, emergency", runs[0].Status, runs[0].Kind)
	}
	target := fmt.Sprint(runs[0].Trained + 5000)
	resumed := mustRun(t, dir, "trainer", "resume", "sample", "--max-samples", target, "--json")
	if resumed.ResumedAtSample != runs[0].Trained {
		t.Errorf("resumed at sample %d, want %d", resumed.ResumedAtSample, runs[0].Trained)
	}
	through := mustRun(t, t.TempDir(), "trainer", "run", "sample", "--max-samples", target, "--json")
	if resumed.ModelDigest != through.ModelDigest || resumed.Row != through.Row {
		t.Errorf("row %d, digest %.12s; uninterrupted: %d, %.12s", resumed.Row, resumed.ModelDigest, through.Row, through.ModelDigest)
	}
}

// openTerminal makes a pseudo-terminal of 100 columns.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
