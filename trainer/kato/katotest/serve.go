package katotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
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

// An answer is a status and a JSON value.
type answer struct {
	status int
	body   []byte
}

func (a answer) write(w http.ResponseWriter) {
	w.Header()["Content-Type"] = contentType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	w.WriteHeader(a.status)
	w.Write(a.body) // a client that is gone needs no answer
}

var contentType = []string{"application/json"}

// object is a JSON object to be answered.
type object map[string]any

func okay(v object) answer {
	body, err := json.Marshal(v)
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	return answer{http.StatusOK, body}
}

// refuse is an answer with that detail, a string, object or list.
func refuse(status int, detail any) answer {
	body, err := json.Marshal(object{"detail": detail})
	if err != nil {
		return answer{http.StatusInternalServerError, []byte(`{"detail":"Internal Server Error"}`)}
	}
	return answer{status, body}
}

// invalid refuses a body: where in it something is wrong, and what.
func invalid(problem, message string, where ...any) *answer {
	a := refuse(http.StatusUnprocessableEntity, []object{{"type": problem, "loc": append([]any{"body"}, where...), "msg": message}})
	return &a
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
		last = b.requests == s.options.RestartEvery
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

// nodeID is the node whose pattern a request asks for.
func (c *call) nodeID() string {
	if query := c.request.URL.Query(); query.Has("node_id") {
		return query.Get("node_id")
	}
	if id := c.request.Header.Get("X-Node-Id"); id != "" {
		return id
	}
	return "default_node"
}

func (s *Server) getPattern(c *call) answer {
	stored := StoredName(c.nodeID())
	p := s.see(s.nodes[stored], c.name)
	if p == nil {
		return okay(object{"node_id": stored, "pattern": object{"status": "error", "message": fmt.Sprintf("Pattern %s not found", c.name)}})
	}
	length := 0
	for _, e := range p.events {
		length += len(e)
	}
	known := object{"name": "PTRN|" + strings.TrimPrefix(c.name, "PTRN|"), "pattern_data": p.events, "length": length, "frequency": p.frequency}
	if len(p.metadata) > 0 {
		known["metadata"] = p.metadata
	}
	return okay(object{"node_id": stored, "pattern": object{"status": "okay", "pattern": known}})
}

func (s *Server) finalize(session *session) answer {
	n := s.nodeOf(session.stored)
	n.finalized++
	return okay(object{
		"status": "completed", "patterns_processed": len(n.patterns), "time_ms": 1.0, "session_id": session.id, "node_id": session.nodeID,
		"message": fmt.Sprintf("Computed Shannon entropy and TF vectors for %d patterns in 1.0ms", len(n.patterns)),
	})
}
