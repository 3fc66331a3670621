package kato_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"ckptledger/ledger"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
)

// TestTrainThroughDeaths trains by attempts that end at random moments: killed,
// which here is that another takes the run over so that nothing of them is recorded
// any more, interrupted, or failed because of a server that stays away; on a server
// that loses answers and rejects patterns now and then. Rows are retried and
// skipped.
func TestTrainThroughDeaths(t *testing.T) {
	attempts := 12
	if testing.Short() {
		attempts = 4
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, katotest.Options{Visible: 5 * time.Millisecond})
			r.target, r.options.Waits.Request = 250, 5*time.Second
			random := rand.New(rand.NewPCG(seed, 1))
			for range attempts {
				r.workers = []int{0, 2, 8}[random.IntN(3)]
				r.die(random)
			}
			r.workers, r.retry, r.skip, r.options.Waits.Health = 4, true, nil, quickly.Health
			if res := r.finish(); res.Counters.Errored != 0 {
				t.Errorf("%d errored", res.Counters.Errored)
			}
		})
	}
}

// die is one attempt that ends early, if it does not come to the target before.
func (r *rig) die(random *rand.Rand) {
	r.t.Helper()
	stop, how, left := make(chan struct{}), random.IntN(3), random.IntN(400)
	end := sync.OnceFunc(func() {
		switch how {
		case 0:
			lease, err := r.ledger.Acquire(context.Background(), r.id, ledger.LeaseOptions{TakeOver: true, Watch: time.Nanosecond})
			if err != nil {
				r.t.Errorf("take over: %v", err)
				return
			}
			lease.Release()
		case 1:
			close(stop)
		}
	})
	if r.options.Waits.Health = quickly.Health; how == 2 {
		r.options.Waits.Health = 50 * time.Millisecond
	}
	faults := katotest.Sometimes(random.Uint64(), 30, katotest.Fault{Cut: true}, katotest.Fault{Cut: true, Processed: true}, katotest.Fault{Status: 502, Processed: true}, katotest.Fault{Status: 422})
	var mu sync.Mutex
	r.server.Change(func(o *katotest.Options) {
		o.Fault = func(q katotest.Request) katotest.Fault {
			mu.Lock()
			if q.Kind == katotest.Observe {
				left--
			}
			over := left < 0
			mu.Unlock()
			if over {
				end()
			}
			f := faults(q)
			switch {
			case over && how == 2: // a gateway without a server
				return katotest.Fault{Status: 502, Processed: f.Processed}
			case q.Kind != katotest.Observe && f.Status == 422:
				return katotest.Fault{}
			}
			return f
		}
	})
	mark, err := r.ledger.Mark(context.Background(), r.id)
	if err != nil {
		r.t.Fatal(err)
	}
	r.retry, r.skip = random.IntN(2) == 0, nil
	if random.IntN(3) == 0 {
		row := mark.Row + random.Int64N(20)
		if n := len(mark.Retrying); n > 0 {
			row = mark.Retrying[random.IntN(n)].Row
		}
		r.skip = &row
	}
	res, err := r.attempt(stop, nil)
	r.t.Logf("%s at %+v: %v", res.Reason, res.Counters, err)
	r.server.Stop() // nothing that it has in hand is learned any more
	if err := r.server.Start(); err != nil {
		r.t.Fatal(err)
	}
	if _, foreign := errors.AsType[*kato.ForeignError](err); foreign || res.Reason == "" && how != 2 {
		r.t.Fatal("it was not to end so")
	}
}
