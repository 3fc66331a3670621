package stream

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/parquet-go/parquet-go"
)

// leap is how many bytes are read and thrown away rather than asked for anew:
// what lies between the chunks of a column that are close to each other.
const leap = 256 << 10

// A columnScan is what the library reads one column of a file from. Its reads
// go forward, but for a dictionary now and then, so they are served by few
// sequences, each of which runs over as many row groups as lie close together.
type columnScan struct {
	ctx    context.Context // of the call that is under way: the library hands none on
	blob   blob
	see    func(p []byte, off int64) // is told what was read; nil: nobody asks
	guard  *lz4Guard                 // looks at pages first; nil where they need it not
	runs   []extent
	seq    sequence // nil: to be opened where the next read is
	pos    int64    // of seq
	end    int64    // of the run that seq reads
	failed error    // what the blob failed with last

	dictionary extent // of the row group that is read, where it is known
	dictBytes  []byte // what is there, once it was needed
}

// An extent is the bytes [start, end) of a file.
type extent struct{ start, end int64 }

func newColumnScan(b blob, f *parquet.File, leaf int) *columnScan {
	s := &columnScan{blob: b}
	for i := range f.Metadata().RowGroups {
		start, end := chunkRange(&f.Metadata().RowGroups[i].Columns[leaf].MetaData)
		end = min(end, f.Size())
		if start < 0 || start >= end {
			continue
		}
		if n := len(s.runs); n > 0 && start >= s.runs[n-1].end && start-s.runs[n-1].end <= leap {
			s.runs[n-1].end = end
		} else {
			s.runs = append(s.runs, extent{start, end})
		}
	}
	return s
}

// seek says that reading goes on at off, which may be anywhere.
func (s *columnScan) seek(off int64) {
	if s.seq != nil && !s.reaches(off) {
		s.seq.Close() // what it had read ahead is not wanted
		s.seq = nil
	}
}

// keep says where the dictionary is that the pages may need; none if it is too
// large to be one.
func (s *columnScan) keep(dictionary extent) {
	s.dictionary, s.dictBytes = extent{}, nil
	if n := dictionary.end - dictionary.start; n > 0 && n <= maxDictionary {
		s.dictionary = dictionary
	}
}

// maxDictionary is the largest dictionary that is read at once, in bytes.
const maxDictionary = 16 << 20

// reaches reports whether off is to be read by the open sequence.
func (s *columnScan) reaches(off int64) bool {
	return off >= s.pos && off-s.pos <= leap && off < s.end
}

// ReadAt implements io.ReaderAt.
func (s *columnScan) ReadAt(p []byte, off int64) (n int, err error) {
	if s.seq == nil {
		if err := s.open(off); err != nil {
			return 0, err
		}
	}
	switch {
	case s.seq != nil && s.reaches(off) && off+int64(len(p)) <= s.end:
		n, err = s.guarded(s.forward, p, off)
	case off >= s.dictionary.start && off < s.dictionary.end:
		n, err = s.readDictionary(p, off)
	default:
		n, err = s.guarded(s.once, p, off)
	}
	if s.see != nil {
		s.see(p[:n], off)
	}
	return n, err
}

// guarded reads by read, unless what that gave is not to be decoded.
func (s *columnScan) guarded(read func(p []byte, off int64) (int, error), p []byte, off int64) (int, error) {
	n, err := read(p, off)
	if s.guard != nil {
		if bad := s.guard.see(p[:n], off); bad != nil {
			return 0, bad
		}
	}
	return n, err
}

// readDictionary reads p of the dictionary, behind which it says there is
// nothing: who needs pages that come later has not seen it. The library makes
// no use of its checksum here.
func (s *columnScan) readDictionary(p []byte, off int64) (int, error) {
	if s.dictBytes == nil {
		b := make([]byte, s.dictionary.end-s.dictionary.start)
		if n, err := s.once(b, s.dictionary.start); n < len(b) {
			return 0, err
		}
		if err := checkDictionary(b, s.guard != nil); err != nil {
			return 0, err
		}
		s.dictBytes = b
	}
	n := copy(p, s.dictBytes[off-s.dictionary.start:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// checkDictionary looks for damage in the page of a dictionary.
func checkDictionary(page []byte, lz4 bool) error {
	header, size, err := pageHeader(page)
	if err != nil {
		return fmt.Errorf("dictionary: %w", err)
	}
	end := size + int(header.CompressedPageSize)
	if end < size || end > len(page) {
		return fmt.Errorf("dictionary of %d bytes where there are %d", header.CompressedPageSize, len(page)-size)
	}
	body := page[size:end]
	if sum := crc32.ChecksumIEEE(body); header.CRC != 0 && uint32(header.CRC) != sum {
		return fmt.Errorf("dictionary with checksum %08x, want %08x", sum, uint32(header.CRC))
	}
	if lz4 {
		return checkLZ4(&header, body)
	}
	return nil
}

// once reads without moving the sequence.
func (s *columnScan) once(p []byte, off int64) (int, error) {
	n, err := s.blob.readAt(s.ctx, p, off)
	if n < len(p) && err != io.EOF {
		s.failed = err
	}
	return n, err
}

// open starts a sequence at off, if that is in the column.
func (s *columnScan) open(off int64) error {
	for _, r := range s.runs {
		if off < r.start || off >= r.end {
			continue
		}
		seq, err := s.blob.sequence(s.ctx, off, r.end)
		if err != nil {
			s.failed = err
			return err
		}
		s.seq, s.pos, s.end = seq, off, r.end
		return nil
	}
	return nil
}

// forward reads p at off by the sequence.
func (s *columnScan) forward(p []byte, off int64) (n int, err error) {
	for skip := off - s.pos; skip > 0 && err == nil; skip = off - s.pos {
		n, err = s.seq.read(s.ctx, p[:min(skip, int64(len(p)))])
		s.pos += int64(n)
	}
	for n = 0; n < len(p) && err == nil; {
		var m int
		m, err = s.seq.read(s.ctx, p[n:])
		n += m
		s.pos += int64(m)
	}
	if n == len(p) {
		return n, nil
	}
	s.seq.Close()
	s.seq = nil
	if err != io.EOF {
		s.failed = err
	}
	return n, err
}

func (s *columnScan) close() error {
	if s.seq == nil {
		return nil
	}
	err := s.seq.Close()
	s.seq = nil
	return err
}
