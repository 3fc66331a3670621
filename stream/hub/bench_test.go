package hub_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"
)

// link is a transport with a delay before each answer, and of so many bytes a
// second in all; 0: of any number.
type link struct {
	delay time.Duration
	rate  int64

	mu   sync.Mutex
	busy time.Time // until when it is
}

func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(l.delay)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		resp.Body = &linked{resp.Body, l}
	}
	return resp, err
}

type linked struct {
	io.ReadCloser
	link *link
}

func (b *linked) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if l := b.link; l.rate > 0 {
		l.mu.Lock()
		if now := time.Now(); l.busy.Before(now) {
			l.busy = now
		}
		l.busy = l.busy.Add(time.Duration(int64(n) * int64(time.Second) / l.rate))
		until := l.busy
		l.mu.Unlock()
		time.Sleep(time.Until(until))
	}
	return n, err
}

// BenchmarkStream reads a file over links of some delay and rate, in MB/s.
func BenchmarkStream(b *testing.B) {
	h := hubtest.New(b)
	repo := h.Repo(repoName)
	const size = 128 << 20
	commit := repo.Commit(map[string]hubtest.File{"f": {Content: zeros{}, Size: size, SHA256: strings.Repeat("0", 64)}})
	for _, rate := range []int64{0, 100, 20} {
		for _, delay := range []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond} {
			b.Run(fmt.Sprintf("rate=%d/delay=%s", rate, delay), func(b *testing.B) {
				c, err := hub.New(hub.Options{Endpoint: h.URL, Transport: &link{delay: delay, rate: rate * 1e6}})
				if err != nil {
					b.Fatal(err)
				}
				f, err := c.Open(repoName, commit, hub.File{Path: "f", Size: size})
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(size)
				buf := make([]byte, 1<<20)
				for b.Loop() {
					r := f.Stream(b.Context(), 0, -1, 16<<20)
					if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, buf); err != nil || n != size {
						b.Fatal(n, err)
					}
					r.Close()
				}
				b.ReportMetric(float64(c.Stats().Reads)/float64(b.N), "reads/op")
			})
		}
	}
}
