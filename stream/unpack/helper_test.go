package unpack

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

type openFunc func(io.Reader, Point) (Reader, error)

// everyFill is Gzip with as many points as it can have.
func everyFill(r io.Reader, p Point) (Reader, error) {
	g, err := newGzip(r, p, 1)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// readAll reads a stream from its start.
func readAll(t testing.TB, open openFunc, r io.Reader) ([]byte, error) {
	t.Helper()
	u, err := open(r, Point{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	return io.ReadAll(u)
}

// viaJSON returns p as it comes back from where it was stored.
func viaJSON(t testing.TB, p Point) Point {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 45<<10 {
		t.Errorf("a point of %d bytes", len(data))
	}
	var q Point
	if err := json.Unmarshal(data, &q); err != nil {
		t.Fatal(err)
	}
	return q
}

// wantCorrupt fails unless err is a *CorruptError, and not one that could be
// taken for the end of the data.
func wantCorrupt(t testing.TB, err error) *CorruptError {
	t.Helper()
	var e *CorruptError
	if !errors.As(err, &e) || errors.Is(err, io.EOF) {
		t.Fatalf("error is %v, want a *CorruptError", err)
	}
	return e
}

// words returns about n bytes of lines of words, some much more frequent than
// others.
func words(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id": %d, "text": "`, rnd.IntN(1e9))
		for range rnd.IntN(40) {
			w := int(rnd.ExpFloat64() * 300)
			fmt.Fprintf(&b, "%c%c%x ", 'a'+w%26, 'a'+w/26%26, w*w)
		}
		b.WriteString("\"}\n")
	}
	return b.Bytes()
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// inputs are raw streams of all kinds.
func inputs() map[string][]byte {
	return map[string][]byte{
		"nothing":     {},
		"one byte":    {'x'},
		"short":       []byte("hello, hello, hello\n"),
		"words":       words(300 << 10),
		"noise":       noise(200 << 10),
		"zeros":       make([]byte, 200<<10),
		"period of 3": bytes.Repeat([]byte("abc"), 20<<10),
		"mixed":       bytes.Join([][]byte{words(100 << 10), noise(70 << 10), make([]byte, 50<<10), words(60 << 10)}, nil),
		"far back":    bytes.Repeat(noise(32<<10), 6),
		"two symbols": twoSymbols(100 << 10),
	}
}

// twoSymbols is coded in fewer than two bits a byte.
func twoSymbols(n int) []byte {
	b := noise(n)
	for i := range b {
		b[i] = 'a' + b[i]&1
	}
	return b
}

// wikitext returns WikiText-2's validation split, nil where it is not at hand.
func wikitext() []byte {
	folder, err := filepath.Abs(".")
	for err == nil {
		data, err := os.ReadFile(filepath.Join(folder, "shared", "data", "wikitext-2-valid.txt"))
		if err == nil {
			return data
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			break
		}
		folder = parent
	}
	return nil
}

type writer interface {
	io.WriteCloser
	Flush() error
}

// gzipWriters are the ways to write gzip.
func gzipWriters() map[string]func(io.Writer) writer {
	all := make(map[string]func(io.Writer) writer)
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		all[fmt.Sprintf("gzip%d", level)] = func(w io.Writer) writer {
			z, _ := gzip.NewWriterLevel(w, level)
			return z
		}
	}
	for level := kgzip.StatelessCompression; level <= kgzip.BestCompression; level++ {
		all[fmt.Sprintf("klauspost%d", level)] = func(w io.Writer) writer {
			z, _ := kgzip.NewWriterLevel(w, level)
			return z
		}
	}
	return all
}

// zstdWriters are the ways to write zstd.
func zstdWriters() map[string]func(io.Writer) writer {
	all := make(map[string]func(io.Writer) writer)
	for level := zstd.SpeedFastest; level <= zstd.SpeedBestCompression; level++ {
		for _, sum := range []bool{false, true} {
			all[fmt.Sprintf("%v, checksum %v", level, sum)] = func(w io.Writer) writer {
				z, _ := zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(sum), zstd.WithEncoderConcurrency(1))
				return z
			}
		}
	}
	return all
}

// pack compresses parts each into a member or frame of its own.
func pack(t testing.TB, open func(io.Writer) writer, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		w := open(&b)
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func gzipDefault(w io.Writer) writer { return gzip.NewWriter(w) }

func zstdDefault(w io.Writer) writer {
	z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	return z
}

// split cuts b into n parts, the first and some others empty.
func split(b []byte, n int) [][]byte {
	parts := [][]byte{nil}
	for i := range n {
		parts = append(parts, b[len(b)*i/n:len(b)*(i+1)/n])
		if i%3 == 1 {
			parts = append(parts, nil)
		}
	}
	return parts
}
