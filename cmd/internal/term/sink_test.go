package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestSinkNeverFails(t *testing.T) {
	full := errors.New("disk full")
	for _, c := range []struct {
		err, want error
		calls     int
	}{
		{nil, nil, 2},
		{full, full, 2}, // it may go again
		{fmt.Errorf("write: %w", syscall.EPIPE), nil, 1},
		{io.ErrClosedPipe, nil, 1},
	} {
		w := &failing{err: c.err}
		s := NewSink(w)
		if s.Wrote() {
			t.Error("wrote before it was written to")
		}
		for range 2 {
			if n, err := s.Write([]byte("abc")); n != 3 || err != nil {
				t.Errorf("%v: Write = %d, %v", c.err, n, err)
			}
		}
		if !s.Wrote() || !errors.Is(s.Err(), c.want) || w.calls != c.calls || s.Gone() != (c.calls == 1) {
			t.Errorf("%v: Wrote %v, Err %v, Gone %v, %d calls", c.err, s.Wrote(), s.Err(), s.Gone(), w.calls)
		}
	}
}

func TestSinkPassesOn(t *testing.T) {
	var b strings.Builder
	s := NewSink(&b)
	fmt.Fprint(s, "a")
	fmt.Fprint(s, "b")
	if b.String() != "ab" || s.Unwrap() != io.Writer(&b) {
		t.Errorf("%q", b.String())
	}
}

func TestSinkOnAClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	s := NewSink(w)
	fmt.Fprint(s, "nobody reads this")
	if s.Err() != nil || !s.gone {
		t.Errorf("Err = %v, gone = %v", s.Err(), s.gone)
	}
}
