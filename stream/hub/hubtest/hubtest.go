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
// private, or have its history squashed. A [Fault] makes one request go wrong.
package hubtest

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
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
	requests []Request
	secret   string
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
	Header http.Header
}

// A Fault is what goes wrong with a request. Of several the first counts.
type Fault struct {
	Status int         // answered instead, with Header
	Header http.Header // added to the answer
	Hang   bool        // no answer, until the client gives up
	Drop   bool        // the connection is reset instead of an answer
	Cut    int         // the connection is reset after so many bytes of the body; 0: is not
	Stall  int         // nothing comes after so many bytes of the body; 0: does not
	Whole  bool        // a range is ignored, and the whole file sent
	Total  int64       // a wrong size in Content-Range; 0: the right one
}

// TooMany is the answer to those who used up their quota: "api" or "resolvers".
func TooMany(quota string, seconds int) *Fault {
	return &Fault{Status: http.StatusTooManyRequests, Header: http.Header{
		"Ratelimit":        {fmt.Sprintf("%q;r=0;t=%d", quota, seconds)},
		"Ratelimit-Policy": {fmt.Sprintf(`"fixed window";%q;q=500;w=300`, quota)},
	}}
}

// A File is the content of one file of a commit.
type File struct {
	Data    []byte      // all of it, or
	Content io.ReaderAt // where it comes from, with
	Size    int64
	SHA256  string // lower-case hex; computed if empty
	Large   bool   // kept outside git (LFS), as everything over 10 MB is
}

// Small and Large return files of git itself and of LFS.
func Small(data string) File { return File{Data: []byte(data)} }

// Large returns a file that lies outside git.
func Large(data []byte) File { return File{Data: data, Large: true} }

// New starts a hub that ends with the test.
func New(t testing.TB) *Hub {
	t.Helper()
	h := &Hub{Page: 1000, Signed: time.Hour, Now: time.Now, repos: make(map[string]*Repo), secret: "s3cr3t-signature"}
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

// Forget empties the list of requests, so that they count from 1 again.
func (h *Hub) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = nil
}

// A Repo is a dataset on a Hub. Its fields may be set before it is used.
type Repo struct {
	Name    string
	Gated   bool   // files need the token; the API does not
	Private bool   // everything needs the token
	Card    string // the header of its README as JSON, shown by the API

	hub     *Hub
	commits []commit // oldest first; main is the last
	tags    map[string]string
	made    int
}

type commit struct {
	sha   string
	files map[string]blob
}

type blob struct {
	File
	oid string // git's, of the pointer if large
}

// Repo makes a dataset without a commit.
func (h *Hub) Repo(name string) *Repo {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &Repo{Name: name, hub: h, tags: make(map[string]string)}
	h.repos[name] = r
	return r
}

// Commit makes a commit of exactly these files, which main is from now on, and
// returns its name.
func (r *Repo) Commit(files map[string]File) string {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	c := commit{files: make(map[string]blob)}
	for path, f := range files {
		c.files[path] = newBlob(f)
	}
	r.made++
	c.sha = hexSHA1([]byte(fmt.Sprintf("commit %d of %s", r.made, r.Name)))
	r.commits = append(r.commits, c)
	return c.sha
}

// Tag names a commit.
func (r *Repo) Tag(name, commit string) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.tags[name] = commit
}

// Squash replaces the history by one commit of the same files, as the owner of a
// dataset may, and returns its name: the old commits are gone.
func (r *Repo) Squash() string {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	c := commit{files: r.commits[len(r.commits)-1].files}
	r.made++
	c.sha = hexSHA1([]byte(fmt.Sprintf("squash %d of %s", r.made, r.Name)))
	r.commits = []commit{c}
	clear(r.tags)
	return c.sha
}

// Swap replaces a file of all commits that have it, as no hub should.
func (r *Repo) Swap(path string, f File) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	for _, c := range r.commits {
		if _, ok := c.files[path]; ok {
			c.files[path] = newBlob(f)
		}
	}
}

// find returns the commit of a revision: a name of it, main or a tag.
func (r *Repo) find(revision string) *commit {
	if sha, ok := r.tags[revision]; ok {
		revision = sha
	}
	for i := range r.commits {
		if r.commits[i].sha == revision || revision == "main" && i == len(r.commits)-1 {
			return &r.commits[i]
		}
	}
	return nil
}

func newBlob(f File) blob {
	if f.Content == nil {
		f.Content, f.Size = strings.NewReader(string(f.Data)), int64(len(f.Data))
	}
	b := blob{File: f}
	b.Large = f.Large || f.Size > 10<<20
	if b.SHA256 == "" {
		hash := sha256.New()
		io.Copy(hash, io.NewSectionReader(f.Content, 0, f.Size))
		b.SHA256 = hex.EncodeToString(hash.Sum(nil))
	}
	stored := f.Data
	if b.Large {
		stored = b.pointer()
	}
	b.oid = hexSHA1(append(fmt.Appendf(nil, "blob %d\x00", len(stored)), stored...))
	return b
}

// pointer is what git itself keeps of a large file.
func (b blob) pointer() []byte {
	return fmt.Appendf(nil, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", b.SHA256, b.Size)
}

// entry is the file in the API's words.
func (b blob) entry(path string) map[string]any {
	e := map[string]any{"type": "file", "path": path, "oid": b.oid, "size": b.Size}
	if b.Large {
		e["lfs"] = map[string]any{"oid": b.SHA256, "size": b.Size, "pointerSize": len(b.pointer())}
	}
	return e
}

// etag is what the hub calls the content.
func (b blob) etag() string {
	if b.Large {
		return b.SHA256
	}
	return b.oid
}

func hexSHA1(data []byte) string {
	sum := sha1.Sum(data)
	return hex.EncodeToString(sum[:])
}

// note records a request and returns what is to go wrong with it.
func (h *Hub) note(kind Kind, r *http.Request) *Fault {
	h.mu.Lock()
	q := Request{Kind: kind, N: 1, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone()}
	for _, old := range h.requests {
		if old.Kind == kind {
			q.N++
		}
	}
	h.requests = append(h.requests, q)
	fault := h.Fault
	h.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(q)
}

// signed returns an address of the content's server that is good for a while.
func (h *Hub) signed(b blob) string {
	now := h.Now()
	return fmt.Sprintf("%s/xet-bridge-us/%s?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=%s&X-Amz-Expires=%d&X-Amz-Signature=%s",
		h.Content, b.SHA256, now.UTC().Format(amzTime), int(h.Signed.Seconds()), h.secret)
}

const amzTime = "20060102T150405Z"

// expired reports whether a signed address is not good any more.
func (h *Hub) expired(r *http.Request) bool {
	q := r.URL.Query()
	start, err := time.Parse(amzTime, q.Get("X-Amz-Date"))
	life, err2 := strconv.Atoi(q.Get("X-Amz-Expires"))
	return err != nil || err2 != nil || q.Get("X-Amz-Signature") != h.secret ||
		h.Now().After(start.Add(time.Duration(life)*time.Second))
}

// large returns the content of that hash.
func (h *Hub) large(sum string) (blob, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.repos {
		for _, c := range r.commits {
			for _, b := range c.files {
				if b.SHA256 == sum && b.Large {
					return b, true
				}
			}
		}
	}
	return blob{}, false
}

// sortedPaths returns the paths of a commit's files.
func (c *commit) sortedPaths() []string {
	var paths []string
	for path := range c.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
