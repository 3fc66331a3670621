package cmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"ckptledger/ledger"
)

// This file has what the Go tests of whole processes share.

// digestDir is a digest of the names and bytes of all files below a folder.
func digestDir(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(sum, "%q ", path)
		_, err = io.Copy(sum, f)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// waitUntil looks every few milliseconds whether something that another process
// does has happened.
func waitUntil(limit time.Duration, done func() bool) bool {
	deadline := time.After(limit)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if done() {
			return true
		}
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
}

// program prepares a process of one of the programs in a folder.
func program(dir, name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(bin, name), args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "CKPT_LEDGER=", "NO_COLOR=1")
	return c
}

// result is what a process left.
type result struct {
	code           int
	stdout, stderr string
}

func run(t *testing.T, dir, name string, args ...string) result {
	t.Helper()
	c := program(dir, name, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// runJSON is the object that the trainers print with --json, as far as tests
// look at it.
type runJSON struct {
	Run             string `json:"run"`
	Status          string `json:"status"`
	Trained         int64  `json:"trained"`
	Errored         int64  `json:"errored"`
	Row             int64  `json:"row"`
	SnapshotCount   int64  `json:"snapshot_count"`
	Kind            string `json:"kind"`
	ModelDigest     string `json:"model_digest"`
	ResumedAtSample int64  `json:"resumed_at_sample"`
	Exactness       string `json:"exactness"`
	Live            struct {
		Trained int64 `json:"trained"`
	} `json:"live"`
	Attempts []struct {
		Reason  string `json:"reason"`
		FromRow int64  `json:"from_row"`
	} `json:"attempts"`
	Snapshots []struct {
		Seq     uint64 `json:"seq"`
		Kind    string `json:"kind"`
		Trained int64  `json:"trained"`
		Row     int64  `json:"row"`
		Model   string `json:"model_digest"`
	} `json:"snapshots"`
	ErroredRows []ledger.ErroredRow `json:"errored_rows"`
}

func decode[T any](t *testing.T, r result) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("decode output: %v\nstdout: %s\nstderr: %s", err, r.stdout, r.stderr)
	}
	return v
}

// mustRun runs a command that must succeed and print a run.
func mustRun(t *testing.T, dir, name string, args ...string) runJSON {
	t.Helper()
	r := run(t, dir, name, args...)
	if r.code != 0 {
		t.Fatalf("%s %q: exit code %d\nstdout: %s\nstderr: %s", name, args, r.code, r.stdout, r.stderr)
	}
	return decode[runJSON](t, r)
}
