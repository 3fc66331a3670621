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

	now   *section // the range that is read: fill's own
	asked int64    // what was asked for ends here: fill's own

	mu     sync.Mutex
	change sync.Cond // of what follows
	queue  []*answer // to the ranges after now
	ring   ring      // what was read and not taken
	taken  int64     // bytes
	err    error     // how reading ended, after what is in the ring
	closed bool
}

// An answer to a range comes, with an error or without, when done is set.
type answer struct {
	*section
	done bool
	err  error
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
		asked:  off,
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
		case len(s.queue) > 0 && s.queue[0].done:
			next := s.queue[0]
			if next.err != nil {
				return nil, next.err
			}
			s.now.Close()
			s.now, s.queue = next.section, s.queue[1:]
		default:
			s.change.Wait()
		}
	}
}

// ask asks for more once enough was taken, while what was asked for before is
// still arriving: so the time to an answer is not lost.
func (s *Stream) ask() {
	// Only the first answer tells whether the server has ranges at all.
	for s.asked < s.end && (s.asked == s.begin || s.now.end > s.begin) {
		// As much as all before, so that it doubles.
		n := min(max(firstRange, s.asked-s.begin), maxRange, int64(s.ahead/2), s.end-s.asked)
		due := int64(s.ring.have) + s.asked - s.now.off
		if due+n > int64(s.ahead) || due+n > s.taken && due > nearEnd {
			return
		}
		s.ring.grow(int(due+n), s.ahead)
		s.asked += n
		if len(s.queue) == 0 && s.now.to >= s.asked { // it comes without being asked for
			s.now.end = s.asked
			continue
		}
		next := &answer{section: s.file.section(s.ctx, s.asked-n, n)}
		s.queue = append(s.queue, next)
		s.done.Go(func() {
			err := next.open()
			s.mu.Lock()
			defer s.mu.Unlock()
			next.done, next.err = true, err
			s.change.Broadcast()
		})
	}
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
	for _, a := range s.queue {
		a.Close()
	}
	return s.now.Close()
}
