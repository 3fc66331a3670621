package cmdline

import (
	"errors"
	"fmt"
)

// A UsageError is a command that was given wrongly: exit code 2.
type UsageError struct {
	Message string
	Try     string // a complete command that works; empty for the command's help
	Err     error  // the cause, if there is one
}

func (e *UsageError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a *UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{Message: fmt.Sprintf(format, args...)}
}

// An ExitError ends the program with a code, and says all that a person or a
// script can do about it. With a nil Err nothing is printed: the command has
// said it already.
type ExitError struct {
	Code Code
	Kind string // name in JSON; empty for that of Code
	Err  error

	// Details are lines for people, between the message and Differs: of each run
	// that was looked at, what it is and why it does not fit.
	Details []string
	// Differs are the settings in which what was recorded and what was asked for
	// differ.
	Differs []Differ
	// Candidates are the runs that were looked at, for scripts.
	Candidates []Candidate
	// Hints are the ways out.
	Hints []Hint
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return e.Code.String()
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Err }

// A Differ is a setting whose value differs. A value that is not set is nil.
type Differ struct {
	Field      string `json:"field"`
	Checkpoint any    `json:"checkpoint"`
	Current    any    `json:"current"`
}

// A Candidate is a run that might have been meant.
type Candidate struct {
	Run     string `json:"run"`
	Seq     uint64 `json:"seq"`     // of its newest snapshot
	Verdict string `json:"verdict"` // why it was taken or not
	Field   string `json:"field"`   // the first one that differs, or empty
}

// A Hint is a command that helps, complete and quoted for the shell, and what
// it helps to do: "to start a new one".
type Hint struct {
	To      string
	Command string
}

// CodeOf returns the code that a program ends with after err.
func CodeOf(err error) Code {
	var exit *ExitError
	var usage *UsageError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &exit):
		return exit.Code
	case errors.As(err, &usage):
		return Usage
	default:
		return Failed
	}
}
