package unpack

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// fuzzMost is how much the fuzz targets decode of what may be endless.
const fuzzMost = 4 << 20

// readSome reads up to fuzzMost bytes; err is nil at the end of the stream.
func readSome(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, fuzzMost)) }

// FuzzInflate compares with compress/flate: what that one decodes without an
// error we decode to the same bytes, and the other way round.
func FuzzInflate(f *testing.F) {
	f.Add(bitString("1 10 10010001 0000001 00000 0000000"))
	f.Add(bitString("1 00 00000 1000000000000000 0111111111111111 10000110"))
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, level)
		if err != nil {
			f.Fatal(err)
		}
		w.Write(words(3000))
		w.Flush()
		w.Write(twoSymbols(500))
		w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bytes.NewReader(data)
		want, stdErr := readSome(flate.NewReader(in))
		if len(want) == fuzzMost {
			return
		}
		packed := member(data, nil)
		if stdErr == nil {
			packed = member(data[:len(data)-in.Len()], want)
		}
		u, err := Gzip(bytes.NewReader(packed), Point{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readSome(u)
		if stdErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%d bytes, %v; compress/flate has %d", len(got), err, len(want))
		}
		if stdErr != nil && !errors.Is(stdErr, io.ErrUnexpectedEOF) { // the trailer could go on with it
			if e := wantCorrupt(t, err); strings.Contains(e.Reason, "that of the data before") {
				t.Fatalf("we found an end where compress/flate has %v", stdErr)
			}
		}
	})
}

// FuzzGzip reads anything, and resumes where it can.
func FuzzGzip(f *testing.F) {
	f.Add(pack(f, gzipDefault, split(words(5000), 3)...))
	f.Add(pack(f, gzipDefault, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzz(t, everyFill, data, func() (io.Reader, error) { return gzip.NewReader(bytes.NewReader(data)) })
	})
}

// FuzzZstd reads anything, and resumes where it can.
func FuzzZstd(f *testing.F) {
	f.Add(pack(f, zstdDefault, split(words(5000), 3)...))
	f.Add(append(skippable(3, 10), pack(f, zstdDefault, []byte("text"))...))
	f.Add([]byte("\x28\xB5\x2F\xFD\x20\x03\x1B\x00\x00a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzz(t, Zstd, data, func() (io.Reader, error) {
			return zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderConcurrency(1))
		})
	})
}

// fuzz reads data: what is taken for whole has to be so for another reader too.
func fuzz(t *testing.T, open openFunc, data []byte, other func() (io.Reader, error)) {
	u, err := open(bytes.NewReader(data), Point{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	got, err := readSome(u)
	if err != nil {
		wantCorrupt(t, err)
		return
	}
	if len(got) < fuzzMost {
		var want []byte
		r, err := other()
		if err == nil {
			want, err = readSome(r)
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes; another reader has %d, %v", len(got), len(want), err)
		}
	}
	p := viaJSON(t, u.Point())
	v, err := open(bytes.NewReader(data[p.From:]), p)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	rest, err := io.ReadAll(io.LimitReader(v, int64(len(got))-p.Raw))
	if err != nil || !bytes.Equal(rest, got[p.Raw:]) {
		t.Fatalf("resumed at %d: %v, or other bytes", p.Raw, err)
	}
}

// FuzzPoint resumes anything at anything.
func FuzzPoint(f *testing.F) {
	packed := pack(f, gzipDefault, words(300<<10))
	u, err := everyFill(bytes.NewReader(packed), Point{})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, u, 200<<10); err != nil {
		f.Fatal(err)
	}
	point, err := json.Marshal(u.Point())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(point, packed[u.Point().From:])
	f.Add([]byte(`{"from":20,"raw":5,"member":{"bit":7,"raw":5,"window":"AAA="}}`), []byte("x"))
	f.Fuzz(func(t *testing.T, point, data []byte) {
		var p Point
		if json.Unmarshal(point, &p) != nil {
			return
		}
		for _, open := range []openFunc{Gzip, Zstd} {
			u, err := open(bytes.NewReader(data), p)
			if err != nil {
				continue
			}
			if got, err := readSome(u); err != nil {
				wantCorrupt(t, err)
			} else if len(got) < fuzzMost {
				p := u.Point()
				p.Cost(p.Raw)
				viaJSON(t, p)
			}
			u.Close()
		}
	})
}
