package stream

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ckptledger/stream/unpack"
)

// fileReader reads the files of a source one after another.
type fileReader struct {
	source *fileSource
	at     Position  // of the next row
	now    *openFile // nil once closed
	ahead  *opening  // of the file behind, nil until it is time
	alone  bool      // no file is opened before it is needed
	row    Row
	err    error // what every further call of Next returns
}

// An openFile is one file of a source at one of its rows.
type openFile struct {
	*file
	index int
	blob  blob
	rows  fileRows
}

// openAt opens the file of a row at that row, which can be decoded from the point.
func (s *fileSource) openAt(ctx context.Context, at Position, point *unpack.Point) (*openFile, error) {
	f := s.files[at.File]
	b, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.format.open(ctx, b, f, at, point)
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("read %s: %w", f.name(), err)
	}
	return &openFile{file: f, index: at.File, blob: b, rows: rows}, nil
}

// openRow opens a file at row n of it, or at its end, and says where that is in
// the file.
func (s *fileSource) openRow(ctx context.Context, index int, n int64) (*openFile, Position, error) {
	f := s.files[index]
	b, err := f.open(ctx)
	if err != nil {
		return nil, Position{}, err
	}
	rows, at, err := s.format.find(ctx, b, f, n)
	if err != nil {
		b.Close()
		return nil, Position{}, fmt.Errorf("count rows of %s: %w", f.name(), err)
	}
	return &openFile{file: f, index: index, blob: b, rows: rows}, at, nil
}

func (o *openFile) close() error { return errors.Join(o.rows.close(), o.blob.Close()) }

// Next implements Reader.
func (r *fileReader) Next(ctx context.Context) (*Row, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		if r.at.File != r.now.index {
			if r.err = r.turn(ctx); r.err != nil {
				return nil, r.err
			}
		}
		r.row.At, r.row.Next = r.at, Position{}
		err := r.now.rows.next(ctx, &r.row)
		if err == nil {
			break
		}
		if err != io.EOF {
			r.err = r.explain(ctx, err)
			return nil, r.err
		}
		if r.last() {
			if r.err = r.now.blob.check(ctx); r.err == nil {
				r.err = io.EOF
			}
			return nil, r.err
		}
		r.at = Position{Row: r.at.Row, File: r.now.index + 1}
	}
	next := &r.row.Next
	if r.now.rows.more() || r.last() {
		next.File, next.FileRow = r.at.File, r.at.FileRow+1
	} else {
		*next = Position{File: r.now.index + 1}
	}
	next.Row = r.at.Row + 1
	r.at = *next
	r.lookAhead()
	return &r.row, nil
}

// last reports whether there is no file behind the one that is open.
func (r *fileReader) last() bool { return r.now.index == len(r.source.files)-1 }

// explain returns what err is an error of. A file that was cut or overwritten
// while it was read explains the rest.
func (r *fileReader) explain(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		if changed := r.now.blob.check(ctx); changed != nil {
			return changed
		}
	}
	return fmt.Errorf("read %s: row %d: %w", r.now.name(), r.at.Row, err)
}

// turn leaves a file that was read to its end for the next one.
func (r *fileReader) turn(ctx context.Context) error {
	if err := r.now.blob.check(ctx); err != nil {
		return err
	}
	next, err := r.next(ctx)
	if err != nil {
		return err
	}
	err = r.now.close()
	r.now = next
	return err
}

// next returns the next file, opened: ahead of this, if that went well.
func (r *fileReader) next(ctx context.Context) (*openFile, error) {
	if r.ahead != nil {
		o := r.ahead
		select {
		case <-o.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		r.ahead = nil
		o.cancel()
		if o.err == nil {
			return o.file, nil
		}
	}
	return r.source.openAt(ctx, Position{Row: r.at.Row, File: r.at.File}, nil)
}

// An opening is a file that is opened in the background.
type opening struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when file and err are set
	file   *openFile
	err    error
}

// lookAhead opens the next file once this one is ending, if that takes long.
func (r *fileReader) lookAhead() {
	if r.alone || r.ahead != nil || r.last() || r.source.files[r.now.index+1].near() || !r.now.rows.ending() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &opening{cancel: cancel, done: make(chan struct{})}
	at := Position{File: r.now.index + 1}
	go func() {
		defer close(o.done)
		o.file, o.err = r.source.openAt(ctx, at, nil)
	}()
	r.ahead = o
}

// drop ends the opening.
func (o *opening) drop() error {
	o.cancel()
	<-o.done
	if o.err != nil {
		return nil // nobody wanted the file yet
	}
	return o.file.close()
}

// Close implements Reader.
func (r *fileReader) Close() error {
	if r.now == nil {
		return nil
	}
	err := r.now.close()
	if r.ahead != nil {
		err = errors.Join(err, r.ahead.drop())
	}
	r.now, r.ahead = nil, nil
	r.err = errClosed
	return err
}

var errClosed = errors.New("reader is closed")

// Check implements Checker.
func (r *fileReader) Check() error {
	if r.now == nil {
		return nil
	}
	return r.now.blob.check(context.Background())
}
