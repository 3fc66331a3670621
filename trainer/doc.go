// Package trainer is the loop: it reads rows, has them learned, and commits
// snapshots to the ledger, so that a run can go on at the exact row after
// anything that may happen to its process.
//
// There are few types. [Run] works on a run until its target is reached, its
// source ends, it is told to stop or something fails; [Options] say with what.
// A [Learner] learns samples, here or elsewhere, and a [Capture] is what it
// knows at one moment. An [Interval] says when a snapshot is due. What happens
// meanwhile is told by [Event] values, to which a [Teller] adds how it fares.
//
// The loop hands a captured state over and goes on; writing, syncing and
// committing go on behind it, in order. A snapshot that was announced by [Saved]
// is committed. An error is never the end of the data: a run ends for one of
// the ledger's four reasons, and no other word says that it is done.
//
// Caveats: nothing here prints or exits. A Learner that returns an error other
// than a *[SampleError] must leave its model as it was before that sample,
// because a last snapshot of it is taken.
package trainer
