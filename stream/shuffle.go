package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"math/rand/v2"

	"ckptledger/stream/unpack"
)

// Shuffle returns a source of src's rows in another order: they are permuted
// inside windows, which are so many rows that follow on each other. The order
// follows from seed, from the pass, which [Repeat] counts, and from the number
// of the window, so a position is no more than where the window starts and the
// row's place in it. A resume reads the window again, and the next one if the
// row consumed last ended it.
//
// A Reader keeps the texts of one window in memory. A window below 2 rows
// leaves src as it is. The order is not part of the fingerprint: a cursor names
// it, and is refused by a source of another. src must not be shuffled already.
func Shuffle(src Source, window int, seed uint64) Source {
	if window < 2 {
		return src
	}
	return &shuffled{Source: src, window: window, seed: seed, order: fmt.Sprintf("window/1 %d %d", window, seed)}
}

type shuffled struct {
	Source
	window int
	seed   uint64
	order  string // as Position.Order has it; 1 is the version of permute
}

// Info implements Source.
func (s *shuffled) Info() Info {
	info := s.Source.Info()
	info.Label += fmt.Sprintf(", shuffled in windows of %s rows by seed %d", thousands(int64(s.window)), s.seed)
	return info
}

// Describe implements Describer.
func (s *shuffled) Describe(p Position) string { return describe(s.Source, s.start(p)) }

// countRows implements rowCounter.
func (s *shuffled) countRows(ctx context.Context) (int64, error) { return countRows(ctx, s.Source) }

// start returns where in the source below the window of p starts.
func (s *shuffled) start(p Position) Position {
	p.Row -= int64(p.Index)
	p.Order, p.Index = "", 0
	return p
}

// Open implements Source.
func (s *shuffled) Open(ctx context.Context, c Cursor) (Reader, error) { return s.openPass(ctx, c, 0) }

// openPass implements passOpener.
func (s *shuffled) openPass(ctx context.Context, c Cursor, pass int) (Reader, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	at := c.first()
	var below Cursor
	switch {
	case c.OnlyRow:
		at = Position{Row: at.Row, Index: int(at.Row % int64(s.window))}
		below = Cursor{Next: s.start(at), OnlyRow: true}
	case at == Position{}: // the start
		below.Point = c.Point
	case at.Order != s.order:
		return nil, &ProofError{At: at, Reason: fmt.Sprintf("was read in the order %q, not %q", at.Order, s.order)}
	case at.Row < int64(at.Index) || at.Index >= s.window:
		return nil, &ProofError{At: at, Reason: fmt.Sprintf("is not at place %d of a window", at.Index)}
	default:
		below = Cursor{Next: s.start(at), Point: c.Point}
	}
	src, err := s.Source.Open(ctx, below)
	if err != nil {
		return nil, err
	}
	r := &shuffledReader{order: s, src: src, pass: pass, start: below.Next, end: below.Next}
	if err := r.seek(ctx, at, c); err != nil {
		r.Close()
		return nil, explainPoint(err, below.Point, at)
	}
	return r, nil
}

// shuffledReader reads windows and hands out their rows.
type shuffledReader struct {
	order *shuffled
	src   Reader
	pass  int

	start  Position     // of the window in src
	point  unpack.Point // of the row there
	end    Position     // behind the rows read of it
	rows   []heldRow
	bytes  arena // of rows
	whole  bool  // all of the window is there
	places []int // of rows, in the order in which they are handed out
	next   int   // index into places
	row    Row
}

// A heldRow is what is kept of a Row. The record is not, where the text is only
// a part of it: its hash is all that anybody will ask for.
type heldRow struct {
	kind      Kind
	reason    string
	columns   map[string]json.RawMessage
	text, raw []byte
	sum       [32]byte
}

// seek makes the row at the next one, and proves it if c has a proof.
func (r *shuffledReader) seek(ctx context.Context, at Position, c Cursor) error {
	if err := r.fill(ctx); err != nil {
		return err
	}
	if r.next = at.Index; r.next > len(r.places) {
		return &ProofError{At: at, Reason: fmt.Sprintf("is past the end: its window has %d rows", len(r.places))}
	}
	if c.Last == nil {
		return nil
	}
	return prove(ctx, r, c)
}

