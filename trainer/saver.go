package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"ckptledger/ledger"
)

// maxQueued is how many captured states wait for their commit before training
// waits too.
const maxQueued = 64

// job is one thing to record: a snapshot, the end of the attempt, or both.
type job struct {
	capture  Capture // nil: only the end
	kind     ledger.Kind
	counters ledger.Counters
	position json.RawMessage
	errored  []ledger.ErroredRow
	rate     float64       // samples a second in this attempt, when it was captured
	elapsed  time.Duration // of this attempt, likewise
	end      *ledger.End

	committed func() // called when the snapshot is
}

// saver records jobs behind the training, one after another and in order. After
// the first that fails it records nothing more.
type saver struct {
	session *ledger.Session
	tell    func(Event)
	endWait time.Duration
	jobs    chan job
	done    chan struct{} // closed when the last job is through

	mu     sync.Mutex
	err    error
	ending time.Time // when the run began to end; zero before
}

func startSaver(s *ledger.Session, tell func(Event), endWait time.Duration) *saver {
	v := &saver{session: s, tell: tell, endWait: endWait, jobs: make(chan job, maxQueued), done: make(chan struct{})}
	go v.work()
	return v
}

// save queues a job, and waits where the queue is full.
func (v *saver) save(j job) { v.jobs <- j }

// hurry says that the run is ending: from now on a commit waits for the ledger
// for endWait at most.
func (v *saver) hurry() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ending.IsZero() {
		v.ending = time.Now()
	}
}

// close waits until everything queued is recorded or given up, and returns what
// went wrong.
func (v *saver) close() error {
	v.hurry()
	close(v.jobs)
	<-v.done
	return v.failed()
}

func (v *saver) failed() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// work does not end with the context of the training: what was captured is
// recorded whatever ends the run.
func (v *saver) work() {
	ctx := context.Background()
	defer close(v.done)
	for j := range v.jobs {
		if v.failed() != nil {
			continue // training is told by failed, and may still be queueing
		}
		if err := v.record(ctx, j); err != nil {
			v.mu.Lock()
			v.err = err
			v.mu.Unlock()
		}
	}
}

func (v *saver) record(ctx context.Context, j job) error {
	if j.capture == nil {
		return v.patiently(func() error { return v.session.End(ctx, *j.end) })
	}
	started := time.Now()
	store := &countingStore{ObjectStore: v.session}
	snap, err := v.commit(ctx, j, store)
	if err != nil {
		return err
	}
	j.committed()
	v.tell(&Saved{Snapshot: snap, Wrote: store.wrote, Took: time.Since(started)})
	return nil
}

// commit writes the state and commits it. An object that vanished in between,
// because it was removed while nothing referred to it, is written again.
func (v *saver) commit(ctx context.Context, j job, store *countingStore) (ledger.Snapshot, error) {
	const tries = 3
	for try := 1; ; try++ {
		state, err := j.capture.Write(ctx, store, try > 1)
		if err != nil {
			return ledger.Snapshot{}, fmt.Errorf("write state: %w", err)
		}
		c := ledger.Checkpoint{
			Kind: j.kind, Counters: j.counters, Position: j.position, Metrics: withUsage(state.Metrics, j.rate),
			ModelDigest: state.ModelDigest, Objects: state.Objects, Errored: j.errored, Rate: j.rate, Elapsed: j.elapsed, End: j.end,
		}
		var snap ledger.Snapshot
		err = v.patiently(func() error {
			var err error
			snap, err = v.session.Commit(ctx, c)
			return err
		})
		var missing *ledger.MissingError
		if errors.As(err, &missing) && try < tries {
			continue
		}
		return snap, err
	}
}

// patiently repeats what fails only because others have the ledger locked.
func (v *saver) patiently(do func() error) error {
	started := time.Now()
	for {
		err := do()
		if !errors.Is(err, ledger.ErrBusy) || v.waitedEnough(started) {
			return err
		}
		v.tell(&Waiting{For: time.Since(started), Queued: len(v.jobs) + 1})
	}
}

// waitedEnough reports whether what has waited since started is to be given up.
func (v *saver) waitedEnough(started time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ending.IsZero() {
		return false
	}
	if v.ending.After(started) {
		started = v.ending
	}
	return time.Since(started) >= v.endWait
}

// countingStore counts the bytes of the objects that are put.
type countingStore struct {
	ObjectStore
	wrote int64
}

func (s *countingStore) PutObject(ctx context.Context, name string, write func(io.Writer) error) (ledger.Object, error) {
	o, err := s.ObjectStore.PutObject(ctx, name, write)
	s.wrote += o.Bytes
	return o, err
}
