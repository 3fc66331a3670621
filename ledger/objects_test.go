package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

func getObject(l *Ledger, o Object) ([]byte, error) {
	var got []byte
	err := l.GetObject(context.Background(), o, func(r io.Reader) (err error) { got, err = io.ReadAll(r); return err })
	return got, err
}

// content makes n bytes that compress well or not at all.
func content(n int, compressible bool, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		if b[i] = byte(r.Uint32()); compressible {
			b[i] &= 1
		}
	}
	return b
}

// damage flips a byte in the middle of an object's file and returns what undoes
// it.
func damage(t testing.TB, l *Ledger, o Object) (undo func()) {
	t.Helper()
	path, err := l.objectPath(o)
	if err != nil {
		t.Fatal(err)
	}
	whole := readFile(t, path)
	bad := bytes.Clone(whole)
	bad[len(bad)/2] ^= 1
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(bad)
	return func() { write(whole) }
}

func TestObjectRoundTrip(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(
			rapid.IntRange(0, 300),
			rapid.IntRange(probeSize-2, probeSize+2),
			rapid.IntRange(2*probeSize-2, 2*probeSize+2),
			rapid.IntRange(0, 5*probeSize),
		).Draw(t, "size")
		compressible := rapid.Bool().Draw(t, "compressible")
		want := content(n, compressible, rapid.Uint64().Draw(t, "seed"))
		piece := rapid.SampledFrom([]int{1 << 20, probeSize, probeSize - 1, 4096, 777}).Draw(t, "piece")
		o, err := s.PutObject(context.Background(), "model", func(w io.Writer) error {
			for rest := want; len(rest) > 0; {
				k := min(piece, len(rest))
				if n, err := w.Write(rest[:k]); n != k || err != nil {
					return fmt.Errorf("wrote %d of %d: %w", n, k, err)
				}
				rest = rest[k:]
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := getObject(l, o)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came back as %d (%v)", len(want), len(got), err)
		}
		if o.Size != int64(n) || !o.Zstd && o.Bytes != o.Size || o.Zstd && o.Bytes*4 > o.Size*3+1024 || o.Zstd != (compressible && n > 64) && n > 300 {
			t.Fatalf("of %d bytes the object is %+v", n, o)
		}
	})
}

func TestObjectsAreStoredOnce(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	a, b := putObject(t, s, "one", []byte("state")), putObject(t, s, "two", []byte("state"))
	if a.SHA256 != b.SHA256 || b.Name != "two" {
		t.Errorf("%+v and %+v", a, b)
	}
	commit(t, s, step(s, 1, a, b))
	commit(t, s, step(s, 1, a))
	if h := entry(t, l, s.Run().ID).Head; h.StateBytes != a.Bytes || h.RestoreBytes != a.Bytes {
		t.Errorf("head is %+v", h)
	}
	if n := len(stateFiles(t, l)); n != 1 {
		t.Errorf("%d files", n)
	}
}

// What is put again replaces a file that was damaged meanwhile.
func TestPutHealsADamagedObject(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	o := putObject(t, s, "model", []byte("state"))
	damage(t, l, o)
	putObject(t, s, "model", []byte("state"))
	if got, err := getObject(l, o); err != nil || string(got) != "state" {
		t.Errorf("%q (%v)", got, err)
	}
}

// stateFiles are all files below state/.
func stateFiles(t testing.TB, l *Ledger) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(l.stateDir(), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestDamagedObjects(t *testing.T) {
	ctx := context.Background()
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	for _, compressible := range []bool{false, true} {
		o := putObject(t, s, "model", content(3*probeSize, compressible, 7))
		path, err := l.objectPath(o)
		if err != nil {
			t.Fatal(err)
		}
		whole := readFile(t, path)
		for name, bad := range map[string][]byte{
			"first byte":  append([]byte{whole[0] ^ 1}, whole[1:]...),
			"last byte":   append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1),
			"cut short":   whole[:len(whole)-1],
			"half":        whole[:len(whole)/2],
			"empty":       {},
			"one more":    append(bytes.Clone(whole), 0),
			"other bytes": content(len(whole), false, 8),
		} {
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := getObject(l, o); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", name, err)
			}
			// Also where the reader wants nothing, or gives up.
			if err := l.GetObject(ctx, o, func(io.Reader) error { return nil }); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s, unread: %v", name, err)
			}
			if err := l.GetObject(ctx, o, func(io.Reader) error { return io.ErrShortBuffer }); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s, refused by the reader: %v", name, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := getObject(l, o); !errors.Is(err, ErrDamaged) {
			t.Errorf("missing: %v", err)
		}
	}
}

