package katotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
)

// Kind says what a request is for.
type Kind string

// The kinds of request.
const (
	Health     Kind = "health"
	Create     Kind = "create" // a session
	Info       Kind = "info"   // of a session
	Exists     Kind = "exists"
	Config     Kind = "config"
	Observe    Kind = "observe-sequence"
	Learn      Kind = "learn"
	ClearSTM   Kind = "clear-stm"
	ClearAll   Kind = "clear-all" // what a client must never ask for
	Finalize   Kind = "finalize-training"
	Delete     Kind = "delete"
	GetPattern Kind = "pattern"
	Other      Kind = "other" // what there is not
)

// A Request is one that the server got.
type Request struct {
	Kind    Kind
	N       int    // how many of this kind there were, this one included
	Node    string // as the client calls it; empty where the request names none, or an unknown session
	Session string
	Name    string   // of the pattern asked for
	Symbols []string // observed, in order
}

// A Fault is what goes wrong with a request. What is cut, hangs or is refused is
// not processed, unless Processed says so. Of Hang, Cut, Torn and Status the first
// counts, but that what hung may be refused or cut when it is released.
type Fault struct {
	Hang   bool // no answer until Release, or never: the client gives up or the server stops
	Cut    bool // the connection is reset instead of an answer
	Torn   bool // half an answer, and the connection ends; always processed
	Status int  // answered instead

	Processed bool // it is processed, and what goes wrong is the answer
	Late      bool // what hung is processed also where its client gave up, once it did

	Dirty     []string // symbols that the session has in its memory before, as others left them
	Name      string   // answered as the pattern learned
	Unhealthy bool     // said of the server's health
}

// Sometimes returns a func for Options.Fault that picks one of the faults for about
// one request in every, health and creation of sessions left alone. Equal seeds
// pick the same for the same numbers of requests.
func Sometimes(seed uint64, every int, faults ...Fault) func(Request) Fault {
	return func(r Request) Fault {
		if r.Kind == Health || r.Kind == Create || len(faults) == 0 {
			return Fault{}
		}
		kind := uint64(0)
		for _, c := range r.Kind {
			kind = kind*31 + uint64(c)
		}
		random := rand.New(rand.NewPCG(seed^kind, uint64(r.N)))
		if random.IntN(max(1, every)) != 0 {
			return Fault{}
		}
		return faults[random.IntN(len(faults))]
	}
}

// Poison returns a func for Options.Fault by which whatever observes the symbol goes
// wrong, each time.
func Poison(symbol string, fault Fault) func(Request) Fault {
	return func(r Request) Fault {
		if slices.Contains(r.Symbols, symbol) {
			return fault
		}
		return Fault{}
	}
}

// Release lets all requests that hang now go on: to what else is to go wrong with
// them, or their answer.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.release)
	s.release = make(chan struct{})
}

// strike does what goes wrong with a request, before it is processed or instead of
// its answer, and reports whether that was all.
func (s *Server) strike(w http.ResponseWriter, r *http.Request, fault Fault) bool {
	if fault.Hang && s.hang(r) {
		return !fault.Late
	}
	switch {
	case fault.Cut:
		reset(w)
	case fault.Torn:
		return false
	case fault.Status != 0:
		if fault.Status >= http.StatusInternalServerError {
			failed(fault.Status).write(w)
		} else {
			refuse(fault.Status, http.StatusText(fault.Status)).write(w)
		}
	default:
		return false
	}
	return true
}

// hang waits until the request is released, or its client is gone: it reports which.
func (s *Server) hang(r *http.Request) (gone bool) {
	s.mu.Lock()
	s.hanging++
	s.moved()
	release := s.release
	s.mu.Unlock()
	select {
	case <-release:
	case <-r.Context().Done():
		gone = true
	}
	s.mu.Lock()
	s.hanging--
	s.moved()
	s.mu.Unlock()
	return gone
}

// moved tells who waits in Await that another number of requests hang. It is called
// with mu held.
func (s *Server) moved() {
	close(s.hangs)
	s.hangs = make(chan struct{})
}

// Await waits until n requests hang or more, or ctx is done, whose error it returns.
func (s *Server) Await(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		hanging, changes := s.hanging, s.hangs
		s.mu.Unlock()
		if hanging >= n {
			return nil
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reset ends the connection without a farewell.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // what net/http ends a connection by; the client is gone
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// tear sends half an answer, and no more.
func tear(w http.ResponseWriter, a answer) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		a.status, http.StatusText(a.status), len(a.body), a.body[:len(a.body)/2])
}
