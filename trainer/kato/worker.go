package kato

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ckptledger/trainer"
	"ckptledger/trainer/local"
)

// maxTries is how often a part of a sample is sent that the server does not come to
// learn, although it is there in between.
const maxTries = 5

// A worker has the server learn one sample at a time, by sessions of its own: one
// a layer.
type worker struct {
	l        *Learner
	splitter *local.Splitter
	sessions []string // empty where there is none
	pulse    *pulse
}

// work is what a worker has had learned of a sample.
type work struct {
	row     int64
	split   *local.Split
	from    int // parts that were learned before
	learned int // parts that are learned now
	err     error
}

func (l *Learner) newWorker() *worker {
	return &worker{l: l, splitter: l.mirror.NewSplitter(), sessions: make([]string, len(l.options.ChunkSizes)), pulse: l.crew.join(l.options.Waits.Stall)}
}

// NewWorker implements trainer.ParallelLearner.
func (l *Learner) NewWorker() (trainer.Worker, error) { return l.newWorker(), nil }

// Work implements trainer.Worker. A sample of which the server rejects a part is
// errored; what it learned of it before is known. Other errors end the run.
func (w *worker) Work(ctx context.Context, s trainer.Sample) (trainer.Work, error) {
	ctx, done := w.pulse.begin(ctx, s.Row)
	defer done()
	job := &work{row: s.Row, split: w.splitter.Split(s.Text), from: s.Learned, learned: s.Learned}
	meta, err := w.l.metadata(&s)
	if err != nil {
		return nil, err
	}
	for ; job.learned < len(job.split.Parts); job.learned++ {
		part := job.learned
		if s.Skip {
			if !w.l.takeCredit(keyOf(&job.split.Parts[part])) {
				break
			}
			continue
		}
		err := w.learn(ctx, job.split, part, meta)
		if rejected, ok := errors.AsType[*RejectedError](err); ok {
			job.err = w.l.partError(job.split, part, rejected)
			return job, nil
		}
		if err != nil {
			return nil, w.l.partError(job.split, part, w.l.crew.explain(err))
		}
	}
	if s.Skip {
		job.err = trainer.ErrSkipped
	}
	return job, nil
}

func (l *Learner) partError(split *local.Split, part int, err error) error {
	p := &split.Parts[part]
	return &PartError{Part: part, Parts: len(split.Parts), Node: l.node(p.Layer), Name: p.Name, Err: err}
}

// learn has the server learn a part of a sample, once.
func (w *worker) learn(ctx context.Context, split *local.Split, part int, meta []byte) error {
	k := keyOf(&split.Parts[part])
	credited, err := w.l.hold(ctx, k)
	if credited || err != nil {
		return err
	}
	err = w.send(ctx, split, part, meta)
	w.l.release(k, err == nil)
	return err
}

// send sends a part until it is known to be learned, or that it will not be: then
// there is an error.
func (w *worker) send(ctx context.Context, split *local.Split, part int, meta []byte) error {
	p := &split.Parts[part]
	tries := w.l.client.tries()
	for try := 1; ; try++ {
		answer, err := w.observe(ctx, p, meta)
		lost, isLost := errors.AsType[*lostError](err)
		_, isRejected := errors.AsType[*RejectedError](err)
		switch {
		case err == nil && (answer.name != p.Name || answer.stm != 0):
			return &AnswerError{Node: w.l.node(p.Layer), Want: p.Name, Got: answer.name, STM: answer.stm}
		case err == nil:
			return nil
		case isLost, isRejected:
			w.sessions[p.Layer] = "" // its short-term memory may hold anything
			learned, settleErr := w.settle(ctx, split, part, isRejected && !isLost || isLost && lost.Status == http.StatusServiceUnavailable)
			if learned || settleErr != nil {
				return settleErr
			}
		case errors.Is(err, errNoSession):
			w.sessions[p.Layer] = ""
			if try < maxTries {
				continue
			}
		}
		if isLost && try >= maxTries {
			return fmt.Errorf("sent %d times: %w", try, err)
		}
		if err := tries.again(ctx, err); err != nil {
			return err
		}
	}
}

// observe sends a part of a sample.
func (w *worker) observe(ctx context.Context, p *local.Part, meta []byte) (answer, error) {
	session, err := w.session(ctx, p.Layer)
	if err != nil {
		return answer{}, err
	}
	c := call{session: session, layer: p.Layer, symbols: p.Symbols}
	if w.l.captures(p.Layer) {
		// A session keeps metadata until then, over what is learned.
		if err := w.l.client.clearSTM(ctx, session); err != nil {
			return answer{}, err
		}
		c.metadata = meta
	}
	return w.l.client.observe(ctx, c)
}

// settle finds out whether a part whose answer was lost was learned. Answered says
// that the server is done with the request; otherwise it may still be at it.
func (w *worker) settle(ctx context.Context, split *local.Split, part int, answered bool) (learned bool, err error) {
	if w.l.tally != nil {
		return false, nil // nobody knows
	}
	p := &split.Parts[part]
	want, visible := w.l.expected(split, part), w.l.options.Waits.Visible
	for deadline := time.Now().Add(visible); ; {
		asked := time.Now() // a slow answer says what was so then
		n, _, err := w.l.client.frequency(ctx, w.l.node(p.Layer), p.Name)
		got := uint64(n)
		switch {
		case err != nil:
			return false, err
		case got == want+1:
			return true, nil
		case got > want:
			return false, w.l.foreign(true, 1, []Difference{{w.l.node(p.Layer), p.Name, want, got}})
		case answered && want > 0 && got == want, // a known pattern is counted at once
			!asked.Before(deadline):
			return false, nil
		}
		if err := w.l.client.sleep(ctx, visible/8); err != nil {
			return false, err
		}
	}
}

// session returns the worker's session of a layer.
func (w *worker) session(ctx context.Context, layer int) (string, error) {
	if w.sessions[layer] == "" {
		id, err := w.l.client.openSession(ctx, w.l.node(layer), w.l.options.session(layer))
		if err != nil {
			return "", err
		}
		w.sessions[layer] = id
	}
	return w.sessions[layer], nil
}

// session are a layer's settings, as the server takes them.
func (o *Options) session(layer int) map[string]any {
	return map[string]any{
		"max_pattern_length":  0, // learn only when told to
		"stm_mode":            "CLEAR",
		"process_predictions": false,
		"recall_threshold":    o.RecallThreshold[layer],
		"max_predictions":     o.MaxPredictions[layer],
		"sort_symbols":        o.SortSymbols[layer],
	}
}

// goodbye is how long closing waits for the server to forget sessions, which it
// does by itself in time.
const goodbye = time.Second

// Close implements trainer.Worker.
func (w *worker) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	for _, session := range w.sessions {
		if session != "" {
			_ = w.l.client.deleteSession(ctx, session)
		}
	}
	w.l.crew.leave(w.pulse)
	return nil
}
