package hubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

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
