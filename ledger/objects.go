package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// This file is the only one that touches state objects; a ledger that keeps
// them elsewhere replaces it.

// probeSize is how much of an object is compressed to see whether it pays.
const probeSize = 128 << 10

func (o Object) key() ([]byte, error) {
	k, err := hex.DecodeString(o.SHA256)
	if err != nil || len(k) != sha256.Size || hex.EncodeToString(k) != o.SHA256 {
		return nil, fmt.Errorf("%w: %q is no object's name", ErrRule, o.SHA256)
	}
	return k, nil
}

func (l *Ledger) objectPath(o Object) (string, error) {
	if _, err := o.key(); err != nil {
		return "", err
	}
	return filepath.Join(l.stateDir(), o.SHA256[:2], o.SHA256), nil
}

// PutObject stores what write writes. The object is durable, under its final
// name, before PutObject returns; what is refused or interrupted leaves nothing
// but a temporary file that the run's next attempt removes.
func (s *Session) PutObject(ctx context.Context, name string, write func(io.Writer) error) (Object, error) {
	if err := ctx.Err(); err != nil {
		return Object{}, err
	}
	l := s.l
	// The lease makes the name this attempt's own; what stands there is its own too.
	path := filepath.Join(l.stateDir(), fmt.Sprintf("%s%d-%d", s.tmpPrefix(), s.me.Attempt, s.objects.Add(1)))
	tmp, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return Object{}, fmt.Errorf("create state object: %w", err)
	}
	defer os.Remove(tmp.Name()) // after the rename there is nothing to remove
	defer tmp.Close()

	w := &objectWriter{file: tmp, sum: sha256.New()}
	if err := write(w); err != nil {
		return Object{}, fmt.Errorf("write state object %s: %w", name, err)
	}
	if err := w.finish(); err != nil {
		return Object{}, fmt.Errorf("write state object %s: %w", name, err)
	}
	if err := tmp.Sync(); err != nil {
		return Object{}, fmt.Errorf("sync state object %s: %w", name, err)
	}
	o := Object{SHA256: hex.EncodeToString(w.sum.Sum(nil)), Name: name, Bytes: w.bytes, Size: w.size, Zstd: w.zstd != nil}
	if err := l.place(tmp.Name(), o); err != nil {
		return Object{}, fmt.Errorf("place state object %s: %w", name, err)
	}
	return o, nil
}

// place renames a synced file to the object's name and makes the name durable.
// An object that stands there already is replaced: its writer may have been
// killed before its sync, and it may have been damaged since.
func (l *Ledger) place(tmp string, o Object) error {
	path, err := l.objectPath(o)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if _, durable := l.shards.Load(dir); !durable {
		if err := mkdirSynced(dir); err != nil {
			return err
		}
		l.shards.Store(dir, true)
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// objectWriter hashes what reaches the file, and decides after the first
// probeSize bytes whether the content is compressed on its way there.
type objectWriter struct {
	file    *os.File
	sum     hash.Hash
	probe   []byte
	decided bool
	zstd    *zstd.Encoder
	size    int64 // content
	bytes   int64 // file
}

func (w *objectWriter) Write(p []byte) (int, error) {
	n := len(p)
	w.size += int64(n)
	if !w.decided {
		room := min(probeSize-len(w.probe), n)
		w.probe = append(w.probe, p[:room]...)
		p = p[room:]
		if len(w.probe) < probeSize {
			return n, nil
		}
		if err := w.decide(); err != nil {
			return 0, err
		}
	}
	return n, w.emit(p)
}

func (w *objectWriter) decide() error {
	w.decided = true
	enc, err := newEncoder()
	if err != nil {
		return err
	}
	if packed := enc.EncodeAll(w.probe, nil); len(packed)*4 <= len(w.probe)*3 {
		enc.Reset(rawWriter{w})
		w.zstd = enc
	} else {
		encoders.Put(enc)
	}
	probe := w.probe
	w.probe = nil
	return w.emit(probe)
}

// encoders are kept because making one costs more than a small object.
var encoders sync.Pool

func newEncoder() (*zstd.Encoder, error) {
	if enc, ok := encoders.Get().(*zstd.Encoder); ok {
		return enc, nil
	}
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
}

func (w *objectWriter) emit(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	var err error
	if w.zstd != nil {
		_, err = w.zstd.Write(p)
	} else {
		_, err = rawWriter{w}.Write(p)
	}
	return err
}

func (w *objectWriter) finish() error {
	if !w.decided {
		if err := w.decide(); err != nil {
			return err
		}
	}
	if w.zstd == nil {
		return nil
	}
	err := w.zstd.Close()
	w.zstd.Reset(nil)
	encoders.Put(w.zstd)
	return err
}

// rawWriter writes to the file and the hash.
type rawWriter struct{ w *objectWriter }

func (r rawWriter) Write(p []byte) (int, error) {
	n, err := r.w.file.Write(p)
	r.w.sum.Write(p[:n])
	r.w.bytes += int64(n)
	return n, err
}

// GetObject hands an object's content to read, and verifies the SHA-256 of all
// of the file whether read wanted it or not. What read saw is to be believed
// only when GetObject returns nil. A missing or changed object is an error that
// wraps ErrDamaged.
func (l *Ledger) GetObject(ctx context.Context, o Object, read func(io.Reader) error) error {
	path, err := l.objectPath(o)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("state object %s is missing (%s): %w", o.Name, path, ErrDamaged)
	}
	if err != nil {
		return fmt.Errorf("open state object %s: %w", o.Name, err)
	}
	defer f.Close()
	sum := sha256.New()
	file := io.TeeReader(&contextReader{ctx, f}, sum)

	readErr := readContent(file, o, read)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, err := io.Copy(io.Discard, file); err != nil {
		return fmt.Errorf("read state object %s: %w", o.Name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != o.SHA256 {
		return fmt.Errorf("state object %s (%s): its SHA-256 is now %s: %w", o.Name, path, got, ErrDamaged)
	}
	if readErr != nil {
		return fmt.Errorf("read state object %s: %w", o.Name, readErr)
	}
	return nil
}

func readContent(file io.Reader, o Object, read func(io.Reader) error) error {
	if !o.Zstd {
		return read(io.LimitReader(file, o.Size))
	}
	dec, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return err
	}
	defer dec.Close()
	return read(io.LimitReader(dec, o.Size))
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// missing returns those objects that are not there in the length they had.
func (l *Ledger) missing(objects []Object) []Object {
	var out []Object
	for _, o := range objects {
		path, err := l.objectPath(o)
		if err == nil {
			var info fs.FileInfo
			if info, err = os.Stat(path); err == nil && info.Size() == o.Bytes {
				continue
			}
		}
		out = append(out, o)
	}
	return out
}

// checkObject reads all of an object.
func (l *Ledger) checkObject(ctx context.Context, o Object) error {
	return l.GetObject(ctx, o, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
}

// tmpPrefix begins the names of a run's unfinished objects, so that the next
// attempt, which holds the lease, can remove what a killed one left.
func (s *Session) tmpPrefix() string { return ".tmp-" + string(s.run.ID) + "-" }

func (s *Session) removeLeftovers() {
	entries, err := os.ReadDir(s.l.stateDir())
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), s.tmpPrefix())
		number, _, _ := strings.Cut(rest, "-")
		// Of earlier attempts only: one that took over is still at work.
		if n, err := strconv.ParseUint(number, 10, 64); ours && err == nil && n < s.me.Attempt {
			os.Remove(filepath.Join(s.l.stateDir(), e.Name()))
		}
	}
}
