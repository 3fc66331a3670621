package trainer

import "context"

// A Remote is a learner whose model lies on a server, where each part of a sample
// counts from the moment it is sent. A snapshot alone does not say what the server
// knows: the rows behind it that are learned are marked (ledger.Mark), and a resume
// learns them again here only. What lies between is found out by asking.
//
// A sample's parts are what the server learns by one request each, in a fixed
// order that follows from the text.
type Remote interface {
	ParallelLearner

	// Replay learns, here only, what the server has learned before: the parts of
	// the sample from s.Learned to before upTo; to the last where upTo is negative.
	Replay(s Sample, upTo int) error

	// Reconcile compares what is known here with what the server holds. It is
	// called once, after Restore and Replay and before anything is sent. Begun are
	// samples of which any part from their Learned on may be known there and not
	// here. Of one that is to be skipped, what is known is kept for it: nobody else
	// may come to count what it will not.
	Reconcile(ctx context.Context, begun []Sample) error
}
