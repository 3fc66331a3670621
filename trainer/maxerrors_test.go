package trainer_test

import (
	"context"
	"errors"
	"testing"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// TestMaxErrors ends an attempt behind the row that is one too many, whoever
// found it; the next attempt counts anew.
func TestMaxErrors(t *testing.T) {
	src := mixed(100)
	var errored []int64
	for i, kind := range src {
		if kind == stream.Errored {
			errored = append(errored, int64(i))
		}
	}
	for _, workers := range []int{0, 1, 4} {
		l, model := newLedger(t), &crowd{}
		s := begin(t, l, model)
		id := s.Run().ID
		for attempt := range 3 {
			o := options(t, s, src, model, trainer.Options{MaxErrors: 3, Workers: workers})
			res, err := trainer.Run(context.Background(), o)
			var tooMany *trainer.MaxErrorsError
			want := errored[4*attempt+3]
			if !errors.As(err, &tooMany) || tooMany.Last.Row != want || tooMany.Last.Reason != "malformed" {
				t.Fatalf("%d workers, attempt %d: %v", workers, attempt, err)
			}
			if res.Reason != ledger.Failed || res.Newest.Row != want+1 || res.Newest.Kind != ledger.Emergency {
				t.Errorf("%d workers, attempt %d: %s at row %d, snapshot %s", workers, attempt, res.Reason, res.Newest.Row, res.Newest.Kind)
			}
			s.Close()
			wantExact(t, l, id, src)
			model = &crowd{}
			s = proceed(t, l, id, model, ledger.LeaseOptions{})
		}
		train(t, ledger.Exhausted, options(t, s, src, model, trainer.Options{Workers: workers}))
		wantExact(t, l, id, src)
	}
}
