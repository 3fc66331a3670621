package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"
)

// TestLZ4Size measures blocks that are sound, and damaged ones, which are
// refused or become as many bytes as was said.
func TestLZ4Size(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{"", "a", "bcd", "a longer word ", strings.Repeat("x", 300), "\x00"})).Draw(t, "words")
		text := []byte(strings.Join(words, "") + rapid.String().Draw(t, "end"))
		block, err := parquet.Lz4Raw.Encode(make([]byte, 2*len(text)+64), text)
		if err != nil || len(text) > 0 && len(block) == 0 {
			t.Fatalf("%d bytes, %v", len(block), err)
		}
		if len(text) == 0 {
			return
		}
		if got := lz4Size(block); got != int64(len(text)) {
			t.Fatalf("%d bytes, want %d", got, len(text))
		}
		if got := lz4Size(block[:rapid.IntRange(0, len(block)-1).Draw(t, "cut")]); got == int64(len(text)) {
			t.Fatal("a block that was cut is whole")
		}
		block[rapid.IntRange(0, len(block)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		size := lz4Size(block)
		if size < 0 || size > 1<<20 {
			return // nothing to decode
		}
		if out, err := parquet.Lz4Raw.Decode(make([]byte, size), block); err != nil || int64(len(out)) != size {
			t.Fatalf("%d bytes, %v, want %d", len(out), err, size)
		}
	})
}

// TestLZ4Guard shows a chunk to the guard in pieces, sound and with each of its
// pages damaged.
func TestLZ4Guard(t *testing.T) {
	for _, version := range []int{1, 2} {
		file := asDictParquet(t, pointers(texts(300)), 300, parquet.Compression(&parquet.Lz4Raw), parquet.DataPageVersion(version), parquet.PageBufferSize(100))
		p, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		start, end := chunkRange(&p.Metadata().RowGroups[0].Columns[1].MetaData)
		show := func(data []byte, size int64) error {
			g := lz4Guard{next: start}
			for off := start; off < end; off += size {
				if err := g.see(data[off:min(off+size, end)], off); err != nil {
					return err
				}
			}
			if g.next != end || len(g.data) > 0 {
				t.Errorf("version %d: the guard is at %d with %d bytes, the end at %d", version, g.next, len(g.data), end)
			}
			return nil
		}
		for size := int64(50); size < end-start; size += 71 {
			if err := show(file, size); err != nil {
				t.Fatalf("version %d, pieces of %d: %v", version, size, err)
			}
		}
		pages := 0
		for off := start; off < end; pages++ {
			header, size, err := pageHeader(file[off:end])
			if err != nil {
				t.Fatal(err)
			}
			next := off + int64(size) + int64(header.CompressedPageSize)
			block := off + int64(size)
			if header.Type == pq.DataPageV2 {
				block += int64(header.DataPageHeaderV2.V.DefinitionLevelsByteLength)
			}
			bad := bytes.Clone(file)
			copy(bad[block:next], "\xFF\xFF\xFF\xFF") // more literals than there are
			if err := show(bad, 200); !errors.Is(err, errLZ4) {
				t.Errorf("version %d, page %d: %v", version, pages, err)
			}
			off = next
		}
		if pages < 5 {
			t.Errorf("%d pages", pages)
		}
	}
}

// TestParquetDamagedDictionary resumes behind a dictionary in which a byte is
// another: it has a checksum, and in LZ4 it would not end to be decoded.
func TestParquetDamagedDictionary(t *testing.T) {
	all := make([]string, 2000)
	for i := range all {
		all[i] = texts(100)[i%100]
	}
	for _, codec := range []parquet.WriterOption{
		parquet.Compression(&parquet.Uncompressed),
		parquet.Compression(&parquet.Snappy),
		parquet.Compression(&parquet.Lz4Raw),
	} {
		data := asDictParquet(t, pointers(all), 1000, codec, parquet.PageBufferSize(200))
		src, _ := far(t, formatParquet, data)
		full := readN(t, src, Cursor{}, -1)
		p, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		start := p.Metadata().RowGroups[1].Columns[1].MetaData.DictionaryPageOffset
		header, size, err := pageHeader(data[start:])
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []int32{0, 1, 2, 3} {
			bad := bytes.Clone(data)
			bad[start+int64(size)+int64(header.CompressedPageSize*part/4)] ^= 0x21
			src, _ := far(t, formatParquet, bad)
			r, err := src.Open(context.Background(), after(t, full[1500]))
			if err == nil {
				_, err = r.Next(context.Background())
				r.Close()
			}
			if err == nil || err == io.EOF {
				t.Errorf("damaged in quarter %d: %v", part, err)
			}
		}
	}
}
