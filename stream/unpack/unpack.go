// Package unpack reads gzip and zstd streams that can be left at any byte and
// taken up again later, in another process, without starting over.
//
// There are few types. [Gzip] and [Zstd] return a [Reader], which yields the
// raw (uncompressed) bytes and can say at any time from which [Point] on they
// can be had again. A Point is small, goes through JSON, and needs nothing else
// than the compressed stream itself, from one of its bytes on:
//
//	r, err := unpack.Gzip(compressed, unpack.Point{})
//	n, err := r.Read(p)
//	point := r.Point()
//	// later: compressed stands at byte point.From
//	r, err = unpack.Gzip(compressed, point)
//	// r yields the raw bytes from point.Raw on
//
// A gzip stream has a point at the first boundary of deflate blocks in each MiB
// of raw bytes, and one point costs at most 45 KB of JSON, usually 16. A zstd
// stream has one where each of its frames starts and nowhere else: the state of
// its decoder within a frame cannot be kept. Many files are a single frame; to
// resume them means to decode all of what was read ([Point.Cost]).
//
// Checksums are verified, also those of a member or frame that was resumed in
// its middle. An error is never the end of the data: a stream that is cut,
// damaged or followed by anything that is not one more member or frame ends
// with an error, io.EOF comes only at its true end. Memory is bounded whatever
// the stream says.
package unpack

import (
	"errors"
	"fmt"
	"io"
)

// A Reader yields the raw bytes of a compressed stream. It belongs to one
// goroutine.
type Reader interface {
	// Read reads raw bytes. A stream that is damaged or cut is a
	// *CorruptError; any other error but io.EOF is one of reading the
	// compressed stream, as it came. It may follow bytes that were handed out
	// and whose checksum it never came to.
	io.Reader

	// Point returns the last point at or before the bytes handed out. It is
	// cheap: what is dear is left to Point.MarshalJSON.
	Point() Point

	// Close releases memory. It does not close the compressed stream.
	io.Closer
}

// A Point is a place in a stream at which reading can go on. The zero Point is
// the start of any stream. Points are values: they may be copied and kept, and
// share what is large.
type Point struct {
	From int64 `json:"from,omitempty"` // byte of the compressed stream that is needed first
	Raw  int64 `json:"raw,omitempty"`  // byte of the raw stream that is yielded first
	Read int64 `json:"read,omitempty"` // byte of the compressed stream that had been come to when Reader.Point was called

	// Member is where the point is within a member of a gzip stream; nil where a
	// member or frame starts.
	Member *Member `json:"member,omitempty"`
}

// Cost returns what it takes to come from p to raw, a byte of the raw stream that
// had been handed out when p was asked for: at most compressed bytes to decode
// (a Reader reads up to 64 KiB ahead of that), and exactly discard raw bytes for
// the caller to read and throw away.
func (p Point) Cost(raw int64) (compressed, discard int64) {
	return max(p.Read-p.From, 0), max(raw-p.Raw, 0)
}

// ErrPoint is wrapped by the errors of Gzip and Zstd for a point that no Reader
// of this format can have returned.
var ErrPoint = errors.New("no point to resume at")

// check returns an error if p contradicts itself.
func (p Point) check() error {
	if p.From < 0 || p.Raw < 0 || p.From == 0 && p.Raw != 0 {
		return fmt.Errorf("%w: byte %d of the raw stream, at byte %d of the compressed one", ErrPoint, p.Raw, p.From)
	}
	return nil
}

// A CorruptError says that a stream cannot be decoded further. It wraps
// io.ErrUnexpectedEOF where the stream is cut.
type CorruptError struct {
	Format string // "gzip" or "zstd"
	At     int64  // byte of the compressed stream, about where it was found
	Reason string // what is wrong there
	Err    error  // the cause, if there is one
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s stream is damaged at byte %d: %s", e.Format, e.At, e.Reason)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// corrupt is an error within this package: the reason of a CorruptError.
type corrupt string

func (c corrupt) Error() string { return string(c) }

const reasonCut corrupt = "it ends too early"

func newCorruptError(format string, at int64, reason corrupt) error {
	e := &CorruptError{Format: format, At: at, Reason: string(reason)}
	if reason == reasonCut {
		e.Err = io.ErrUnexpectedEOF
	}
	return e
}

var (
	// errEnd says, within this package, that a stream ends where it may.
	errEnd    = errors.New("end of stream")
	errClosed = errors.New("reader is closed")
)
