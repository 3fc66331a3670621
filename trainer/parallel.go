package trainer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ckptledger/ledger"
	"ckptledger/stream"
)

// A ParallelLearner can have several workers. What they do for different samples
// is done at the same time and in any order; what the model becomes is settled by
// one call of Settle a sample, in the order of the rows. So a Capture is of all
// samples before a row and of none behind it, whatever the workers are at.
type ParallelLearner interface {
	Learner

	// NewWorker returns one more worker.
	NewWorker() (Worker, error)

	// Settle learns a sample that a worker has worked on. It is called as Learn
	// is; its errors mean what Learn's do.
	Settle(ctx context.Context, w Work) error
}

// A Worker works on one sample at a time. It belongs to one goroutine.
type Worker interface {
	// Work does what can be done for a sample before its turn has come. The
	// context ends when training is to stop: the sample may then be given up, by
	// an error that wraps the context's. Other errors mean what Learn's do.
	Work(ctx context.Context, s Sample) (Work, error)
	Close() error
}

// Work is what a worker has found out of a sample: the learner's own.
type Work any

const (
	// batchTime is about how long a worker is to be at a batch: long against what
	// handing it out takes, short against what anybody waits for.
	batchTime = time.Millisecond
	maxBatch  = 256 // rows

	// ahead is how many batches there may be for each worker, from the slowest on.
	ahead = 4
)

// A crew is the workers of a run. They serve themselves: each reads the next rows,
// works on them, and then settles what is next in order, so that nothing has to
// be handed from one to another.
type crew struct {
	*run
	learner ParallelLearner
	reader  stream.Reader
	stopped *atomic.Bool

	// feed is held by who reads. Who holds it does not wait for desk.
	feed sync.Mutex
	read int   // batches that were read
	seen int64 // samples in them, and before them

	// desk is held by who settles, which changes the run.
	desk     sync.Mutex
	room     sync.Cond      // of what follows
	out      int            // batches that are not settled
	promised int64          // samples that may be in them
	size     int            // of a batch, in rows
	next     int            // the batch to be settled
	done     map[int]*batch // those behind it that were worked on
	free     []*batch
	end      *ledger.End // once it is known how training ends
	err      error
}

// A batch is rows on their way through a worker.
type batch struct {
	stream.Batch
	n        int     // its number, in the order of the rows
	first    int64   // number of its first sample
	promised int64   // samples that may be in it
	work     []Work  // of each row
	errs     []error // likewise
	last     error   // why no more rows could be read
}

// fed is the reader of a crew, of which others may ask what a Checker tells.
type fed struct {
	stream.Reader
	feed *sync.Mutex
}

func (f *fed) Check() error {
	f.feed.Lock()
	defer f.feed.Unlock()
	return check(f.Reader)
}

// trainParallel trains with workers until there is a reason to end.
func (r *run) trainParallel(ctx, readCtx context.Context, stopped *atomic.Bool) (ledger.End, error) {
	learner, ok := r.Learner.(ParallelLearner)
	if !ok {
		return failed(errors.New("the learner can have but one worker"))
	}
	c := &crew{run: r, learner: learner, reader: r.Reader, stopped: stopped, seen: r.now.Samples(), size: 1, done: make(map[int]*batch)}
	c.room.L = &c.desk
	r.Reader = &fed{r.Reader, &c.feed}
	if end := r.ended(stopped); end != nil {
		return *end, nil
	}
	var workers []Worker
	var err error
	for len(workers) < r.Workers && err == nil {
		var w Worker
		if w, err = learner.NewWorker(); err == nil {
			workers = append(workers, w)
		}
	}
	if err == nil {
		workCtx, cancel := context.WithCancel(readCtx)
		var all sync.WaitGroup
		for _, w := range workers {
			all.Go(func() {
				c.serve(ctx, workCtx, w)
				cancel() // one that leaves has seen the end
			})
		}
		all.Wait()
		cancel()
	}
	err = errors.Join(err, closeAll(workers))
	if c.err == nil && err != nil {
		return failed(fmt.Errorf("workers: %w", err))
	}
	return *c.end, c.err
}

