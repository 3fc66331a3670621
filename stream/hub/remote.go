package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// maxDiscard is how much is thrown away to get to an offset when a server
// answers with the whole file instead of the range.
const maxDiscard = 64 << 20

// A RemoteFile is one file of a commit or of the web, to be read at any offset.
// Its methods may be called from several goroutines.
type RemoteFile struct {
	client   *Client
	repo     string
	commit   string
	file     File
	resolve  *url.URL  // where the hub says where the content is
	location *location // where it said that last
	local    *os.File  // the file in the cache, nil if it is read from the hub
	etag     string    // of a file that is not the hub's, if it has one
}

// Open makes a file of a commit, as Files lists it, ready to be read. It sends
// nothing: what is wrong on the hub's side shows at the first read. Offline, a
// file that the cache lacks is an *OfflineError.
func (c *Client) Open(repo, commit string, file File) (*RemoteFile, error) {
	if err := checkRepo(repo); err != nil {
		return nil, err
	}
	f := &RemoteFile{
		client:  c,
		repo:    repo,
		commit:  commit,
		file:    file,
		resolve: c.address("/datasets/"+repo+"/resolve", append([]string{commit}, strings.Split(file.Path, "/")...)...),
		local:   c.cachedFile(repo, commit, file),
	}
	if f.local == nil && c.opt.Offline {
		return nil, c.notCached(repo, commit, file.Path)
	}
	known, _ := c.locations.LoadOrStore(located{f.resolve.String(), file}, newLocation())
	f.location = known.(*location)
	return f, nil
}

// File returns what was opened.
func (f *RemoteFile) File() File { return f.file }

// Size returns the file's size in bytes.
func (f *RemoteFile) Size() int64 { return f.file.Size }

// Local returns the path of the file in the cache, or "" if it is read from the
// hub.
func (f *RemoteFile) Local() string {
	if f.local == nil {
		return ""
	}
	return f.local.Name()
}

// Close releases the file of the cache, if that is what is read.
func (f *RemoteFile) Close() error {
	if f.local == nil {
		return nil
	}
	return f.local.Close()
}

// ReadAt fills p from an offset, as io.ReaderAt does, by one ranged read; more
// only where one breaks off.
func (f *RemoteFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: negative offset", f.file.Path)
	}
	s := f.section(ctx, off, int64(len(p)))
	defer s.Close()
	n, err := io.ReadFull(s, p[:s.end-s.off])
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// ReaderAt returns a plain io.ReaderAt whose reads end with ctx.
func (f *RemoteFile) ReaderAt(ctx context.Context) io.ReaderAt { return readerAt{ctx, f} }

type readerAt struct {
	ctx context.Context
	f   *RemoteFile
}

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r.f.ReadAt(r.ctx, p, off) }

// get asks once for the bytes [off, end) and returns those from off up to where
// the server says: what is missing has to be asked for again. A signed address
// that is refused is asked of the hub anew, once.
func (f *RemoteFile) get(ctx context.Context, off, end int64) (body io.ReadCloser, to int64, err error) {
	for refused := false; ; refused = true {
		resp, at, err := f.request(ctx, off, end)
		if err != nil {
			return nil, 0, err
		}
		if at != nil && !refused && gone(resp.StatusCode) {
			drain(resp)
			f.location.forget(at)
			continue
		}
		body, to, err := f.content(resp, off)
		if err != nil {
			resp.Body.Close()
		}
		return body, to, err
	}
}

