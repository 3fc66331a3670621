// Package katotest is a KATO server for tests. It keeps the real one's contract as
// far as a client can tell: paths, status codes and answers, sessions and their
// short-term memory, pattern names, and patterns that are counted before they can
// be seen.
//
// A [Server] listens on a port of the loopback that stays its own until Close, also
// while it is stopped: connections are refused then. It can restart by itself every
// so many requests, and a [Fault] makes one request go wrong. What a client did is
// counted: Requests by kind, Frequencies by node.
//
// Nodes are named in this package as clients name them, or as the server stores
// them ([StoredName]).
package katotest

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Options say how a server behaves. The zero value is one without faults.
type Options struct {
	RestartEvery int           // requests, /health not counted, after which the server restarts; 0: never
	Down         time.Duration // how long a restart takes: connections are refused
	KeepSessions bool          // sessions outlive a restart, as they do where only the server leaves and not its Redis

	Visible time.Duration    // how long a new pattern is missing from GET /pattern
	Now     func() time.Time // the clock of Visible and of sessions; nil for time.Now

	// Fault is asked, from several goroutines, for what goes wrong with a request.
	// Nil, or the zero Fault returned: nothing does. The request waits for it, so it
	// can make the server slow; it may call the server's methods. It is not asked
	// about the request that a restart ends.
	Fault func(Request) Fault
}

// A Server is a running KATO server, or a stopped one. Its methods may be called
// from several goroutines.
type Server struct {
	URL string

	addr string
	held io.Closer // keeps the port while nothing listens there

	mu       sync.Mutex
	options  Options
	boot     *boot // the one that runs; nil while there is none
	era      int   // counts starts and ends
	closed   bool
	sessions map[string]*session
	nodes    map[string]*node // by stored name
	requests map[Kind]int
	restarts int
	peak     int
	hanging  int
	hangs    chan struct{} // closed when hanging changes, and made again
	release  chan struct{} // closed to let go of what hangs
	observed uint64        // observations so far
	scratch  []byte        // for what a name is the hash of
}

// New starts a server. The error is of the network.
func New(options Options) (*Server, error) {
	s := &Server{
		options:  options,
		sessions: make(map[string]*session),
		nodes:    make(map[string]*node),
		requests: make(map[Kind]int),
		hangs:    make(chan struct{}),
		release:  make(chan struct{}),
	}
	var err error
	if s.held, s.addr, err = hold(); err != nil {
		return nil, fmt.Errorf("katotest: hold a port: %w", err)
	}
	s.URL = "http://" + s.addr
	if err := s.Start(); err != nil {
		s.held.Close()
		return nil, err
	}
	return s, nil
}

// Change changes the options while the server runs.
func (s *Server) Change(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.options)
}

// now is called with mu held.
func (s *Server) now() time.Time {
	if s.options.Now != nil {
		return s.options.Now()
	}
	return time.Now()
}
