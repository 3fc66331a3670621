package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"ckptledger/migrations"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// This file is the only one that touches bbolt. What it offers is ordered keys
// in named buckets and transactions that always end; a ledger over another
// store replaces this file.

// db is the database file, opened for each transaction and closed after it.
type db struct {
	path    string
	timeout time.Duration // how long to wait for the file's lock
	used    func() bool   // whether runs have left traces beside the file
}

// tx is one transaction. Every value ends in a checksum over its bucket, key
// and bytes, which put adds and get verifies.
type tx struct{ b *bbolt.Tx }

// view runs fn in a read transaction.
func (d *db) view(ctx context.Context, fn func(*tx) error) error {
	return d.with(ctx, os.O_RDONLY, func(b *bbolt.DB) error {
		return b.View(func(t *bbolt.Tx) error {
			empty, err := checkSchema(t)
			if err != nil {
				return err
			}
			if empty { // its maker was killed before the first commit
				return ErrNoLedger
			}
			return fn(&tx{t})
		})
	})
}

// update runs fn in a write transaction, which commits if fn returns nil.
func (d *db) update(ctx context.Context, fn func(*tx) error) error {
	return d.with(ctx, os.O_RDWR, func(b *bbolt.DB) error { return updateTx(b, fn) })
}

// create is update on a database that may not exist yet.
func (d *db) create(ctx context.Context, fn func(*tx) error) error {
	if err := d.with(ctx, os.O_RDWR|os.O_CREATE, func(b *bbolt.DB) error { return updateTx(b, fn) }); err != nil {
		return err
	}
	return syncDir(filepath.Dir(d.path))
}

func updateTx(b *bbolt.DB, fn func(*tx) error) error {
	return b.Update(func(t *bbolt.Tx) error {
		empty, err := checkSchema(t)
		if err != nil {
			return err
		}
		x := &tx{t}
		if empty {
			if err := x.initSchema(); err != nil {
				return err
			}
		}
		return fn(x)
	})
}

// with opens the database, runs fn and closes it. A fault in the mapped file or
// a failed assertion of bbolt over its pages is damage, not the end of the
// process. bbolt may then hold locks of its own, for which its Close would wait
// for ever: only the file is unlocked and closed, and its mapping stays behind.
func (d *db) with(ctx context.Context, flag int, fn func(*bbolt.DB) error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	var locked *os.File
	defer func() {
		if p := recover(); p != nil {
			_ = unlock(locked) // closing alone does not, while the file is mapped
			locked.Close()
			if !isDamage(p) {
				panic(p)
			}
			err = fmt.Errorf("%s: %w: %v", d.path, ErrDamaged, p)
		}
	}()
	b, err := d.open(ctx, flag, &locked)
	if err != nil {
		return err
	}
	err = fn(b)
	if cerr := b.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close database: %w", cerr)
	}
	return err
}

// isDamage tells a fault in the mapped file, and what bbolt says or does over
// pages that it cannot make sense of, from a bug of ours.
func isDamage(p any) bool {
	if _, ok := p.(interface{ Addr() uintptr }); ok {
		return true
	}
	if _, ok := p.(runtime.Error); !ok {
		return true // an assertion of bbolt's: we panic nowhere
	}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)]) // from the deferred call on
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasPrefix(frame.Function, "go.etcd.io/bbolt"):
			return true
		case !more, strings.HasPrefix(frame.Function, "ckptledger/"):
			return false
		}
	}
}

// open locks and opens the file at d.path, and makes sure that the file it
// locked is the one that stands there: a compaction renames a new one over it.
// The file is told before bbolt reads it.
func (d *db) open(ctx context.Context, flag int, locked **os.File) (*bbolt.DB, error) {
	deadline := time.Now().Add(d.timeout)
	for {
		b, err := bbolt.Open(d.path, 0o644, &bbolt.Options{
			ReadOnly: flag&os.O_RDWR == 0,
			// The lock is ours before bbolt asks for it: see lockFile.
			Timeout: time.Second,
			OpenFile: func(path string, _ int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(path, flag, mode)
				if err != nil {
					return nil, err
				}
				if err := lockFile(ctx, f, flag&os.O_RDWR != 0, deadline); err != nil {
					f.Close()
					return nil, err
				}
				if err := checkFile(f, flag&os.O_CREATE != 0); err != nil {
					f.Close()
					return nil, err
				}
				*locked = f
				return f, nil
			},
		})
		if err != nil {
			return nil, d.openError(err)
		}
		same, err := isAt(*locked, d.path)
		if err == nil && same {
			return b, nil
		}
		b.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open database: %w", err)
		}
		if !time.Now().Before(deadline) {
			return nil, ErrBusy
		}
	}
}

func (d *db) openError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrNoLedger
	case errors.Is(err, berrors.ErrTimeout):
		return ErrBusy
	case errors.Is(err, berrors.ErrInvalid) && d.used():
		return fmt.Errorf("%s: no page of it can be read: %w", d.path, ErrDamaged)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("%s: %w", d.path, ErrForeign)
	case errors.Is(err, berrors.ErrChecksum):
		return fmt.Errorf("%s: %w: %w", d.path, ErrDamaged, err)
	default:
		return fmt.Errorf("open database: %w", err)
	}
}

