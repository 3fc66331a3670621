package kato

import (
	"fmt"
	"strings"
)

// This file has the errors that say that the server has not learned what it was to
// learn, or more than that.

// A PartError says which part of a sample the server would not learn.
type PartError struct {
	Part, Parts int // from 0, of so many
	Node, Name  string
	Err         error
}

func (e *PartError) Error() string {
	return fmt.Sprintf("pattern %d of %d, %s in %s: %v", e.Part+1, e.Parts, e.Name, e.Node, e.Err)
}

func (e *PartError) Unwrap() error { return e.Err }

// An AnswerError says that the server learned something else than it was told to.
type AnswerError struct {
	Node, Want string
	Got        string // the pattern that it named; may be empty
	STM        int    // symbols that its short-term memory held before, which must be 0
}

func (e *AnswerError) Error() string {
	if e.STM != 0 {
		return fmt.Sprintf("the session's short-term memory held %d events before the pattern %s was observed in %s: the server learned %s", e.STM, e.Want, e.Node, named(e.Got))
	}
	return fmt.Sprintf("the server learned another pattern in %s: sent was %s, learned is %s", e.Node, e.Want, named(e.Got))
}

func named(pattern string) string {
	if pattern == "" {
		return "nothing"
	}
	return pattern
}

// A ForeignError says that a server's knowledge is not what this run has put
// there: nothing was sent, and nothing may be.
type ForeignError struct {
	URL   string
	Nodes []string
	// Higher says that somebody else writes into these nodes; otherwise it is
	// another server, or was wiped.
	Higher   bool
	Compared int
	Differs  []Difference // the first of them
	Count    int          // how many there are
}

// A Difference is a pattern that was learned another number of times.
type Difference struct {
	Node, Name string
	Want, Got  uint64 // Got 0 where it is missing
}

func (d Difference) String() string {
	return fmt.Sprintf("%s in %s: learned %s there, %s by this run", d.Name, d.Node, often(d.Got), often(d.Want))
}

func (e *ForeignError) Error() string {
	who, how := "another server than the run's, or one that was wiped", "missing, or learned less often than by this run"
	if e.Higher {
		who, how = "another writer has taught the run's nodes", "learned more often than by this run"
	}
	nodes := strings.Join(e.Nodes, ", ")
	if n := len(e.Nodes); n > 2 { // which differ in their number only
		nodes = e.Nodes[0] + " to " + e.Nodes[n-1]
	}
	return fmt.Sprintf("%s: at %s, of %s of %s, %d %s", who, e.URL, counted(e.Compared, "pattern"), nodes, e.Count, how)
}

// often writes how often something happened.
func often(n uint64) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