func TestGetObjectPassesOnTheReadersError(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	o := putObject(t, s, "model", []byte("state"))
	wantErr := errors.New("format 9 is unknown")
	err := l.GetObject(context.Background(), o, func(io.Reader) error { return wantErr })
	wantIs(t, err, wantErr)
	if errors.Is(err, ErrDamaged) {
		t.Error("a sound object is damaged")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantIs(t, l.GetObject(ctx, o, func(io.Reader) error { return nil }), context.Canceled)
	_, err = s.PutObject(ctx, "model", func(io.Writer) error { return nil })
	wantIs(t, err, context.Canceled)
}

func TestFailedPutLeavesNothing(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	wantErr := errors.New("the model is gone")
	for _, n := range []int{0, 10, 2 * probeSize} {
		_, err := s.PutObject(context.Background(), "model", func(w io.Writer) error {
			if _, err := w.Write(content(n, true, 1)); err != nil {
				return err
			}
			return wantErr
		})
		wantIs(t, err, wantErr)
	}
	if files := stateFiles(t, l); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
}

func TestLeftoversOfAKilledAttempt(t *testing.T) {
	l := testLedger(t)
	s, other := begin(t, l, testRun("wikitext")), begin(t, l, testRun("wikitext"))
	for _, x := range []*Session{s, other} {
		if err := os.WriteFile(filepath.Join(l.stateDir(), x.tmpPrefix()+"1-7"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept := putObject(t, s, "model", []byte("state"))
	s.Close()
	proceed(t, l, s.Run().ID, LeaseOptions{})
	files := stateFiles(t, l)
	if len(files) != 2 || !strings.HasPrefix(filepath.Base(files[0]), other.tmpPrefix()) || filepath.Base(files[1]) != kept.SHA256 {
		t.Errorf("left: %v", files)
	}
}

func TestObjectNames(t *testing.T) {
	l := testLedger(t)
	name := strings.Repeat("ab", 32)
	if path, err := l.objectPath(Object{SHA256: name}); err != nil || path != filepath.Join(l.Dir(), "state", "ab", name) {
		t.Errorf("path is %q (%v)", path, err)
	}
	for _, bad := range []string{
		"", "ab", name + "00", name[:63], name[:63] + "g", strings.ToUpper(name), name[:62] + "..", "../" + name[3:], name[:63] + "/", name[:63] + "\x00", strings.Repeat("../", 21) + "a",
	} {
		if path, err := l.objectPath(Object{SHA256: bad}); !errors.Is(err, ErrRule) {
			t.Errorf("%q is at %q (%v)", bad, path, err)
		}
	}
}

// A small file that unpacks to much more than its record says is read no further
// than that.
func TestZstdIsBounded(t *testing.T) {
	l := testLedger(t)
	var packed bytes.Buffer
	enc, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(enc, zeroes{}, 256<<20); err != nil {
		t.Fatal(err)
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	// Stored as it is, and then described as content that was compressed.
	o := putRaw(t, l, packed.Bytes())
	o.Zstd, o.Size = true, 1000
	got, err := getObject(l, o)
	if len(got) > 1000 {
		t.Errorf("%d bytes were read (%v)", len(got), err)
	}
}

// putRaw stores bytes as an object without the ledger's own compression.
func putRaw(t testing.TB, l *Ledger, b []byte) Object {
	t.Helper()
	o := Object{SHA256: sha256Hex(b), Name: "raw", Bytes: int64(len(b)), Size: int64(len(b))}
	path, err := l.objectPath(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return o
}

func FuzzGetObject(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(enc.EncodeAll([]byte("state state state state"), nil), int64(23))
	f.Add([]byte{}, int64(0))
	f.Add([]byte("\x28\xb5\x2f\xfd"), int64(1<<40))
	f.Fuzz(func(t *testing.T, file []byte, size int64) {
		l := &Ledger{dir: t.TempDir()}
		o := putRaw(t, l, file)
		o.Zstd, o.Size = true, size
		n := int64(0)
		err := l.GetObject(context.Background(), o, func(r io.Reader) error {
			var err error
			n, err = io.Copy(io.Discard, iotest.OneByteReader(io.LimitReader(r, 1<<16)))
			return err
		})
		if n > max(size, 0) {
			t.Errorf("%d bytes of an object of %d (%v)", n, size, err)
		}
	})
}
