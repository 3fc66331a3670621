package hubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// serveHub is the hub's own server.
func (h *Hub) serveHub(w http.ResponseWriter, r *http.Request) {
	kind := API
	// A revision may have slashes of its own, escaped.
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	if parts[0] != "api" || len(parts) > 1 && parts[1] == "resolve-cache" {
		kind = Resolve
	}
	w.Header().Set("Date", h.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("RateLimit", `"api";r=499;t=300`)
	w.Header().Set("RateLimit-Policy", `"fixed window";"api";q=500;w=300`)
	w.Header().Set("X-Request-Id", fmt.Sprintf("Root=1-%d", len(h.Requests(""))))
	fault := h.note(kind, r)
	if fault.answer(w, r) {
		return
	}
	if kind == Resolve {
		h.serveResolve(w, r, parts, fault)
		return
	}
	h.serveAPI(w, r, parts)
}

// refuse answers as the hub does when something is not there.
func refuse(w http.ResponseWriter, status int, code, message string) {
	if code != "" {
		w.Header().Set("X-Error-Code", code)
	}
	w.Header().Set("X-Error-Message", message)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": message})
}

// allowed finds a dataset for a request, or refuses.
func (h *Hub) allowed(w http.ResponseWriter, r *http.Request, name string) *Repo {
	h.mu.Lock()
	repo := h.repos[name]
	h.mu.Unlock()
	authorization := r.Header.Get("Authorization")
	token := h.Token != "" && authorization == "Bearer "+h.Token
	switch {
	case authorization != "" && h.Token != "" && !token:
		refuse(w, http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
	case repo == nil && authorization == "" || repo != nil && repo.Private && !token:
		refuse(w, http.StatusUnauthorized, "RepoNotFound", "Repository not found")
	case repo == nil:
		refuse(w, http.StatusNotFound, "RepoNotFound", "Repository not found")
	default:
		return repo
	}
	return nil
}

// commit finds a revision, or refuses.
func (h *Hub) commit(w http.ResponseWriter, repo *Repo, revision string) *commit {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := repo.find(revision)
	if c == nil {
		refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+revision)
	}
	return c
}

// serveAPI answers /api/datasets/owner/name/….
func (h *Hub) serveAPI(w http.ResponseWriter, r *http.Request, parts []string) {
	if len(parts) < 4 || parts[1] != "datasets" {
		refuse(w, http.StatusNotFound, "", "Not found")
		return
	}
	repo := h.allowed(w, r, parts[2]+"/"+parts[3])
	if repo == nil {
		return
	}
	what, rest := "revision", parts[4:]
	if len(rest) > 0 {
		what, rest = rest[0], rest[1:]
	}
	if what == "refs" {
		h.serveRefs(w, repo)
		return
	}
	revision := "main"
	if len(rest) > 0 {
		revision, rest = rest[0], rest[1:]
	}
	c := h.commit(w, repo, revision)
	if c == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch what {
	case "revision":
		reply(w, repo.info(c, r.URL.Query()["expand"]))
	case "tree":
		h.serveTree(w, r, c, path.Join(rest...))
	case "paths-info":
		servePaths(w, r, c)
	default:
		refuse(w, http.StatusNotFound, "", "Not found")
	}
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(v)
}

// info describes a commit: all of it, or what expand names.
func (r *Repo) info(c *commit, expand []string) map[string]any {
	all := map[string]any{
		"id":           r.Name,
		"sha":          c.sha,
		"private":      r.Private,
		"gated":        false,
		"disabled":     false,
		"lastModified": "2024-01-04T16:49:18.000Z",
		"tags":         []string{},
		"downloads":    1,
		"likes":        0,
	}
	if r.Gated {
		all["gated"] = "auto"
	}
	if r.Card != "" {
		all["cardData"] = json.RawMessage(r.Card)
	}
	siblings := []map[string]string{}
	for _, p := range c.sortedPaths() {
		siblings = append(siblings, map[string]string{"rfilename": p})
	}
	all["siblings"] = siblings
	if expand == nil {
		return all
	}
	some := map[string]any{"id": r.Name}
	for _, name := range expand {
		if v, ok := all[name]; ok {
			some[name] = v
		}
	}
	return some
}

func (h *Hub) serveRefs(w http.ResponseWriter, repo *Repo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	type ref struct {
		Name   string `json:"name"`
		Ref    string `json:"ref"`
		Commit string `json:"targetCommit"`
	}
	tags := []ref{}
	for name, sha := range repo.tags {
		tags = append(tags, ref{name, "refs/tags/" + name, sha})
	}
	branches := []ref{}
	if n := len(repo.commits); n > 0 {
		branches = append(branches, ref{"main", "refs/heads/main", repo.commits[n-1].sha})
	}
	reply(w, map[string]any{"branches": branches, "converts": []ref{}, "tags": tags})
}

// entries lists a folder, with its own folders.
func (c *commit) entries(dir string, recursive bool) []map[string]any {
	var entries []map[string]any
	seen := make(map[string]bool)
	for _, p := range c.sortedPaths() {
		rel := p
		if dir != "" {
			if !strings.HasPrefix(p, dir+"/") {
				continue
			}
			rel = p[len(dir)+1:]
		}
		for i, ch := range rel {
			folder := path.Join(dir, rel[:i])
			if ch != '/' || seen[folder] || strings.Contains(rel[:i], "/") && !recursive {
				continue
			}
			seen[folder] = true
			entries = append(entries, map[string]any{"type": "directory", "path": folder, "oid": hexSHA1([]byte(folder)), "size": 0})
		}
		if recursive || !strings.Contains(rel, "/") {
			entries = append(entries, c.files[p].entry(p))
		}
	}
	// The real one promises no order.
	slices.Reverse(entries)
	return entries
}

// serveTree answers a page of a listing, and with Link where the next is.
func (h *Hub) serveTree(w http.ResponseWriter, r *http.Request, c *commit, dir string) {
	q := r.URL.Query()
	entries := c.entries(dir, isTrue(q.Get("recursive")))
	if len(entries) == 0 && dir != "" {
		refuse(w, http.StatusNotFound, "EntryNotFound", dir+" does not exist on \"main\"")
		return
	}
	from, _ := strconv.Atoi(q.Get("cursor"))
	to := min(from+h.Page, len(entries))
	if to < len(entries) {
		q.Set("cursor", strconv.Itoa(to))
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, h.URL, r.URL.EscapedPath(), q.Encode()))
	}
	page := entries[min(from, to):to]
	if page == nil {
		page = []map[string]any{}
	}
	reply(w, page)
}

