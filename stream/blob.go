package stream

import (
	"context"
	"fmt"
	"io"
	"os"
)

// A place is where one file of a source lies, and what the file was when the
// source was opened. The formats know files by it alone, so that they need not
// be local ones.
type place interface {
	// name names the file for people: a local file's absolute path.
	name() string
	// size is the file's length in bytes.
	size() int64
	// near reports whether opening the file is cheap, so that the footers of
	// all files can be read at start.
	near() bool
	// open opens the file. One that is another by now is a *ChangedError.
	open(ctx context.Context) (blob, error)
	// toHash returns how many bytes fingerprint reads if h's cache knows nothing.
	toHash(h *hasher) int64
	// fingerprint says what is in the file.
	fingerprint(ctx context.Context, h *hasher) (FileInfo, error)
}

// A blob is the open bytes of one file. Its methods may be called from several
// goroutines; a ctx is of the call alone.
type blob interface {
	// readAt is io.ReaderAt's: one short read that follows on no other.
	readAt(ctx context.Context, p []byte, off int64) (n int, err error)
	// sequence reads the bytes [off, end) in order, and may read ahead of what
	// is asked for, but not past end.
	sequence(ctx context.Context, off, end int64) (sequence, error)
	// check returns a *ChangedError if the file was replaced or written to
	// since the source was opened.
	check(ctx context.Context) error
	io.Closer
}

// A sequence reads on from where it was opened. It belongs to one goroutine.
type sequence interface {
	// read is io.Reader's. After an error it cannot be called again.
	read(ctx context.Context, p []byte) (n int, err error)
	io.Closer
}

// remainder is a sequence of all that is left of a file, which knows when it has
// come to the end: io.EOF before that is an error, as the file was cut while it
// was read.
type remainder struct {
	sequence
	off, size int64 // bytes of the file
}

// readFrom opens the remainder of a file from the byte off on.
func readFrom(ctx context.Context, b blob, off, size int64) (*remainder, error) {
	s, err := b.sequence(ctx, off, size)
	if err != nil {
		return nil, err
	}
	return &remainder{sequence: s, off: off, size: size}, nil
}

func (r *remainder) read(ctx context.Context, p []byte) (int, error) {
	if r.off == r.size {
		return 0, io.EOF
	}
	n, err := r.sequence.read(ctx, p)
	r.off += int64(n)
	switch {
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("read at byte %d: %w", r.off, err)
	case r.off == r.size:
		return n, io.EOF
	case err == io.EOF:
		return n, fmt.Errorf("file ends at byte %d: %w", r.off, io.ErrUnexpectedEOF)
	}
	return n, nil
}

// left returns how many bytes are still to be read.
func (r *remainder) left() int64 { return r.size - r.off }

// localFile is a file of this machine as a place.
type localFile struct {
	path string // absolute
	id   fileID
}

func (f *localFile) name() string { return f.path }
func (f *localFile) size() int64  { return f.id.size }
func (f *localFile) near() bool   { return true }

func (f *localFile) open(context.Context) (blob, error) {
	b, err := f.openBlob()
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (f *localFile) openBlob() (*localBlob, error) {
	r, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("open data: %w", err)
	}
	b := &localBlob{File: r, place: f}
	if err := b.unchanged(); err != nil {
		r.Close()
		return nil, err
	}
	return b, nil
}

func (f *localFile) toHash(h *hasher) int64 { return h.bytes(f.id.size) }

func (f *localFile) fingerprint(ctx context.Context, h *hasher) (FileInfo, error) {
	info, err := h.hash(ctx, f)
	if err != nil || h.like.GitOID == "" || h.like.Size != info.Size {
		return info, err
	}
	oid, err := gitOID(f.path)
	if oid == h.like.GitOID {
		info.SHA256, info.Sampled, info.GitOID = "", false, oid
	}
	return info, err
}

// localBlob is an open localFile.
type localBlob struct {
	*os.File
	place *localFile
}

func (b *localBlob) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return b.ReadAt(p, off)
}

func (b *localBlob) sequence(_ context.Context, off, end int64) (sequence, error) {
	return &localSequence{blob: b, off: off, end: end}, nil
}

func (b *localBlob) check(context.Context) error { return b.unchanged() }

func (b *localBlob) unchanged() error {
	was := b.place.id
	now, err := identify(b.File)
	if err != nil {
		return fmt.Errorf("stat data: %w", err)
	}
	if !now.same(was) {
		return &ChangedError{Changes: []Change{{
			Path: b.place.path,
			What: whatChanged(was.size, now.size),
			Was:  was.String(),
			Now:  now.String(),
		}}}
	}
	return nil
}

// localSequence leaves reading ahead to the system.
type localSequence struct {
	blob     *localBlob
	off, end int64
}

func (s *localSequence) read(ctx context.Context, p []byte) (int, error) {
	p = p[:min(int64(len(p)), s.end-s.off)]
	if len(p) == 0 {
		return 0, io.EOF
	}
	n, err := s.blob.readAt(ctx, p, s.off)
	s.off += int64(n)
	return n, err
}

func (*localSequence) Close() error { return nil }
