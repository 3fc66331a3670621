package trainer

import (
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
)

// A heart tells how far training is, and beats in the lease file.
type heart struct {
	session *ledger.Session
	pulse   *pulse
	target  int64  // samples, or 0
	learner Teller // or nil
	tell    func(Event)

	meter  meter
	last   ledger.Counters
	moved  time.Time
	beaten time.Time
	warned bool
}

// start begins, and goes on until the function it returns is called. That tells
// once more where training stands, which is where it ended.
func (h *heart) start() (stop func()) {
	now := time.Now()
	h.last, h.moved = h.pulse.get(), now
	h.meter = startMeter(now, h.last)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				h.progress(time.Now())
				return
			case now := <-tick.C:
				h.beat(now, h.progress(now))
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-done })
}

// progress looks where training stands and tells it.
func (h *heart) progress(now time.Time) *Progress {
	c := h.pulse.get()
	if c != h.last {
		h.last, h.moved = c, now
	}
	h.meter.observe(now, c)
	p := &Progress{Counters: c, Rate: h.meter.rate(now), StartRate: h.meter.start}
	if h.target > 0 {
		p.Left, p.LeftKnown = h.meter.left(now, h.target-c.Samples())
	}
	if h.learner != nil {
		p.Told = h.learner.Tell()
	}
	h.tell(p)
	return p
}

// beat writes the progress to the lease, if that is due.
func (h *heart) beat(now time.Time, p *Progress) {
	if now.Sub(h.beaten) < beatEvery {
		return
	}
	h.beaten = now
	if err := h.session.Beat(ledger.Progress{Counters: p.Counters, Rate: p.Rate, Moved: h.moved}); err != nil && !h.warned {
		h.warned = true
		h.tell(&Warning{Err: err})
	}
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
