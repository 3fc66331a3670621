package term

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty returns both ends of a terminal of the given width.
func pty(t *testing.T, columns int) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestTerminal(t *testing.T) {
	t.Setenv("COLUMNS", "")
	t.Setenv("TERM", "xterm")
	master, tty := pty(t, 47)
	sink := NewSink(tty)
	if !IsTerminal(tty) || !IsTerminal(sink) || !Interactive(sink) || Width(sink) != 47 {
		t.Errorf("IsTerminal %v, through a Sink %v, Interactive %v, Width %d", IsTerminal(tty), IsTerminal(sink), Interactive(sink), Width(sink))
	}
	c := newClock()
	p := NewProgress(sink, c.now)
	p.Start(10)
	c.advance(time.Second)
	p.Update(State{Done: 5})
	p.Finish()
	got, err := bufio.NewReader(master).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got, "\r  0% |") || !strings.Contains(got, "\r 50% |█") {
		t.Errorf("on a terminal: %q", got)
	}

	t.Setenv("COLUMNS", "33")
	if Width(tty) != 33 {
		t.Errorf("Width = %d with COLUMNS=33", Width(tty))
	}
	t.Setenv("TERM", "dumb")
	if _, ok := NewProgress(tty, c.now).(*plain); !ok || Interactive(tty) {
		t.Error("a bar on a dumb terminal")
	}
}

func TestNoTerminal(t *testing.T) {
	t.Setenv("COLUMNS", "")
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) || Width(f) != DefaultWidth || IsTerminal(&strings.Builder{}) {
		t.Error("a file is taken for a terminal")
	}
	if _, ok := NewProgress(f, time.Now).(*plain); !ok {
		t.Error("a bar in a file")
	}
}
