package term

import (
	"errors"
	"io"
	"sync"
	"syscall"
)

// A Sink takes everything that is written to it and never fails, because a
// reader that went away, or a full disk under a log, must not stop a save. What
// it could not pass on is lost, and Err says why. It may be used by several
// goroutines.
type Sink struct {
	mu    sync.Mutex
	w     io.Writer
	gone  bool // the reader has left: nothing more can arrive
	wrote bool
	err   error
}

// NewSink returns a Sink before w.
func NewSink(w io.Writer) *Sink { return &Sink{w: w} }

// Write passes p on and reports success, whatever becomes of it.
func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote = s.wrote || len(p) > 0
	if s.gone {
		return len(p), nil
	}
	switch _, err := s.w.Write(p); {
	case err == nil:
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		s.gone = true
	case s.err == nil:
		s.err = err
	}
	return len(p), nil
}

// Wrote reports whether anything was ever written.
func (s *Sink) Wrote() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrote
}

// Gone reports whether the reader has left, so that whoever has much to say can
// stop.
func (s *Sink) Gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// Err returns the first failure. A reader that went away is none: it had read
// what it wanted.
func (s *Sink) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Unwrap returns the writer behind the Sink.
func (s *Sink) Unwrap() io.Writer { return s.w }
