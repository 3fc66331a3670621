package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// A memory is a file far away: what is read of it is counted.
type memory struct {
	path string
	data []byte

	mu     sync.Mutex
	opened int   // how often
	closed int   // how often, of files and sequences alike
	reads  int   // readAt and sequence
	bytes  int64 // read
	fail   error // what all reads return, if set
}

func (m *memory) name() string                    { return m.path }
func (m *memory) size() int64                     { return int64(len(m.data)) }
func (m *memory) near() bool                      { return false }
func (m *memory) toHash(*hasher) int64            { return 0 }
func (m *memory) check(ctx context.Context) error { return ctx.Err() }

func (m *memory) open(ctx context.Context) (blob, error) {
	if err := m.count(ctx, &m.opened); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *memory) fingerprint(context.Context, *hasher) (FileInfo, error) {
	sum := sha256.Sum256(m.data)
	return FileInfo{Path: m.path, Size: m.size(), SHA256: hex.EncodeToString(sum[:])}, nil
}

func (m *memory) count(ctx context.Context, n *int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	*n++
	if m.fail != nil && n == &m.reads {
		return m.fail
	}
	return ctx.Err()
}

func (m *memory) got(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += int64(n)
	return n
}

func (m *memory) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := m.count(ctx, &m.reads); err != nil {
		return 0, err
	}
	n, err := bytes.NewReader(m.data).ReadAt(p, off)
	return m.got(n), err
}

func (m *memory) sequence(ctx context.Context, off, end int64) (sequence, error) {
	if err := errors.Join(m.count(ctx, &m.reads), m.count(ctx, &m.opened)); err != nil {
		m.Close()
		return nil, err
	}
	// One that hands out less than was asked for, as the network does.
	return &memorySequence{m, inOrder{iotest.HalfReader(bytes.NewReader(m.data[off:end]))}}, nil
}

func (m *memory) Close() error { return m.count(context.Background(), &m.closed) }

type memorySequence struct {
	m *memory
	inOrder
}

func (s *memorySequence) read(ctx context.Context, p []byte) (int, error) {
	s.m.mu.Lock()
	fail := s.m.fail
	s.m.mu.Unlock()
	if fail != nil {
		return 0, fail
	}
	n, err := s.inOrder.read(ctx, p)
	return s.m.got(n), err
}

func (s *memorySequence) Close() error { return s.m.Close() }

// far opens a source of files that lie far away.
func far(t testing.TB, kind string, data ...[]byte) (Source, []*memory) {
	t.Helper()
	return farSpec(t, Spec{Dataset: "far", TextField: "text"}, kind, data...)
}

func farSpec(t testing.TB, spec Spec, kind string, data ...[]byte) (Source, []*memory) {
	t.Helper()
	var files []*file
	var all []*memory
	for i, d := range data {
		m := &memory{path: fmt.Sprintf("hub/%c.%s", 'a'+i, kind), data: d}
		all = append(all, m)
		files = append(files, &file{place: m})
	}
	s, err := newFileSource(context.Background(), spec, Options{}, kind, files)
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

// TestShards reads files far away one after the other: none before it is time,
// the next one shortly before, and at a resume no others.
func TestShards(t *testing.T) {
	shards := [][]string{texts(3000), nil, texts(2900), texts(2800)}
	for _, kind := range []string{formatText, formatJSONL, formatJSONLGzip, formatTextZstd, formatParquet} {
		t.Run(kind, func(t *testing.T) {
			var data [][]byte
			for _, s := range shards {
				switch kind {
				case formatText:
					data = append(data, asText(s))
				case formatJSONL:
					data = append(data, asJSONL(s))
				case formatJSONLGzip:
					data = append(data, gzipped(t, asJSONL(s)))
				case formatTextZstd:
					data = append(data, zstded(t, asText(s)))
				default:
					data = append(data, asParquet(t, pointers(s), 500))
				}
			}
			src, files := far(t, kind, data...)
			for i, f := range files[1:] {
				if f.reads > 0 {
					t.Errorf("file %d was read when the source was opened", i+1)
				}
			}
			if kind == formatParquet && src.Info().Rows != -1 {
				t.Errorf("Info says %d rows before the files were seen", src.Info().Rows)
			}
			all := readN(t, src, Cursor{}, -1)
			if len(all) != 8700 {
				t.Fatalf("%d rows", len(all))
			}
			if kind == formatParquet && src.Info().Rows != 8700 {
				t.Errorf("Info says %d rows after all files were seen", src.Info().Rows)
			}
			for i, f := range files {
				if f.opened != f.closed {
					t.Errorf("file %d: opened %d, closed %d", i, f.opened, f.closed)
				}
			}
			for _, k := range []int{3000, 4500, 5899, 5900, 8699} {
				src, files := far(t, kind, data...)
				head := files[0].bytes
				got := readN(t, src, after(t, all[k-1]), 5)
				if diff := cmp.Diff(all[k:min(k+5, len(all))], got, cmpNil); diff != "" {
					t.Errorf("from row %d: %s", k, diff)
				}
				last := all[k-1].At.File
				for i, f := range files {
					if i < last && i > 0 && f.reads > 0 || i == 0 && last > 0 && f.bytes > head || i > all[k].At.File+1 && f.reads > 0 {
						t.Errorf("from row %d in file %d: file %d was read", k, last, i)
					}
				}
			}
		})
	}
}

// TestFarErrors has the network fail: that is neither the end, nor a cursor
// that does not fit, nor a damaged file.
func TestFarErrors(t *testing.T) {
	broken := errors.New("connection lost")
	ctx := context.Background()
	for kind, data := range map[string][]byte{
		formatText:     asText(texts(30_000)),
		formatTextGzip: gzipped(t, noisy(5<<20)),
		formatParquet:  asParquet(t, pointers(texts(30_000)), 3000),
	} {
		src, files := far(t, kind, data, data)
		const rows = 10_000
		all := readN(t, src, Cursor{}, rows)
		r, err := src.Open(ctx, Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		for range rows {
			if _, err := r.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range files {
			f.fail = broken
		}
		for err == nil {
			_, err = r.Next(ctx)
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: while it is read: %v", kind, err)
		}
		if _, again := r.Next(ctx); again != err {
			t.Errorf("%s: later: %v", kind, again)
		}
		r.Close()
		var proof *ProofError
		var format *FormatError
		if _, err := src.Open(ctx, after(t, all[rows-1])); !errors.Is(err, broken) || errors.As(err, &proof) || errors.As(err, &format) {
			t.Errorf("%s: at a resume: %v", kind, err)
		}
	}
}

// TestFarStops ends a ctx in the middle of a read.
func TestFarStops(t *testing.T) {
	src, _ := far(t, formatParquet, asParquet(t, pointers(texts(30_000)), 3000))
	r, err := src.Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx := &lateContext{Context: context.Background(), after: 5}
	for err == nil {
		_, err = r.Next(ctx)
	}
	if !errors.Is(err, context.Canceled) || err == io.EOF {
		t.Errorf("error is %v", err)
	}
}

// A lateContext is canceled once it was asked a few times.
type lateContext struct {
	context.Context
	after int
}

func (c *lateContext) Err() error {
	if c.after--; c.after < 0 {
		return context.Canceled
	}
	return nil
}
