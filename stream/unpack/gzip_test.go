package unpack

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"
)

// TestBitPhases resumes at blocks that start at each of the eight bits of a
// byte.
func TestBitPhases(t *testing.T) {
	seen := make(map[uint8]int)
	raw := words(400 << 10)
	for level := 1; level <= 6; level++ {
		packed := pack(t, func(w io.Writer) writer {
			z, _ := gzip.NewWriterLevel(w, level)
			return z
		}, raw)
		u, err := everyFill(bytes.NewReader(packed), Point{})
		if err != nil {
			t.Fatal(err)
		}
		var last Point
		for buf := make([]byte, 1000); ; {
			if _, err := u.Read(buf); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			p := u.Point()
			if p.Raw == last.Raw {
				continue
			}
			last = p
			seen[p.Member.Bit]++
			v, err := everyFill(bytes.NewReader(packed[p.From:]), p)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(v); err != nil || !bytes.Equal(got, raw[p.Raw:]) {
				t.Errorf("level %d, resumed at %d: %d of %d bytes, %v", level, p.Raw, len(got), len(raw)-int(p.Raw), err)
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("points by bit: %v", seen)
	}
}

// TestInterval holds that points are as far apart as is said, and not further.
func TestInterval(t *testing.T) {
	raw := words(5 << 20)
	u, err := Gzip(bytes.NewReader(pack(t, gzipDefault, raw)), Point{})
	if err != nil {
		t.Fatal(err)
	}
	var points []Point
	at, last := int64(0), Point{}
	for buf := make([]byte, 10_000); ; {
		n, err := u.Read(buf)
		if err == io.EOF {
			break
		}
		at += int64(n)
		p := u.Point()
		if p.Raw > at || at-p.Raw > interval+256<<10 {
			t.Fatalf("at %d the point is %d", at, p.Raw)
		}
		if p.Raw != last.Raw {
			points = append(points, p)
			if p.Raw-last.Raw < interval {
				t.Errorf("points at %d and %d", last.Raw, p.Raw)
			}
		}
		last = p
	}
	if len(points) != 4 {
		t.Errorf("%d points", len(points))
	}
}

// member wraps a deflate stream that yields raw.
func member(deflated, raw []byte) []byte {
	b := []byte{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255}
	b = append(b, deflated...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(raw))
	return binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
}

// bitString packs bits, written in the order of the stream, into bytes.
func bitString(s string) []byte {
	var b []byte
	for i, c := range strings.ReplaceAll(s, " ", "") {
		if i%8 == 0 {
			b = append(b, 0)
		}
		b[i/8] |= byte(c-'0') << (i % 8)
	}
	return b
}

// TestBlocks decodes blocks that compressors do not write, or must not.
func TestBlocks(t *testing.T) {
	// A fixed block: literals from 00110000, lengths from 0000001, five bits of
	// distance.
	const a, end = "10010001", "0000000"
	for _, c := range []struct {
		name, bits string
		want       string
		bad        string // part of the error
	}{
		{name: "empty fixed", bits: "1 10 " + end},
		{name: "one literal", bits: "1 10 " + a + end, want: "a"},
		{name: "match of one back", bits: "1 10 " + a + "0000001 00000" + end, want: "aaaa"},
		{name: "longest match", bits: "1 10 " + a + "11000101 00000" + end, want: strings.Repeat("a", 259)},
		{name: "several blocks", bits: "0 10 " + a + end + "0 10 " + end + "1 10 " + a + end, want: "aa"},
		{name: "stored", bits: "1 00 00000 1000000000000000 0111111111111111 10000110", want: "a"},
		{name: "stored, empty", bits: "1 00 00000 0000000000000000 1111111111111111"},
		{name: "stored, wrong length", bits: "1 00 00000 1000000000000000 0111111111111110 10000110", bad: "contradicts"},
		{name: "unknown type", bits: "1 11", bad: "type of block"},
		{name: "match before the start", bits: "1 10 0000001 00000" + end, bad: "before the start"},
		{name: "match too far back", bits: "1 10 " + a + "0000001 00001" + end, bad: "before the start"},
		{name: "symbol 286", bits: "1 10 11000110" + end, bad: "no symbol"},
		{name: "distance 30", bits: "1 10 " + a + "0000001 11110" + end, bad: "no distance"},
		{name: "287 symbols", bits: "1 01 01111 00000 0000", bad: "too many symbols"},
		{name: "31 distances", bits: "1 01 00000 01111 0000", bad: "too many symbols"},
		{name: "no lengths", bits: "1 01 00000 00000 0000" + strings.Repeat("000", 4) + "0", bad: "no length"},
		{name: "too many lengths of one bit", bits: "1 01 00000 00000 0000" + strings.Repeat("100", 4), bad: "no code"},
		{name: "nothing to repeat", bits: "1 01 00000 00000 0000 100 100 000 000 0 00", bad: "without one before"},
		// 18 and 0 have codes of one bit: 138 and 120 zeros.
		{name: "no end", bits: "1 01 00000 00000 0000 000 000 100 100 1 1111111 1 1010110", bad: "without an end"},
		{name: "lengths over the end", bits: "1 01 00000 00000 0000 000 000 100 100 1 1111111 1 1111111", bad: "more lengths"},
	} {
		packed := member(bitString(c.bits), []byte(c.want))
		got, err := readAll(t, everyFill, bytes.NewReader(packed))
		switch {
		case c.bad != "":
			if e := wantCorrupt(t, err); !strings.Contains(e.Error(), c.bad) {
				t.Errorf("%s: %v", c.name, err)
			}
		case err != nil || string(got) != c.want:
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		std, stdErr := gzip.NewReader(bytes.NewReader(packed))
		if stdErr == nil {
			_, stdErr = io.ReadAll(std)
		}
		if (stdErr == nil) != (err == nil) {
			t.Errorf("%s: compress/gzip says %v, we say %v", c.name, stdErr, err)
		}
	}
}

// TestHeaders passes over what a header may hold.
func TestHeaders(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name, w.Comment = "a name", strings.Repeat("a long comment ", 100)
	w.Extra, w.ModTime = noise(60_000), time.Unix(1e9, 0)
	w.Write([]byte("text"))
	w.Close()
	if got, err := readAll(t, Gzip, &b); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}

	var deflated bytes.Buffer
	z, _ := flate.NewWriter(&deflated, 9)
	z.Write([]byte("text"))
	z.Close()
	packed := member(deflated.Bytes(), []byte("text"))
	header := bytes.Clone(packed[:10])[:10:10]
	header[3] |= hasCRC
	sum := uint16(crc32.ChecksumIEEE(header))
	for _, c := range []struct {
		header []byte
		bad    string
	}{
		{header: binary.LittleEndian.AppendUint16(header, sum)},
		{binary.LittleEndian.AppendUint16(header, sum+1), "header's checksum"},
		{append([]byte{0x1F, 0x8B, 7}, packed[3:10]...), "method"},
		{append([]byte{0x1F, 0x8B, 8, 0x20}, packed[4:10]...), "flags"},
		{append([]byte("no"), packed[2:10]...), "no gzip member"},
	} {
		got, err := readAll(t, Gzip, bytes.NewReader(append(bytes.Clone(c.header), packed[10:]...)))
		if c.bad != "" {
			if e := wantCorrupt(t, err); !strings.Contains(e.Error(), c.bad) {
				t.Errorf("%v, want %q", e, c.bad)
			}
		} else if err != nil || string(got) != "text" {
			t.Errorf("%q, %v", got, err)
		}
	}
}
