package trainer

import (
	"context"
	"errors"
	"io"

	"ckptledger/ledger"
)

// A Sample is one row that passed the filter.
type Sample struct {
	Row    int64  // its raw row
	Number int64  // its place among the samples of the dataset, errored ones too, from 0; -1 for one that is tried again
	Text   []byte // valid until Learn returns

	// What only a Remote learner has to heed.
	Learned int  // parts of it that are learned already: the first ones
	Skip    bool // nothing more of it is to be learned: the answer is a *SampleError of ErrSkipped
}

// A Learner learns samples and can say, at any moment between two of them,
// what it would need to go on from there.
//
// Learn, Capture and Restore are called from one goroutine. What Capture
// returns is written on another one while Learn goes on.
type Learner interface {
	// Config returns the learner's identity settings: everything that decides
	// what the model becomes. The keys are those of the ledger's config.
	Config() ledger.Config

	// Fixed names the settings that --accept cannot change, because the state
	// of one value means nothing under another.
	Fixed() []string

	// Learn learns one sample. An error ends the run; a *SampleError only counts
	// the sample as errored, and then the model must be as it was before. The
	// context ends when training is to stop: the sample may then be given up, by
	// an error that wraps the context's.
	Learn(ctx context.Context, s Sample) error

	// Capture freezes the model as it is now, in little time: it notes what
	// changed since the last Capture or Restore and copies nothing that does not
	// change later.
	Capture() (Capture, error)

	// Restore loads the model that the objects of a snapshot hold, and returns
	// its digest, which the caller compares with the one recorded. It is called
	// at most once, before the first Learn.
	Restore(ctx context.Context, store ObjectReader, objects []ledger.Object) (digest string, err error)

	// Close releases what the learner holds.
	Close() error
}

// A Capture is a model frozen at one moment. Captures of one learner are
// written one at a time and in the order in which they were taken; none is
// left out.
type Capture interface {
	// Write stores what is not yet stored and names every object that restores
	// the model. It may be called again, when an object that it named has
	// vanished from the store: then whole is true, and all of the model is
	// written anew.
	Write(ctx context.Context, store ObjectStore, whole bool) (State, error)
}

// State is what a written capture adds to a snapshot.
type State struct {
	Objects     []ledger.Object    // all that Restore needs, in order, at most ledger.MaxObjects
	ModelDigest string             // independent of order, workers and checkpoints
	Metrics     map[string]float64 // flat names: "tokens", "layer0.patterns"
}

// An ObjectReader reads state objects; *ledger.Ledger is one.
type ObjectReader interface {
	// GetObject hands the object's content to read and verifies the SHA-256 of
	// the whole file, also of what read left unread. A damaged or missing object
	// is an error that wraps ledger.ErrDamaged.
	GetObject(ctx context.Context, o ledger.Object, read func(io.Reader) error) error
}

// An ObjectStore also keeps new ones; *ledger.Session is one.
type ObjectStore interface {
	ObjectReader
	// PutObject stores what write writes as one object, fsynced. Equal content
	// gives the same object.
	PutObject(ctx context.Context, name string, write func(io.Writer) error) (ledger.Object, error)
}

// ErrSkipped is why a row is errored that the operator has skipped.
var ErrSkipped = errors.New("skipped by the operator")

// SampleError says that one sample could not be learned, and that the model is
// as it was before it. Of a Remote learner it may know the sample's first parts.
type SampleError struct {
	Row     int64
	Learned int // how many parts it knows
	Err     error
}

func (e *SampleError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SampleError) Unwrap() error { return e.Err }
