package kato_test

import (
	"testing"

	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
	"ckptledger/trainer/learnertest"
)

// TestConformance has learners of one server, each with nodes of its own. Without a
// mirror one knows as much of the samples.
func TestConformance(t *testing.T) {
	for name, noMirror := range map[string]bool{"mirror": false, "no mirror": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := katotest.New(katotest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Close)
			waits := quickly
			waits.Health, waits.Poll = 4*waits.Poll, waits.Poll/4 // a server that is away is not coming back
			learnertest.Run(t, learnertest.Config{
				New: func(t testing.TB) trainer.Learner {
					l, err := kato.New(kato.Options{URL: server.URL, Run: ledger.NewRunID(), NoMirror: noMirror, Waits: waits})
					if err != nil {
						t.Fatal(err)
					}
					return l
				},
				Break: func(t testing.TB, _ trainer.Learner) (mend func()) {
					server.Stop()
					return func() {
						if err := server.Start(); err != nil {
							t.Fatal(err)
						}
					}
				},
			})
		})
	}
}
