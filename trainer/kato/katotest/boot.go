package katotest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// A boot is the server from one start to its end. A request belongs to the boot
// that got it, and is processed only while that runs.
type boot struct {
	server   *Server
	listener net.Listener
	http     *http.Server
	since    time.Time

	// Guarded by server.mu.
	requests int  // those that count for a restart
	ending   bool // a request ends it
	open     int  // connections
}

// Start starts a stopped server again, on the same port; a restart that is under
// way ends with it. The error is of the network, or that the server is closed.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start()
}

// start is Start with mu held.
func (s *Server) start() error {
	if s.closed {
		return errors.New("katotest: the server is closed")
	}
	s.era++
	if s.boot != nil {
		return nil
	}
	l, err := reuse.Listen(context.Background(), "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("katotest: start: %w", err)
	}
	b := &boot{server: s, listener: l, since: s.now()}
	b.http = &http.Server{Handler: b, ConnState: b.count, ErrorLog: log.New(io.Discard, "", 0)}
	s.boot = b
	go b.http.Serve(l) // until it is closed, which is all that it can say
	return nil
}

// Stop stops the server as a crash does: connections are cut, requests in hand are
// processed and their answers lost, or neither, and connections are refused until
// Start. A server that is stopped stays it.
func (s *Server) Stop() {
	s.mu.Lock()
	b := s.boot
	s.down()
	s.mu.Unlock()
	b.cut()
}

// Close stops the server for good.
func (s *Server) Close() {
	s.mu.Lock()
	b, closed := s.boot, s.closed
	s.closed = true
	s.down()
	s.mu.Unlock()
	b.cut()
	if !closed {
		s.held.Close()
	}
}

// down ends the boot: nothing is processed any more. It is called with mu held.
func (s *Server) down() {
	s.boot = nil
	s.era++
	if !s.options.KeepSessions {
		clear(s.sessions)
	}
}

// cut ends the boot's listener and connections.
func (b *boot) cut() {
	if b != nil {
		b.listener.Close()
		b.http.Close()
	}
}

// restart ends the boot, if it is the one that runs, and starts the next after
// Options.Down.
func (b *boot) restart() {
	s := b.server
	s.mu.Lock()
	if s.boot != b {
		s.mu.Unlock()
		return
	}
	s.down()
	s.restarts++
	era, wait := s.era, s.options.Down
	s.mu.Unlock()
	b.cut() // before the next one listens
	time.AfterFunc(wait, func() { s.comeBack(era) })
}

// comeBack starts the server, unless it was started, stopped or closed since that
// era. Where the port is not to be had it tries again.
func (s *Server) comeBack(era int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.era != era || s.start() == nil {
		return
	}
	era = s.era
	time.AfterFunc(10*time.Millisecond, func() { s.comeBack(era) })
}

// count is told of each change of a connection. Each boot counts its own: those of
// the last one are cut, but may not have been told of yet.
func (b *boot) count(_ net.Conn, state http.ConnState) {
	change := 0
	switch state {
	case http.StateNew:
		change = 1
	case http.StateClosed, http.StateHijacked:
		change = -1
	default:
		return
	}
	s := b.server
	s.mu.Lock()
	defer s.mu.Unlock()
	b.open += change
	s.peak = max(s.peak, b.open)
}
