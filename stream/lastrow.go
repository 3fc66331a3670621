package stream

// LastRow keeps what a [Proof] needs of the row consumed last, so that a cursor
// can be made after the reader has gone on, or has failed to. Its memory is
// reused from row to row.
type LastRow struct {
	proof *Proof // where nothing was consumed since a resume
	at    Position
	raw   []byte
	long  bool // the record was too long to keep: sum is its hash
	sum   [32]byte
	set   bool
}

// Resume starts from the proof that a cursor carries; nil for none.
func (l *LastRow) Resume(p *Proof) { *l = LastRow{proof: p, raw: l.raw[:0]} }

// Set makes row the one consumed last.
func (l *LastRow) Set(row *Row) {
	l.at, l.set, l.proof = row.At, true, nil
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

// Proof returns the proof of the row consumed last, nil if there is none.
func (l *LastRow) Proof() *Proof {
	if !l.set {
		return l.proof
	}
	if l.raw == nil {
		l.raw = []byte{}
	}
	row := Row{At: l.at, raw: l.raw, sum: l.sum}
	if l.long {
		row.raw = nil
	}
	return NewProof(&row)
}
