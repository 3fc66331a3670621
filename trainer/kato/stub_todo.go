package kato

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/local"
)

// This file stands in for the learning until that is merged, and is dropped then:
// it learns in a local learner, and asks the server for its health alone.

var mirrors sync.Map // of each *Learner its *local.Learner

func (l *Learner) mirror() *local.Learner {
	if m, ok := mirrors.Load(l); ok {
		return m.(*local.Learner)
	}
	m, err := local.New(local.Options{Tokenizer: l.options.Tokenizer, ChunkSizes: l.options.ChunkSizes})
	if err != nil {
		return nil // New has checked the options
	}
	kept, _ := mirrors.LoadOrStore(l, m)
	return kept.(*local.Learner)
}

func (l *Learner) Learn(ctx context.Context, s trainer.Sample) error { return l.mirror().Learn(ctx, s) }
func (l *Learner) Capture() (trainer.Capture, error)                 { return l.mirror().Capture() }
func (l *Learner) NewWorker() (trainer.Worker, error)                { return l.mirror().NewWorker() }
func (l *Learner) Settle(ctx context.Context, w trainer.Work) error  { return l.mirror().Settle(ctx, w) }
func (l *Learner) Reconcile(context.Context, []trainer.Sample) error { return nil }
func (l *Learner) Replay(s trainer.Sample, _ int) error {
	return l.mirror().Learn(context.Background(), s)
}

func (l *Learner) Restore(ctx context.Context, store trainer.ObjectReader, objects []ledger.Object) (string, error) {
	return l.mirror().Restore(ctx, store, objects)
}

func (l *Learner) Close() error {
	mirrors.Delete(l)
	return nil
}

// Connect waits for the server and returns the nodes' names.
func (l *Learner) Connect(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Waits.Health)
	defer cancel()
	for {
		err := l.call(ctx, http.MethodGet, "/health")
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return nil, &UnreachableError{URL: l.options.URL, Err: err}
		case <-time.After(l.options.Waits.Poll):
		}
	}
	var nodes []string
	for layer := range l.options.ChunkSizes {
		nodes = append(nodes, Node(l.options.Run, layer)+"_kato")
	}
	return nodes, nil
}

// Finalize has the server finish what it does once, after training.
func (l *Learner) Finalize(ctx context.Context) error {
	for layer := range l.options.ChunkSizes {
		if err := l.call(ctx, http.MethodPost, "/sessions/"+Node(l.options.Run, layer)+"/finalize-training"); err != nil {
			return err
		}
	}
	return nil
}

func (l *Learner) call(ctx context.Context, method, path string) error {
	req, err := http.NewRequestWithContext(ctx, method, l.options.URL+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	return nil
}

// UnreachableError says that the server did not answer in time.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no KATO server answers at %s: %v", e.URL, e.Err)
}
func (e *UnreachableError) Unwrap() error { return e.Err }

// ForeignError says that the server does not hold what the run has taught it.
type ForeignError struct {
	Wiped bool
	Nodes []string
}

func (e *ForeignError) Error() string {
	if e.Wiped {
		return "the server does not know what the run has taught it: " + strings.Join(e.Nodes, ", ")
	}
	return "another writer has taught the run's nodes: " + strings.Join(e.Nodes, ", ")
}
