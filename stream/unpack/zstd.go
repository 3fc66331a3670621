package unpack

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWindow is how far back a zstd frame may refer, and so about how much
// memory it may cost: what the zstd program accepts unasked.
const maxWindow = 128 << 20

// zstdReader reads the frames of a zstd stream (RFC 8878), each by its own, so
// that it knows where they start.
type zstdReader struct {
	frames  frameReader
	decoder *zstd.Decoder
	inFrame bool
	raw     int64 // raw bytes handed out
	point   Point // where the frame starts
	err     error // what every further call of Read returns
}

// Zstd returns a Reader of a zstd stream of any number of frames, skippable ones
// passed over, from a point on: r has to stand at byte point.From of the stream.
// It reads up to 64 KiB ahead of what it decodes, and decodes up to a block of
// 128 KiB ahead of what it hands out. Frames that need a dictionary, or more than
// 128 MiB of memory, are a *CorruptError.
func Zstd(r io.Reader, point Point) (Reader, error) {
	err := point.check()
	if err == nil && point.Member != nil {
		err = fmt.Errorf("%w: it is one of a gzip stream", ErrPoint)
	}
	if err != nil {
		return nil, fmt.Errorf("resume zstd stream: %w", err)
	}
	decoder, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderMaxMemory(maxWindow),
	)
	if err != nil {
		return nil, fmt.Errorf("make zstd decoder: %w", err)
	}
	return &zstdReader{
		frames:  frameReader{r: bufio.NewReaderSize(r, inputBuffer), at: point.From},
		decoder: decoder,
		raw:     point.Raw,
		point:   point,
	}, nil
}

// Read implements Reader.
func (z *zstdReader) Read(p []byte) (int, error) {
	if len(p) == 0 || z.err != nil {
		return 0, z.err
	}
	for {
		if !z.inFrame {
			if z.err = z.begin(); z.err != nil {
				return 0, z.err
			}
		}
		n, err := z.decoder.Read(p)
		z.raw += int64(n)
		switch {
		case err == io.EOF && z.frames.err == io.EOF:
			z.inFrame = false
		case err != nil:
			z.err = z.explain(err)
		}
		if n > 0 {
			return n, nil
		}
		if z.err != nil {
			return 0, z.err
		}
	}
}

// begin starts the next frame that holds data. It returns io.EOF at the end of
// the stream.
func (z *zstdReader) begin() error {
	for {
		start := z.frames.at
		skippable, err := z.frames.begin()
		switch {
		case err == errEnd && start > 0:
			return io.EOF
		case err != nil:
			return z.explain(err)
		case skippable:
			continue
		}
		z.point = Point{From: start, Raw: z.raw}
		z.inFrame = true
		return z.decoder.Reset(&z.frames)
	}
}

// explain makes a CorruptError of what the stream is to blame for.
func (z *zstdReader) explain(err error) error {
	if e := z.frames.err; e != nil && e != io.EOF {
		err = e // what the decoder made of it says less
	}
	var reason corrupt
	switch {
	case errors.As(err, &reason):
		return newCorruptError("zstd", z.frames.at, reason)
	case err == z.frames.err && err != io.EOF:
		return err // of reading the stream
	case err == io.EOF || err == errEnd:
		return newCorruptError("zstd", z.frames.at, reasonCut)
	}
	return &CorruptError{Format: "zstd", At: z.frames.at, Reason: err.Error(), Err: err}
}

// Point implements Reader.
func (z *zstdReader) Point() Point {
	p := z.point
	p.Read = z.frames.at
	return p
}

// Close implements Reader.
func (z *zstdReader) Close() error {
	z.decoder.Close()
	z.err = errClosed
	return nil
}
