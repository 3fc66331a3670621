package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"ckptledger/ledger"
	"ckptledger/stream"
)

// markEvery is how long there is at least between two marks of a run. Tests have
// less time.
var markEvery = 50 * time.Millisecond

// leastAhead is how many rows at least may be begun before the next mark.
const leastAhead = 64

// markAtLeast is how long there is at most between two marks, also where nothing
// moves: by a mark that is refused a trainer learns that another has taken the run
// over, while a sample may take minutes.
func markAtLeast() time.Duration { return 20 * markEvery }

// A marker marks, behind the training, how far a run with a Remote learner has
// come. No row is begun before a mark says that it may be, so that a resume knows
// which rows to ask for; a mark reaches so far ahead that training seldom waits
// for the next one.
type marker struct {
	write  func(ledger.Mark) error
	failed func(error)   // told why no mark can be written any more
	wake   chan struct{} // there is something to write
	done   chan struct{} // closed when nothing is written any more

	mu      sync.Mutex
	next    ledger.Mark // as it would be written now, but for ErroredRows and Reach
	changes int         // of next, so far
	written int         // of those, how many are written
	start   int64       // rows before it were begun by the attempts before
	fed     int64       // rows before it were begun by this one
	before  int64       // fed, when the last mark was written
	reach   int64       // of the last mark
	errored []ledger.ErroredRow
	dropped int           // of errored, since the start
	wrote   chan struct{} // closed when the next mark is written, or never will be
	err     error
	closing bool
}

// startMarker starts from where the run stands.
func startMarker(start *Standing, write func(ledger.Mark) error, failed func(error)) (*marker, error) {
	m := &marker{write: write, failed: failed, wake: make(chan struct{}, 1), done: make(chan struct{}), wrote: make(chan struct{})}
	position, err := json.Marshal(start.Cursor)
	if err != nil {
		return nil, fmt.Errorf("encode position: %w", err)
	}
	m.next = ledger.Mark{Counters: start.Counters, Position: position, Retrying: start.Retrying}
	m.start, m.fed = start.Reach, start.Counters.Row
	m.before, m.reach = m.fed, start.Counters.Row
	m.errored = slices.Clone(start.Errored)
	go m.work()
	return m, nil
}

// work writes marks until the marker is closed, or one cannot be written.
func (m *marker) work() {
	defer close(m.done)
	idle := time.NewTimer(markAtLeast())
	defer idle.Stop()
	for {
		select {
		case <-m.wake:
		case <-idle.C:
		}
		if !m.writeNext() {
			return
		}
		idle.Reset(markAtLeast())
		time.Sleep(markEvery)
	}
}

// writeNext writes a mark, and reports whether there may be another.
func (m *marker) writeNext() bool {
	m.mu.Lock()
	closing, changes := m.closing, m.changes
	mark := m.next
	mark.ErroredRows = slices.Clone(m.errored)
	mark.Reach = m.fed
	if !closing {
		mark.Reach += max(leastAhead, 2*(m.fed-m.before))
	}
	mark.Reach = max(mark.Reach, m.start, mark.Row)
	m.before = m.fed
	m.reach = min(m.reach, mark.Reach) // whichever of the two marks will be there
	m.mu.Unlock()

	err := m.write(mark)

	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.wrote)
	if err != nil {
		m.err = err
		m.failed(err)
		return false
	}
	m.reach, m.written = mark.Reach, changes
	m.wrote = make(chan struct{})
	return !closing
}

// signal has a mark written. The caller has mu.
func (m *marker) signal() {
	m.changes++
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// begin waits until a row may be begun.
func (m *marker) begin(ctx context.Context, row int64) error {
	for {
		m.mu.Lock()
		if m.err == nil && row < m.reach {
			m.mu.Unlock()
			return nil
		}
		err, wrote := m.err, m.wrote
		m.fed = max(m.fed, row)
		m.signal()
		m.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wrote:
		}
	}
}

// begun says that a row is, after begin said that it may be.
func (m *marker) begun(row int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fed = max(m.fed, row+1)
}

// ended says that there is no such row, whatever was said to be begun before.
func (m *marker) ended(row int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start, m.fed = min(m.start, row), row
}

// note says that all rows before counters.Row are settled, the last of them with
// this outcome where the learner could not learn it.
func (m *marker) note(counters ledger.Counters, cursor stream.Cursor, errored *ledger.ErroredRow) error {
	position, err := json.Marshal(cursor)
	if err != nil {
		return fmt.Errorf("encode position: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next.Counters, m.next.Position = counters, position
	if errored != nil {
		m.errored = append(m.errored, *errored)
	}
	m.signal()
	return nil
}

// retry says which rows are learned once more from now on, and waits until that is
// written; none says that all of them are settled.
func (m *marker) retry(ctx context.Context, rows []ledger.ErroredRow) error {
	m.mu.Lock()
	m.next.Retrying = rows
	m.signal()
	upTo := m.changes
	m.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	for {
		m.mu.Lock()
		err, wrote, written := m.err, m.wrote, m.written
		m.mu.Unlock()
		if err != nil || written >= upTo {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wrote:
		}
	}
}

// captured returns what to call when the snapshot that is captured now is
// committed: until then marks repeat what is errored before it.
func (m *marker) captured() (committed func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	upTo := m.dropped + len(m.errored)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := upTo - m.dropped; n > 0 {
			m.errored = m.errored[n:]
			m.dropped = upTo
		}
	}
}

// close writes a last mark, which reaches to the rows that were begun.
func (m *marker) close() {
	m.mu.Lock()
	m.closing = true
	m.signal()
	m.mu.Unlock()
	<-m.done
}

// startMarks has a Remote learner's run marked from here on. Training is told to end
// by failed where that cannot be done any more: then what is under way is given up,
// because another attempt may be asking the server what was learned.
func (r *run) startMarks(ctx context.Context, failed func(error)) error {
	if _, ok := r.Learner.(Remote); !ok {
		return nil
	}
	start := r.Start
	if start == nil {
		start = &Standing{Counters: r.now, Cursor: r.Cursor}
	}
	var err error
	r.marker, err = startMarker(start, func(m ledger.Mark) error {
		return r.saver.patiently(func() error { return r.Session.Mark(ctx, m) })
	}, failed)
	if err == nil {
		r.Reader = &marked{Reader: r.Reader, marker: r.marker, row: r.now.Row}
	}
	return err
}

// mark marks how far the run has come.
func (r *run) mark(failed *ledger.ErroredRow) error {
	if r.marker == nil {
		return nil
	}
	return r.marker.note(r.now, r.last.Cursor(), failed)
}

// stopMarks writes the last mark. Where it cannot be written the one before holds:
// it reaches as far.
func (r *run) stopMarks() {
	if r.marker != nil {
		r.saver.hurry()
		r.marker.close()
	}
}

// marked is a reader whose rows are begun when they are read.
type marked struct {
	stream.Reader
	marker *marker
	row    int64 // the next one
}

// Next implements stream.Reader.
func (r *marked) Next(ctx context.Context) (*stream.Row, error) {
	if err := r.marker.begin(ctx, r.row); err != nil {
		return nil, err
	}
	row, err := r.Reader.Next(ctx)
	switch {
	case err == nil:
		r.marker.begun(r.row)
		r.row++
	case errors.Is(err, io.EOF):
		r.marker.ended(r.row)
	}
	return row, err
}

// Check implements stream.Checker.
func (r *marked) Check() error { return check(r.Reader) }

// check asks a reader that is one of files whether they are what they were.
func check(r stream.Reader) error {
	if c, ok := r.(stream.Checker); ok {
		return c.Check()
	}
	return nil
}
