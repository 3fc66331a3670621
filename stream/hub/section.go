package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// A section reads the bytes [off, end) of a file in order, and after what can be
// tried again goes on at the byte it had.
type section struct {
	ctx  context.Context
	file *RemoteFile
	off  int64 // of the next byte
	end  int64
	body io.ReadCloser // from off on; nil: to be asked for
	to   int64         // where body ends, maybe before end, or after
	err  error         // how body broke off; nil: it did not
	retrier
}

// section returns a section of at most n bytes: it ends with the file.
func (f *RemoteFile) section(ctx context.Context, off, n int64) *section {
	off = min(off, f.file.Size)
	return &section{
		ctx:     ctx,
		file:    f,
		off:     off,
		end:     off + min(n, f.file.Size-off),
		retrier: retrier{client: f.client, what: f.resolve.Path},
	}
}

// Read implements io.Reader. An error of it is final.
func (s *section) Read(p []byte) (int, error) {
	if s.off == s.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.end-s.off)]
	if s.file.local != nil {
		return s.readLocal(p)
	}
	for {
		if err := s.open(); err != nil {
			return 0, err
		}
		n, err := s.body.Read(p[:min(int64(len(p)), s.to-s.off)])
		s.off += int64(n)
		if s.off == s.to {
			s.Close()
		} else if err != nil {
			s.Close()
			s.err = err
		}
		if n > 0 {
			s.progress()
			return n, nil
		}
	}
}

// open asks for the bytes that are missing until there is an answer.
func (s *section) open() error {
	for s.body == nil && s.file.local == nil {
		err := s.err
		if s.err = nil; err == nil {
			if s.body, s.to, err = s.file.get(s.ctx, s.off, s.end); err == nil {
				return nil
			}
		} else if errors.Is(err, io.EOF) {
			err = s.file.client.networkError(s.ctx, s.file.resolve, io.ErrUnexpectedEOF)
		}
		if err := s.again(s.ctx, err); err != nil {
			return err
		}
	}
	return nil
}

func (s *section) readLocal(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.file.local.ReadAt(p, s.off)
	s.off += int64(n)
	if err == io.EOF {
		err = nil
		if n < len(p) { // it was cut since it was opened
			err = s.file.changed("size", fmt.Sprint(s.file.file.Size), fmt.Sprint(s.off))
		}
	}
	return n, err
}

// Close ends the request under way, if there is one.
func (s *section) Close() error {
	if s.body == nil {
		return nil
	}
	err := s.body.Close()
	s.body = nil
	return err
}
