package hub

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// expiryMargin is how long before its end a signed address is not used any
	// more, so that a read does not start with it too late.
	expiryMargin = time.Minute

	// unsignedLife is how long an address on another host is used that does not
	// say when it ends.
	unsignedLife = 10 * time.Minute
)

// A location is where the content of a file lies: the signed address that the
// hub redirected to last. Finding it counts against a quota of the hub's, so
// readers that lack it wait for the first of them to find it, and a Client keeps
// it for the next RemoteFile of that file.
type location struct {
	finding chan struct{} // holds a token while someone asks the hub

	mu      sync.Mutex
	url     *url.URL // nil: not known
	expires time.Time
}

// located names the file of a location: one of another size or hash under the
// same address has to be found anew.
type located struct {
	address string
	file    File
}

func newLocation() *location { return &location{finding: make(chan struct{}, 1)} }

// get returns the address, or nil if the caller is to ask the hub for it and
// to call found after that, whatever came of it.
func (l *location) get(ctx context.Context, now func() time.Time) (*url.URL, error) {
	if u := l.known(now()); u != nil {
		return u, nil
	}
	select {
	case l.finding <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if u := l.known(now()); u != nil {
		<-l.finding
		return u, nil
	}
	return nil, nil
}

func (l *location) found() { <-l.finding }

func (l *location) known(now time.Time) *url.URL {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.url == nil || !now.Before(l.expires) {
		return nil
	}
	return l.url
}

func (l *location) set(u *url.URL, expires time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.url, l.expires = u, expires
}

// forget drops an address that was refused, unless a newer one is known.
func (l *location) forget(u *url.URL) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.url == u {
		l.url = nil
	}
}

// lifetime returns how long the address of a redirect may be used, and whether
// it says so. It is reckoned by the server's clock, as ours may be wrong.
func lifetime(u *url.URL, answer http.Header, now time.Time) (life time.Duration, signed bool) {
	if date, err := http.ParseTime(answer.Get("Date")); err == nil {
		now = date
	}
	q := u.Query()
	if s, err := strconv.ParseInt(q.Get("Expires"), 10, 36); err == nil { // CloudFront
		return time.Unix(s, 0).Add(-expiryMargin).Sub(now), true
	}
	if s, err := strconv.ParseInt(q.Get("X-Amz-Expires"), 10, 32); err == nil {
		start, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
		if err != nil {
			start = now
		}
		return start.Add(time.Duration(s)*time.Second - expiryMargin).Sub(now), true
	}
	return unsignedLife, false
}