func isAt(f *os.File, path string) (bool, error) {
	a, err := f.Stat()
	if err != nil {
		return false, err
	}
	b, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return os.SameFile(a, b), nil
}

var keySchema = []byte("schema")

// checkSchema reads the schema number, as every transaction does. A database
// without any bucket is one that its maker never got to fill.
func checkSchema(t *bbolt.Tx) (empty bool, err error) {
	meta := t.Bucket(bMeta)
	if meta == nil {
		if k, _ := t.Cursor().First(); k == nil {
			return true, nil
		}
		return false, fmt.Errorf("%s: %w", t.DB().Path(), ErrForeign)
	}
	v, err := (&tx{t}).get(bMeta, keySchema)
	if err != nil {
		return false, err
	}
	if len(v) != 8 {
		return false, fmt.Errorf("%s: %w", t.DB().Path(), ErrForeign)
	}
	return false, migrations.Check(binary.BigEndian.Uint64(v))
}

func (t *tx) initSchema() error {
	for _, name := range buckets {
		if _, err := t.b.CreateBucket(name); err != nil {
			return fmt.Errorf("create bucket: %w", err)
		}
	}
	return t.put(bMeta, keySchema, be64(migrations.Current))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(bucket, key, value []byte) uint32 {
	c := crc32.Update(0, castagnoli, bucket)
	c = crc32.Update(c, castagnoli, key)
	return crc32.Update(c, castagnoli, value)
}

func (t *tx) bucket(name []byte) (*bbolt.Bucket, error) {
	b := t.b.Bucket(name)
	if b == nil {
		return nil, fmt.Errorf("%s: bucket %s is missing: %w", t.b.DB().Path(), name, ErrDamaged)
	}
	if grows[string(name)] {
		b.FillPercent = 0.9
	}
	return b, nil
}

// get returns the value of a key, nil if there is none. It is valid until the
// transaction ends.
func (t *tx) get(bucket, key []byte) ([]byte, error) {
	b, err := t.bucket(bucket)
	if err != nil {
		return nil, err
	}
	v := b.Get(key)
	if v == nil {
		return nil, nil
	}
	return verified(bucket, key, v)
}

func verified(bucket, key, v []byte) ([]byte, error) {
	n := len(v) - 4
	if n < 0 || binary.BigEndian.Uint32(v[n:]) != checksum(bucket, key, v[:n]) {
		return nil, fmt.Errorf("record %s %q: checksum does not match: %w", bucket, key, ErrDamaged)
	}
	return v[:n:n], nil
}

func (t *tx) put(bucket, key, value []byte) error {
	b, err := t.bucket(bucket)
	if err != nil {
		return err
	}
	sealed := make([]byte, 0, len(value)+4)
	sealed = binary.BigEndian.AppendUint32(append(sealed, value...), checksum(bucket, key, value))
	if err := b.Put(key, sealed); err != nil {
		return fmt.Errorf("put %s: %w", bucket, err)
	}
	return nil
}

func (t *tx) delete(bucket, key []byte) error {
	b, err := t.bucket(bucket)
	if err != nil {
		return err
	}
	if err := b.Delete(key); err != nil {
		return fmt.Errorf("delete %s: %w", bucket, err)
	}
	return nil
}

// errStop ends a scan without being an error.
var errStop = errors.New("stop")

// ascend calls fn for the keys with the prefix, from the key from on (nil: the
// first), in order.
func (t *tx) ascend(bucket, prefix, from []byte, fn func(k, v []byte) error) error {
	b, err := t.bucket(bucket)
	if err != nil {
		return err
	}
	c := b.Cursor()
	if from == nil {
		from = prefix
	}
	for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if v, err = verified(bucket, k, v); err != nil {
			return err
		}
		if err := fn(k, v); err != nil {
			if err == errStop {
				return nil
			}
			return err
		}
	}
	return nil
}

// keys calls fn for the keys with the prefix, from the key from on, in order. It
// reads no values.
func (t *tx) keys(bucket, prefix, from []byte, fn func(k []byte) error) error {
	b, err := t.bucket(bucket)
	if err != nil {
		return err
	}
	c := b.Cursor()
	if from == nil {
		from = prefix
	}
	for k, _ := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		if err := fn(k); err != nil {
			if err == errStop {
				return nil
			}
			return err
		}
	}
	return nil
}

// descend calls fn for the keys with the prefix that are below before (nil: no
// bound), the last one first.
func (t *tx) descend(bucket, prefix, before []byte, fn func(k, v []byte) error) error {
	b, err := t.bucket(bucket)
	if err != nil {
		return err
	}
	c := b.Cursor()
	if before == nil {
		before = after(prefix)
	}
	var k, v []byte
	if before == nil {
		k, v = c.Last()
	} else if k, v = c.Seek(before); k == nil {
		k, v = c.Last()
	}
	for k != nil && before != nil && bytes.Compare(k, before) >= 0 {
		k, v = c.Prev()
	}
	for ; k != nil && bytes.HasPrefix(k, prefix); k, v = c.Prev() {
		if v, err = verified(bucket, k, v); err != nil {
			return err
		}
		if err := fn(k, v); err != nil {
			if err == errStop {
				return nil
			}
			return err
		}
	}
	return nil
}

// after returns the smallest key above all keys with the prefix, nil if there
// is none.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
