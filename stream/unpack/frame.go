package unpack

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// The sizes of what a zstd stream is made of (RFC 8878, 3.1), in bytes.
const (
	magicSize       = 4
	maxFrameHeader  = 18
	blockHeader     = 3
	maxBlock        = 128 << 10
	frameChecksum   = 4
	skippableHeader = 8
	skippableMagic  = 0x184D2A50 // to ...5F
)

// frameReader reads one frame at a time and finds where it ends, by the sizes
// of its blocks. It yields what it read, and io.EOF at the end of the frame.
type frameReader struct {
	r  *bufio.Reader
	at int64 // offset in the stream

	piece    int   // bytes to come before there is something to look at
	last     bool  // whether they are the end of the frame
	checksum bool  // whether the frame ends with one
	err      error // what Read has come to: io.EOF, a corrupt, or an error of r
}

// begin reads where a frame starts, and passes over one that is skippable. At
// the end of the stream it returns errEnd.
func (f *frameReader) begin() (skippable bool, err error) {
	f.piece, f.err = 0, nil
	b, err := f.r.Peek(maxFrameHeader)
	if err != nil && err != io.EOF {
		f.err = err
		return false, err
	}
	if len(b) == 0 {
		return false, errEnd
	}
	if len(b) >= magicSize && binary.LittleEndian.Uint32(b)&^0xF == skippableMagic {
		return true, f.skip(b)
	}
	var h zstd.Header
	switch err := h.Decode(b); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return false, reasonCut
	case errors.Is(err, zstd.ErrMagicMismatch):
		return false, corrupt("what follows is no zstd frame")
	case err != nil:
		return false, corrupt(err.Error())
	case h.DictionaryID != 0:
		return false, corrupt("a frame needs a dictionary")
	}
	window := h.WindowSize
	if h.SingleSegment {
		window = h.FrameContentSize
	}
	if window > maxWindow {
		return false, corrupt(fmt.Sprintf("a frame needs %d MiB of memory, more than %d", window>>20, maxWindow>>20))
	}
	f.piece, f.last, f.checksum = h.HeaderSize, false, h.HasCheckSum
	return false, nil
}

// skip passes over the skippable frame that starts with b.
func (f *frameReader) skip(b []byte) error {
	if len(b) < skippableHeader {
		return reasonCut
	}
	size := int64(binary.LittleEndian.Uint32(b[magicSize:]))
	n, err := io.CopyN(io.Discard, f.r, skippableHeader+size)
	f.at += n
	if err == io.EOF {
		return reasonCut
	}
	f.err = err
	return err
}

// Read implements io.Reader for the decoder.
func (f *frameReader) Read(p []byte) (int, error) {
	if f.piece == 0 && f.err == nil {
		f.err = f.next()
	}
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.r.Read(p[:min(len(p), f.piece)])
	f.at += int64(n)
	f.piece -= n
	if f.err = err; err == io.EOF {
		f.err = reasonCut
	}
	return n, f.err
}

// next looks at the header of the next block.
func (f *frameReader) next() error {
	if f.last {
		return io.EOF
	}
	b, err := f.r.Peek(blockHeader)
	if err == io.EOF {
		return reasonCut
	}
	if err != nil {
		return err
	}
	h := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	size := h >> 3
	switch kind := h >> 1 & 3; {
	case kind == 1: // one byte, repeated
		size = 1
	case kind == 3:
		return corrupt("unknown type of block")
	case size > maxBlock:
		return corrupt("a block is too large")
	}
	f.piece, f.last = blockHeader+size, h&1 != 0
	if f.last && f.checksum {
		f.piece += frameChecksum
	}
	return nil
}
