package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// sample makes a ledger with a few runs, snapshots and objects.
func sample(t testing.TB) *Ledger {
	l := testLedger(t)
	fill(t, l, 4, 20, func(i int) string { return fmt.Sprintf("d%d", i%3) })
	named := testRun("wikitext")
	named.Name = "named"
	s := begin(t, l, named)
	for i := range 20 {
		c := step(s, 10, putObject(t, s, "model", fmt.Appendf(nil, "state %d", i)))
		c.Errored = []ErroredRow{{Row: int64(i), Reason: "malformed JSON"}}
		commit(t, s, c)
	}
	return l
}

// look reads a ledger in every way an operator's commands do. What it returns is
// an error or nothing; what it must not do is crash or hang.
func look(l *Ledger) error {
	ctx := context.Background()
	entries, _, err := l.List(ctx, Query{})
	errs := []error{err}
	for _, e := range entries {
		_, err := l.Attempts(ctx, e.ID)
		errs = append(errs, err, l.Snapshots(ctx, e.ID, func(s *Snapshot) error { return s.CheckHash() }))
		_, err = l.Errored(ctx, e.ID, e.Head.Seq)
		errs = append(errs, err)
		_, err = l.AtSamples(ctx, e, e.Head.Samples()/2)
		errs = append(errs, err)
	}
	for _, ref := range []string{"named", "d1@latest", "01M"} {
		_, err := find(l, ref)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// write uses a ledger as a trainer does.
func write(l *Ledger) error {
	s, err := l.Begin(context.Background(), testRun("d1"), Attempt{})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Commit(context.Background(), step(s, 10)); err != nil {
		return err
	}
	return s.End(context.Background(), End{Reason: Completed})
}

// copyWith makes a ledger whose database has these bytes.
func copyWith(t testing.TB, content []byte) *Ledger {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ledger.db"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := Open(dir, Options{LockTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTruncated(t *testing.T) {
	whole := readFile(t, sample(t).db.path)
	page := os.Getpagesize()
	l := copyWith(t, whole)
	// bbolt grows a file ahead of need: up to the last page in use it is damage.
	high, ok := highWater(t, l)
	if !ok || high > int64(len(whole)) {
		t.Fatalf("%d bytes in use of %d", high, len(whole))
	}
	for _, n := range cuts(len(whole), page) {
		if err := os.WriteFile(l.db.path, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		unchanged(t, l, func() {
			lookErr := look(l)
			if int64(n) >= high {
				if errors.Is(lookErr, ErrDamaged) {
					t.Errorf("whole at %d bytes: %v", n, lookErr)
				}
				return // a write would do its work
			}
			want := ErrDamaged
			switch {
			case n == 0:
				want = ErrNoLedger
			case n < 100: // no meta page
				want = ErrForeign
			}
			for _, err := range []error{lookErr, write(l)} {
				if !errors.Is(err, want) {
					t.Errorf("cut to %d of %d bytes: %v", n, len(whole), err)
				}
			}
		})
	}
}

// cuts are the lengths at which a file of n bytes is cut.
func cuts(n, page int) (at []int) {
	for i := 0; i < n; i += page {
		at = append(at, i, i+page-1)
	}
	return at
}

func highWater(t testing.TB, l *Ledger) (int64, bool) {
	t.Helper()
	f, err := os.Open(l.db.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, ok := newestMeta(f)
	return int64(m.pages) * int64(m.pageSize), ok
}

// A byte that is changed anywhere is found, or was of no use.
func TestFlippedBytes(t *testing.T) {
	whole := readFile(t, sample(t).db.path)
	l := copyWith(t, whole)
	want, err := dump(l)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 14))
	var at []int
	for i := range metaEnd / 2 { // what counts of the meta pages
		at = append(at, 2*i, os.Getpagesize()+2*i)
	}
	for page := 2 * os.Getpagesize(); page < len(whole); page += os.Getpagesize() { // headers of pages
		at = append(at, page+r.IntN(16), page+16+r.IntN(64))
	}
	for range 100 {
		at = append(at, r.IntN(len(whole)))
	}
	found := 0
	for n, i := range at {
		bad := bytes.Clone(whole)
		bad[i] ^= 1 << r.IntN(8)
		if err := os.WriteFile(l.db.path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		unchanged(t, l, func() {
			got, err := dump(l)
			switch {
			case err != nil:
				found++
				if errors.Is(err, ErrBusy) {
					t.Fatalf("byte %d: a lock is held: %v", i, err)
				}
			case !maps.Equal(got, want):
				t.Fatalf("byte %d is changed, records differ, and nobody says so", i)
			}
			if err := look(l); errors.Is(err, ErrBusy) {
				t.Fatalf("byte %d: a lock is held: %v", i, err)
			}
		})
		if n%3 > 0 {
			continue
		}
		if err := write(l); errors.Is(err, ErrBusy) {
			t.Fatalf("byte %d: a lock is held: %v", i, err)
		}
	}
	if found == 0 {
		t.Error("no damage was found at all")
	}
	t.Logf("%d of %d changed bytes were found", found, len(at))
}

// FuzzLook reads databases of any content.
func FuzzLook(f *testing.F) {
	l, err := Create(context.Background(), f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(readFile(f, l.db.path), 0, byte(0))
	f.Add(readFile(f, l.db.path), 5000, byte(1))
	f.Add([]byte("SQLite format 3\x00"), 0, byte(0))
	f.Fuzz(func(t *testing.T, content []byte, at int, flip byte) {
		if at >= 0 && at < len(content) {
			content = bytes.Clone(content)
			content[at] ^= flip
		}
		l := copyWith(t, content)
		unchanged(t, l, func() { _ = look(l) })
	})
}

// The offsets that checkFile reads are bbolt's own affair: a new version of it
// may move them.
func TestMetaPages(t *testing.T) {
	l := testLedger(t)
	begin(t, l, testRun("wikitext"))
	b, err := bbolt.Open(l.db.path, 0o644, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	err = b.View(func(x *bbolt.Tx) error {
		f, err := os.Open(l.db.path)
		if err != nil {
			return err
		}
		defer f.Close()
		m, ok := newestMeta(f)
		if !ok || m.superseded || int(m.tx) != x.ID() || int(m.pageSize) != b.Info().PageSize || int64(m.pages)*int64(m.pageSize) != x.Size() {
			t.Errorf("meta is %+v, and bbolt has transaction %d and %d bytes", m, x.ID(), x.Size())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNewestMetaLost(t *testing.T) {
	whole := readFile(t, sample(t).db.path)
	page := os.Getpagesize()
	tx := func(slot int) uint64 { return binary.LittleEndian.Uint64(whole[slot*page+metaTx:]) }
	newest := 0
	if tx(1) > tx(0) {
		newest = 1
	}
	for slot := range 2 {
		bad := bytes.Clone(whole)
		bad[slot*page+metaPage+8]++ // of the root bucket
		l := copyWith(t, bad)
		_, err := dump(l)
		if slot == newest {
			wantIs(t, err, ErrDamaged)
		} else if err != nil {
			t.Errorf("the older meta page is of no use, and %v", err)
		}
	}
}
