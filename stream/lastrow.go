package stream

import "ckptledger/stream/unpack"

// LastRow keeps what a [Cursor] needs of the row consumed last, so that one can
// be made after the reader has gone on, or has failed to. Its memory is reused
// from row to row, and what is dear is left to Cursor.
type LastRow struct {
	resumed  Cursor // where nothing was consumed since
	set      bool
	at, next Position
	point    unpack.Point
	raw      []byte
	long     bool // the record was too long to keep: sum is its hash
	sum      [32]byte
}

// Resume starts from the cursor that the reader was opened at.
func (l *LastRow) Resume(c Cursor) { *l = LastRow{resumed: c, raw: l.raw[:0]} }

// Set makes row the one consumed last.
func (l *LastRow) Set(row *Row) {
	l.set, l.at, l.next, l.point = true, row.At, row.Next, row.point
	if l.long = row.raw == nil; l.long {
		l.sum = row.sum
		return
	}
	if cap(l.raw) > keepRaw && len(row.raw) <= keepRaw {
		l.raw = nil // one long row does not cost its memory for ever
	}
	l.raw = append(l.raw[:0], row.raw...)
}

// keepRaw is how many bytes of memory a LastRow keeps from row to row.
const keepRaw = 1 << 20

// Cursor returns the cursor behind the row consumed last, the one of Resume if
// there was none since.
func (l *LastRow) Cursor() Cursor {
	if !l.set {
		return l.resumed
	}
	row := Row{At: l.at, Next: l.next, sum: l.sum, point: l.point}
	if !l.long {
		row.hold(l.raw)
	}
	return After(&row)
}
