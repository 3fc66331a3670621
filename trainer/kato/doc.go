// Package kato is a learner whose model lies on a KATO server: what the learner
// package local counts in the process, a server learns over HTTP, and each sample
// exactly once.
//
// A [Learner] sends each pattern of a sample to the server by one request that
// observes and learns. It carries a local learner as its mirror, which knows how
// often the server must have learned each pattern; so a request whose answer was
// lost is settled by asking the server, and what a killed trainer had under way by
// comparing. [Options] are its settings, [Waits] how long it waits for what.
//
// Each layer is a node of the server, named for the run ([Node]): two runs never
// write into the same knowledge, and what the server knows of a run stays there
// when the run is gone.
//
// Caveats: nothing of a server's knowledge is ever cleared. A request that is given
// up for lost loses its session, so that a server that has not begun with it never
// will; one that is at it then, and learns it later than Waits.Visible, counts it
// twice, which the next resume finds. Without the mirror (Options.NoMirror) what
// was in flight when a trainer or a server died may be learned twice.
package kato
