package kato

import (
	"fmt"
	"sync"
	"time"
)

// stats count what a client does.
type stats struct {
	mu       sync.Mutex // held for less than a request costs by far
	requests int64
	retries  int64
	restarts int64
	waited   time.Duration
	layers   []times
}

// times are those that the requests of a layer took.
type times struct {
	all  histogram // since they were told last
	last recent
}

func (s *stats) requested() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
}

func (s *stats) retried() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retries++
}

// restarted returns how many restarts there were.
func (s *stats) restarted() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restarts++
	return s.restarts
}

// waiting counts the time until the function is called.
func (s *stats) waiting() (done func()) {
	began := time.Now()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waited += time.Since(began)
	}
}

// took counts the time of a request that was answered.
func (s *stats) took(layer int, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.layers) <= layer {
		s.layers = append(s.layers, times{})
	}
	s.layers[layer].all.add(d)
	s.layers[layer].last.add(d)
}

// metrics returns the counts since the client was made: "requests", of any kind;
// "retries", "restarts", and "seconds_waited", of all workers together; and the
// times of the requests that observe since the last call of metrics, in
// milliseconds: "layer0.request_ms_median" and "layer0.request_ms_p95". A layer
// without any is left out.
func (c *client) metrics() map[string]float64 {
	s := &c.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]float64{
		"requests":       float64(s.requests),
		"retries":        float64(s.retries),
		"restarts":       float64(s.restarts),
		"seconds_waited": s.waited.Seconds(),
	}
	for i := range s.layers {
		h := &s.layers[i].all
		if h.n == 0 {
			continue
		}
		m[fmt.Sprintf("layer%d.request_ms_median", i)] = milliseconds(h.quantile(0.5))
		m[fmt.Sprintf("layer%d.request_ms_p95", i)] = milliseconds(h.quantile(0.95))
		*h = histogram{}
	}
	return m
}

// recent returns the median time of a layer's last requests that observe; 0 if
// there is none yet.
func (c *client) recent(layer int) time.Duration {
	s := &c.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	if layer >= len(s.layers) {
		return 0
	}
	return s.layers[layer].last.median()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
