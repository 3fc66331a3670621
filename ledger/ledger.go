package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	dir string
	db  *db
	now func() time.Time
}

// Open returns the ledger in dir, or an error that wraps ErrNoLedger. It writes
// nothing.
func Open(dir string, opts Options) (*Ledger, error) {
	l := newLedger(dir, opts)
	info, err := os.Stat(l.db.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoLedger)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", l.db.path, ErrForeign)
	}
	return l, nil
}

// Create returns the ledger in dir and makes it, with dir and its parents, if
// there is none.
func Create(ctx context.Context, dir string, opts Options) (*Ledger, error) {
	l := newLedger(dir, opts)
	_, err := os.Stat(dir)
	isNew := errors.Is(err, fs.ErrNotExist)
	for _, d := range []string{l.stateDir(), l.leaseDir()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("create ledger: %w", err)
		}
	}
	if err := l.db.create(ctx, func(*tx) error { return nil }); err != nil {
		return nil, fmt.Errorf("create ledger: %w", err)
	}
	if isNew {
		if err := syncDir(filepath.Dir(filepath.Clean(dir))); err != nil {
			return nil, fmt.Errorf("create ledger: %w", err)
		}
	}
	return l, nil
}

func newLedger(dir string, opts Options) *Ledger {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 10 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Ledger{
		dir: dir,
		db:  &db{path: filepath.Join(dir, "ledger.db"), timeout: opts.LockTimeout},
		now: opts.Now,
	}
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