func servePaths(w http.ResponseWriter, r *http.Request, c *commit) {
	var paths []string
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var body struct{ Paths []string }
		json.NewDecoder(r.Body).Decode(&body)
		paths = body.Paths
	} else if r.ParseForm() == nil {
		paths = r.PostForm["paths"]
	}
	found := []map[string]any{}
	for _, p := range paths {
		p = strings.Trim(p, "/")
		if b, ok := c.files[p]; ok {
			found = append(found, b.entry(p))
		} else if len(c.entries(p, false)) > 0 {
			found = append(found, map[string]any{"type": "directory", "path": p, "oid": hexSHA1([]byte(p)), "size": 0})
		}
	}
	reply(w, found)
}

func isTrue(s string) bool { b, _ := strconv.ParseBool(s); return b }

// serveResolve answers /datasets/owner/name/resolve/revision/path: a small file
// by a redirect on this server, a large one by one to the other.
func (h *Hub) serveResolve(w http.ResponseWriter, r *http.Request, parts []string, fault *Fault) {
	here := false // where a small file's content is
	if parts[0] == "api" {
		here, parts = true, slices.Insert(parts[2:], min(3, len(parts)-2), "resolve")
	}
	if len(parts) < 6 || parts[0] != "datasets" || parts[3] != "resolve" {
		refuse(w, http.StatusNotFound, "", "Not found")
		return
	}
	repo := h.allowed(w, r, parts[1]+"/"+parts[2])
	if repo == nil {
		return
	}
	if repo.Gated && r.Header.Get("Authorization") == "" {
		refuse(w, http.StatusUnauthorized, "GatedRepo", "Access to dataset "+repo.Name+" is restricted. You must have access to it and be authenticated to access it.")
		return
	}
	c := h.commit(w, repo, parts[4])
	if c == nil {
		return
	}
	w.Header().Set("X-Repo-Commit", c.sha)
	h.mu.Lock()
	b, ok := c.files[path.Join(parts[5:]...)]
	h.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		return
	}
	w.Header().Set("Accept-Ranges", "bytes")
	if !b.Large {
		w.Header().Set("ETag", strconv.Quote(b.etag()))
		if !here {
			w.Header().Set("Location", "/api/resolve-cache"+strings.Replace(r.URL.EscapedPath(), "/resolve/", "/", 1))
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		serveRange(w, r, b, fault)
		return
	}
	w.Header().Set("X-Linked-Etag", strconv.Quote(b.etag()))
	w.Header().Set("X-Linked-Size", strconv.FormatInt(b.Size, 10))
	w.Header().Set("Location", h.signed(b))
	w.WriteHeader(http.StatusFound)
	io.WriteString(w, "Found. Redirecting to "+h.signed(b))
}

