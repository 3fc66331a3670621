package stream

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBatch reads all rows by batches of many sizes, and keeps cursors of them
// after the reader went on.
func TestBatch(t *testing.T) {
	lines := texts(50)
	lines[7], lines[20] = "", strings.Repeat("a long row ", 200_000)
	src := openData(t, Spec{Dataset: "lines", Data: []string{write(t, t.TempDir()+"/a.jsonl", append(asJSONL(lines), "{bad\n"...))}})
	full := readN(t, src, Cursor{}, -1)
	for _, size := range []int{1, 2, 7, 100} {
		r, err := src.Open(context.Background(), Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		var got []record
		var b Batch
		for {
			err := b.Read(context.Background(), r, size)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if n := len(b.Rows()); n == 0 || n > size {
				t.Fatalf("%d rows in a batch of %d", n, size)
			}
			for i := range b.Rows() {
				got = append(got, keep(&b.Rows()[i]))
			}
		}
		if diff := cmp.Diff(full, got); diff != "" {
			t.Errorf("by %d: %s", size, diff)
		}
		stopped, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.Read(stopped, r, size); !errors.Is(err, context.Canceled) && err != io.EOF || len(b.Rows()) > 0 {
			t.Errorf("after the end: %v", err)
		}
		r.Close()
	}
}
