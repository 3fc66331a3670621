package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// firstTries is how often a request is tried of a host that has never
	// answered, with waits of at most firstWait between: without a network that
	// takes seconds, not minutes.
	firstTries = 3
	firstWait  = 250 * time.Millisecond

	// maxServerWait is the longest wait asked for by a server that is obeyed; the
	// hub counts in windows of 5 minutes.
	maxServerWait = 15 * time.Minute
)

// A retrier decides whether something is tried again, and waits before it is.
type retrier struct {
	client *Client
	what   string // for RetryEvent
	tries  int    // in a row without progress
}

// progress says that something was got: the count of tries starts again.
func (r *retrier) progress() { r.tries = 0 }

// again waits and returns nil if what failed with err is to be tried again.
// Otherwise it returns the error for the caller.
func (r *retrier) again(ctx context.Context, err error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := r.client
	r.tries++
	network, isNetwork := errors.AsType[*networkError](err)
	status, isStatus := errors.AsType[*StatusError](err)
	limit := c.opt.Tries
	wait := c.backoff(r.tries)
	switch {
	case isNetwork && untrusted(err):
		limit = 0
	case isNetwork && !c.online.Load() && errors.Is(err, errStalled) && c.opt.Stall >= firstStall:
		limit = 0 // that was patience enough
	case isNetwork && !c.hasReached(network.url):
		limit, wait = min(limit, firstTries), min(wait, firstWait)
	case isNetwork:
	case isStatus && temporary(status.Status) && status.Wait <= maxServerWait:
		if status.Wait > 0 {
			wait = status.Wait
		}
	default:
		return err
	}
	if r.tries >= limit {
		if !isNetwork {
			return err
		}
		return &UnreachableError{
			Endpoint: (&url.URL{Scheme: network.url.Scheme, Host: network.url.Host}).String(),
			Hub:      c.own(network.url),
			Err:      network.err,
		}
	}
	c.stats.retries.Add(1)
	if c.opt.OnRetry != nil {
		c.opt.OnRetry(RetryEvent{What: r.what, Err: err, Try: r.tries, Wait: wait})
	}
	return c.opt.Sleep(ctx, wait)
}

// backoff returns the wait after so many tries: anything up to a limit that
// doubles, so that many clients do not come back at once.
func (c *Client) backoff(tries int) time.Duration {
	limit := c.opt.MaxBackoff
	if tries <= 30 {
		limit = min(limit, c.opt.Backoff<<(tries-1))
	}
	return time.Duration(rand.Int64N(int64(limit) + 1))
}

func temporary(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// untrusted reports whether the other side is not who it should be, which
// trying again does not change.
func untrusted(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return certificate || record
}

// rateLimit matches the state of a quota: "api";r=0;t=55.
var rateLimit = regexp.MustCompile(`"[^"]*"\s*;\s*r\s*=\s*(\d+)\s*;\s*t\s*=\s*(\d+)`)

// serverWait returns how long a server asks to be left alone, 0 if it does not
// say. The hub states its quota in every answer: it counts where it is used up.
func serverWait(h http.Header) time.Duration {
	wait := time.Duration(0)
	for _, quota := range rateLimit.FindAllStringSubmatch(strings.Join(h.Values("RateLimit"), ","), -1) {
		if quota[1] == "0" {
			wait = max(wait, seconds(quota[2])+time.Second)
		}
	}
	if wait > 0 {
		return wait
	}
	return seconds(h.Get("Retry-After"))
}

// seconds reads a count of seconds; 0 for anything else, and at most a day.
func seconds(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 63)
	if errors.Is(err, strconv.ErrRange) || n > 86400 {
		return 24 * time.Hour
	}
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
