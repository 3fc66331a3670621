package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	maxPage  = 64 << 20 // bytes of one answer of the API
	maxPages = 10_000   // of a listing: 10 million files
)

// Info describes a dataset at a revision.
type Info struct {
	ID     string          // the dataset's name now, other than asked for if it was renamed
	Commit string          // 40 hex digits
	Gated  bool            // whether its files need their terms accepted
	Card   json.RawMessage // the header of its README as JSON, with "configs"; nil without one
}

// A File is one file of a commit.
type File struct {
	Path string // within the dataset, with slashes
	Size int64  // bytes
	OID  string // lower-case hex: SHA-256 of the content if LFS, else git's SHA-1
	LFS  bool   // whether it is large, and not in the git repository itself
}

// Pin returns the commit that a revision of a dataset is now: a branch, a tag,
// a commit or another reference; empty is main. Offline it is what the cache has
// it for.
func (c *Client) Pin(ctx context.Context, repo, revision string) (commit string, err error) {
	if !c.opt.Offline {
		info, err := c.Info(ctx, repo, revision)
		return info.Commit, err
	}
	if err := checkRepo(repo); err != nil {
		return "", err
	}
	commit, ok := c.CachedRevision(repo, revision)
	if !ok {
		return "", c.notCached(repo, cmp.Or(revision, "main"), "")
	}
	return commit, nil
}

// HasCommit returns nil if a dataset still has a commit, by one request. An
// owner may rewrite the history: then it is a *NotFoundError of a Revision.
func (c *Client) HasCommit(ctx context.Context, repo, commit string) error {
	info, err := c.Info(ctx, repo, commit)
	if err == nil && info.Commit != commit {
		return &ChangedError{Repo: repo, Path: "revision " + commit, What: "commit", Want: commit, Got: info.Commit}
	}
	return err
}

// Info describes a dataset at a revision, as Pin names them, by one request. It
// cannot be had offline.
func (c *Client) Info(ctx context.Context, repo, revision string) (Info, error) {
	revision = cmp.Or(revision, "main")
	if err := checkRepo(repo); err != nil {
		return Info{}, err
	}
	if c.opt.Offline {
		return Info{}, c.notCached(repo, revision, "")
	}
	// All of it would name every file of the dataset.
	u := c.address("/api/datasets/"+repo+"/revision", revision)
	u.RawQuery = url.Values{"expand": {"sha", "cardData", "gated", "disabled"}}.Encode()
	var answer struct {
		ID       string
		SHA      string
		Disabled bool
		Gated    any // false, "auto" or "manual"
		CardData json.RawMessage
	}
	t := target{repo: repo, revision: revision}
	if _, err := c.getJSON(ctx, u, t, &answer); err != nil {
		return Info{}, err
	}
	if !isCommit(answer.SHA) {
		return Info{}, &answerError{bare(u), "it names no commit"}
	}
	if answer.Disabled {
		return Info{}, &NotFoundError{What: Dataset, Repo: repo, Revision: revision, HadToken: c.opt.Token != ""}
	}
	if string(answer.CardData) == "null" {
		answer.CardData = nil
	}
	return Info{
		ID:     cmp.Or(answer.ID, repo),
		Commit: answer.SHA,
		Gated:  answer.Gated != nil && answer.Gated != false,
		Card:   answer.CardData,
	}, nil
}

// Files returns the files of a commit within a folder and all its own, sorted
// by path; an empty folder is the whole dataset. Offline it is those in the
// cache.
func (c *Client) Files(ctx context.Context, repo, commit, dir string) ([]File, error) {
	if err := checkRepo(repo); err != nil {
		return nil, err
	}
	dir = cleanDir(dir)
	if c.opt.Offline {
		files := c.CachedFiles(repo, commit, dir)
		if len(files) == 0 {
			return nil, c.notCached(repo, commit, dir)
		}
		return files, nil
	}
	files, err := c.list(ctx, repo, commit, dir)
	if err != nil {
		return nil, err
	}
	sortFiles(files)
	// Pages of a listing may overlap.
	return slices.CompactFunc(files, func(a, b File) bool { return a.Path == b.Path }), nil
}

func cleanDir(dir string) string { return strings.Trim(path.Clean("/"+dir), "/") }

func sortFiles(files []File) {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}

func (c *Client) list(ctx context.Context, repo, commit, dir string) ([]File, error) {
	segments := []string{commit}
	if dir != "" {
		segments = append(segments, dir)
	}
	u := c.address("/api/datasets/"+repo+"/tree", segments...)
	u.RawQuery = "recursive=true&expand=false"
	var files []File
	for range maxPages {
		var page []treeEntry
		next, err := c.getJSON(ctx, u, target{repo, commit, dir}, &page)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Type == "file" {
				files = append(files, e.file())
			}
		}
		if next == nil {
			return files, nil
		}
		u = next
	}
	return nil, &answerError{bare(u), "the listing has no end"}
}

// treeEntry is one entry of a listing, as the API has it.
type treeEntry struct {
	Type string
	OID  string
	Size int64
	Path string
	LFS  *struct {
		OID  string
		Size int64
	}
}

func (e treeEntry) file() File {
	if e.LFS != nil {
		return File{Path: e.Path, Size: e.LFS.Size, OID: strings.TrimPrefix(e.LFS.OID, "sha256:"), LFS: true}
	}
	return File{Path: e.Path, Size: e.Size, OID: e.OID}
}

// getJSON asks the API, as often as it takes, and returns the address of the
// next page, if there is one.
func (c *Client) getJSON(ctx context.Context, u *url.URL, t target, v any) (next *url.URL, err error) {
	r := retrier{client: c, what: u.Path}
	for {
		next, err = c.tryJSON(ctx, u, t, v)
		if err == nil {
			return next, nil
		}
		if err = r.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (c *Client) tryJSON(ctx context.Context, u *url.URL, t target, v any) (next *url.URL, err error) {
	c.stats.api.Add(1)
	resp, err := c.follow(ctx, u, nil, func(_ *http.Response, next *url.URL) error {
		if next.RawQuery == "" { // a listing without it would lack folders
			next.RawQuery = u.RawQuery
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.statusError(resp, t)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxPage:
		return nil, &answerError{bare(u), "the answer is too long"}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, &answerError{bare(u), "the answer is not the JSON of a hub"}
	}
	return c.nextPage(resp)
}

// nextLink matches the address of the next page in a Link header.
var nextLink = regexp.MustCompile(`<([^<>]*)>\s*;[^<]*\brel="?next"?`)

// nextPage returns the address of the page after resp, nil if it is the last. A
// mirror may pass on the hub's own address: the page is asked of the mirror.
func (c *Client) nextPage(resp *http.Response) (*url.URL, error) {
	m := nextLink.FindStringSubmatch(strings.Join(resp.Header.Values("Link"), ", "))
	if m == nil {
		return nil, nil
	}
	next, err := resp.Request.URL.Parse(m[1])
	if err != nil {
		return nil, &answerError{bare(resp.Request.URL), "its next page has no address"}
	}
	if !c.own(next) {
		next.Scheme, next.Host, next.User = c.endpoint.Scheme, c.endpoint.Host, nil
		next.Path = c.endpoint.Path + next.Path
		if next.RawPath != "" {
			next.RawPath = c.endpoint.EscapedPath() + next.RawPath
		}
	}
	return next, nil
}
