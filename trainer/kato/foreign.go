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
	return fmt.Sprintf("%s in %s: learned %d times there, %d by this run", d.Name, d.Node, d.Got, d.Want)
}

func (e *ForeignError) Error() string {
	nodes := strings.Join(e.Nodes, ", ")
	if e.Higher {
		return fmt.Sprintf("another writer: of %d patterns of nodes %s at %s, %d were learned more often than this run did", e.Compared, nodes, e.URL, e.Count)
	}
	return fmt.Sprintf("another server, or one that was wiped: of %d patterns of nodes %s looked for at %s, %d are missing or were learned less often than this run did", e.Compared, nodes, e.URL, e.Count)
}