// gone reports whether an answer of a signed address may mean that it is good no
// more: they differ in how they say so.
func gone(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// request sends the request for a range, to the signed address if one is known.
// It returns the one that was used, if any.
func (f *RemoteFile) request(ctx context.Context, off, end int64) (*http.Response, *url.URL, error) {
	c := f.client
	header := http.Header{
		"Range":           {fmt.Sprintf("bytes=%d-%d", off, end-1)},
		"Accept-Encoding": {"identity"},
	}
	at, err := f.location.get(ctx, c.opt.Now)
	if err != nil {
		return nil, nil, err
	}
	start, found := at, func() {}
	if at == nil {
		start, found = f.resolve, sync.OnceFunc(f.location.found)
	}
	defer found()
	// A mirror may redirect to the hub itself, and that to the content: the last
	// address is kept.
	resp, err := c.follow(ctx, start, header, func(resp *http.Response, next *url.URL) error {
		c.stats.redirects.Add(1)
		if err := f.check(resp); err != nil {
			return err
		}
		now := c.opt.Now()
		life, signed := lifetime(next, resp.Header, now)
		if signed || !c.own(next) {
			at = next
			f.location.set(next, now.Add(life))
			found() // others need not wait for our content
		}
		return nil
	})
	return resp, at, err
}

// content returns the body of an answer from off on, of which it makes sure that
// it is part of the right file, and where it ends.
func (f *RemoteFile) content(resp *http.Response, off int64) (body io.ReadCloser, to int64, err error) {
	c := f.client
	size := f.file.Size
	skip := int64(0)
	switch resp.StatusCode {
	case http.StatusPartialContent:
		part, total, ok := contentRange(resp.Header)
		if !ok || part.from != off || part.to <= off {
			return nil, 0, &answerError{bare(resp.Request.URL), "it answers another range than was asked for"}
		}
		if total != size {
			return nil, 0, f.changed("size", fmt.Sprint(size), fmt.Sprint(total))
		}
		to = part.to
	case http.StatusOK:
		if n := resp.ContentLength; n >= 0 && n != size {
			return nil, 0, f.changed("size", fmt.Sprint(size), fmt.Sprint(n))
		}
		if skip = off; skip > maxDiscard {
			return nil, 0, ErrNoRanges
		}
		to = size
	case http.StatusRequestedRangeNotSatisfiable:
		_, total, ok := contentRange(resp.Header)
		if !ok {
			return nil, 0, f.changed("size", fmt.Sprint(size), fmt.Sprintf("at most %d", off))
		}
		if total != size {
			return nil, 0, f.changed("size", fmt.Sprint(size), fmt.Sprint(total))
		}
		return nil, 0, c.statusError(resp, f.target())
	default:
		return nil, 0, c.statusError(resp, f.target())
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, 0, &answerError{bare(resp.Request.URL), "it encodes the content, though told not to"}
	}
	if err := f.check(resp); err != nil {
		return nil, 0, err
	}
	c.stats.reads.Add(1)
	body = &counted{resp.Body, c}
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return nil, 0, f.short(resp, err)
	}
	return body, to, nil
}

func (f *RemoteFile) target() target { return target{f.repo, f.commit, f.file.Path} }

// check compares what the hub says of a file, beside a redirect or content, with
// what was listed.
func (f *RemoteFile) check(resp *http.Response) error {
	h := resp.Header
	if f.repo == "" {
		if tag := h.Get("ETag"); resp.StatusCode < 300 && tag != f.etag {
			return f.changed("tag", f.etag, f.client.scrub(tag))
		}
		return nil
	}
	// These headers are the hub's own, also behind a mirror.
	if commit := h.Get("X-Repo-Commit"); isCommit(f.commit) && commit != "" && commit != f.commit {
		return f.changed("commit", f.commit, f.client.scrub(commit))
	}
	if s := h.Get("X-Linked-Size"); s != "" && s != strconv.FormatInt(f.file.Size, 10) {
		return f.changed("size", fmt.Sprint(f.file.Size), f.client.scrub(s))
	}
	tag := h.Get("X-Linked-Etag")
	if tag == "" && resp.StatusCode < 300 && f.client.own(resp.Request.URL) {
		tag = h.Get("ETag") // other hosts have tags of their own
	}
	tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
	// A mirror may have tags that are no hashes, or those of another kind.
	if isOID(tag) && len(tag) == len(f.file.OID) && tag != f.file.OID {
		return f.changed("hash", f.file.OID, tag)
	}
	return nil
}

func (f *RemoteFile) changed(what, want, got string) error {
	return &ChangedError{Repo: f.repo, Path: f.file.Path, What: what, Want: want, Got: got}
}

// short makes an error that is tried again of a body that ended too soon.
func (f *RemoteFile) short(resp *http.Response, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.client.networkError(resp.Request.Context(), resp.Request.URL, io.ErrUnexpectedEOF)
	}
	return err
}

// counted counts the bytes of a body.
type counted struct {
	io.ReadCloser
	client *Client
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.client.stats.bytes.Add(int64(n))
	return n, err
}

// A span is the bytes [from, to) of a file.
type span struct{ from, to int64 }

var rangeOf = regexp.MustCompile(`^bytes (?:(\d+)-(\d+)|\*)/(\d+)$`)

// contentRange returns the part of a file that an answer states to be, and the
// size of the whole. The part is empty in an answer to a range that is not in
// the file.
func contentRange(h http.Header) (part span, total int64, ok bool) {
	m := rangeOf.FindStringSubmatch(h.Get("Content-Range"))
	if m == nil {
		return span{}, 0, false
	}
	total, err := strconv.ParseInt(m[3], 10, 64)
	if err != nil || m[1] == "" {
		return span{}, total, err == nil
	}
	first, err := strconv.ParseInt(m[1], 10, 64)
	last, err2 := strconv.ParseInt(m[2], 10, 64)
	if err != nil || err2 != nil || last < first || last >= total {
		return span{}, 0, false
	}
	return span{first, last + 1}, total, true
}
