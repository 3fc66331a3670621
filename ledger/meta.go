package ledger

import (
	"encoding/binary"
	"fmt"
	"os"
)

// This file reads the meta pages of a bbolt file before bbolt does.

// checkFile compares the file's size with what its meta pages say. bbolt opens
// a file that was cut short without a word, and then faults on it. An empty file
// is made a database only where one may be created.
func checkFile(f *os.File, create bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		if create {
			return nil // bbolt makes it
		}
		return ErrNoLedger
	}
	m, ok := newestMeta(f)
	if !ok {
		return nil // no readable meta page: bbolt says what is wrong with it
	}
	if m.superseded {
		return fmt.Errorf("%s: %w: the record of its last transaction is lost", f.Name(), ErrDamaged)
	}
	if need := int64(m.pages) * int64(m.pageSize); info.Size() < need {
		return fmt.Errorf("%s: %w: it has %d bytes of the %d that it had", f.Name(), ErrDamaged, info.Size(), need)
	}
	return nil
}

// Offsets within a bbolt page that holds a meta record: a page header of 16
// bytes, then magic, version, page size, flags (4 bytes each), root bucket (16),
// freelist page, high water mark, transaction, checksum (8 each).
const (
	metaMagic   = 16
	metaPage    = 24
	metaHigh    = 56
	metaTx      = 64
	metaSum     = 72
	metaEnd     = 80
	bboltMagic  = 0xED0CDAED
	smallestPg  = 1024
	largestPage = 64 << 10
)

// meta is what a meta page says. There are two, which transactions write in
// turn.
type meta struct {
	pageSize   uint32
	pages      uint64 // that the file has at least
	tx         uint64 // the transaction that wrote it
	superseded bool   // by one whose own meta page is damaged
}

// newestMeta returns the newer of the readable meta pages. If the other one is
// damaged and was the newer one, bbolt would go back by a transaction without a
// word. A page that was merely torn in writing does not look so: what counts of
// it lies in one sector.
func newestMeta(f *os.File) (newest meta, found bool) {
	first, ok := readMeta(f, 0)
	second, ok2 := first, false
	if ok {
		second, ok2 = readMeta(f, int64(first.pageSize))
	} else {
		for p := int64(smallestPg); p <= largestPage && !ok2; p *= 2 {
			second, ok2 = readMeta(f, p)
		}
	}
	switch {
	case ok && ok2:
		if first.tx < second.tx {
			return second, true
		}
		return first, true
	case ok:
		first.superseded = second.tx+1 != first.tx
		return first, true
	case ok2:
		second.superseded = first.tx+1 != second.tx
		return second, true
	}
	return meta{}, false
}

// readMeta reads the meta page at an offset, and reports whether it is whole.
func readMeta(f *os.File, off int64) (meta, bool) {
	var b [metaEnd]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		return meta{}, false
	}
	le := binary.LittleEndian
	m := meta{pageSize: le.Uint32(b[metaPage:]), pages: le.Uint64(b[metaHigh:]), tx: le.Uint64(b[metaTx:])}
	sound := le.Uint32(b[metaMagic:]) == bboltMagic && le.Uint64(b[metaSum:]) == fnv64a(b[metaMagic:metaSum]) &&
		m.pageSize >= smallestPg && m.pageSize <= largestPage && m.pages <= 1<<50/uint64(m.pageSize)
	return m, sound
}

func fnv64a(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}
