package local

import (
	"context"
	"errors"
	"sync"

	"ckptledger/trainer"
	"ckptledger/trainer/local/gpt2"
)

var _ trainer.ParallelLearner = (*Learner)(nil)

// worker turns texts into tokens, which takes most of the time that a sample
// takes. Learning them is left to Settle.
type worker struct {
	encoder *gpt2.Encoder
	tokens  *sync.Pool
}

// tokens are those of one sample.
type tokens struct{ ids []uint16 }

// NewWorker implements trainer.ParallelLearner.
func (l *Learner) NewWorker() (trainer.Worker, error) {
	return &worker{encoder: l.vocabulary.NewEncoder(), tokens: &l.pool}, nil
}

// Work implements trainer.Worker.
func (w *worker) Work(_ context.Context, s trainer.Sample) (trainer.Work, error) {
	t, ok := w.tokens.Get().(*tokens)
	if !ok {
		t = new(tokens)
	}
	t.ids = w.encoder.Append(t.ids[:0], s.Text)
	return t, nil
}

// Close implements trainer.Worker.
func (w *worker) Close() error { return nil }

var errWork = errors.New("not the work of a worker of this learner")

// Settle implements trainer.ParallelLearner. The error is ErrFull.
func (l *Learner) Settle(_ context.Context, w trainer.Work) error {
	t, ok := w.(*tokens)
	if !ok {
		return errWork
	}
	err := l.model.learn(t.ids)
	if cap(t.ids) <= maxScratch {
		l.pool.Put(t)
	}
	return err
}
