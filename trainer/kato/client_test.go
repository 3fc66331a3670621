package kato

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const known = `{"final_learned_pattern":"PTRN|00","initial_stm_length":0}`

// raw is a server of plain connections, of which each gets to read a request.
func raw(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1<<16))
			serve(conn)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

func served(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// Every way in which a request can fail is told apart, and none tells who asked.
func TestObserveFails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := listener.Addr().String()
	_ = listener.Close()

	lost := func(status int, timeout bool) func(error) bool {
		return func(err error) bool {
			l, ok := errors.AsType[*lostError](err)
			return ok && l.Status == status && l.Timeout == timeout && !errors.Is(err, errNotSent)
		}
	}
	rejected := func(status int) func(error) bool {
		return func(err error) bool {
			r, ok := errors.AsType[*RejectedError](err)
			_, isLost := errors.AsType[*lostError](err)
			return ok && r.Status == status && !isLost
		}
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	for name, tt := range map[string]struct {
		address string
		want    func(error) bool
		says    string
	}{
		"refused": {refused, is(errNotSent), "refused"},
		"reset": {raw(t, func(conn net.Conn) {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}), lost(0, false), "reset"},
		"closed":        {raw(t, func(net.Conn) {}), lost(0, false), "EOF"},
		"cut":           {raw(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{") }), lost(0, false), "EOF"},
		"not HTTP":      {raw(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0\r\n\r\n") }), lost(0, false), "malformed"},
		"hung":          {served(t, hanging), lost(0, true), "no answer within 30 ms"},
		"not KATO":      {served(t, answering(200, "<html>")), lost(200, false), "undecodable"},
		"no session":    {served(t, answering(404, `{"detail":"Session s not found or expired"}`)), is(errNoSession), ""},
		"expired":       {served(t, answering(410, ``)), is(errNoSession), ""},
		"too many":      {served(t, answering(429, ``)), lost(429, false), "429"},
		"bad gateway":   {served(t, answering(502, ``)), lost(502, false), "502"},
		"unavailable":   {served(t, answering(503, "Service Unavailable")), lost(503, false), "Service Unavailable"},
		"gateway":       {served(t, answering(504, ``)), lost(504, false), "504"},
		"bad request":   {served(t, answering(400, `{"detail":"no"}`)), rejected(400), `400 (Bad Request): {"detail":"no"}`},
		"unprocessable": {served(t, answering(422, ``)), rejected(422), "422"},
		"broken":        {served(t, answering(500, ``)), rejected(500), "500"},
		"elsewhere":     {served(t, http.RedirectHandler("/b", http.StatusTemporaryRedirect)), rejected(307), "307"},
	} {
		t.Run(name, func(t *testing.T) {
			w := DefaultWaits
			if name == "hung" {
				w.Request = 30 * time.Millisecond
			}
			c := newClient("http://alice:secret@"+tt.address, w, func(string) {})
			defer c.close()
			_, err := c.observe(t.Context(), call{session: "s", symbols: symbols})
			if err == nil || !tt.want(err) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%T: %v", err, err)
			}
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				t.Error("it passes for the end of the context: ", err)
			}
			hidden(t, err)
		})
	}
}

func hidden(t *testing.T, err error) {
	t.Helper()
	if s := err.Error(); strings.Contains(s, "alice") || strings.Contains(s, "secret") {
		t.Error("it tells who asked: ", s)
	}
}

// A context that ends while a request is under way is what the error says.
func TestObserveEnds(t *testing.T) {
	asked := make(chan struct{})
	c := newClient("http://"+served(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(asked)
		<-r.Context().Done()
	})), DefaultWaits, func(string) {})
	defer c.close()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(errors.New("a signal"))
	}()
	for range 2 { // the second one is not sent any more
		if _, err := c.observe(ctx, call{session: "s", symbols: symbols}); err != context.Canceled {
			t.Fatalf("%T: %v", err, err)
		}
	}
}

func TestAddress(t *testing.T) {
	var got *http.Request
	address := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.WriteString(w, known)
	}))
	c := newClient("http://alice:s%40cret@"+address+"/behind", DefaultWaits, func(string) {})
	defer c.close()
	a, err := c.observe(t.Context(), call{session: "session 1%", symbols: symbols})
	if err != nil || a != (answer{name: "PTRN|00"}) {
		t.Fatal(a, err)
	}
	if want := "/behind/sessions/session%201%25/observe-sequence"; got.RequestURI != want {
		t.Errorf("%s, want %s", got.RequestURI, want)
	}
	if user, password, _ := got.BasicAuth(); user != "alice" || password != "s@cret" {
		t.Error(user, password)
	}
	if got.Header.Get("Accept-Encoding") != "" || got.Header.Get("Content-Type") != "application/json" || got.ContentLength <= 0 {
		t.Error(got.Header, got.ContentLength)
	}
}

func TestPrintable(t *testing.T) {
	long := strings.Repeat("é", 200)
	for in, want := range map[string]string{
		"":                               "",
		" a\nb\x1b[31m\x00 ":             "a b [31m",
		"a\xff":                          "a?",
		long:                             long[:300],
		"x" + long:                       "x" + long[:298],
		strings.Repeat("\x80", 400) + "": strings.Repeat("?", 300),
	} {
		if got := printable([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
