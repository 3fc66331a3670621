package unpack

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func skippable(kind uint32, size int) []byte {
	b := binary.LittleEndian.AppendUint32(nil, skippableMagic+kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	return append(b, noise(size)...)
}

// TestFrames holds that points are where frames of data start, and nowhere else.
func TestFrames(t *testing.T) {
	raw := words(100 << 10)
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	packed := skippable(0, 0)
	starts := map[int64]int64{0: 0} // of frames, by where their data starts
	for i := 0; i < len(raw); i += 10_000 {
		starts[int64(i)] = int64(len(packed))
		packed = encoder.EncodeAll(raw[i:min(i+10_000, len(raw))], packed)
		packed = append(packed, skippable(uint32(i)%16, i%5*30_000)...)
	}
	u, err := Zstd(bytes.NewReader(packed), Point{})
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for buf := make([]byte, 700); ; {
		n, err := u.Read(buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
		p := u.Point()
		if want := int64(len(got)-n) / 10_000 * 10_000; p.Raw != want || p.From != starts[want] || p.Read <= p.From {
			t.Fatalf("at %d the point is %+v, want raw %d at %d", len(got), p, want, starts[want])
		}
	}
	if !bytes.Equal(got, raw) {
		t.Error("other bytes")
	}
}

// TestHostileFrames holds that what a frame asks for is refused before it is
// given.
func TestHostileFrames(t *testing.T) {
	magic := "\x28\xB5\x2F\xFD"
	for _, c := range []struct{ name, frame, bad string }{
		{"no frame", "text", "no zstd frame"},
		{"older format", "\x27\xB5\x2F\xFD\x00", "no zstd frame"},
		{"window of 1 TiB", magic + "\x00\xF0", "MiB of memory"},
		{"window of 256 MiB", magic + "\x00\x90", "256 MiB of memory, more than 128"},
		{"one segment of 2 GiB", magic + "\xA0\x00\x00\x00\x80", "2048 MiB of memory"},
		{"dictionary", magic + "\x01\x58\x07\x01\x00\x00", "dictionary"},
		{"reserved bit", magic + "\x08\x58\x01\x00\x00", "reserved"},
		{"reserved block", magic + "\x00\x58\x07\x00\x00", "type of block"},
		{"block of 1 MiB", magic + "\x00\x58\x05\x00\x80", "too large"},
		{"repeat of 1 MiB", magic + "\x00\x58\x03\x00\x80x", ""},
		{"wrong size", magic + "\x20\x05\x19\x00\x00abc", ""},
		{"window of 128 MiB, then nothing", magic + "\x00\x88", "too early"},
		{"skippable, cut", "\x50\x2A\x4D\x18\xFF\xFF\xFF\xFFabc", "too early"},
		{"skippable, cut in its header", "\x50\x2A\x4D\x18\xFF", "too early"},
	} {
		_, err := readAll(t, Zstd, strings.NewReader(c.frame))
		if e := wantCorrupt(t, err); !strings.Contains(e.Error(), c.bad) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, frame := range map[string]string{
		"stored":   magic + "\x20\x03\x19\x00\x00abc",
		"repeated": magic + "\x20\x03\x1B\x00\x00a",
	} {
		if got, err := readAll(t, Zstd, strings.NewReader(frame)); err != nil || len(got) != 3 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestCost holds that a resume reads no more than is said before.
func TestCost(t *testing.T) {
	raw := words(3 << 20)
	packed := pack(t, zstdDefault, raw)
	u, err := Zstd(bytes.NewReader(packed), Point{})
	if err != nil {
		t.Fatal(err)
	}
	const at = 2 << 20
	if _, err := io.CopyN(io.Discard, u, at); err != nil {
		t.Fatal(err)
	}
	point := u.Point()
	compressed, discard := point.Cost(at)
	if discard != at || compressed < int64(len(packed))/2 || compressed > int64(len(packed)) {
		t.Errorf("cost is %d of %d, and %d bytes", compressed, len(packed), discard)
	}
	if u, err = Zstd(bytes.NewReader(packed), point); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, u, at); err != nil {
		t.Fatal(err)
	}
	if read := u.Point().Read; read > compressed {
		t.Errorf("a resume read %d bytes; %d were said", read, compressed)
	}
}
