package stream

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	pq "github.com/parquet-go/parquet-go/format"
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
	if !known {
		t.put(f, r.tail)
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

// A tailReader reads a file whose last bytes are known: the footer, its length
// and the magic bytes.
type tailReader struct {
	ctx    context.Context
	blob   blob
	size   int64
	tail   []byte
	failed error // what the blob failed with
}

// fetch reads the tail. One that is none is left for the library to judge.
func (r *tailReader) fetch() error {
	tail := make([]byte, min(r.size, tailSize))
	n := int64(len(tail))
	if _, err := r.read(tail, r.size-n); err != nil {
		return err
	}
	switch size := footerSize(tail); {
	case size == 0 || size > r.size:
		r.tail = tail
	case size <= n:
		r.tail = bytes.Clone(tail[n-size:])
	default:
		whole := make([]byte, size)
		if _, err := r.read(whole[:size-n], r.size-size); err != nil {
			return err
		}
		copy(whole[size-n:], tail)
		r.tail = slim(whole)
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (r *tailReader) ReadAt(p []byte, off int64) (int, error) {
	start := r.size - int64(len(r.tail))
	switch {
	case off < 0:
		return 0, io.ErrUnexpectedEOF // a footer longer than the file
	case off < start || len(r.tail) == 0:
		return r.read(p, off)
	}
	n := copy(p, r.tail[off-start:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read reads from the blob. If err is nil, p is full.
func (r *tailReader) read(p []byte, off int64) (int, error) {
	n, err := r.blob.readAt(r.ctx, p, off)
	if n == len(p) {
		return n, nil
	}
	if err != io.EOF {
		r.failed = err
	}
	return n, err
}

// footerSize returns how many bytes of a file are its footer, the length and the
// magic bytes, by what its last bytes say; 0 where it ends with none.
func footerSize(tail []byte) int64 {
	length, ok := bytes.CutSuffix(tail, magic)
	if !ok || len(length) < 4 {
		return 0
	}
	return int64(binary.LittleEndian.Uint32(length[len(length)-4:])) + 8
}

var magic = []byte("PAR1")

// slim returns a tail without the statistics, which hold values for each row
// group, texts as long as they are: nobody asks for them, and the footer of a
// large file would be kept in memory several times. What it cannot decode is left
// as it is.
func slim(tail []byte) []byte {
	var protocol thrift.CompactProtocol
	var md pq.FileMetaData
	if err := thrift.Unmarshal(&protocol, tail[:len(tail)-8], &md); err != nil {
		return tail
	}
	for i := range md.RowGroups {
		for j := range md.RowGroups[i].Columns {
			meta := &md.RowGroups[i].Columns[j].MetaData
			meta.Statistics, meta.SizeStatistics = pq.Statistics{}, pq.SizeStatistics{}
		}
	}
	footer, err := thrift.Marshal(&protocol, &md)
	if err != nil {
		return tail
	}
	return append(binary.LittleEndian.AppendUint32(footer, uint32(len(footer))), magic...)
}
