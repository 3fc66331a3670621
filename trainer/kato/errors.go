package kato

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A request fails in one of these ways. Where its context has ended that is the
// error: the context's, or the *StallError that ended it.
var (
	// errNotSent: the server was not reached, and knows nothing of the request.
	errNotSent = errors.New("not sent")

	// errNoSession: the server has no such session (any more).
	errNoSession = errors.New("the server does not know the session")
)

// notSentError says why a request was not sent. It does not unwrap: the timeout of
// a dial is context.DeadlineExceeded by errors.Is, and no context has ended.
type notSentError struct{ err error }

func (e *notSentError) Error() string        { return e.err.Error() }
func (e *notSentError) Is(target error) bool { return target == errNotSent }

// A lostError says that a request has no answer that settles it: the server may
// have done what it asks for, or may not, or may still do it. It does not unwrap:
// a 503 is no *RejectedError.
type lostError struct {
	Status  int   // 200, 429, 502, 503 or 504; 0 without an answer
	Timeout bool  // nothing came within Waits.Request
	Err     error // what happened
}

func (e *lostError) Error() string { return "no answer that tells what was done: " + e.Err.Error() }

// A RejectedError says that the server refuses a request, and would again.
type RejectedError struct {
	Status int    // of HTTP
	Body   string // what it says: printable, at most 300 bytes
}

func (e *RejectedError) Error() string {
	s := fmt.Sprintf("the server answers %d", e.Status)
	if text := http.StatusText(e.Status); text != "" {
		s += " (" + text + ")"
	}
	if e.Body != "" {
		s += ": " + e.Body
	}
	return s
}

// An UnreachableError says that the server was waited for in vain. It does not
// unwrap: what was seen last is not to be tried again, nor any request's outcome.
type UnreachableError struct {
	URL string        // of the server, without userinfo
	For time.Duration // how long it was waited for
	Err error         // what was seen last
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("waited %s in vain for the KATO server at %s: %v", span(e.For), e.URL, e.Err)
}

// refusal is the error that an answer's status means; nil for 200.
func refusal(status int, session bool, body []byte) error {
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusNotFound, http.StatusGone:
		if session {
			return errNoSession
		}
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &lostError{Status: status, Err: &RejectedError{status, printable(body)}}
	}
	return &RejectedError{status, printable(body)}
}

// printable is the beginning of what a server said, on one line.
func printable(body []byte) string {
	const most = 300
	short := body[:min(len(body), most)]
	if len(body) > most { // a rune that was cut is left out
		for n := 1; n < utf8.UTFMax && !utf8.Valid(short[len(short)-n:]); n++ {
			if utf8.RuneStart(short[len(short)-n]) {
				short = short[:len(short)-n]
				break
			}
		}
	}
	s := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '?'
		case unicode.IsPrint(r):
			return r
		}
		return ' '
	}, string(short))
	return strings.TrimSpace(s)
}

// span writes how long something took: "350 ms", "6 s".
func span(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
}

// counted writes how many there are of something: "1 restart", "2 restarts".
func counted[N int | int64 | uint64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
