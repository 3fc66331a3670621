package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

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
