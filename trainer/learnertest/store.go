package learnertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// A Store keeps state objects in memory, and loses and damages them when asked
// to. It may be used by several goroutines. The zero Store is empty.
type Store struct {
	mu      sync.Mutex
	objects map[string][]byte
}

var _ trainer.ObjectStore = (*Store)(nil)

// PutObject keeps what write writes.
func (s *Store) PutObject(ctx context.Context, name string, write func(io.Writer) error) (ledger.Object, error) {
	if err := ctx.Err(); err != nil {
		return ledger.Object{}, err
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return ledger.Object{}, fmt.Errorf("write state object %s: %w", name, err)
	}
	o := ledger.Object{SHA256: hash(b.Bytes()), Name: name, Bytes: int64(b.Len()), Size: int64(b.Len())}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects == nil {
		s.objects = map[string][]byte{}
	}
	s.objects[o.SHA256] = b.Bytes()
	return o, nil
}

// GetObject hands an object to read, whatever its bytes are by now, and then
// returns an error if they are not those that were put.
func (s *Store) GetObject(ctx context.Context, o ledger.Object, read func(io.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	b, ok := s.objects[o.SHA256]
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("state object %s is missing: %w", o.Name, ledger.ErrDamaged)
	}
	err := read(bytes.NewReader(b))
	if hash(b) != o.SHA256 {
		return fmt.Errorf("state object %s is not what it was: %w", o.Name, ledger.ErrDamaged)
	}
	return err
}

// Remove loses an object.
func (s *Store) Remove(o ledger.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, o.SHA256)
}

// Damage changes an object's bytes, under its old name.
func (s *Store) Damage(o ledger.Object, change func([]byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[o.SHA256] = change(slices.Clone(s.objects[o.SHA256]))
}

// Has reports whether every one of the objects is there.
func (s *Store) Has(objects []ledger.Object) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(objects, func(o ledger.Object) bool { _, ok := s.objects[o.SHA256]; return !ok })
}

// Content returns a copy of an object's bytes, nil if it is missing.
func (s *Store) Content(o ledger.Object) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.objects[o.SHA256])
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
