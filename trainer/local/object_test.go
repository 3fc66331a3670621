package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// objects returns the contents of two objects of a learner with the chunk sizes
// 3 and 2: one from the start, and one that renews and adds.
func objects(t testing.TB) (first, second []byte) {
	t.Helper()
	l, store := newLearner(t, 3, 2), memory{}
	for _, text := range []string{"one two three four five six seven", "one two three four five six", "one two"} {
		learn(t, l, text)
	}
	save(t, l, store)
	learn(t, l, "one two three and four and five and six")
	state := save(t, l, store)
	return store[state.Objects[0].SHA256], store[state.Objects[1].SHA256]
}

// restore reads contents as objects.
func restore(contents ...[]byte) (*Learner, trainer.State, error) {
	l, err := New(Options{ChunkSizes: []int{3, 2}})
	if err != nil {
		return nil, trainer.State{}, err
	}
	store := memory{}
	state := trainer.State{}
	for _, b := range contents {
		o, err := store.PutObject(context.Background(), "object", func(w io.Writer) error { _, err := w.Write(b); return err })
		if err != nil {
			return nil, trainer.State{}, err
		}
		state.Objects = append(state.Objects, o)
	}
	state.ModelDigest, err = l.Restore(context.Background(), store, state.Objects)
	return l, state, err
}

func TestRestoreRefuses(t *testing.T) {
	first, second := objects(t)
	header := first[:len(magic)+5]
	number := func(numbers ...uint64) []byte {
		b := slices.Clone(header)
		for _, n := range numbers {
			b = binary.AppendUvarint(b, n)
		}
		return b
	}
	for _, c := range []struct {
		problem string
		objects [][]byte
		message string
	}{
		{"empty", [][]byte{{}}, "cut short"},
		{"another file", [][]byte{[]byte("SQLite format 3")}, "another kind of file"},
		{"newer format", [][]byte{append([]byte(magic), 2)}, "format 2, this program reads 1"},
		{"layers", [][]byte{append([]byte(magic), 1, 1, 3)}, "1 layers instead of 2"},
		{"chunk size", [][]byte{append([]byte(magic), 1, 2, 3, 8)}, "chunk size 8 in layer 1 instead of 2"},
		{"without the first", [][]byte{second}, "instead of 0"},
		{"the first twice", [][]byte{first, first}, "layer 0 goes on from pattern 0 instead of"},
		{"second last", [][]byte{first, second, second}, "instead of"},
		{"longer", [][]byte{append(slices.Clone(first), 0)}, "bytes after the end"},
		{"tokens go back", [][]byte{first, append(slices.Clone(header[:len(header)-1]), 1)}, "1 tokens after"},
		{"many", [][]byte{number(0, 1<<60, 0)}, "cut short"},
		{"long number", [][]byte{append(number(), bytes.Repeat([]byte{0xFF}, 10)...)}, "more than 64 bits"},
		{"long pattern", [][]byte{number(0, 1, 0, 1, 3)}, "pattern of 3 symbols in layer 0"},
		{"short pattern", [][]byte{number(0, 1, 0, 1, 1)}, "pattern of 1 symbols in layer 0"},
		{"token", [][]byte{append(number(0, 1, 0, 0), 0xFF, 0xFF, 0, 0, 0, 0)}, "token 65535"},
		{"twice", [][]byte{append(number(0, 2, 0), make([]byte, 14)...)}, "pattern 0 twice"},
		{"frequency", [][]byte{append(number(0, 1, 0, 1<<63), make([]byte, 6)...)}, "with frequency"},
		{"symbol", [][]byte{number(0, 0, 0, 0, 1, 0, 0, 0, 0)}, "symbol 0 of a layer of 0 patterns"},
		{"renewed", [][]byte{number(0, 0, 1, 0, 1)}, "frequency of pattern 0 in layer 0, which holds 0"},
	} {
		_, _, err := restore(c.objects...)
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %q", c.problem, err, c.message)
		}
	}
}

// Whatever is missing at its end, a cut object is refused.
func TestRestoreCutShort(t *testing.T) {
	first, second := objects(t)
	for n := range first {
		if _, _, err := restore(first[:n]); !errors.Is(err, ErrState) {
			t.Errorf("%d of %d bytes: %v", n, len(first), err)
		}
	}
	for n := range second {
		if _, _, err := restore(first, second[:n]); !errors.Is(err, ErrState) {
			t.Errorf("%d of %d bytes: %v", n, len(second), err)
		}
	}
}

// Errors of the store come through, and leave the learner as it was.
func TestRestoreFails(t *testing.T) {
	l := newLearner(t)
	if _, err := l.Restore(t.Context(), memory{}, []ledger.Object{{SHA256: "ab"}}); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("missing object: %v", err)
	}
	first, _ := objects(t)
	broken := errors.New("disk is gone")
	r := io.MultiReader(bytes.NewReader(first[:20]), iotest.ErrReader(broken))
	if _, err := newModel([]int{3, 2}).decode(r); !errors.Is(err, broken) || errors.Is(err, ErrState) {
		t.Errorf("failing read: %v", err)
	}
	learn(t, l, "some words")
	r2 := newReference(t, DefaultChunkSizes)
	r2.learn(l.vocabulary.NewEncoder().Append(nil, []byte("some words")))
	r2.check(t, save(t, l, memory{}), l)
}

// However many patterns a header promises, memory goes by what is there.
func TestRestoreAllocatesLittle(t *testing.T) {
	first, _ := objects(t)
	b := append(slices.Clone(first[:len(magic)+5]), binary.AppendUvarint([]byte{0}, 1<<40)...)
	b = binary.AppendUvarint(b, 1<<40)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := restore(b); !errors.Is(err, ErrState) {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("%d bytes for an object of %d", n, len(b))
	}
}

// Bytes that are accepted are a model: it can be saved whole, and be restored
// from that. All others are refused as ErrState.
func FuzzRestore(f *testing.F) {
	first, second := objects(f)
	f.Add(first, second)
	f.Add(first, []byte{})
	f.Add(first[:30], second)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		l, state, err := restore(first, second)
		if err != nil {
			l, state, err = restore(first)
		}
		if err != nil {
			if !errors.Is(err, ErrState) {
				t.Fatal(err)
			}
			return
		}
		store := memory{}
		whole, err := capturing(t, l).Write(t.Context(), store, true)
		if err != nil {
			t.Fatal(err)
		}
		if whole.ModelDigest != state.ModelDigest {
			t.Fatalf("digest %s after %s", whole.ModelDigest, state.ModelDigest)
		}
		restored(t, whole, store, 3, 2)
	})
}
