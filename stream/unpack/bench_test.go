package unpack

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"testing"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// BenchmarkRead reads a stream: raw bytes a second, beside what others do.
func BenchmarkRead(b *testing.B) {
	raw := wikitext()
	if raw == nil {
		raw = words(1 << 20)
	}
	zipped, zstded := pack(b, gzipDefault, raw), pack(b, zstdDefault, raw)
	for _, c := range []struct {
		name   string
		packed []byte
		open   func(io.Reader) (io.Reader, error)
	}{
		{"gzip", zipped, func(r io.Reader) (io.Reader, error) { return Gzip(r, Point{}) }},
		{"compress-gzip", zipped, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"klauspost-gzip", zipped, func(r io.Reader) (io.Reader, error) { return kgzip.NewReader(r) }},
		{"zstd", zstded, func(r io.Reader) (io.Reader, error) { return Zstd(r, Point{}) }},
		{"klauspost-zstd", zstded, func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			buf := make([]byte, 256<<10)
			for b.Loop() {
				r, err := c.open(bytes.NewReader(c.packed))
				if err != nil {
					b.Fatal(err)
				}
				var n int
				for err == nil {
					var m int
					m, err = r.Read(buf)
					n += m
				}
				if err != io.EOF || n != len(raw) {
					b.Fatalf("%d bytes, %v", n, err)
				}
			}
		})
	}
}

// BenchmarkPoint stores a point of a gzip stream and resumes at it.
func BenchmarkPoint(b *testing.B) {
	raw := wikitext()
	if raw == nil {
		raw = words(1 << 20)
	}
	packed := pack(b, gzipDefault, raw)
	u, err := everyFill(bytes.NewReader(packed), Point{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, u, 500_000); err != nil {
		b.Fatal(err)
	}
	var stored []byte
	b.Run("store", func(b *testing.B) {
		for b.Loop() {
			if stored, err = json.Marshal(u.Point()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(stored)), "JSON-bytes")
	})
	b.Run("resume", func(b *testing.B) {
		for b.Loop() {
			var p Point
			if err := json.Unmarshal(stored, &p); err != nil {
				b.Fatal(err)
			}
			u, err := everyFill(bytes.NewReader(packed[p.From:]), p)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(u, make([]byte, 100)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
