// Package ledger keeps the record of training runs: who trained what, how far
// it came, and what it takes to go on from there.
//
// A [Ledger] is a folder: an embedded database of records, the learners' state
// as files named by their SHA-256, and one lease file a run. There are few
// types. A [Run] is one training effort, keyed by dataset and config hash. An
// [Attempt] is one process's work on it. A [Snapshot] is one checkpoint:
// position, counters, state, metrics. A [Lease] is the proof that a process
// trains a run now, and a [Session] is that process's right to commit. A
// [Head] sums up what a listing shows of a run, so that no snapshot has to be
// read for it. [Match] decides, from values alone, what a resume goes on from.
//
// State and position commit together: objects first, each fsynced under its
// final name, then one transaction that names them. Whoever is killed in
// between leaves files that nothing refers to, never a record without its
// files.
//
// Caveats: the database is opened for each transaction and closed after it, so
// that others can always look; a long read transaction makes commits wait, so
// scans are cut in pieces of at most [ScanBatch] records. "Latest" is the order
// of commits, counted by the ledger; clocks, names and file times decide
// nothing. The files are for Linux and macOS; flock is the lock.
package ledger

// ScanBatch is how many records one transaction reads at most.
const ScanBatch = 1000
