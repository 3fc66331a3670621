package katotest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// A call is a request that is being served.
type call struct {
	boot     *boot
	kind     Kind
	session  string // the id in the path
	name     string // the pattern's in the path
	request  *http.Request
	body     []byte   // of the request, until it is answered
	sequence sequence // what the body of Observe says
	fault    Fault
}

// verbs are what is asked of a session, by method and the path behind its id.
var verbs = map[string]Kind{
	"GET ":                   Info,
	"DELETE ":                Delete,
	"GET exists":             Exists,
	"POST config":            Config,
	"POST observe-sequence":  Observe,
	"POST learn":             Learn,
	"POST clear-stm":         ClearSTM,
	"POST clear-all":         ClearAll,
	"POST finalize-training": Finalize,
}

// route says what a request is for, and of which session or pattern.
func route(method, path string) (kind Kind, id string) {
	switch head, tail, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); {
	case head == "sessions" && tail == "" && method == http.MethodPost:
		return Create, ""
	case head == "sessions" && tail != "":
		id, verb, _ := strings.Cut(tail, "/")
		if kind := verbs[method+" "+verb]; kind != "" {
			return kind, id
		}
	case head == "health" && tail == "" && method == http.MethodGet:
		return Health, ""
	case head == "pattern" && tail != "" && method == http.MethodGet:
		return GetPattern, tail
	}
	return Other, ""
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// ServeHTTP serves a request of this boot.
func (b *boot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(r.Body); err != nil {
		panic(http.ErrAbortHandler) // the client hung up while it sent
	}
	kind, id := route(r.Method, r.URL.Path)
	c := &call{boot: b, kind: kind, request: r, body: body.Bytes()}
	var wrong *answer
	switch kind {
	case GetPattern:
		c.name = id
	case Observe:
		c.session = id
		c.sequence, wrong = decode(c.body)
	default:
		c.session = id
	}

	request, fault, last := b.note(c)
	if last {
		// Every other restart begins behind what the last request did.
		if b.server.Restarts()%2 == 0 {
			b.process(c)
		}
		b.restart()
		panic(http.ErrAbortHandler)
	}
	if fault != nil {
		c.fault = fault(request)
	}
	if !c.fault.Processed && b.server.strike(w, r, c.fault) {
		return
	}
	var a answer
	if wrong != nil {
		a = *wrong
	} else {
		a = b.process(c)
	}
	switch {
	case c.fault.Torn:
		tear(w, a)
	case c.fault.Processed && b.server.strike(w, r, c.fault):
	default:
		a.write(w)
	}
}

// note counts a request, and reports whether the server restarts with it. It
// returns whom to ask what goes wrong with it.
func (b *boot) note(c *call) (request Request, fault func(Request) Fault, last bool) {
	s := b.server
	s.mu.Lock()
	defer s.mu.Unlock()
	b.alive()
	s.requests[c.kind]++
	if c.kind != Health {
		b.requests++
		last = !b.ending && s.options.RestartEvery > 0 && b.requests >= s.options.RestartEvery
		b.ending = b.ending || last
	}
	if s.options.Fault == nil {
		return Request{}, nil, last
	}
	request = Request{Kind: c.kind, N: s.requests[c.kind], Session: c.session, Name: c.name}
	if session := s.sessions[c.session]; session != nil {
		request.Node = session.nodeID
	}
	if c.kind == GetPattern {
		request.Node = c.nodeID()
	}
	for _, o := range c.sequence.observations {
		request.Symbols = append(request.Symbols, o.strings...)
	}
	return request, s.options.Fault, last
}

// alive ends a request whose boot has ended: it is not processed. It is called with
// mu held by a func that defers its unlock.
func (b *boot) alive() {
	if b.server.boot != b {
		panic(http.ErrAbortHandler)
	}
}

// process does what a request asks for, whole or, if the boot has ended, not at all.
func (b *boot) process(c *call) answer {
	s := b.server
	s.mu.Lock()
	defer s.mu.Unlock()
	b.alive()
	switch c.kind {
	case Health:
		return s.health(c)
	case Create:
		return s.create(c)
	case Exists:
		_, exists := s.session(c.session)
		return okay(object{"exists": exists, "expired": false, "session_id": c.session})
	case GetPattern:
		return s.getPattern(c)
	case Other:
		return refuse(http.StatusNotFound, "Not Found")
	}
	session, ok := s.session(c.session)
	if !ok {
		return gone(c)
	}
	session.extend(s.now())
	switch c.kind {
	case Config:
		return s.configure(c, session)
	case Observe:
		return s.observe(c, session)
	case Learn:
		return s.learnMemory(c, session)
	case ClearSTM:
		session.clear()
		return okay(object{"status": "cleared", "session_id": session.id})
	case ClearAll:
		session.clear()
		clear(s.nodeOf(session.stored).patterns)
		return okay(object{"status": "cleared", "session_id": session.id, "scope": "all"})
	case Finalize:
		return s.finalize(session)
	case Delete:
		delete(s.sessions, session.id)
		return okay(object{"status": "deleted", "session_id": session.id})
	default: // Info
		return session.answer(s.now())
	}
}

// gone refuses a request of a session that is not there.
func gone(c *call) answer {
	detail := fmt.Sprintf("Session %s not found", c.session)
	switch c.kind {
	case Info, Observe, Learn, Finalize:
		detail += " or expired"
	}
	return refuse(http.StatusNotFound, detail)
}

func (s *Server) health(c *call) answer {
	status, issues := "healthy", []string{}
	if c.fault.Unhealthy {
		status, issues = "unhealthy", []string{"said so by the test"}
	}
	return okay(object{
		"status": status, "processor_status": "healthy", "service_name": "kato", "issues": issues,
		"uptime_seconds": s.now().Sub(c.boot.since).Seconds(), "active_sessions": len(s.sessions), "timestamp": s.now().UTC().Format(timeFormat),
	})
}
