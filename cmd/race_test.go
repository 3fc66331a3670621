//go:build race

package cmd

// raceEnabled makes the programs under test look for races too.
const raceEnabled = true
