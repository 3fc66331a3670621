package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
)

// splitModel is what lines does, said in another way.
func splitModel(data []byte) [][]byte {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if len(data) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

// shortBuffer makes lines read a few bytes at once.
func shortBuffer(data []byte, off int64, max, size int) *lines {
	l := newLines(inOrder{bytes.NewReader(data[off:])}, off, max)
	l.buf = make([]byte, size)
	return l
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "\n", "a", "a\n", "a\nb", "\n\n\n", "a\r\nb\r", "\xEF\xBB\xBF", "\xEF\xBB\xBFa\nb", "a\xEF\xBB\xBF\n", "long line\nx\na longer line still"} {
		f.Add([]byte(s), uint8(5), uint8(4))
	}
	f.Fuzz(func(t *testing.T, data []byte, max, size uint8) {
		model := splitModel(data)
		l := shortBuffer(data, 0, int(max), int(size)+4)
		for i := 0; ; i++ {
			p := shortBuffer(data, 0, int(max), int(size)+4)
			passed, err := p.pass(context.Background(), int64(i), func() {})
			if err != nil {
				t.Fatal(err)
			}
			if want := min(i, len(model)); passed != int64(want) {
				t.Fatalf("passed %d of %d lines, want %d", passed, len(model), want)
			}
			if p.more() != (i < len(model)) {
				t.Fatalf("behind %d of %d lines there is more: %v", i, len(model), p.more())
			}
			if i > 0 && i <= len(model) && (p.off != l.off || p.more() != l.more()) {
				t.Fatalf("line %d is at %d, passing says %d", i, l.off, p.off)
			}
			line, sum, err := l.next(context.Background())
			if i >= len(model) {
				if err != io.EOF || l.off != int64(len(data)) {
					t.Fatalf("line %d of %d: %q, %v at %d", i, len(model), line, err, l.off)
				}
				return
			}
			switch {
			case err != nil:
				t.Fatalf("line %d of %d: %v", i, len(model), err)
			case len(model[i]) > int(max):
				if line != nil || sum != sha256.Sum256(model[i]) {
					t.Fatalf("line %d is over %d bytes: %q", i, max, line)
				}
			case line == nil || !bytes.Equal(line, model[i]):
				t.Fatalf("line %d is %q, want %q", i, line, model[i])
			}
		}
	})
}

func TestLinesBuffer(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 5*lineBuffer)
	data := slices.Concat([]byte("a\n"), long, []byte("\nb\n"), bytes.Repeat([]byte("short line\n"), lineBuffer))
	l := newLines(inOrder{bytes.NewReader(data)}, 0, MaxText)
	n := 0
	for {
		if _, _, err := l.next(context.Background()); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if want := 3 + lineBuffer; n != want || len(l.buf) != lineBuffer {
		t.Errorf("%d lines, want %d; the buffer is left at %d bytes", n, want, len(l.buf))
	}
}

// TestLinesErrors has reading fail within a line and behind one: what was read
// whole is handed out where it is known that more comes, and never as the last.
func TestLinesErrors(t *testing.T) {
	data := []byte("first line\nsecond line\n")
	broken := errors.New("disk on fire")
	for n, want := range map[int]int{0: 0, 5: 0, 11: 0, 12: 1, 15: 1, len(data): 1} {
		r := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))
		l := newLines(inOrder{r}, 0, 100)
		got := 0
		_, _, err := l.next(context.Background())
		for ; err == nil; got++ {
			_, _, err = l.next(context.Background())
		}
		if _, _, again := l.next(context.Background()); !errors.Is(err, broken) || again != err || got != want || !l.more() {
			t.Errorf("a read that fails at byte %d: %d lines, then %v, then %v", n, got, err, again)
		}
		p := newLines(inOrder{io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))}, 0, 100)
		if _, err := p.pass(context.Background(), 10, func() {}); !errors.Is(err, broken) {
			t.Errorf("passing over lines, a read that fails at byte %d: %v", n, err)
		}
	}
}

// TestRemainder cuts a file while it is read: that is not its end.
func TestRemainder(t *testing.T) {
	ctx := context.Background()
	data := []byte("first line\nsecond line\n")
	for n := range len(data) + 1 {
		m := &memory{path: "a", data: data[:n]}
		r, err := readFrom(ctx, m, 0, int64(n))
		if err != nil {
			t.Fatal(err)
		}
		r.size = int64(len(data))
		got, err := io.ReadAll(asReader{r})
		if cut := errors.Is(err, io.ErrUnexpectedEOF); cut != (n < len(data)) || len(got) != n || r.left() != int64(len(data)-n) {
			t.Errorf("cut at byte %d: %d bytes, %v", n, len(got), err)
		}
	}
}

// asReader is a sequence as a reader.
type asReader struct{ sequence }

func (r asReader) Read(p []byte) (int, error) { return r.read(context.Background(), p) }

func TestLinesStop(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	data := bytes.Repeat([]byte("x"), 100)
	if _, _, err := shortBuffer(data, 0, 10, 20).next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a long line that is not wanted any more: %v", err)
	}
}

// inOrder is a reader as a sequence.
type inOrder struct{ io.Reader }

func (r inOrder) read(ctx context.Context, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return r.Read(p)
}

func (inOrder) Close() error { return nil }

// TestLongText reads past a line over MaxText, which is a hole in the file.
func TestLongText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for off, s := range map[int64]string{0: "a line before the long one\n", 27 + MaxText + 10: "\nand one that is behind it\n"} {
		if _, err := f.WriteAt([]byte(s), off); err != nil {
			t.Fatal(err)
		}
	}
	src := openData(t, Spec{Data: []string{path}})
	all := readN(t, src, Cursor{}, -1)
	if len(all) != 3 || all[1].Kind != Errored || all[1].Reason != ReasonLong || all[2].Kind != Sample {
		t.Fatalf("rows are %.300v", all)
	}
	if got := readN(t, src, after(t, all[1]), -1); len(got) != 1 || got[0] != all[2] {
		t.Errorf("resumed behind the long line: %v", got)
	}
}
