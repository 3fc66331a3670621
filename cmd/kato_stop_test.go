package cmd

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"ckptledger/trainer/kato/katotest"
)

// This file stops trainers of a KATO server at moments of which the server tells:
// by Ctrl-C and by SIGKILL.

// started is a trainer at work.
type started struct {
	*exec.Cmd
	t    *testing.T
	said trigger       // to be read when it has ended
	done chan struct{} // closed then
}

// start starts a trainer of this line. It is killed with the test, if it has not
// ended by then.
func (r *katoRig) start(more ...string) *started {
	r.t.Helper()
	p := &started{Cmd: program(r.dir, "trainer", r.line(more...)...), t: r.t, done: make(chan struct{})}
	p.Stderr = &p.said
	if err := p.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // it says no more than the exit code
		close(p.done)
	}()
	r.t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.done
	})
	return p
}

// until waits for what the trainer is to bring about.
func (p *started) until(due <-chan struct{}) {
	p.t.Helper()
	select {
	case <-due:
	case <-p.done:
		p.t.Fatalf("%q ended before it was to\n%s", p.Args, p.said.String())
	}
}

// ends sends a signal, by which the trainer must end with an exit code: -1 for one
// that is killed.
func (p *started) ends(sig os.Signal, code int) {
	p.t.Helper()
	if err := p.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.t.Fatalf("%q does not end by %v", p.Args, sig)
	}
	if got := p.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("exit code %d by %v, want %d\n%s", got, sig, code, p.said.String())
	}
}

// atOnce are waits so long that a trainer that waits for one of them does not end
// in time.
var atOnce = []string{"--workers", "8", "--kato-wait", "1h", "--kato-timeout", "1h", "--stall-timeout", "1h"}

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
	t.Parallel()
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(200), atOnce...)
	for stop := range unlessShort(3, 2) {
		from := r.Requests(katotest.Observe) + 100*(1+stop)
		r.wrong(func(q katotest.Request) katotest.Fault {
			return katotest.Fault{Hang: q.Kind == katotest.Observe && q.N > from || q.Kind == katotest.Delete, Late: q.N%2 == 0}
		})
		p := r.start(line...)
		p.until(r.hangs(6))
		p.ends(os.Interrupt, 130)
		says(t, p.said.String(), `Interrupt: `, `Snapshot \d+ \(emergency\)`, `to go on: `)
		r.checkInterrupted(stop + 1)
		r.awaitQuiet()
	}
	r.wrong(nil)
	r.trainer(0, line...)
	r.checkDone(200)
}

// hangs tells when so many requests hang.
func (r *katoRig) hangs(n int) <-chan struct{} {
	due := make(chan struct{})
	go func() {
		if r.Await(r.t.Context(), n) == nil {
			close(due)
		}
	}()
	return due
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
	t.Parallel()
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(200), atOnce...)

	// At the start: no attempt begins.
	r.wrong(func(q katotest.Request) katotest.Fault { return katotest.Fault{Hang: q.Kind == katotest.Health} })
	p := r.start(line...)
	p.until(r.hangs(1))
	p.ends(os.Interrupt, 130)
	says(t, p.said.String(), `interrupted before the attempt began`)

	// In mid-run.
	gone := make(chan struct{})
	r.at(500, func() { r.Stop(); close(gone) })
	p = r.start(line...)
	p.until(gone)
	p.ends(os.Interrupt, 130)
	r.checkInterrupted(1)
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
	p := r.start(line...)
	p.until(due)
	p.ends(os.Kill, -1)
	r.settled()
	r.wrong(nil)
}

// TestKatoUnsaved kills a trainer again and again before it has a snapshot but that
// of its beginning: from its mark the line of a job script goes on as exactly.
func TestKatoUnsaved(t *testing.T) {
	t.Parallel()
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(150), "--workers", "4", "--checkpoint-interval", "1h")
	for kill := range unlessShort(4, 2) {
		r.killed(400, line...)
		run := r.shown()
		if run.SnapshotCount != 1 || run.Row != 0 || len(run.Attempts) != kill+1 {
			t.Fatalf("%d snapshots, %d attempts", run.SnapshotCount, len(run.Attempts))
		}
	}
	says(t, r.command(0, "ckpt", "show", "sample@latest").stdout, `Position +row \d+, learned on the server up to it; rows to before \d+ in flight\n`)
	got := r.trainer(0, line...)
	says(t, got.stderr, `Resuming run \S+ from snapshot 1 \(`, `starting from sample [1-9]\d*,`,
		`Compared with the server: \d+ patterns, \d+ samples? may have been under way, \d+ of \d+ patterns? learned\n`)
	r.checkDone(150)
}

// TestKatoKillRetry kills trainers while they train errored rows once more.
func TestKatoKillRetry(t *testing.T) {
	t.Parallel()
	r := newKato(t, 3, katotest.Options{Fault: katotest.Poison(everyRow, katotest.Fault{Status: 422})})
	r.story()
	r.trainer(0, "--max-errors", "0", "--workers", "8")
	r.checkErrored(storyRows, "the server answers 422", 1)
	for range unlessShort(4, 2) {
		r.killed(30, "--retry-errored")
	}
	r.trainer(0, "--retry-errored")
	r.checkDone(storyRows)
}
