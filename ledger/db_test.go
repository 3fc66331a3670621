package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"ckptledger/migrations"

	"go.etcd.io/bbolt"
)

func TestNotALedger(t *testing.T) {
	ctx := context.Background()
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	b, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Update(func(x *bbolt.Tx) error { _, err := x.CreateBucket([]byte("theirs")); return err }); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	newer := copyWith(t, readFile(t, testLedger(t).db.path))
	edit(t, newer, func(x *tx) error { return x.put(bMeta, keySchema, be64(migrations.Current+1)) })

	var newerErr *migrations.NewerError
	for name, tt := range map[string]struct {
		content []byte
		is      func(error) bool
	}{
		"empty":       {nil, func(err error) bool { return errors.Is(err, ErrNoLedger) }},
		"text":        {[]byte(strings.Repeat("not a database\n", 1000)), func(err error) bool { return errors.Is(err, ErrForeign) }},
		"short text":  {[]byte("x"), func(err error) bool { return errors.Is(err, ErrForeign) }},
		"other bbolt": {readFile(t, foreign), func(err error) bool { return errors.Is(err, ErrForeign) }},
		"newer":       {readFile(t, newer.db.path), func(err error) bool { return errors.As(err, &newerErr) && newerErr.Stored == migrations.Current+1 }},
	} {
		t.Run(name, func(t *testing.T) {
			l := copyWith(t, tt.content)
			unchanged(t, l, func() {
				_, _, err := l.List(ctx, Query{})
				if !tt.is(err) {
					t.Errorf("list: %v", err)
				}
				if err := write(l); !tt.is(err) {
					t.Errorf("begin: %v", err)
				}
				if name == "empty" {
					return // which is what a creator that was killed leaves
				}
				if _, err := Create(ctx, l.Dir(), Options{}); !tt.is(err) {
					t.Errorf("create: %v", err)
				}
			})
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir, Options{})
	wantIs(t, err, ErrNoLedger)
	_, err = Open(filepath.Join(dir, "missing"), Options{})
	wantIs(t, err, ErrNoLedger)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("opening left %v (%v)", entries, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "ledger.db"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	wantIs(t, err, ErrForeign)

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(context.Background(), file, Options{}); err == nil {
		t.Error("a file became a folder")
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	l := sample(t)
	entries, _, err := l.List(context.Background(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{l.db.path, l.leaseDir(), l.stateDir(), l.Dir()} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, info.Mode()&^0o222); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(path, info.Mode())
	}
	if err := look(l); err != nil && !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := l.Standings(context.Background(), entries); err != nil {
		t.Error(err)
	}
	if err := write(l); err == nil {
		t.Error("written to a folder that may only be read")
	}
}

// A compaction renames a new file over the one that somebody waits for.
func TestReplacedWhileWaiting(t *testing.T) {
	l := testLedger(t)
	s := begin(t, l, testRun("wikitext"))
	old, err := os.OpenFile(l.db.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if ok, err := tryLock(old, true); err != nil || !ok {
		t.Fatal("not locked", err)
	}
	done := make(chan error)
	go func() { _, err := s.Commit(context.Background(), step(s, 1)); done <- err }()
	waiting(t, l)
	fresh := l.db.path + ".new"
	if err := os.WriteFile(fresh, readFile(t, l.db.path), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, l.db.path); err != nil {
		t.Fatal(err)
	}
	if err := unlock(old); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if h := entry(t, l, s.Run().ID).Head; h.Seq != 1 {
		t.Error("the commit went into the file that was replaced")
	}
}

// waiting returns once somebody waits for the database's lock, which shows in
// the lock of the folder.
func waiting(t testing.TB, l *Ledger) {
	t.Helper()
	folder, err := os.Open(l.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		free, err := tryLock(folder, true)
		if err != nil || time.Now().After(deadline) {
			t.Fatal("nobody waits", err)
		}
		if !free {
			return
		}
		if err := unlock(folder); err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

func TestRemovedWhileWaiting(t *testing.T) {
	l := copyWith(t, readFile(t, sample(t).db.path))
	old, err := os.OpenFile(l.db.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if ok, err := tryLock(old, true); err != nil || !ok {
		t.Fatal("not locked", err)
	}
	done := make(chan error)
	go func() { done <- write(l) }()
	waiting(t, l)
	if err := os.Remove(l.db.path); err != nil {
		t.Fatal(err)
	}
	if err := unlock(old); err != nil {
		t.Fatal(err)
	}
	wantIs(t, <-done, ErrNoLedger)
}

func TestScans(t *testing.T) {
	l := testLedger(t)
	keys := []string{"a", "ab", "b\x00", "b\xff", "b\xff\xff", "c"}
	edit(t, l, func(x *tx) error {
		for _, k := range keys {
			if err := x.put(bFiles, []byte(k), []byte("of "+k)); err != nil {
				return err
			}
		}
		return nil
	})
	prefixes := []string{"", "a", "b", "b\xff", "b\xff\xff", "c", "d", "\xff"}
	bounds := append([]string{"0", "aa", "b", "b\x01", "d", "\xff\xff"}, keys...)
	err := l.db.view(context.Background(), func(x *tx) error {
		for _, prefix := range prefixes {
			for _, bound := range append(bounds, "") {
				var up, down, wantUp, wantDown []string
				var from []byte
				if bound != "" {
					from = []byte(bound)
				}
				for _, k := range keys {
					if strings.HasPrefix(k, prefix) && (bound == "" || k < bound) {
						wantDown = append([]string{k}, wantDown...)
					}
				}
				if err := x.descend(bFiles, []byte(prefix), from, func(k, v []byte) error { down = append(down, string(k)); return nil }); err != nil {
					return err
				}
				if from != nil && !strings.HasPrefix(bound, prefix) {
					from = nil // ascend begins at a key of the prefix
				}
				for _, k := range keys {
					if strings.HasPrefix(k, prefix) && k >= string(from) {
						wantUp = append(wantUp, k)
					}
				}
				if err := x.ascend(bFiles, []byte(prefix), from, func(k, v []byte) error { up = append(up, string(k)); return nil }); err != nil {
					return err
				}
				if fmt.Sprint(up) != fmt.Sprint(wantUp) {
					t.Errorf("up from %q under %q: %q, not %q", from, prefix, up, wantUp)
				}
				if strings.HasPrefix(bound, prefix) && fmt.Sprint(down) != fmt.Sprint(wantDown) {
					t.Errorf("down from %q under %q: %q, not %q", bound, prefix, down, wantDown)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := l.FileCache(context.Background())
	if v, ok := c.Get("ab"); !ok || string(v) != "of ab" {
		t.Errorf("%q %v", v, ok)
	}
	c.Put("new", []byte("kept"))
	c.Put("", nil) // no key: not kept, and no error
	if v, ok := c.Get("new"); !ok || string(v) != "kept" {
		t.Errorf("%q %v", v, ok)
	}
	if _, ok := c.Get("none"); ok {
		t.Error("a key that was never put")
	}
}
