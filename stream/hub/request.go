package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxHops is how many redirects in a row are followed.
const maxHops = 8

// firstStall is how long the headers of an answer are waited for at most while
// nobody has ever answered, as without a network.
const firstStall = 10 * time.Second

// errStalled is why a request ends that got no byte for Options.Stall.
var errStalled = errors.New("no data for too long")

// send sends one GET and follows no redirect. The token goes to the endpoint's
// own scheme and host, and to no other. Headers and each piece of the body have
// to come within Options.Stall.
func (c *Client) send(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, &answerError{bare(u), "not an address"}
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "ckptledger")
	if c.opt.Token != "" && c.own(u) {
		req.Header.Set("Authorization", "Bearer "+c.opt.Token)
	}
	stall := c.opt.Stall
	if !c.online.Load() {
		stall = min(stall, firstStall)
	}
	timer := time.AfterFunc(stall, func() { cancel(errStalled) })
	// Not http.Client: it hides the headers of a redirect, and its errors show
	// whole addresses.
	resp, err := c.transport.RoundTrip(req)
	timer.Stop()
	if err != nil {
		err = c.networkError(ctx, u, err)
		cancel(nil)
		return nil, err
	}
	c.reached.Store(u.Host, true)
	c.online.Store(true)
	resp.Request = req
	resp.Body = &watched{body: resp.Body, client: c, url: u, ctx: ctx, cancel: cancel, timer: timer}
	return resp, nil
}

// watched is the body of an answer that fails when it stalls. Time in which
// nobody reads does not count.
type watched struct {
	body   io.ReadCloser
	client *Client
	url    *url.URL
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.client.opt.Stall)
	n, err := w.body.Read(p)
	w.timer.Stop()
	if err != nil && err != io.EOF {
		err = w.client.networkError(w.ctx, w.url, err)
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	w.cancel(nil)
	return w.body.Close()
}

// follow sends a GET and follows redirects by hand. Each redirect is shown to
// seen, with where it leads, before it is followed.
func (c *Client) follow(ctx context.Context, u *url.URL, header http.Header, seen func(*http.Response, *url.URL) error) (*http.Response, error) {
	for range maxHops {
		resp, err := c.send(ctx, u, header)
		if err != nil {
			return nil, err
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return resp, nil
		}
		drain(resp)
		location := resp.Header.Get("Location")
		next, err := u.Parse(location)
		if err != nil || location == "" || next.Host == "" || next.Scheme != "http" && next.Scheme != "https" || next.User != nil {
			return nil, &answerError{bare(u), "it redirects to what is no address"}
		}
		if u.Scheme == "https" && next.Scheme == "http" {
			return nil, &answerError{bare(u), "it redirects from https to http"}
		}
		if err := seen(resp, next); err != nil {
			return nil, err
		}
		u = next
	}
	return nil, &answerError{bare(u), fmt.Sprintf("over %d redirects in a row", maxHops)}
}

// hasReached reports whether the host of an address ever answered.
func (c *Client) hasReached(u *url.URL) bool {
	_, ok := c.reached.Load(u.Host)
	return ok
}

// own reports whether an address is one of the endpoint's, by scheme, host and
// port.
func (c *Client) own(u *url.URL) bool {
	return u.Scheme == c.endpoint.Scheme && strings.EqualFold(u.Host, c.endpoint.Host)
}

// address returns an address of the endpoint. Each part becomes one segment,
// with its slashes escaped.
func (c *Client) address(prefix string, segments ...string) *url.URL {
	var raw strings.Builder
	raw.WriteString(strings.TrimRight(c.endpoint.EscapedPath(), "/") + prefix)
	for _, s := range segments {
		raw.WriteString("/" + url.PathEscape(s))
	}
	u := *c.endpoint
	u.RawPath = raw.String()
	// What was escaped here can be unescaped.
	u.Path, _ = url.PathUnescape(u.RawPath)
	return &u
}

// bare is an address without its query, to be shown.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// drain reads what little an answer has left, so that its connection can be
// used again, and closes it.
func drain(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// networkError is an error of the network rather than of a server.
type networkError struct {
	url *url.URL
	err error // without secrets
}

func (e *networkError) Error() string { return e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

func (c *Client) networkError(ctx context.Context, u *url.URL, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		err = errStalled
	}
	return &networkError{u, &scrubbed{c.scrub(err.Error()), err}}
}

// A target is what a request is about, for its errors.
type target struct{ repo, revision, path string }

// statusError says what an answer that is no success means.
func (c *Client) statusError(resp *http.Response, t target) error {
	drain(resp)
	u := resp.Request.URL
	s := &StatusError{
		URL:     bare(u),
		Status:  resp.StatusCode,
		Code:    c.scrub(resp.Header.Get("X-Error-Code")),
		Message: c.scrub(resp.Header.Get("X-Error-Message")),
		Request: c.scrub(resp.Header.Get("X-Request-Id")),
		Wait:    serverWait(resp.Header),
	}
	if !c.own(u) || t.repo == "" {
		return s // a host that knows nothing of datasets and tokens, or an address that names none
	}
	hadToken := resp.Request.Header.Get("Authorization") != ""
	notFound := &NotFoundError{Repo: t.repo, Revision: t.revision, Path: t.path, HadToken: hadToken, Request: s.Request}
	unauthorized := &UnauthorizedError{Repo: t.repo, HadToken: hadToken, Message: s.Message, Request: s.Request}
	if s.Status == http.StatusUnauthorized && strings.HasPrefix(s.Message, "Invalid credentials") {
		return unauthorized // whatever the code beside it
	}
	switch s.Code {
	case "RepoNotFound":
		notFound.What = Dataset
		return notFound
	case "RevisionNotFound":
		notFound.What = Revision
		return notFound
	case "EntryNotFound":
		notFound.What = Entry
		return notFound
	case "GatedRepo":
		return &GatedError{Repo: t.repo, Page: c.address("/datasets/" + t.repo).String(), HadToken: hadToken, Request: s.Request}
	}
	if s.Status == http.StatusUnauthorized && !hadToken {
		notFound.What = Dataset // the hub does not say which of the two it is
		return notFound
	}
	if s.Status == http.StatusUnauthorized || s.Status == http.StatusForbidden {
		return unauthorized
	}
	return s
}
