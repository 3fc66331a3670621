package hubtest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// serveResolve answers /datasets/owner/name/resolve/revision/path: a small file
// by a redirect on this server, to where its content is cached, a large one by
// one to the other server.
func (h *Hub) serveResolve(w http.ResponseWriter, r *http.Request, parts []string, cached bool, fault *Fault) {
	if len(parts) < 6 || parts[0] != "datasets" || parts[3] != "resolve" {
		refuse(w, http.StatusNotFound, "", "Not found")
		return
	}
	name := parts[1] + "/" + parts[2]
	repo := h.allowed(w, r, name)
	if repo == nil {
		return
	}
	if repo.Gated && r.Header.Get("Authorization") == "" {
		refuse(w, http.StatusUnauthorized, "GatedRepo", "Access to dataset "+name+" is restricted. You must have access to it and be authenticated to access it.")
		return
	}
	c := h.commit(w, repo, parts[4])
	if c == nil {
		return
	}
	w.Header().Set("X-Repo-Commit", c.sha)
	file := path.Join(parts[5:]...)
	h.mu.Lock()
	b, ok := c.files[file]
	h.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		return
	}
	w.Header().Set("Accept-Ranges", "bytes")
	if !b.Large {
		w.Header().Set("ETag", strconv.Quote(b.etag()))
		if !cached {
			w.Header().Set("Location", "/api/resolve-cache"+strings.Replace(r.URL.EscapedPath(), "/resolve/", "/", 1))
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		h.serveRange(w, r, b, file, fault)
		return
	}
	location := h.signed(b, file)
	w.Header().Set("X-Linked-Etag", strconv.Quote(b.etag()))
	w.Header().Set("X-Linked-Size", strconv.FormatInt(b.Size, 10))
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
	io.WriteString(w, "Found. Redirecting to "+location)
}

// serveContent is the server of large files.
func (h *Hub) serveContent(w http.ResponseWriter, r *http.Request) {
	file := signedPath(r)
	fault := h.note(Content, r, file)
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
	h.serveRange(w, r, b, file, fault)
}

// serveRange answers with a file, or one range of it.
func (h *Hub) serveRange(w http.ResponseWriter, r *http.Request, b blob, file string, fault *Fault) {
	from, to, status := int64(0), b.Size, http.StatusOK
	if fault == nil || !fault.Whole {
		from, to, status = parseRange(r.Header.Get("Range"), b.Size)
	}
	total := b.Size
	if fault != nil && fault.Total != 0 {
		total = fault.Total
	}
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", total))
		w.WriteHeader(status)
		return
	case http.StatusPartialContent:
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, total))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(to-from, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	h.sending(file, 1, 0)
	n := to - from
	if fault != nil && fault.Cut > 0 {
		n = min(n, int64(fault.Cut))
	}
	if fault != nil && fault.Stall > 0 {
		n = min(n, int64(fault.Stall))
	}
	io.Copy(w, &counted{io.NewSectionReader(b.Content, from, n), h, file})
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

// parseRange returns the part of a file that a Range header asks for, and the
// status of the answer: a header that is none is ignored.
func parseRange(header string, size int64) (from, to int64, status int) {
	first, last, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	n, lastErr := strconv.ParseInt(last, 10, 64)
	if first == "" && ok && lastErr == nil { // the last so many
		from, to = max(0, size-n), size
	} else {
		var err error
		if from, err = strconv.ParseInt(first, 10, 64); err != nil || lastErr != nil && last != "" || lastErr == nil && n < from {
			return 0, size, http.StatusOK
		}
		if to = size; lastErr == nil {
			to = min(n+1, size)
		}
	}
	if from >= to {
		return 0, 0, http.StatusRequestedRangeNotSatisfiable
	}
	return from, to, http.StatusPartialContent
}

// counted is content on its way out.
type counted struct {
	io.Reader
	hub  *Hub
	file string
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.hub.sending(c.file, 0, int64(n))
	return n, err
}

// signed returns an address of the content's server that is good for a while.
// It carries the name to save the file under, which is its whole path here.
func (h *Hub) signed(b blob, path string) string {
	return fmt.Sprintf("%s/xet-bridge-us/%s?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=%s&X-Amz-Expires=%d&X-Amz-Signature=%s&response-content-disposition=%s",
		h.Content, b.SHA256, h.Now().UTC().Format(amzTime), int(h.Signed.Seconds()), h.secret, url.QueryEscape(disposition+strconv.Quote(path)))
}

const disposition = "inline; filename="

// signedPath returns the path that an address was signed for.
func signedPath(r *http.Request) string {
	path, _ := strconv.Unquote(strings.TrimPrefix(r.URL.Query().Get("response-content-disposition"), disposition))
	return path
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
