package kato

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/local"
)

// A Learner has a KATO server learn. It is a trainer.Remote.
type Learner struct {
	options Options
	client  *client
	crew    crew

	mu       sync.Mutex // of what follows
	mirror   *local.Learner
	tally    *tally // instead of the mirror, which then learns nothing; else nil
	splitter *local.Splitter
	book     book
	reserved map[int64]int // by row, of the samples to be skipped: parts that are learned already

	single *worker // of Learn, made when that is called first
}

var (
	_ trainer.Remote = (*Learner)(nil)
	_ trainer.Teller = (*Learner)(nil)
)

// New returns a learner of a run that begins. It asks the server nothing yet. The
// error is a *local.OptionError if it is the options'.
func New(options Options) (*Learner, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	mirror, err := local.New(local.Options{Tokenizer: options.Tokenizer, ChunkSizes: options.ChunkSizes})
	if err != nil {
		return nil, err
	}
	l := &Learner{
		options: options, mirror: mirror, splitter: mirror.NewSplitter(), book: book{}, reserved: map[int64]int{},
		client: newClient(options.URL, options.Waits, options.Say),
	}
	if options.NoMirror {
		l.tally = newTally(len(options.ChunkSizes))
	}
	return l, nil
}

// node is the name of a layer's node.
func (l *Learner) node(layer int) string { return Node(l.options.Run, layer) }

// Connect waits for the server, and returns the names under which it stores the
// nodes, one a layer. The error is an *UnreachableError where it is not there in
// time.
func (l *Learner) Connect(ctx context.Context) (nodes []string, err error) {
	if err := l.client.look(ctx); err != nil {
		if ctx.Err() == nil {
			l.options.Say(fmt.Sprintf("Waiting up to %s for the KATO server at %s: %v", span(l.options.Waits.Health), l.client.base.String(), err))
		}
		if err := l.client.awaitHealth(ctx); err != nil {
			return nil, err
		}
	}
	// Nobody has learned this one: the answer names the node all the same.
	none := local.PatternName(nil)
	for layer := range l.options.ChunkSizes {
		_, stored, err := l.client.frequency(ctx, l.node(layer), none)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, stored)
	}
	return nodes, nil
}

// Learn implements trainer.Learner: it works on the sample and settles it.
func (l *Learner) Learn(ctx context.Context, s trainer.Sample) error {
	if l.single == nil {
		l.single = l.newWorker()
	}
	w, err := l.single.Work(ctx, s)
	if err != nil {
		return err
	}
	return l.Settle(ctx, w)
}

// Settle implements trainer.ParallelLearner: what the server has learned of a
// sample is learned here too.
func (l *Learner) Settle(_ context.Context, w trainer.Work) error {
	done, ok := w.(*work)
	if !ok {
		return errors.New("not the work of a worker of this learner")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.learnHere(done.split, done.from, done.learned); err != nil {
		return err
	}
	for i := done.from; i < done.learned; i++ {
		l.book.settle(keyOf(&done.split.Parts[i]))
	}
	if done.err != nil {
		return &trainer.SampleError{Row: done.row, Learned: done.learned, Err: done.err}
	}
	return nil
}

// Replay implements trainer.Remote.
func (l *Learner) Replay(s trainer.Sample, upTo int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	split := l.splitter.Split(s.Text)
	if upTo < 0 {
		upTo = len(split.Parts)
	}
	if s.Learned > upTo || upTo > len(split.Parts) {
		return fmt.Errorf("parts %d to %d of a sample of %d", s.Learned, upTo, len(split.Parts))
	}
	return l.learnHere(split, s.Learned, upTo)
}

// learnHere learns parts of a sample here only. The caller has mu.
func (l *Learner) learnHere(split *local.Split, from, to int) error {
	if l.tally != nil {
		return l.tally.learn(split.Parts[from:to])
	}
	return l.mirror.LearnParts(split, from, to)
}

// expected returns how often the server must have learned a part of a sample.
func (l *Learner) expected(split *local.Split, part int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.mirror.Frequencies(split)[part]
	if a := l.book[keyOf(&split.Parts[part])]; a != nil {
		n += a.learned + a.credit
	}
	return n
}

// Finalize tells the server of each layer's node that training is over.
func (l *Learner) Finalize(ctx context.Context) error {
	w := l.newWorker()
	defer w.Close()
	for layer := range l.options.ChunkSizes {
		session, err := w.session(ctx, layer)
		if err == nil {
			_, err = l.client.finalize(ctx, session)
		}
		if err != nil {
			return fmt.Errorf("finalize node %s: %w", l.node(layer), err)
		}
	}
	return nil
}

// Restore implements trainer.Learner. An error wraps local.ErrState where an object
// is not one of this learner's.
func (l *Learner) Restore(ctx context.Context, store trainer.ObjectReader, objects []ledger.Object) (string, error) {
	if l.tally != nil {
		return l.tally.restore(ctx, store, objects)
	}
	return l.mirror.Restore(ctx, store, objects)
}

// Capture implements trainer.Learner.
func (l *Learner) Capture() (trainer.Capture, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &capture{metrics: l.client.metrics()}
	var err error
	if l.tally != nil {
		c.Capture = l.tally.capture()
	} else {
		c.Capture, err = l.mirror.Capture()
	}
	return c, err
}

// capture is one with what the server took.
type capture struct {
	trainer.Capture
	metrics map[string]float64
}

// Write implements trainer.Capture.
func (c *capture) Write(ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
	state, err := c.Capture.Write(ctx, store, whole)
	if err != nil {
		return state, err
	}
	maps.Copy(state.Metrics, c.metrics)
	return state, nil
}

// Close implements trainer.Learner.
func (l *Learner) Close() error {
	var err error
	if l.single != nil {
		err = l.single.Close()
	}
	l.client.close()
	return err
}
