package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are the settings of an opened ledger; the zero value is usable.
type Options struct {
	// LockTimeout is how long a transaction waits for the database's lock before
	// it fails with ErrBusy. Zero is 10 s.
	LockTimeout time.Duration
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// Ledger is a folder of runs and their checkpoints. It holds nothing open:
// values of it may be used by many goroutines, and by many processes at once.
type Ledger struct {
	dir    string
	db     *db
	now    func() time.Time
	remote bool     // flock may not reach other hosts here
	shards sync.Map // folders of state/ that this process knows to be durable
}

// Open returns the ledger in dir, or an error that wraps ErrNoLedger. It writes
// nothing.
func Open(dir string, opts Options) (*Ledger, error) {
	l := newLedger(dir, opts)
	used := l.hasTraces() // asked first: a database is there before them
	info, err := os.Stat(l.db.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && used:
		return nil, l.lost("is gone")
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", dir, ErrNoLedger)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", l.db.path, ErrForeign)
	case info.Size() == 0 && used:
		return nil, l.lost("is empty")
	}
	return l, nil
}

// Create returns the ledger in dir and makes it, with dir and its parents, if
// there is none.
func Create(ctx context.Context, dir string, opts Options) (*Ledger, error) {
	l, err := Open(dir, opts)
	if err != nil && !errors.Is(err, ErrNoLedger) {
		return nil, err
	}
	if l == nil {
		l = newLedger(dir, opts)
	}
	for _, d := range []string{dir, l.stateDir(), l.leaseDir()} {
		if err := mkdirSynced(d); err != nil {
			return nil, fmt.Errorf("create ledger: %w", err)
		}
	}
	if err := l.db.create(ctx, func(*tx) error { return nil }); err != nil {
		return nil, fmt.Errorf("create ledger: %w", err)
	}
	l.remote = RemoteFilesystem(dir) != ""
	return l, nil
}

func newLedger(dir string, opts Options) *Ledger {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 10 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	l := &Ledger{dir: dir, now: opts.Now, remote: RemoteFilesystem(dir) != ""}
	l.db = &db{path: filepath.Join(dir, "ledger.db"), timeout: opts.LockTimeout, used: l.hasTraces}
	return l
}

// hasTraces reports whether runs have left leases or state in the folder. Where
// they have, a database that is gone or empty is not one that was never made.
func (l *Ledger) hasTraces() bool {
	for _, dir := range []string{l.leaseDir(), l.stateDir()} {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return true
		}
	}
	return false
}

func (l *Ledger) lost(how string) error {
	return fmt.Errorf("%s %s, and runs have left leases and state beside it: %w", l.db.path, how, ErrDamaged)
}

// mkdirSynced makes a folder with its parents. What it makes, and the folder
// itself, have a durable name afterwards.
func mkdirSynced(dir string) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		if err := mkdirSynced(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Also where it was there already: its maker may have been killed before this.
	return syncDir(parent)
}

// Dir returns the ledger's folder as it was given.
func (l *Ledger) Dir() string { return l.dir }

func (l *Ledger) stateDir() string { return filepath.Join(l.dir, "state") }
func (l *Ledger) leaseDir() string { return filepath.Join(l.dir, "leases") }

// FileCache keeps what is known of local data files, so that a file is hashed
// once. Its errors are no errors: what cannot be kept is computed again.
func (l *Ledger) FileCache(ctx context.Context) *FileCache { return &FileCache{ctx: ctx, l: l} }

// FileCache is a small map in the ledger, by keys of the caller's.
type FileCache struct {
	ctx context.Context
	l   *Ledger
}

// Get returns what was kept under the key.
func (c *FileCache) Get(key string) (value []byte, ok bool) {
	err := c.l.db.view(c.ctx, func(t *tx) error {
		v, err := t.get(bFiles, []byte(key))
		if err == nil && v != nil {
			value, ok = append([]byte(nil), v...), true
		}
		return err
	})
	return value, ok && err == nil
}

// Put keeps the value.
func (c *FileCache) Put(key string, value []byte) {
	_ = c.l.db.update(c.ctx, func(t *tx) error { return t.put(bFiles, []byte(key), value) })
}
