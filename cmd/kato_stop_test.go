package cmd

import (
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"ckptledger/trainer/kato/katotest"
)

// This file stops trainers of a KATO server at moments of which the server tells:
// by Ctrl-C and by SIGKILL.

// atOnce are waits so long that a trainer that waits for one of them does not end
// in time.
var atOnce = []string{"--workers", "8", "--kato-wait", "1h", "--kato-timeout", "1h", "--stall-timeout", "1h"}

// interrupt sends Ctrl-C to a trainer, which must end with its exit code.
func (r *katoRig) interrupt(c *exec.Cmd, said *trigger) {
	r.t.Helper()
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	if code := r.ended(c); code != 130 {
		r.t.Fatalf("exit code %d, want 130\n%s", code, said)
	}
}

// checkInterrupted holds that so many attempts were made, the last of which ended
// with a snapshot.
func (r *katoRig) checkInterrupted(attempts int) {
	r.t.Helper()
	if run := r.shown(); run.Status != "interrupted" || run.Kind != "emergency" || len(run.Attempts) != attempts {
		r.t.Errorf("%s, newest snapshot %s, %d attempts; want interrupted, emergency, %d", run.Status, run.Kind, len(run.Attempts), attempts)
	}
}

// TestKatoInterrupt interrupts a trainer whose requests all hang. What was in flight
// is left as it is: learned when the trainer is gone, or never.
func TestKatoInterrupt(t *testing.T) {
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(200), atOnce...)
	for stop := range 3 {
		from := r.Requests(katotest.Observe) + 100*(1+stop)
		r.wrong(func(q katotest.Request) katotest.Fault {
			return katotest.Fault{Hang: q.Kind == katotest.Observe && q.N > from || q.Kind == katotest.Delete, Late: q.N%2 == 0}
		})
		var said trigger
		c := r.start(&said, line...)
		r.awaitHanging(6)
		r.interrupt(c, &said)
		says(t, said.String(), `Interrupt: `, `Snapshot \d+ \(emergency\)`, `to go on: `)
		if run := r.shown(); run.Status != "interrupted" || run.Kind != "emergency" || len(run.Attempts) != stop+1 {
			t.Errorf("%s, newest snapshot %s, %d attempts", run.Status, run.Kind, len(run.Attempts))
		}
		r.awaitQuiet()
	}
	r.wrong(nil)
	r.trainer(0, line...)
	r.checkDone(200)
}

// awaitHanging waits until so many requests hang.
func (r *katoRig) awaitHanging(n int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := r.Await(ctx, n); err != nil {
		r.t.Fatalf("%d requests hang: %v", r.Hanging(), err)
	}
}

// awaitQuiet waits until the server is done with the requests of a client that is
// gone.
func (r *katoRig) awaitQuiet() {
	r.t.Helper()
	if !waitUntil(time.Minute, func() bool { return r.Hanging() == 0 }) {
		r.t.Fatalf("%d requests hang without their client", r.Hanging())
	}
}

// TestKatoInterruptAway interrupts a trainer that waits for its server.
func TestKatoInterruptAway(t *testing.T) {
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(200), atOnce...)

	// At the start: no attempt begins.
	r.wrong(func(q katotest.Request) katotest.Fault { return katotest.Fault{Hang: q.Kind == katotest.Health} })
	var said trigger
	c := r.start(&said, line...)
	r.awaitHanging(1)
	r.interrupt(c, &said)
	says(t, said.String(), `interrupted before the attempt began`)

	// In mid-run.
	gone := make(chan struct{})
	r.at(500, func() { r.Stop(); close(gone) })
	said = trigger{}
	c = r.start(&said, line...)
	<-gone
	r.interrupt(c, &said)
	if run := r.shown(); run.Status != "interrupted" || run.Kind != "emergency" || len(run.Attempts) != 1 {
		t.Errorf("%s, newest snapshot %s, %d attempts", run.Status, run.Kind, len(run.Attempts))
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	r.trainer(0, line...)
	r.checkDone(200)
}

// killed runs a trainer that is killed when the server has come to its request n to
// observe.
func (r *katoRig) killed(n int, line ...string) {
	r.t.Helper()
	due := make(chan struct{})
	r.at(n, func() { close(due) })
	var said trigger
	c := r.start(&said, line...)
	<-due
	_ = c.Process.Kill()
	if code := r.ended(c); code != -1 {
		r.t.Fatalf("exit code %d of what was killed\n%s", code, said.String())
	}
	r.wrong(nil)
}

// TestKatoUnsaved kills a trainer again and again before its first snapshot: from
// its mark the line of a job script goes on as exactly.
func TestKatoUnsaved(t *testing.T) {
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(150), "--workers", "4", "--checkpoint-interval", "1h")
	for kill := range 4 {
		r.killed(400, line...)
		run := r.shown()
		if run.SnapshotCount != 0 || len(run.Attempts) != kill+1 {
			t.Fatalf("%d snapshots, %d attempts", run.SnapshotCount, len(run.Attempts))
		}
	}
	says(t, r.command(0, "ckpt", "show", "sample@latest").stdout, `Position +row \d+, learned on the server up to it; rows to before \d+ in flight\n`)
	got := r.trainer(0, line...)
	says(t, got.stderr, `Starting run \w+ again, it was stopped before its first snapshot`, `starting from sample [1-9]\d*,`,
		`Compared with the server: \d+ patterns, \d+ samples may have been under way: \d+ of their \d+ patterns are learned\n`)
	r.checkDone(150)
}

// TestKatoKillRetry kills trainers while they train errored rows once more.
func TestKatoKillRetry(t *testing.T) {
	r := newKato(t, 3, katotest.Options{Fault: katotest.Poison(everyRow, katotest.Fault{Status: 422})})
	r.story()
	r.trainer(0, "--max-errors", "0", "--workers", "8")
	r.checkErrored(storyRows, "the server answers 422", 1)
	for range 4 {
		r.killed(30, "--retry-errored")
	}
	r.trainer(0, "--retry-errored")
	r.checkDone(storyRows)
}