// closeAll closes workers at the same time: each may have to wait for a server that
// is away.
func closeAll(workers []Worker) error {
	errs := make([]error, len(workers))
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() { errs[i] = w.Close() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// serve is what a worker does until training ends.
func (c *crew) serve(ctx, workCtx context.Context, w Worker) {
	for b := c.take(); b != nil; b = c.take() {
		c.fill(workCtx, b)
		began := time.Now()
		c.perform(workCtx, b, w)
		c.settle(ctx, b, time.Since(began))
	}
}

// take waits until there may be one more batch, and returns it; nil where training
// ends. No more samples are promised than the target asks for.
func (c *crew) take() *batch {
	c.desk.Lock()
	defer c.desk.Unlock()
	for {
		left := int64(c.size)
		if c.Target > 0 {
			left = min(left, c.Target-c.now.Samples()-c.promised)
		}
		switch {
		case c.end != nil:
			return nil
		case left > 0 && c.out < ahead*c.Workers:
			b := new(batch)
			if n := len(c.free); n > 0 {
				b, c.free = c.free[n-1], c.free[:n-1]
			}
			b.promised = left
			c.out++
			c.promised += left
			return b
		}
		c.room.Wait()
	}
}

// fill reads the rows of a batch.
func (c *crew) fill(ctx context.Context, b *batch) {
	c.feed.Lock()
	defer c.feed.Unlock()
	b.n = c.read
	c.read++
	b.last = b.Read(ctx, c.reader, int(b.promised))
	b.first = c.seen
	rows := b.Rows()
	for i := range rows {
		if rows[i].Kind != stream.Filtered {
			c.seen++
		}
	}
}

// perform does the work on the samples of a batch, up to one that cannot be learned.
func (c *crew) perform(ctx context.Context, b *batch, w Worker) {
	rows := b.Rows()
	b.work, b.errs = resize(b.work, len(rows)), resize(b.errs, len(rows))
	number := b.first - 1
	for i := range rows {
		if rows[i].Kind != stream.Filtered {
			number++
		}
		if rows[i].Kind != stream.Sample {
			continue
		}
		var s Sample
		if s, b.errs[i] = c.sample(&rows[i], number, 0); b.errs[i] == nil {
			b.work[i], b.errs[i] = w.Work(ctx, s)
		}
		var sampleErr *SampleError
		if err := b.errs[i]; err != nil && !errors.As(err, &sampleErr) {
			return // training ends with this row
		}
	}
}

// resize returns s with n zero elements.
func resize[T any](s []T, n int) []T {
	clear(s)
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// settle settles the batch, or leaves it to who settles the one before.
func (c *crew) settle(ctx context.Context, b *batch, took time.Duration) {
	c.desk.Lock()
	defer c.desk.Unlock()
	switch n := len(b.Rows()); {
	case c.marker != nil: // a sample each: what is begun is to be little
	case took < batchTime/2 && n == c.size:
		c.size = min(2*c.size, maxBatch)
	case took > 2*batchTime:
		c.size = max(c.size/2, 1)
	}
	c.done[b.n] = b
	for b := c.done[c.next]; b != nil && c.end == nil; b = c.done[c.next] {
		delete(c.done, c.next)
		c.next++
		c.out--
		c.promised -= b.promised
		c.finishBatch(ctx, b)
		c.free = append(c.free, b)
	}
	c.room.Broadcast()
}

// finishBatch consumes the rows of a batch in order.
func (c *crew) finishBatch(ctx context.Context, b *batch) {
	rows := b.Rows()
	for i := range rows {
		err := c.consume(&rows[i], func() error {
			if b.errs[i] != nil {
				return b.errs[i]
			}
			return c.learner.Settle(ctx, b.work[i])
		})
		switch {
		case gaveUp(err, c.stopped):
			c.end = &ledger.End{Reason: ledger.Interrupted}
		case err != nil:
			c.ends(failed(err))
		case c.reached():
			c.end = &ledger.End{Reason: ledger.Completed}
		case c.saver.failed() != nil:
			c.end = &ledger.End{Reason: ledger.Failed} // finish returns what failed
		}
		if c.end != nil {
			return
		}
	}
	if b.last != nil {
		c.ends(c.broken(b.last, c.stopped))
	}
}

func (c *crew) ends(end ledger.End, err error) { c.end, c.err = &end, err }
