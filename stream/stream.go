// Package stream reads text datasets row by row, from any row on, and proves
// that a row is the one it was before.
//
// There are few types. A [Source] is a dataset that can be read again: the
// built-in sample, a dataset of the Hugging Face Hub, files of the web, or local
// ones. [Open] finds it. It has a [Fingerprint], which says that the content is
// the same, and opens a [Reader] at a [Cursor]. A Reader yields every [Row] of
// the source, those that are no samples too: a row is counted from 0 before any
// filter, and the position of a run is always such a raw row, never a count of
// kept samples. A Cursor is the next row to read and the proof of the last one
// consumed; of a compressed file it also knows from where on to decode. [Shuffle]
// and [Repeat] make other sources of one: the same rows in another order, and
// several times. [Datasets] is the catalogue of those that have a short name.
//
// Caveats: the text of a Row is valid only until the next call of Next. An
// error is never the end of the data: only [io.EOF] is. Files are taken to stay
// as they are while a Source is in use: one that was replaced, cut or written
// to is a *ChangedError, found when the file is opened and when its end is
// reached, and far away with each answer. Nothing here prints.
package stream

import (
	"context"
	"encoding/json"

	"ckptledger/stream/unpack"
)

// A Source is a dataset that can be read from any row, as often as wanted. Its
// methods may be called from several goroutines; each Reader belongs to one.
type Source interface {
	// Info describes the source for people and for the ledger. It is cheap and
	// reads no rows.
	Info() Info

	// Fingerprint reads what is needed to say whether the content is the one
	// seen before. It may read all files once (progress by Options.Progress)
	// and returns the cached answer after that.
	Fingerprint(ctx context.Context) (Fingerprint, error)

	// Open returns a Reader that yields the row at c.Next first. The zero Cursor
	// is the start. If c.Last is set, that row is read again first and its
	// SHA-256 compared: a difference is a *ProofError and no row is handed out.
	// A cursor that carries a row but no offsets (OnlyRow) is found by counting.
	Open(ctx context.Context, c Cursor) (Reader, error)
}

// A Reader yields rows in order.
type Reader interface {
	// Next returns the next row. The Row and its slices are valid until the next
	// call of Next or Close. At the true end of the data the error is io.EOF;
	// any other error says that the data could not be read further, and the same
	// error is returned again by later calls. A ctx that had ended before
	// the call is an error of that call alone: nothing was consumed. One that
	// ends during the call may be found by a read, which is then the last.
	Next(ctx context.Context) (*Row, error)

	// Close releases what the Reader holds open.
	Close() error
}

// A Checker is a Reader of files that others may change while they are read. Check
// returns a *ChangedError if the one that is read now is not what it was when the
// source was opened. It costs a look at the file, no reading.
type Checker interface{ Check() error }

// check asks a Reader that is one whether its files are what they were.
func check(r Reader) error {
	if c, ok := r.(Checker); ok {
		return c.Check()
	}
	return nil
}

// Kind says what a row counts as.
type Kind uint8

// The three kinds of row; every row is exactly one of them.
const (
	Sample   Kind = iota // passes the filter and is to be learned
	Filtered             // null, or too short
	Errored              // malformed, without the column, or over MaxText
)

// String returns "sample", "filtered" or "errored".
func (k Kind) String() string {
	switch k {
	case Sample:
		return "sample"
	case Filtered:
		return "filtered"
	}
	return "errored"
}

// MaxText is the longest text of a sample in bytes (64 MiB); a row with a
// longer one is Errored.
const MaxText = 64 << 20

// A Row is one record of the source.
type Row struct {
	Kind    Kind
	Reason  string                     // why it is Filtered or Errored; empty for a sample
	Text    []byte                     // the text, byte for byte; nil for null and for Errored rows without one
	Columns map[string]json.RawMessage // the columns asked for by Spec.Columns, if any
	At      Position                   // where this row is; At.Row is its number
	Next    Position                   // where reading goes on after it

	raw     []byte   // the record's own bytes, which SHA256 hashes; nil where sum is set
	sum     [32]byte // the record's hash, where there are no bytes or too many to keep
	noField bool     // the record has no text field, or is none that could have one

	point unpack.Point // from where on the row can be decoded again; zero where files are not compressed
}

// A Position names one row of a source and where its bytes are.
type Position struct {
	Row     int64 `json:"row"`                // raw row of the whole source, from 0, in the order in which it is read
	File    int   `json:"file,omitempty"`     // index of the file in sorted order
	FileRow int64 `json:"file_row,omitempty"` // raw row within that file
	Offset  int64 `json:"offset,omitempty"`   // byte offset of the row in that file, for line formats; if it is compressed, in the raw text

	// Page is the page the row is in, for Parquet, where it is known. It spares
	// reading the pages before it.
	Page PageAt `json:"page,omitzero"`

	// Order names the permutation of a source that Shuffle made; empty where
	// rows come as they lie. File, FileRow, Offset and Page are then of the row
	// that the window starts with, and Index is the row's place in the window.
	Order string `json:"order,omitempty"`
	Index int    `json:"index,omitempty"`

	// Pass counts the passes that a source made by Repeat has behind it, and
	// PassRow is the row that this one started with.
	Pass    int   `json:"pass,omitempty"`
	PassRow int64 `json:"pass_row,omitempty"`
}

// A PageAt names a data page of a Parquet file's text column.
type PageAt struct {
	Offset int64 `json:"offset"`        // byte offset of its header in the file
	Row    int64 `json:"row,omitempty"` // raw row of the file that it starts with
}

// A Cursor says where to go on and what was consumed last.
type Cursor struct {
	Next Position `json:"next"`
	Last *Proof   `json:"last,omitempty"`
	// OnlyRow says that of Next only Row is known, because the cursor was made
	// for other files or by hand: the reader counts rows to find it, and proves
	// Last, if it is set, at its row number. Cursor{Next: Position{Row: n},
	// OnlyRow: true} reads from row n of any source.
	OnlyRow bool `json:"only_row,omitempty"`

	// Point is a place in a compressed file from which the row that is read
	// first, Last.At or else Next, can be decoded. Without one all of the file
	// before the row is decoded. Other files have none.
	Point *unpack.Point `json:"point,omitempty"`
}

// A Proof is the last row consumed: a resume reads it again and compares.
type Proof struct {
	At     Position `json:"at"`
	SHA256 string   `json:"sha256"` // of the record's bytes, lower-case hex
}

// Info describes a source.
type Info struct {
	Dataset   string // the dataset's key
	Kind      string // "sample", "files", "hub" or "web"
	Label     string // for the banner: "sample v1, 1,800,000 rows" or "3 files in /data, jsonl"
	Format    string // "text", "jsonl", "parquet", "text.gz", "text.zst", "jsonl.gz", "jsonl.zst" or "sample"
	Rows      int64  // rows in the source, -1 where not known without reading
	HasFields bool   // whether rows have named columns, so that a text field means something
}