// Next implements Reader.
func (r *shuffledReader) Next(ctx context.Context) (*Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.whole && r.next == len(r.places) && len(r.places) == r.order.window {
		r.start, r.whole, r.next = r.end, false, 0
		clear(r.rows)
		r.rows = r.rows[:0]
		r.bytes.reset()
	}
	if err := r.fill(ctx); err != nil {
		return nil, err
	}
	if r.next == len(r.places) {
		return nil, io.EOF
	}
	h := &r.rows[r.places[r.next]]
	r.row = Row{
		Kind: h.kind, Reason: h.reason, Text: h.text, Columns: h.columns,
		raw: h.raw, sum: h.sum, point: r.point,
		At: r.place(r.start, r.next),
	}
	if r.next++; r.next < r.order.window {
		r.row.Next = r.place(r.start, r.next)
	} else {
		r.row.Next = r.place(r.end, 0)
	}
	return &r.row, nil
}

// place returns the position of the row at index in the window from start on.
func (r *shuffledReader) place(start Position, index int) Position {
	start.Row += int64(index)
	start.Order, start.Index = r.order.order, index
	return start
}

// fill reads what is missing of the window. After an error it may be called
// again.
func (r *shuffledReader) fill(ctx context.Context) error {
	if r.whole {
		return nil
	}
	for len(r.rows) < r.order.window {
		row, err := r.src.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(r.rows) == 0 && row.At.Row%int64(r.order.window) != 0 {
			return &ProofError{At: row.At, Reason: "starts no window"}
		}
		r.hold(row)
	}
	r.whole = true
	r.places = permute(r.places, len(r.rows), r.order.seed, r.pass, r.start.Row/int64(r.order.window))
	return nil
}

// hold keeps a row of the window.
func (r *shuffledReader) hold(row *Row) {
	h := heldRow{kind: row.Kind, reason: row.Reason, columns: maps.Clone(row.Columns), sum: row.sum}
	for name, value := range h.columns {
		h.columns[name] = bytes.Clone(value)
	}
	h.text = r.bytes.keep(row.Text)
	if same(row.raw, row.Text) {
		h.raw = h.text
	} else if row.raw != nil {
		h.sum = sha256.Sum256(row.raw)
	}
	if len(r.rows) == 0 {
		r.start, r.point = row.At, row.point // with all that is known of it
	} else if row.At.File == r.start.File {
		r.point.Read = row.point.Read // the window is read again too
	}
	r.rows = append(r.rows, h)
	r.end = row.Next
}

// same reports whether a and b are the same memory.
func same(a, b []byte) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

// Close implements Reader.
func (r *shuffledReader) Close() error {
	r.rows, r.bytes, r.places = nil, arena{}, nil
	r.whole, r.next = false, 0
	return r.src.Close()
}

// Check implements Checker.
func (r *shuffledReader) Check() error { return check(r.src) }

// permute returns the numbers below n in an order that follows from the other
// arguments, in the memory of places if it is enough. It must never change: a
// cursor counts on it. So neither the generator's seeding nor the shuffle are
// left to a library, which promises less.
func permute(places []int, n int, seed uint64, pass int, window int64) []int {
	key := fmt.Appendf(nil, "window/1 ")
	key = binary.BigEndian.AppendUint64(key, seed)
	key = binary.BigEndian.AppendUint64(key, uint64(pass))
	key = binary.BigEndian.AppendUint64(key, uint64(window))
	random := rand.NewChaCha8(sha256.Sum256(key))
	places = places[:0]
	for i := range n {
		// Inside out: i takes a place among those before, whose number moves
		// to the end.
		j := below(random, uint64(i)+1)
		places = append(places, i)
		places[i], places[j] = places[j], i
	}
	return places
}

// below returns a number below n, all of them equally likely: of the product
// with n the upper half, drawn again where the lower half shows that there are
// too few of it.
func below(random *rand.ChaCha8, n uint64) uint64 {
	for {
		hi, lo := bits.Mul64(random.Uint64(), n)
		if lo >= -n%n {
			return hi
		}
	}
}
