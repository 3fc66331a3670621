//go:build race

package gpt2

// raceEnabled says that the race detector is on, which makes the oracles slow.
const raceEnabled = true
