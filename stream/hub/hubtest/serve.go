package hubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// serveHub is the hub's own server.
func (h *Hub) serveHub(w http.ResponseWriter, r *http.Request) {
	// A revision may have slashes of its own, escaped.
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	cached := len(parts) > 5 && parts[0] == "api" && parts[1] == "resolve-cache"
	if cached {
		parts = slices.Insert(parts[2:], 3, "resolve") // the same but for that
	}
	kind, quota, file := API, "api", ""
	if parts[0] != "api" {
		kind, quota, file = Resolve, "resolvers", path.Join(parts[min(5, len(parts)):]...)
	}
	w.Header().Set("Date", h.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("RateLimit", fmt.Sprintf("%q;r=499;t=300", quota))
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"fixed window";%q;q=500;w=300`, quota))
	w.Header().Set("X-Request-Id", fmt.Sprintf("Root=1-%s-%d", kind, h.Count(kind)+1))
	fault := h.note(kind, r, file)
	if fault.answer(w, r) || h.moved(w, r) {
		return
	}
	if kind == Resolve {
		h.serveResolve(w, r, parts, cached, fault)
		return
	}
	h.serveAPI(w, r, parts)
}

// moved redirects a request for a dataset that was renamed.
func (h *Hub) moved(w http.ResponseWriter, r *http.Request) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for before, after := range h.renamed {
		head, tail, ok := strings.Cut(r.URL.EscapedPath()+"/", "/datasets/"+before+"/")
		if !ok {
			continue
		}
		to := strings.TrimSuffix(head+"/datasets/"+after+"/"+tail, "/")
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	return false
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
