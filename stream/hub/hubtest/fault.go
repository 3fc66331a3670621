package hubtest

import (
	"fmt"
	"net"
	"net/http"
)

// A Fault is what goes wrong with a request. Of several the first counts.
type Fault struct {
	Status int         // answered instead, with Header
	Header http.Header // added to the answer
	Hang   bool        // no answer, until the client gives up
	Drop   bool        // the connection is reset instead of an answer
	Cut    int         // the connection is reset after so many bytes of the body; 0: is not
	Stall  int         // nothing comes after so many bytes of the body; 0: does not
	Whole  bool        // a range is ignored, and the whole file sent
	Total  int64       // a wrong size in Content-Range; 0: the right one
}

// TooMany is the answer to those who used up their quota: "api" or "resolvers".
func TooMany(quota string, seconds int) *Fault {
	return &Fault{Status: http.StatusTooManyRequests, Header: http.Header{
		"Ratelimit":        {fmt.Sprintf("%q;r=0;t=%d", quota, seconds)},
		"Ratelimit-Policy": {fmt.Sprintf(`"fixed window";%q;q=500;w=300`, quota)},
	}}
}

// answer does what goes wrong before there is content, and reports whether that
// was all.
func (f *Fault) answer(w http.ResponseWriter, r *http.Request) bool {
	if f == nil {
		return false
	}
	for name, values := range f.Header {
		w.Header()[name] = values
	}
	switch {
	case f.Status != 0:
		w.WriteHeader(f.Status)
	case f.Hang:
		<-r.Context().Done()
	case f.Drop:
		reset(r)
	default:
		return false
	}
	return true
}

// reset ends the connection without a farewell.
func reset(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*net.TCPConn); ok {
		c.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}
