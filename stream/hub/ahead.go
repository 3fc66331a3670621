package hub

import (
	"context"
	"errors"
	"io"
	"sync"
)

const (
	firstRange = 1 << 20
	maxRange   = 8 << 20

	// minAhead is the least that a Stream reads ahead: the first two ranges.
	minAhead = 2 * firstRange

	// nearEnd is how near the consumer is to the end of what was asked for when
	// the next range is asked for at the latest.
	nearEnd = 256 << 10
)

var errStreamClosed = errors.New("stream is closed")

// A Stream reads a part of a file in order and ahead of its consumer, by ranges
// that grow with what was taken: 1 MiB, 1, 2, 4, then 8 MiB each. Who takes
// little has paid for little, and who thinks for long leaves no answer half
// read, as there is room for every range that was asked for. It is for one
// goroutine.
type Stream struct {
	file   *RemoteFile
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
	begin  int64 // of the part
	end    int64
	ahead  int

	now *section // the range that is read: fill's own

	mu      sync.Mutex
	change  sync.Cond // of what follows
	next    *section  // the range after now, nil: not asked for
	opened  bool      // whether next was answered, or never will be:
	openErr error
	ring    ring  // what was read and not taken
	taken   int64 // bytes
	err     error // how reading ended, after what is in the ring
	closed  bool
}

// Stream reads n bytes from an offset on, or up to the end of the file if there
// are fewer or n is negative. What was read or asked for and not yet taken is
// at most ahead bytes (2 MiB at least), and as long as little was taken not much
// more than that. It has to be closed.
func (f *RemoteFile) Stream(ctx context.Context, off, n int64, ahead int) *Stream {
	off = min(max(off, 0), f.file.Size)
	if n < 0 || n > f.file.Size-off {
		n = f.file.Size - off
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Stream{
		file:   f,
		ctx:    ctx,
		cancel: cancel,
		begin:  off,
		end:    off + n,
		ahead:  max(ahead, minAhead),
		now:    f.section(ctx, off, 0),
	}
	s.change.L = &s.mu
	s.done.Go(s.fill)
	return s
}

// fill reads ahead until the end, an error or Close.
func (s *Stream) fill() {
	for {
		room, err := s.room()
		n := 0
		if err == nil {
			n, err = s.now.Read(room)
		}
		s.mu.Lock()
		s.ring.have += n
		s.err = err
		s.change.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// room waits until there is something to be read, and returns where to.
func (s *Stream) room() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closed {
			return nil, errStreamClosed
		}
		s.ask()
		switch {
		case s.now.off < s.now.end:
			return s.ring.free(), nil
		case s.now.end == s.end:
			return nil, io.EOF
		case s.opened && s.openErr != nil:
			return nil, s.openErr
		case s.opened:
			s.now, s.next, s.opened = s.next, nil, false
		default:
			s.change.Wait()
		}
	}
}

// ask asks for the range after now once enough was taken. It does so while now
// is still arriving, so that the time to an answer is not lost.
func (s *Stream) ask() {
	now := s.now
	broken := now.off < now.end && now.body == nil // or not yet answered
	if s.next != nil || now.end == s.end || broken {
		return
	}
	// All that was asked for so far, so that it doubles.
	n := min(max(firstRange, now.end-s.begin), maxRange, int64(s.ahead/2), s.end-now.end)
	due := int64(s.ring.have) + now.end - now.off
	if due+n > int64(s.ahead) || due+n > s.taken && due > nearEnd {
		return
	}
	s.ring.grow(int(due+n), s.ahead)
	if now.body != nil && now.to > now.end { // it comes without being asked for
		now.end += n
		return
	}
	next := s.file.section(s.ctx, now.end, n)
	s.next = next
	s.done.Go(func() {
		err := next.open()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.opened, s.openErr = true, err
		s.change.Broadcast()
	})
}

// Read implements io.Reader. An error of it is final.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ring.have == 0 && s.err == nil && !s.closed {
		s.change.Wait()
	}
	switch {
	case s.closed:
		return 0, errStreamClosed
	case s.ring.have == 0:
		return 0, s.err
	}
	n := s.ring.take(p)
	s.taken += int64(n)
	s.change.Broadcast()
	return n, nil
}

// Close ends the reading. It returns when nothing is under way any more.
func (s *Stream) Close() error {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	s.change.Broadcast()
	s.mu.Unlock()
	s.done.Wait()
	if s.next != nil {
		s.next.Close()
	}
	return s.now.Close()
}
