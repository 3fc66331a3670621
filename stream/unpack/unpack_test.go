package unpack

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// formats are both, with ways to write them: the usual one, some that differ
// much, and all.
var formats = []struct {
	name  string
	open  openFunc
	whole func(io.Writer) writer
	some  []string
	all   map[string]func(io.Writer) writer
}{
	{"gzip", everyFill, gzipDefault, []string{"gzip-2", "gzip0", "gzip6", "klauspost-3", "klauspost1"}, gzipWriters()},
	{"zstd", Zstd, zstdDefault, []string{"fastest, checksum true", "default, checksum false"}, zstdWriters()},
}

func TestWhole(t *testing.T) {
	in := inputs()
	for _, f := range formats {
		for name, w := range f.all {
			if testing.Short() && !slices.Contains(f.some, name) {
				continue
			}
			t.Run(f.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				for kind, raw := range in {
					for _, parts := range [][][]byte{{raw}, split(raw, 7)} {
						packed := pack(t, w, parts...)
						got, err := readAll(t, f.open, bytes.NewReader(packed))
						if err != nil || !bytes.Equal(got, raw) {
							t.Errorf("%s in %d parts: %d of %d bytes, %v", kind, len(parts), len(got), len(raw), err)
						}
					}
				}
			})
		}
	}
}

// TestSlowReaders reads from readers that yield little at a time, and end in
// both ways.
func TestSlowReaders(t *testing.T) {
	raw := words(100 << 10)
	for _, f := range formats {
		packed := pack(t, f.whole, split(raw, 3)...)
		for name, slow := range map[string]func(io.Reader) io.Reader{
			"one byte":       iotest.OneByteReader,
			"half":           iotest.HalfReader,
			"data and error": iotest.DataErrReader,
		} {
			got, err := readAll(t, f.open, slow(bytes.NewReader(packed)))
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%s, %s: %d of %d bytes, %v", f.name, name, len(got), len(raw), err)
			}
		}
		u, err := f.open(bytes.NewReader(packed), Point{})
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(u, raw); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

// TestResume reads a stream in random steps, each in what could be a process of
// its own: together they are the whole.
func TestResume(t *testing.T) {
	in := inputs()
	if w := wikitext(); w != nil {
		in["wikitext"] = w
	}
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			type stream struct{ raw, packed []byte }
			var all []stream
			for _, kind := range slices.Sorted(maps.Keys(in)) {
				raw := in[kind]
				for _, name := range f.some {
					all = append(all, stream{raw, pack(t, f.all[name], raw)}, stream{raw, pack(t, f.all[name], split(raw, 5)...)})
				}
			}
			rapid.Check(t, func(rt *rapid.T) {
				s := all[rapid.IntRange(0, len(all)-1).Draw(rt, "stream")]
				var point Point
				at := 0
				for i := range 6 {
					if i%3 == 1 {
						point = viaJSON(t, point)
					}
					u := resume(rt, f.open, s.packed, point, s.raw[:at])
					n := rapid.IntRange(0, len(s.raw)-at).Draw(rt, "bytes")
					got := make([]byte, n)
					if _, err := io.ReadFull(u, got); err != nil || !bytes.Equal(got, s.raw[at:at+n]) {
						rt.Fatalf("%d bytes at %d: %v, or others", n, at, err)
					}
					at += n
					point = u.Point()
				}
				got, err := io.ReadAll(resume(rt, f.open, s.packed, viaJSON(t, point), s.raw[:at]))
				if err != nil || !bytes.Equal(got, s.raw[at:]) {
					rt.Fatalf("the rest at %d: %d of %d bytes, %v", at, len(got), len(s.raw)-at, err)
				}
			})
		})
	}
}

