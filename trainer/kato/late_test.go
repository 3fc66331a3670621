package kato_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
)

// TestLateAnswer holds that an answer which was made before a pattern had to be seen,
// and came after that, does not count: the pattern is asked for once more.
func TestLateAnswer(t *testing.T) {
	var later atomic.Bool // the server's clock has moved on
	start := time.Now()
	server, err := katotest.New(katotest.Options{
		Visible: time.Minute,
		Now: func() time.Time {
			if later.Load() {
				return start.Add(time.Hour)
			}
			return start
		},
		Fault: func(r katotest.Request) katotest.Fault {
			return katotest.Fault{Cut: r.Kind == katotest.Observe && r.N == 1, Processed: true}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	waits := quickly
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // cut too
	var lookups atomic.Int64
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodGet && lookups.Add(1) == 1 {
			time.Sleep(2 * waits.Visible) // what the network takes
			later.Store(true)
		}
		return nil
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	l, err := kato.New(kato.Options{URL: front.URL, Run: "RUN", Waits: waits})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Learn(t.Context(), trainer.Sample{Text: []byte("one two three")}); err != nil {
		t.Fatal(err)
	}
	for name, n := range server.Frequencies(kato.Node("RUN", 0)) {
		if n != 1 {
			t.Errorf("%s was learned %d times", name, n)
		}
	}
	if n := lookups.Load(); n < 2 {
		t.Errorf("asked %d times", n)
	}
}
