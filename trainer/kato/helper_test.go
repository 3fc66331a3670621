package kato

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// A network is a server in memory, which is there or not. In a bubble of synctest
// it costs no time to wait for it.
type network struct {
	down  atomic.Bool // connections are refused
	dials atomic.Int64
	conns chan net.Conn
	ended chan struct{}
}

// lines are what a client said.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) say(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
}

func (l *lines) said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// inMemory returns a client of a server in memory, whose address has userinfo.
func inMemory(t *testing.T, w Waits, h http.Handler) (*client, *network, *lines) {
	t.Helper()
	w.complete()
	n := &network{conns: make(chan net.Conn), ended: make(chan struct{})}
	server := &http.Server{Handler: h}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(n) })
	said := new(lines)
	c := newClient("http://alice:secret@kato.test", w, said.say)
	c.transport.Proxy = nil
	c.transport.DialContext = n.dial
	t.Cleanup(func() {
		c.close()
		_ = server.Close()
		serving.Wait()
	})
	return c, n, said
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.dials.Add(1)
	if n.down.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	here, there := net.Pipe()
	select {
	case n.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Close and Addr make a net.Listener of the network.
func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.conns:
		return conn, nil
	case <-n.ended:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { close(n.ended); return nil }
func (n *network) Addr() net.Addr { return &net.UnixAddr{} }

// answering answers every request by the same.
func answering(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// hanging answers no request until its client gives up, which a server notices
// once it has read the body.
var hanging = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
})

// healthyServer is healthy, and does else what h does.
func healthyServer(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /health", answering(200, `{"status":"healthy"}`))
	mux.Handle("/", h)
	return mux
}
