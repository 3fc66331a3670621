package hub

import (
	"context"
	"errors"
	"sync"
)

// minAhead is the least that a Stream reads ahead.
const minAhead = 64 << 10

var errStreamClosed = errors.New("stream is closed")

// A Stream reads a part of a file in order, by one ranged read, while one
// goroutine reads ahead of it. It is for one goroutine.
type Stream struct {
	part   *section // the goroutine's own
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	change sync.Cond // of what follows
	ring   []byte    // what was read ahead is have bytes from start on, around the end
	start  int
	have   int
	err    error // how reading ended, after what was read ahead
	closed bool
}

// Stream reads n bytes from an offset on, or up to the end of the file if there
// are fewer or n is negative. It holds ahead bytes, 64 KiB at least, that were
// read and not yet asked for. It has to be closed.
func (f *RemoteFile) Stream(ctx context.Context, off, n int64, ahead int) *Stream {
	if n < 0 {
		n = f.file.Size
	}
	ctx, cancel := context.WithCancel(ctx)
	part := f.section(ctx, max(off, 0), n)
	s := &Stream{
		part:   part,
		cancel: cancel,
		ring:   make([]byte, max(1, min(int64(max(ahead, minAhead)), part.end-part.off))),
	}
	s.change.L = &s.mu
	s.done.Go(s.fill)
	return s
}

// fill reads ahead until the end, an error or Close.
func (s *Stream) fill() {
	defer s.part.Close()
	for {
		room := s.room()
		if room == nil {
			return
		}
		n, err := s.part.Read(room)
		s.mu.Lock()
		s.have += n
		s.err = err
		s.change.Signal()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// room waits for a free piece of the ring and returns it, nil after Close.
func (s *Stream) room() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.have == len(s.ring) && !s.closed {
		s.change.Wait()
	}
	if s.closed {
		return nil
	}
	from := (s.start + s.have) % len(s.ring)
	return s.ring[from:min(len(s.ring), from+len(s.ring)-s.have)]
}

// Read implements io.Reader. An error of it is final.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.have == 0 && s.err == nil && !s.closed {
		s.change.Wait()
	}
	switch {
	case s.closed:
		return 0, errStreamClosed
	case s.have == 0:
		return 0, s.err
	}
	n := copy(p, s.ring[s.start:min(len(s.ring), s.start+s.have)])
	s.start = (s.start + n) % len(s.ring)
	s.have -= n
	s.change.Signal()
	return n, nil
}

// Close ends the reading. It returns when the goroutine has ended.
func (s *Stream) Close() error {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	s.change.Broadcast()
	s.mu.Unlock()
	s.done.Wait()
	return nil
}
