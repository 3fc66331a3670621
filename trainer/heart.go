package trainer

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"ckptledger/ledger"
)

// pulse holds the counters where others may read them while training goes on.
type pulse struct {
	trained, errored, filtered atomic.Int64
}

func (p *pulse) set(c ledger.Counters) {
	p.trained.Store(c.Trained)
	p.errored.Store(c.Errored)
	p.filtered.Store(c.Filtered)
}

// get may see a row that is half counted; the row is then what the parts say.
func (p *pulse) get() ledger.Counters {
	c := ledger.Counters{Trained: p.trained.Load(), Errored: p.errored.Load(), Filtered: p.filtered.Load()}
	c.Row = c.Trained + c.Errored + c.Filtered
	return c
}

const (
	progressEvery = 100 * time.Millisecond
	beatEvery     = time.Second
	rateMemory    = 10 * time.Second // over which the recent rate is averaged
)

// startHeart tells how far training is, and beats in the lease file, until the
// function it returns is called.
func startHeart(s *ledger.Session, p *pulse, tell func(Event)) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		var rate meter
		last, moved, beaten := p.get(), time.Now(), time.Time{}
		warned := false
		for {
			var now time.Time
			select {
			case <-quit:
				return
			case now = <-tick.C:
			}
			c := p.get()
			if c != last {
				moved = now
			}
			r := rate.add(now, c.Samples()-last.Samples())
			last = c
			tell(&Progress{Counters: c, Rate: r})
			if now.Sub(beaten) < beatEvery {
				continue
			}
			beaten = now
			if err := s.Beat(ledger.Progress{Counters: c, Rate: r, Moved: moved}); err != nil && !warned {
				warned = true
				tell(&Warning{Err: err})
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-done })
}

// meter averages a rate over the recent past, each moment weighing less the
// longer ago it is.
type meter struct {
	at    time.Time
	first time.Time
	rate  float64
}

func (m *meter) add(now time.Time, n int64) float64 {
	if m.at.IsZero() {
		m.at, m.first = now, now
		return 0
	}
	dt := now.Sub(m.at).Seconds()
	if dt <= 0 {
		return m.rate
	}
	m.at = now
	w := 1 - math.Exp(-dt/rateMemory.Seconds())
	// In the beginning there is no past: the first moments are averaged evenly.
	if age := now.Sub(m.first).Seconds(); age < rateMemory.Seconds() {
		w = max(w, dt/age)
	}
	m.rate += w * (float64(n)/dt - m.rate)
	return m.rate
}

// serialize makes events come one at a time, and nowhere if nobody listens.
func serialize(f func(Event)) func(Event) {
	if f == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		f(e)
	}
}
