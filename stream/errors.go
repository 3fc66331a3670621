package stream

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoData is returned by Open when there is nothing to read: a folder or
	// glob without data files, or files without a row.
	ErrNoData = errors.New("no data")

	// ErrNoColumns is returned by Open when Spec.Columns names columns of a
	// source whose rows have none.
	ErrNoColumns = errors.New("rows of plain text and of the sample have no columns; use jsonl or parquet files")
)

// UnknownDatasetError is returned by Open for a key that is not in the
// catalogue, when no data was given either.
type UnknownDatasetError struct {
	Dataset string
	Known   []string // the keys there are
}

func (e *UnknownDatasetError) Error() string {
	return fmt.Sprintf("unknown dataset %q: name one of %s, one of the hub as hf:owner/name, or the files to read it from",
		e.Dataset, strings.Join(e.Known, ", "))
}

// UnavailableError is returned by Open for a dataset of the catalogue that cannot
// be streamed.
type UnavailableError struct{ Dataset Dataset }

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("dataset %s is %s: %s", e.Dataset.Key, e.Dataset.Status, e.Dataset.Reason)
}

// FormatError is returned by Open for files that cannot be read as rows.
type FormatError struct {
	Path   string // the file, or the folder
	Reason string // what is wrong, and what to do
	Err    error  // the cause, if there is one
}

func (e *FormatError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Path, e.Reason, e.Err)
	}
	return e.Path + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// ColumnError is returned by Open when the text field or a wanted column is not
// in the data, or has a type that cannot be handed out.
type ColumnError struct {
	Path   string   // the file that was looked into
	Column string   // what was looked for
	Reason string   // "no such column", or what is wrong with its type
	Have   []string // the columns there are, sorted
}

func (e *ColumnError) Error() string {
	have := "there are no columns at all"
	if len(e.Have) > 0 {
		have = "choose one of its columns: " + strings.Join(e.Have, ", ")
	}
	return fmt.Sprintf("%s: column %q: %s; %s", e.Path, e.Column, e.Reason, have)
}

// ChangedError says that files are not what they were when the Source was
// opened, or not what Spec.Was says of them.
type ChangedError struct {
	Changes []Change
}

func (e *ChangedError) Error() string {
	var b strings.Builder
	b.WriteString("the data changed: ")
	for i, c := range e.Changes {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.String())
	}
	return b.String()
}

// ProofError is returned by Source.Open for a cursor that does not fit the
// data. No row was handed out: what was consumed before is not what would be
// read again, so going on from there would skip or repeat rows.
type ProofError struct {
	At     Position // the row that was looked at
	Reason string   // what is wrong with it
	Want   string   // the SHA-256 recorded, where that is what differs
	Got    string   // the SHA-256 of the row there now
}

func (e *ProofError) Error() string {
	s := fmt.Sprintf("cursor does not fit the data: row %d %s", e.At.Row, e.Reason)
	if e.Want != "" {
		s += fmt.Sprintf(" (sha256 recorded %.12s, now %.12s)", e.Want, e.Got)
	}
	return s + "; resume with the data the cursor was made for"
}
