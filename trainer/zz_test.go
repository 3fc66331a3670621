package trainer_test

import (
	"context"
	"testing"
	"time"
	"io"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

type timed struct{ trainer.ObjectStore; put *time.Duration }
func (s timed) PutObject(ctx context.Context, name string, w func(io.Writer) error) (ledger.Object, error) {
	t := time.Now()
	var in time.Duration
	o, err := s.ObjectStore.PutObject(ctx, name, func(x io.Writer) error { t := time.Now(); defer func(){ in = time.Since(t) }(); return w(x) })
	*s.put += time.Since(t) - in
	return o, err
}
type tl struct{ trainer.Learner; write, put, capt *time.Duration }
func (l tl) Capture() (trainer.Capture, error) {
	t := time.Now(); defer func(){ *l.capt += time.Since(t) }()
	c, err := l.Learner.Capture()
	return writeFunc(func(ctx context.Context, s trainer.ObjectStore, whole bool) (trainer.State, error) {
		t := time.Now()
		p0 := *l.put
		st, err := c.Write(ctx, timed{s, l.put}, whole)
		*l.write += time.Since(t) - (*l.put-p0)
		return st, err
	}), err
}

func BenchmarkZZ(b *testing.B) {
	src := benchText(b)
	for b.Loop() {
	var w, p, c, took time.Duration
	var bytes int64
	model := tl{newLocal(b), &w, &p, &c}
	s := begin(b, newLedger(b), model)
	res := attempt(b, s, src, model, trainer.Options{Interval: trainer.Interval{Samples: 1000}, Events: func(e trainer.Event) { if e, ok := e.(*trainer.Saved); ok { took += e.Took; bytes += e.Wrote } }})
	b.Logf("took %v: saved %v of it write cpu %v, put %v (so commit %v); capture %v; bytes %d", res.Took, took, w, p, took-w-p, c, bytes)
	}
}
