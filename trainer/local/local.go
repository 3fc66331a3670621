// Package local is a learner inside the process: it counts patterns of tokens,
// as a KATO server does over HTTP.
//
// A text is cut into GPT-2's tokens, and these into chunks of a fixed size. Each
// chunk of two or more symbols is a pattern, whose frequency goes up by one; its
// name is a symbol of the next layer, which chunks the names of the layer below,
// and so on. Layers start afresh at each sample, and a chunk of one symbol is
// not learned and goes no further, so a text of one token teaches nothing.
//
// A [Learner] learns samples; it is a trainer.Learner. A [Pattern] is one thing
// that it learned, named as KATO names it ([PatternName]).
//
// Learning only counts. Names, digest, metrics and state objects are made from
// captures, on the goroutine that writes them, in the time that the changes
// since the last capture take. A model lives in memory, with 80 to 100 bytes
// a pattern at chunk size 8.
//
// Caveats: a Learner belongs to one goroutine, but for the writing of its
// captures. Patterns whose names collide in SHA-1 are kept apart but cannot be
// told apart by name.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/local/gpt2"
)

// Version is the config's learner_version. It is raised whenever equal text
// would give other patterns.
const Version = 1

// Tokenizers names the known tokenizers, the default first.
var Tokenizers = []string{"gpt2"}

// DefaultChunkSizes are the chunk sizes of the layers where none are given.
var DefaultChunkSizes = []int{8, 8, 8, 8}

const maxLayers = 8

// Options are a learner's identity settings.
type Options struct {
	Tokenizer  string // one of Tokenizers; empty for the first
	ChunkSizes []int  // of 1 to 8 layers, each 2 to 4096; nil for DefaultChunkSizes
}

// An OptionError says that a value of Options is not possible.
type OptionError struct {
	Option string // the config's name for it: "tokenizer" or "chunk_sizes"
	Reason string
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Reason }

// Complete fills in the defaults. The error is an *OptionError.
func (o *Options) Complete() error {
	if o.Tokenizer == "" {
		o.Tokenizer = Tokenizers[0]
	}
	if o.ChunkSizes == nil {
		o.ChunkSizes = DefaultChunkSizes
	}
	o.ChunkSizes = slices.Clone(o.ChunkSizes)
	if !slices.Contains(Tokenizers, o.Tokenizer) {
		return &OptionError{"tokenizer", fmt.Sprintf("%q is not known, known are: %s", o.Tokenizer, strings.Join(Tokenizers, ", "))}
	}
	if n := len(o.ChunkSizes); n < 1 || n > maxLayers {
		return &OptionError{"chunk_sizes", fmt.Sprintf("%d layers, possible are 1 to %d", n, maxLayers)}
	}
	for _, size := range o.ChunkSizes {
		if size < 2 || size > maxChunkSize {
			return &OptionError{"chunk_sizes", fmt.Sprintf("%d is not between 2 and %d", size, maxChunkSize)}
		}
	}
	return nil
}

// A Learner counts patterns in memory.
type Learner struct {
	options    Options
	vocabulary *gpt2.Vocabulary
	encoder    *gpt2.Encoder
	tokens     []uint16  // reused: one sample's
	pool       sync.Pool // of *tokens: what workers have encoded
	model      *model    // learned; belongs to the goroutine that calls Learn
	shadow     *shadow   // captured; belongs to the one that writes captures
}

var _ trainer.Learner = (*Learner)(nil)

// New returns a learner that knows nothing yet. The error is an *OptionError if
// it is the options'.
func New(options Options) (*Learner, error) {
	if err := options.Complete(); err != nil {
		return nil, err
	}
	vocabulary, err := gpt2.Shared()
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	return &Learner{
		options:    options,
		vocabulary: vocabulary,
		encoder:    vocabulary.NewEncoder(),
		model:      newModel(options.ChunkSizes),
		shadow:     newShadow(options.ChunkSizes),
	}, nil
}

// Config returns learner, learner_version, tokenizer and chunk_sizes.
func (l *Learner) Config() ledger.Config {
	sizes := make([]any, len(l.options.ChunkSizes))
	for i, size := range l.options.ChunkSizes {
		sizes[i] = float64(size)
	}
	return ledger.Config{
		"learner":         "local",
		"learner_version": float64(Version),
		"tokenizer":       l.options.Tokenizer,
		"chunk_sizes":     sizes,
	}
}

// Fixed names all of the settings: patterns of one tokenizer or of one cut mean
// nothing under another.
func (l *Learner) Fixed() []string {
	return []string{"learner", "learner_version", "tokenizer", "chunk_sizes"}
}

// Learn learns one sample. It takes about a second for the longest text, and
// does not look at the context. The error is ErrFull.
func (l *Learner) Learn(_ context.Context, s trainer.Sample) error {
	l.tokens = l.encoder.Append(l.tokens[:0], s.Text)
	err := l.model.learn(l.tokens)
	if cap(l.tokens) > maxScratch {
		l.tokens = nil
	}
	return err
}

// Capture freezes the model as it is now: it copies the frequencies that changed
// since the last capture, 100 to 200 µs for 14,000 patterns.
func (l *Learner) Capture() (trainer.Capture, error) {
	return &written{capture: l.model.capture(), shadow: l.shadow}, nil
}

// written is a capture on its way into the store.
type written struct {
	capture  *capture
	shadow   *shadow
	absorbed bool
}

// errOrder is returned when captures are not written in the order in which they
// were taken.
var errOrder = errors.New("a later capture was written already")

// Write names the patterns that are new, brings digest and metrics up to date
// and saves what changed. What an earlier Write failed to save is saved with it.
func (w *written) Write(ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
	s := w.shadow
	if !w.absorbed {
		if err := s.absorb(w.capture); err != nil {
			return trainer.State{}, err
		}
		w.absorbed = true
	}
	if s.last != w.capture {
		return trainer.State{}, errOrder
	}
	if err := s.save(ctx, store, whole); err != nil {
		return trainer.State{}, fmt.Errorf("save model: %w", err)
	}
	return trainer.State{Objects: s.chain.objects(), ModelDigest: s.digest(), Metrics: s.metrics()}, nil
}

// Restore loads the model that the objects hold, in their order, and returns
// its digest. An error wraps ErrState where an object does not fit; after any
// error the learner knows as little as before.
func (l *Learner) Restore(ctx context.Context, store trainer.ObjectReader, objects []ledger.Object) (string, error) {
	m, s := newModel(l.options.ChunkSizes), newShadow(l.options.ChunkSizes)
	for _, o := range objects {
		var seg segment
		err := store.GetObject(ctx, o, func(r io.Reader) (err error) {
			seg, err = m.decode(r)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("restore %s: %w", o.Name, err)
		}
		seg.object = o
		s.chain.saved = append(s.chain.saved, seg)
	}
	if err := s.absorb(m.capture()); err != nil {
		return "", err
	}
	s.chain.begin(s.layers, s.tokens)
	l.model, l.shadow = m, s
	return s.digest(), nil
}

// Close does nothing: a learner holds memory only.
func (l *Learner) Close() error { return nil }
