package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// memory is an ObjectStore of byte slices.
type memory map[string][]byte

func (m memory) PutObject(_ context.Context, name string, write func(io.Writer) error) (ledger.Object, error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return ledger.Object{}, err
	}
	sum := sha256.Sum256(b.Bytes())
	o := ledger.Object{SHA256: hex.EncodeToString(sum[:]), Name: name, Bytes: int64(b.Len()), Size: int64(b.Len())}
	m[o.SHA256] = b.Bytes()
	return o, nil
}

func (m memory) GetObject(_ context.Context, o ledger.Object, read func(io.Reader) error) error {
	b, ok := m[o.SHA256]
	if !ok {
		return fmt.Errorf("%w: no object %.12s", ledger.ErrDamaged, o.SHA256)
	}
	return read(bytes.NewReader(b))
}

// discard is an ObjectStore that keeps nothing.
type discard struct{ bytes int64 }

func (d *discard) PutObject(_ context.Context, name string, write func(io.Writer) error) (ledger.Object, error) {
	before := d.bytes
	err := write(d)
	return ledger.Object{Name: name, Size: d.bytes - before}, err
}

func (d *discard) Write(b []byte) (int, error) {
	d.bytes += int64(len(b))
	return len(b), nil
}

func (d *discard) GetObject(context.Context, ledger.Object, func(io.Reader) error) error {
	return ledger.ErrDamaged
}

func newLearner(t testing.TB, chunkSizes ...int) *Learner {
	t.Helper()
	l, err := New(Options{ChunkSizes: chunkSizes})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func learn(t testing.TB, l *Learner, text string) {
	t.Helper()
	if err := l.Learn(t.Context(), trainer.Sample{Text: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

func capturing(t testing.TB, l *Learner) trainer.Capture {
	t.Helper()
	c, err := l.Capture()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t testing.TB, c trainer.Capture, store trainer.ObjectStore) trainer.State {
	t.Helper()
	state, err := c.Write(context.Background(), store, false)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// save captures and writes the learner's model.
func save(t testing.TB, l *Learner, store trainer.ObjectStore) trainer.State {
	t.Helper()
	return write(t, capturing(t, l), store)
}

// restored returns a new learner that goes on from the state.
func restored(t testing.TB, state trainer.State, store trainer.ObjectStore, chunkSizes ...int) *Learner {
	t.Helper()
	l := newLearner(t, chunkSizes...)
	digest, err := l.Restore(context.Background(), store, state.Objects)
	if err != nil {
		t.Fatal(err)
	}
	if digest != state.ModelDigest {
		t.Fatalf("restored digest %s, recorded %s", digest, state.ModelDigest)
	}
	return l
}

// samples returns the samples of a real text, or skips the test.
func samples(t testing.TB) [][]byte {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; folder = filepath.Dir(folder) {
		text, err := os.ReadFile(filepath.Join(folder, "shared", "data", "wikitext-2-valid.txt"))
		if err == nil {
			var rows [][]byte
			for line := range bytes.Lines(text) {
				if row := bytes.TrimSpace(line); len(row) > 10 {
					rows = append(rows, row)
				}
			}
			return rows
		}
		if folder == filepath.Dir(folder) {
			t.Skip("no shared/data/wikitext-2-valid.txt in a folder above")
		}
	}
}
