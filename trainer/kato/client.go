package kato

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// idle is how long a connection may lie unused: less than the 5 s after which
	// the server closes it, so that no request runs into that.
	idle = 4 * time.Second

	dialTimeout = 10 * time.Second

	// maxAnswer bounds what is read of an answer, in bytes. A server's answer to a
	// chunk of 10,000 symbols has about 2 MB.
	maxAnswer = 64 << 20
)

var errClosed = errors.New("the client of the server is closed")

// A client speaks to one server. Any number of goroutines may use it. Requests
// whose context comes from a pulse beat it by each answer.
type client struct {
	base      url.URL     // without userinfo
	header    http.Header // of every request; never changed
	waits     Waits
	say       func(line string)
	transport *http.Transport
	stats     stats

	life context.Context // until close; that of looking at the server's health
	end  context.CancelFunc

	mu       sync.Mutex
	watch    *watch // under way, or nil
	watchers sync.WaitGroup
}

// newClient returns a client of the server at address, which is one that Options
// accept. It sends nothing yet.
func newClient(address string, w Waits, say func(line string)) *client {
	c := &client{
		header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"ckptledger"}},
		waits:  w,
		say:    say,
		transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			MaxIdleConns:        MaxConnections + 2,
			MaxIdleConnsPerHost: MaxConnections + 2,
			IdleConnTimeout:     idle,
			DisableCompression:  true,
		},
	}
	c.life, c.end = context.WithCancel(context.Background())
	if u, err := url.Parse(address); err == nil { // else requests fail, by an empty address
		if u.User != nil {
			password, _ := u.User.Password()
			r := http.Request{Header: c.header}
			r.SetBasicAuth(u.User.Username(), password)
			u.User = nil
		}
		c.base = *u
	}
	return c
}

// close ends looking at the server's health and closes the connections. It is
// called when no call is under way any more.
func (c *client) close() {
	c.mu.Lock()
	c.end()
	c.mu.Unlock()
	c.watchers.Wait()
	c.transport.CloseIdleConnections()
}

// A request is one to be sent.
type request struct {
	method  string
	session string // "" if it is about none
	path    string // behind that of the session
	query   string
	body    []byte // read by the transport, maybe still after send has failed
	timeout time.Duration
}

// send sends a request, once, and reads the answer into it. The error is nil only
// for status 200; otherwise it is what errors.go says.
func (c *client) send(ctx context.Context, r request, answer *bytes.Buffer) error {
	if err := ended(ctx); err != nil {
		return err
	}
	u := c.base
	if r.session != "" {
		u.Path += "/sessions/" + r.session
	}
	u.Path += r.path
	u.RawPath, u.RawQuery = "", r.query
	timed, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req := &http.Request{Method: r.method, URL: &u, Host: u.Host, Header: c.header}
	if r.body != nil {
		req.ContentLength = int64(len(r.body))
		// The transport makes use of GetBody where a kept connection turns out to be
		// closed before a byte was written.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		req.Body, _ = req.GetBody()
	}
	c.stats.requested()
	// A round trip and not Do: redirections are not followed, and an error does not
	// hold the address.
	resp, err := c.transport.RoundTrip(req.WithContext(timed))
	if err != nil {
		return c.failed(ctx, timed, r, err)
	}
	beat(ctx)
	if n := resp.ContentLength; 0 < n && n <= 1<<20 {
		answer.Grow(int(n) + bytes.MinRead)
	}
	_, err = answer.ReadFrom(io.LimitReader(resp.Body, maxAnswer))
	resp.Body.Close()
	if err != nil {
		return c.failed(ctx, timed, r, err)
	}
	return refusal(resp.StatusCode, r.session != "", answer.Bytes())
}

// failed is the error of a request that has no whole answer.
func (c *client) failed(ctx, timed context.Context, r request, err error) error {
	if err := ended(ctx); err != nil {
		return err
	}
	if timed.Err() != nil {
		return &lostError{Timeout: true, Err: errors.New("no answer within " + span(r.timeout))}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return &notSentError{err}
	}
	return &lostError{Err: err}
}
