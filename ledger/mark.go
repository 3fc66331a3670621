package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// A Mark is how far a run has come behind its newest snapshot, where what it has
// learned lies on a server and counts there at once. There is one of each run,
// which replaces itself.
type Mark struct {
	Counters                    // of the rows before Row, all of which are learned
	Position    json.RawMessage `json:"position"`               // as a snapshot's
	ErroredRows []ErroredRow    `json:"errored_rows,omitempty"` // of those the ones that the learner could not learn, since the newest snapshot
	// Reach is the row before which rows may have been begun: from Row on, nobody
	// knows what of them is learned. It is Row where nothing was.
	Reach int64 `json:"reach"`
	// Retrying are errored rows before Row that are being learned once more, as they
	// were before that. Nobody knows of those either that do not stand in ErroredRows
	// as something else.
	Retrying []ErroredRow `json:"retrying,omitempty"`
	Attempt  uint64       `json:"attempt"`
	Time     time.Time    `json:"time"`
}

// Mark records how far the run has come. It is refused as a Commit is, and costs
// as much.
func (s *Session) Mark(ctx context.Context, m Mark) error {
	if err := m.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return fmt.Errorf("%w: the attempt has ended", ErrRule)
	}
	m.Attempt, m.Time = s.attempt.Number, s.l.now().UTC()
	err := s.l.db.update(ctx, func(t *tx) error {
		if _, err := s.mine(t); err != nil {
			return err
		}
		if err := t.makeBucket(bMarks); err != nil {
			return err
		}
		return t.putJSON(bMarks, runKey(s.run.ID), &m)
	})
	if err != nil {
		return fmt.Errorf("mark row %d: %w", m.Row, err)
	}
	return nil
}

func (m *Mark) check() error {
	if err := m.Counters.Check(); err != nil {
		return err
	}
	if m.Reach < m.Row {
		return fmt.Errorf("%w: a mark at row %d that reaches to row %d", ErrRule, m.Row, m.Reach)
	}
	if !json.Valid(m.Position) {
		return fmt.Errorf("%w: the position is no JSON", ErrRule)
	}
	return nil
}

// Mark returns the run's mark; the zero Mark if it has none.
func (l *Ledger) Mark(ctx context.Context, id RunID) (Mark, error) {
	var m Mark
	err := l.db.view(ctx, func(t *tx) error {
		if !t.hasBucket(bMarks) {
			return nil
		}
		_, err := t.getJSON(bMarks, runKey(id), &m)
		return err
	})
	return m, err
}
