package main

import (
	"fmt"
	"io"
	"sync/atomic"

	"ckptledger/cmd/internal/human"
)

// notices are lines about what goes on meanwhile: what the source waits for, what
// the learner survived. They belong to one command, from before anything is opened
// until its end; while there is a bar they are shown above it. Any goroutine may
// say them.
type notices struct {
	w  io.Writer
	ui atomic.Pointer[ui] // nil where there is none
}

func (n *notices) say(line string) {
	if u := n.ui.Load(); u != nil {
		u.line(line)
		return
	}
	fmt.Fprintln(n.w, human.Printable(line))
}
