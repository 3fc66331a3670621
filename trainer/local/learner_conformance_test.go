package local

import (
	"testing"

	"ckptledger/trainer"
	"ckptledger/trainer/learnertest"
)

func TestConformance(t *testing.T) {
	learnertest.Run(t, learnertest.Config{
		New: func(t testing.TB) trainer.Learner { return newLearner(t) },
		Break: func(_ testing.TB, l trainer.Learner) (mend func()) {
			m := l.(*Learner).model
			limit := m.limit
			m.limit = 0
			return func() { m.limit = limit }
		},
	})
}