// resume opens packed at a point and skips to where before ends.
func resume(t *rapid.T, open openFunc, packed []byte, point Point, before []byte) Reader {
	u, err := open(bytes.NewReader(packed[point.From:]), point)
	if err != nil {
		t.Fatal(err)
	}
	compressed, discard := point.Cost(int64(len(before)))
	if point.Raw+discard != int64(len(before)) || point.From+compressed > int64(len(packed)) {
		t.Fatalf("at %d a resume at %d costs %d and %d bytes", len(before), point.Raw, compressed, discard)
	}
	got := make([]byte, discard)
	if _, err := io.ReadFull(u, got); err != nil || !bytes.Equal(got, before[point.Raw:]) {
		t.Fatalf("skip %d bytes: %v, or others", discard, err)
	}
	return u
}

// TestCut cuts a stream at each of its bytes: an error, but where a part ends.
func TestCut(t *testing.T) {
	for _, f := range formats {
		var packed []byte
		ends := map[int]int{} // of the parts to raw bytes
		raw := words(2 << 10)
		for i, p := range split(raw, 3) {
			packed = append(packed, pack(t, f.whole, p)...)
			ends[len(packed)] = len(bytes.Join(split(raw, 3)[:i+1], nil))
		}
		for n := range len(packed) {
			got, err := readAll(t, f.open, bytes.NewReader(packed[:n]))
			if end, ok := ends[n]; ok {
				if err != nil || !bytes.Equal(got, raw[:end]) {
					t.Errorf("%s: the first parts, %d bytes: %v", f.name, n, err)
				}
				continue
			}
			if !bytes.HasPrefix(raw, got) {
				t.Errorf("%s: cut at byte %d it yields other bytes", f.name, n)
			}
			if e := wantCorrupt(t, err); !errors.Is(e, io.ErrUnexpectedEOF) {
				t.Errorf("%s: cut at byte %d: %v", f.name, n, err)
			}
		}
	}
}

// TestDamage changes each byte of a stream: an error, or it made no difference.
func TestDamage(t *testing.T) {
	raw := words(1 << 10)
	for _, f := range formats {
		packed := pack(t, f.whole, split(raw, 2)...)
		harmless := 0
		for i := range packed {
			for _, flip := range []byte{1, 0xFF} {
				bad := bytes.Clone(packed)
				bad[i] ^= flip
				got, err := readAll(t, f.open, bytes.NewReader(bad))
				if err == nil && bytes.Equal(got, raw) {
					harmless++
					continue
				}
				wantCorrupt(t, err)
			}
		}
		// Of four members, the time, the system and what else of the header says
		// nothing of the data; and the bits behind the last block.
		if harmless > 4*(2*6+2) {
			t.Errorf("%s: %d changes made no difference", f.name, harmless)
		}
	}
}

// TestDamageBehindPoint damages the last byte, a checksum's: also who resumed
// in the middle sees it.
func TestDamageBehindPoint(t *testing.T) {
	raw := words(900 << 10)
	for _, f := range formats {
		packed := pack(t, f.whole, raw)
		packed[len(packed)-1] ^= 1
		u, err := f.open(bytes.NewReader(packed), Point{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, u, int64(len(raw)/2)); err != nil {
			t.Fatal(err)
		}
		point := viaJSON(t, u.Point())
		if u, err = f.open(bytes.NewReader(packed[point.From:]), point); err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(u)
		wantCorrupt(t, err)
		if _, again := u.Read(make([]byte, 1)); again != err {
			t.Errorf("%s: after %v comes %v", f.name, err, again)
		}
	}
}

func TestGarbageBehind(t *testing.T) {
	for _, f := range formats {
		packed := pack(t, f.whole, []byte("some text"))
		for _, garbage := range [][]byte{{0}, make([]byte, 512), []byte("\n"), []byte("garbage, quite a lot of it"), {0x1F}, {0x1F, 0x8B}, {0x28, 0xB5}} {
			got, err := readAll(t, f.open, bytes.NewReader(append(bytes.Clone(packed), garbage...)))
			wantCorrupt(t, err)
			if string(got) != "some text" {
				t.Errorf("%s: %q before the garbage", f.name, got)
			}
		}
	}
}

// TestReadError has the reader fail at each place: the error comes through, and
// nothing is wrong before it.
func TestReadError(t *testing.T) {
	raw := words(1 << 10)
	failure := errors.New("connection reset")
	for _, f := range formats {
		packed := pack(t, f.whole, split(raw, 2)...)
		for n := range len(packed) + 1 {
			got, err := readAll(t, f.open, io.MultiReader(bytes.NewReader(packed[:n]), iotest.ErrReader(failure)))
			var corrupt *CorruptError
			if !errors.Is(err, failure) || errors.As(err, &corrupt) || !bytes.HasPrefix(raw, got) {
				t.Fatalf("%s: failed at byte %d: %v after %d bytes", f.name, n, err, len(got))
			}
		}
		_, err := readAll(t, f.open, iotest.ErrReader(nil))
		if !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%s: a reader that yields nothing: %v", f.name, err)
		}
	}
}

