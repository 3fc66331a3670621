package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// fileReader reads the files of a source one after another.
type fileReader struct {
	source *fileSource
	at     Position // of the next row
	data   *os.File // nil once closed
	file   int      // which one data is
	rows   fileRows
	row    Row
	err    error // what every further call of Next returns
}

// open opens the file of the next row at that row.
func (r *fileReader) open() error {
	f := &r.source.files[r.at.File]
	data, err := f.open()
	if err != nil {
		return err
	}
	rows, err := r.source.format.open(data, f, r.at)
	if err != nil {
		data.Close()
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	r.data, r.rows, r.file = data, rows, r.at.File
	return nil
}

// Next implements Reader.
func (r *fileReader) Next(ctx context.Context) (*Row, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		if r.at.File != r.file {
			if r.err = r.turn(); r.err != nil {
				return nil, r.err
			}
		}
		err := r.rows.next(ctx, &r.row)
		if err == nil {
			break
		}
		if err != io.EOF {
			if r.err = r.source.files[r.file].unchanged(r.data); r.err != nil {
				return nil, r.err // cut or overwritten: that explains the rest
			}
			r.err = fmt.Errorf("read %s: row %d: %w", r.source.files[r.file].path, r.at.Row, err)
			return nil, r.err
		}
		if r.file == len(r.source.files)-1 {
			if r.err = r.source.files[r.file].unchanged(r.data); r.err == nil {
				r.err = io.EOF
			}
			return nil, r.err
		}
		r.at = Position{Row: r.at.Row, File: r.file + 1}
	}
	r.row.At = r.at
	r.at.Row++
	r.at.FileRow++
	r.at.Offset = r.rows.offset()
	if !r.rows.more() && r.file < len(r.source.files)-1 {
		r.at = Position{Row: r.at.Row, File: r.file + 1}
	}
	r.row.Next = r.at
	return &r.row, nil
}

// turn leaves a file that was read to its end for the next one.
func (r *fileReader) turn() error {
	if err := r.source.files[r.file].unchanged(r.data); err != nil {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	r.err = nil
	return r.open()
}

// Close implements Reader.
func (r *fileReader) Close() error {
	if r.data == nil {
		return nil
	}
	err := errors.Join(r.rows.close(), r.data.Close())
	r.data, r.rows = nil, nil
	r.err = errClosed
	return err
}

var errClosed = errors.New("reader is closed")

// Check implements Checker.
func (r *fileReader) Check() error {
	if r.data == nil {
		return nil
	}
	return r.source.files[r.file].unchanged(r.data)
}
