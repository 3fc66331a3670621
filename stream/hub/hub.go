// Package hub reads files of datasets on the Hugging Face Hub by ranges, and is
// sure that they are the files it was told to read.
//
// There are few types. A [Client] talks to one endpoint: Pin turns a branch or
// tag into a commit, Files lists a commit's files, and Open gives a
// [RemoteFile], which is read at any offset (ReadAt, ReaderAt) or in order with
// read-ahead (Stream). OpenURL does so for a file anywhere on the web.
//
// A file that the Hugging Face cache on disk holds is read from there; with
// Options.Offline it is read from nowhere else. Cached, CachedRevision and
// CachedFiles tell what it holds.
//
// What is retried goes on at the byte it had: answers 408, 429 and 5xx, resets,
// timeouts and short bodies. Every answer is compared with the listing, by hash
// where the hub states one and by size always; one that differs is a
// *ChangedError. The other errors are typed too, and say what to do:
// *NotFoundError, *GatedError, *UnauthorizedError, *OfflineError,
// *UnreachableError, *StatusError.
//
// Caveats: a file's bytes are not hashed here, they are taken for what the hub
// and the cache say they are. Listing offline yields what the cache holds, which
// may be less than the commit has. Neither the token nor the query of an address,
// which may be a signature, is in any error or event. Nothing here prints.
package hub

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultEndpoint is the hub itself.
const DefaultEndpoint = "https://huggingface.co"

// Options say how a Client reaches the hub; the zero value is anonymous, online
// and without a cache. FromEnv fills them as Hugging Face's own programs would.
type Options struct {
	Endpoint string // http or https address of the hub or of a mirror; empty: DefaultEndpoint
	Token    string // sent to Endpoint only; empty: anonymous
	CacheDir string // huggingface_hub's cache, which is read and never written; empty: none
	Offline  bool   // read from CacheDir only

	Transport http.RoundTripper // nil: Go's, with a timeout of 3 s to connect

	Tries      int           // of a request that gets nothing, before it fails; 0: 10
	Backoff    time.Duration // longest first wait between them, doubled each time; 0: 1 s
	MaxBackoff time.Duration // longest wait that the server did not ask for; 0: 1 min
	Stall      time.Duration // longest wait for the next byte; 0: 30 s

	OnRetry func(RetryEvent)                                 // called before each wait, maybe from several goroutines; nil: not
	Sleep   func(ctx context.Context, d time.Duration) error // waits, or returns ctx's error; nil: really
	Now     func() time.Time                                 // for the age of signed addresses; nil: time.Now
}

// A RetryEvent says that something failed and is tried again.
type RetryEvent struct {
	What string        // what was asked for: a path, without query
	Err  error         // why it failed
	Try  int           // how often in a row it has failed, from 1
	Wait time.Duration // until it is tried again
}

// A Client reads from one endpoint. Its methods may be called from several
// goroutines.
type Client struct {
	opt       Options
	endpoint  *url.URL // without a slash at its end
	transport http.RoundTripper
	reached   sync.Map    // hosts that ever answered
	online    atomic.Bool // whether any did
	locations sync.Map    // by file: what was found for one that was closed is good for the next
	stats     stats
}

// Stats is what a Client has cost so far.
type Stats struct {
	API       int64 // requests to the API, each page of a listing being one
	Redirects int64 // addresses of content resolved by a redirect
	Reads     int64 // requests answered with content
	Bytes     int64 // of content received, those thrown away too
	Retries   int64
}

type stats struct{ api, redirects, reads, bytes, retries atomic.Int64 }

// Stats returns the costs so far.
func (c *Client) Stats() Stats {
	return Stats{
		API:       c.stats.api.Load(),
		Redirects: c.stats.redirects.Load(),
		Reads:     c.stats.reads.Load(),
		Bytes:     c.stats.bytes.Load(),
		Retries:   c.stats.retries.Load(),
	}
}

// New returns a Client. It sends nothing.
func New(opt Options) (*Client, error) {
	if opt.Endpoint == "" {
		opt.Endpoint = DefaultEndpoint
	}
	endpoint, err := url.Parse(strings.TrimRight(opt.Endpoint, "/"))
	switch {
	case err != nil || endpoint.Host == "" || endpoint.Scheme != "https" && endpoint.Scheme != "http":
		return nil, errors.New("hub endpoint is not an http or https address; see HF_ENDPOINT")
	case endpoint.User != nil || endpoint.RawQuery != "" || endpoint.Fragment != "":
		return nil, errors.New("hub endpoint carries more than host and path; a secret belongs into HF_TOKEN")
	case strings.ContainsFunc(opt.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("hub token has characters that no token has; see HF_TOKEN and the token file")
	}
	setDefault(&opt.Tries, 10)
	setDefault(&opt.Backoff, time.Second)
	setDefault(&opt.MaxBackoff, time.Minute)
	setDefault(&opt.Stall, 30*time.Second)
	if opt.Sleep == nil {
		opt.Sleep = sleep
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	c := &Client{opt: opt, endpoint: endpoint, transport: opt.Transport}
	if c.transport == nil {
		c.transport = newTransport()
	}
	return c, nil
}

// Offline reports whether only the cache is read.
func (c *Client) Offline() bool { return c.opt.Offline }

// Endpoint returns the address of the hub that is talked to.
func (c *Client) Endpoint() string { return c.endpoint.String() }

// connectTimeout is for the look-up of a name and the connection, and once more
// for TLS.
const connectTimeout = 3 * time.Second

// newTransport is Go's default one, but gives up on a silent network sooner.
func newTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // a program put its own there on purpose
	}
	t = t.Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	t.MaxIdleConnsPerHost = 8
	return t
}

func setDefault[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkRepo makes sure that a name may stand in an address and in a path.
func checkRepo(repo string) error {
	org, name, ok := strings.Cut(repo, "/")
	if !ok {
		org, name = "-", repo // the oldest datasets have no owner
	}
	for _, s := range []string{org, name} {
		if strings.Trim(s, ".") == "" || strings.ContainsFunc(s, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
		}) {
			return &NameError{strconv.Quote(repo), "is not the name of a dataset on the hub: write owner/name"}
		}
	}
	return nil
}

// isHash reports whether s is n lower-case hex digits.
func isHash(s string, n int) bool {
	return len(s) == n && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f')
	})
}

// isCommit reports whether a revision is the full name of a commit.
func isCommit(s string) bool { return isHash(s, 40) }
