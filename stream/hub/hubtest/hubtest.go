// Package hubtest is a Hugging Face Hub for tests, with datasets made by the
// test, that behaves as the real one as far as clients can tell: huggingface_hub
// and datasets read from it too.
//
// A [Hub] has two servers. The hub's own answers the API (a dataset's revision,
// listings by pages, path infos, references) and resolves files: small ones by
// their content, large ones by a redirect to a signed address on the other
// server, the content's, which refuses addresses that have expired or carry a
// token, and answers ranges.
//
// A [Repo] is a dataset. Its history is a list of commits; it can be gated,
// private, renamed, or have its history squashed, also while it is read. A
// [Fault] makes one request go wrong. What a reader costs is counted: Count by
// kind of request, Sent by file.
package hubtest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// A Hub is a running hub. Its fields may be set before it is used.
type Hub struct {
	URL     string        // of the hub: what HF_ENDPOINT is set to
	Content string        // of the server of large files
	Token   string        // the one that may see what is gated or private
	Page    int           // entries a page of a listing has; 1000
	Signed  time.Duration // how long a signed address is good for; 1 hour
	Now     func() time.Time
	Fault   func(Request) *Fault // asked for each request; nil, or nil returned: nothing goes wrong

	mu       sync.Mutex
	repos    map[string]*Repo
	renamed  map[string]string // from what a dataset was called to what it is
	requests []Request
	counts   map[Kind]int
	sent     map[string]Sent
	secret   string
}

// SetFault sets Fault while the hub is read.
func (h *Hub) SetFault(fault func(Request) *Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Fault = fault
}

// Kind says what a request is for.
type Kind string

// The kinds of request.
const (
	API     Kind = "api"     // to /api/
	Resolve Kind = "resolve" // for where a file is, or for a small one
	Content Kind = "content" // for a large file at its signed address
)

// A Request is one that the hub got.
type Request struct {
	Kind   Kind
	N      int // how many of this kind there were, this one included
	Method string
	Path   string
	Query  string
	File   string // the path within its dataset of what is asked for; empty for the API
	Header http.Header
}

// Sent is what was sent of one file.
type Sent struct {
	Reads int   // answers with its content, ranged or whole
	Bytes int64 // handed to the network: the reader may have hung up before
}

// New starts a hub that ends with the test.
func New(t testing.TB) *Hub {
	t.Helper()
	h := &Hub{Page: 1000, Signed: time.Hour, Now: time.Now, secret: "s3cr3t-signature"}
	h.repos, h.renamed = make(map[string]*Repo), make(map[string]string)
	h.Forget()
	start := func(handler http.HandlerFunc) string {
		s := httptest.NewUnstartedServer(handler)
		s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		}
		s.Start()
		t.Cleanup(func() {
			s.CloseClientConnections()
			s.Close()
		})
		return s.URL
	}
	h.URL = start(h.serveHub)
	h.Content = start(h.serveContent)
	return h
}

type connKey struct{}

// Secret is part of each signed address, and of nothing else.
func (h *Hub) Secret() string { return h.secret }

// Requests returns what the hub got so far, of one kind or, if it is empty, all.
func (h *Hub) Requests(kind Kind) []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	var of []Request
	for _, r := range h.requests {
		if kind == "" || r.Kind == kind {
			of = append(of, r)
		}
	}
	return of
}

// Count returns how many requests of a kind there were.
func (h *Hub) Count(kind Kind) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts[kind]
}

// Sent returns what was sent of the files of that path, whatever the dataset.
func (h *Hub) Sent(path string) Sent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent[path]
}

// Forget starts all counts, and the list of requests, again.
func (h *Hub) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests, h.counts, h.sent = nil, make(map[Kind]int), make(map[string]Sent)
}

// sending counts before the bytes leave, so that who has got them finds them
// counted.
func (h *Hub) sending(path string, reads int, bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sent[path]
	h.sent[path] = Sent{s.Reads + reads, s.Bytes + bytes}
}

// note records a request for a file, or none, and returns what is to go wrong
// with it.
func (h *Hub) note(kind Kind, r *http.Request, file string) *Fault {
	h.mu.Lock()
	h.counts[kind]++
	q := Request{Kind: kind, N: h.counts[kind], Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, File: file, Header: r.Header.Clone()}
	h.requests = append(h.requests, q)
	fault := h.Fault
	h.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(q)
}