func TestClose(t *testing.T) {
	for _, f := range formats {
		u, err := f.open(bytes.NewReader(pack(t, f.whole, []byte("text"))), Point{})
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Close(); err != nil {
			t.Error(err)
		}
		if n, err := u.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("%s: closed, it reads %d bytes, %v", f.name, n, err)
		}
	}
}

// TestPoints holds that no point is made up.
func TestPoints(t *testing.T) {
	window := func(n int) string {
		data, err := json.Marshal(Window(make([]byte, n)))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, c := range []struct {
		point      string
		gzip, zstd bool // whether it may be one
	}{
		{`{}`, true, true},
		{`{"from":20}`, true, true},
		{`{"from":20,"raw":5}`, true, true},
		{`{"from":-1}`, false, false},
		{`{"from":20,"raw":-1}`, false, false},
		{`{"raw":5}`, false, false},
		{`{"from":20,"raw":5,"member":{"bit":1,"raw":5,"crc":7,"window":` + window(5) + `}}`, true, false},
		{`{"from":20,"raw":50000,"member":{"raw":40000,"window":` + window(32768) + `}}`, true, false},
		{`{"from":20,"raw":50000,"member":{"raw":40000,"window":` + window(32767) + `}}`, false, false},
		{`{"from":20,"raw":50000,"member":{"raw":40000,"window":` + window(1<<20) + `}}`, false, false},
		{`{"from":20,"raw":5,"member":{"bit":8,"raw":5,"window":` + window(5) + `}}`, false, false},
		{`{"from":20,"raw":5,"member":{"raw":6,"window":` + window(6) + `}}`, false, false},
		{`{"from":20,"raw":5,"member":{"raw":-6,"window":""}}`, false, false},
		{`{"member":{"window":` + window(0) + `}}`, false, false},
	} {
		var p Point
		err := json.Unmarshal([]byte(c.point), &p)
		for i, want := range []bool{c.gzip, c.zstd} {
			err := err
			if err == nil {
				_, err = formats[i].open(bytes.NewReader([]byte("some bytes")), p)
			}
			if want && err != nil || !want && !errors.Is(err, ErrPoint) {
				t.Errorf("%s at %s: %v", formats[i].name, c.point, err)
			}
		}
	}
}

// TestMemory reads much from little, and little memory is used for it.
func TestMemory(t *testing.T) {
	for _, f := range formats {
		packed := pack(t, f.whole, make([]byte, 64<<20))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		u, err := f.open(bytes.NewReader(packed), Point{})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, u); n != 64<<20 || err != nil {
			t.Fatalf("%s: %d bytes, %v", f.name, n, err)
		}
		runtime.ReadMemStats(&after)
		// With a point each 128 KiB the windows are a quarter of it.
		if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
			t.Errorf("%s: %d bytes allocated", f.name, got)
		}
	}
}
