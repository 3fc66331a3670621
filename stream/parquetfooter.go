package stream

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/parquet-go/parquet-go"
)

const (
	// tailSize is how many bytes are read at the end of a file in the hope that
	// they hold all of the footer.
	tailSize = 1 << 20

	// pageBuffer is how many bytes of a column are read at once; larger pages
	// are read as they are.
	pageBuffer = 256 << 10
)

// footers keeps the bytes of the footers that were read last: a file that lies
// far away is opened several times at start, but its footer is fetched once.
// A parsed footer is not shared, as the library keeps pages' places in it.
type footers struct {
	mu   sync.Mutex
	kept [2]footer // the last one first
}

type footer struct {
	file *file
	tail []byte // of the file: the footer, its length and the magic bytes
}

// open parses the footer of f, but reads no page index. A footer that is none is
// a *FormatError.
func (t *footers) open(ctx context.Context, b blob, f *file) (p *parquet.File, err error) {
	r := &tailReader{ctx: ctx, blob: b, size: f.size(), tail: t.get(f)}
	defer func() {
		if err != nil && r.failed == nil {
			err = &FormatError{Path: f.name(), Reason: "not a whole Parquet file", Err: err}
		}
	}()
	defer recoverParquet(&err)
	known := r.tail != nil
	if !known {
		if err := r.fetch(); err != nil {
			return nil, err
		}
	}
	p, err = parquet.OpenFile(r, f.size(),
		parquet.SkipMagicBytes(!f.near()), // a round trip for bytes that the footer ends with too
		parquet.SkipPageIndex(true),
		parquet.SkipBloomFilters(true),
		parquet.ReadBufferSize(pageBuffer),
	)
	if err != nil {
		return nil, err
	}
	rows := int64(0)
	for i, g := range p.Metadata().RowGroups {
		if g.NumRows < 0 || rows+g.NumRows < rows {
			return nil, fmt.Errorf("row group %d has %d rows", i, g.NumRows)
		}
		rows += g.NumRows
	}
	if tail := r.footer(); !known && tail != nil {
		t.put(f, tail)
	}
	return p, nil
}

func (t *footers) get(f *file) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.kept {
		if k.file == f {
			return k.tail
		}
	}
	return nil
}

func (t *footers) put(f *file, tail []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept[1] = t.kept[0]
	t.kept[0] = footer{f, tail}
}

// A tailReader reads a file whose last bytes are known, and keeps those that it
// reads before them.
type tailReader struct {
	ctx    context.Context
	blob   blob
	size   int64
	tail   []byte
	failed error // what the blob failed with
}

// fetch reads the tail.
func (r *tailReader) fetch() error {
	n := min(r.size, tailSize)
	_, err := r.ReadAt(make([]byte, n), r.size-n)
	if int64(len(r.tail)) == n {
		return nil
	}
	return err
}

// ReadAt implements io.ReaderAt.
func (r *tailReader) ReadAt(p []byte, off int64) (int, error) {
	start := r.size - int64(len(r.tail))
	if off >= start && len(r.tail) > 0 {
		n := copy(p, r.tail[off-start:])
		if n < len(p) {
			return n, io.EOF
		}
		return n, nil
	}
	n, err := r.blob.readAt(r.ctx, p, off)
	if n < len(p) && err != io.EOF {
		r.failed = err
	}
	if n == len(p) && off < start && off+int64(n) >= start {
		r.tail = append(append([]byte(nil), p[:start-off]...), r.tail...)
	}
	return n, err
}

// footer returns the part of the tail that is the footer, without the rest.
func (r *tailReader) footer() []byte {
	if len(r.tail) < 8 {
		return nil
	}
	size := int64(binary.LittleEndian.Uint32(r.tail[len(r.tail)-8:])) + 8
	if size > int64(len(r.tail)) {
		return nil
	}
	return append([]byte(nil), r.tail[int64(len(r.tail))-size:]...)
}