// serveContent is the server of large files.
func (h *Hub) serveContent(w http.ResponseWriter, r *http.Request) {
	fault := h.note(Content, r)
	if fault.answer(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "" {
		http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
		return
	}
	b, ok := h.large(path.Base(r.URL.Path))
	if !ok || h.expired(r) {
		http.Error(w, "AccessDenied: request has expired", http.StatusForbidden)
		return
	}
	w.Header().Set("ETag", strconv.Quote(hexSHA1([]byte(b.SHA256)))) // its own
	serveRange(w, r, b, fault)
}

// serveRange answers with a file, or one range of it.
func serveRange(w http.ResponseWriter, r *http.Request, b blob, fault *Fault) {
	from, to, status := int64(0), b.Size, http.StatusOK
	if want, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && (fault == nil || !fault.Whole) {
		first, last, _ := strings.Cut(want, "-")
		var err error
		if first == "" { // the last so many
			n, _ := strconv.ParseInt(last, 10, 64)
			from = max(0, b.Size-n)
		} else if from, err = strconv.ParseInt(first, 10, 64); err != nil || from >= b.Size {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", b.Size))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		} else if n, err := strconv.ParseInt(last, 10, 64); err == nil {
			to = min(n+1, b.Size)
		}
		total := b.Size
		if fault != nil && fault.Total != 0 {
			total = fault.Total
		}
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, total))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(to-from, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	n := to - from
	if fault != nil && fault.Cut > 0 {
		n = min(n, int64(fault.Cut))
	}
	if fault != nil && fault.Stall > 0 {
		n = min(n, int64(fault.Stall))
	}
	io.Copy(w, io.NewSectionReader(b.Content, from, n))
	switch {
	case n == to-from:
	case fault.Stall > 0:
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		http.NewResponseController(w).Flush()
		reset(r)
	}
}

// answer does what goes wrong before there is content, and reports whether that
// was all.
func (f *Fault) answer(w http.ResponseWriter, r *http.Request) bool {
	if f == nil {
		return false
	}
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	switch {
	case f.Status != 0:
		w.WriteHeader(f.Status)
	case f.Hang:
		<-r.Context().Done()
	case f.Drop:
		reset(r)
	default:
		return false
	}
	return true
}

// reset ends the connection without a farewell.
func reset(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*net.TCPConn); ok {
		c.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}
