package kato_test

import (
	"errors"
	"sync"
	"testing"

	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
)

// A sample that is skipped counts those of its first parts that the server has
// learned, also where another one teaches the same pattern, and is first.
func TestSkip(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	skipped := trainer.Sample{Row: 5, Text: []byte(prose(0, 40)), Skip: true}
	other := trainer.Sample{Row: 6, Text: []byte(prose(4, 40))} // whose first pattern is the other's second
	if b.parts(string(skipped.Text))[1].Name != b.parts(string(other.Text))[0].Name {
		t.Fatal("no pattern in common")
	}
	b.sent(string(skipped.Text), 0, 4)
	if err := b.learner.Reconcile(t.Context(), []trainer.Sample{skipped, other}); err != nil {
		t.Fatal(err)
	}
	w, err := b.learner.NewWorker()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	second, err := w.Work(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.Work(t.Context(), skipped)
	if err != nil {
		t.Fatal(err)
	}
	err = b.learner.Settle(t.Context(), first)
	if sample, ok := errors.AsType[*trainer.SampleError](err); !ok || sample.Learned != 4 || !errors.Is(err, trainer.ErrSkipped) {
		t.Fatalf("%#v", err)
	}
	if err := b.learner.Settle(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	b.learned(skipped, 4)
	b.learned(other, -1)
	b.compare()
	if err := b.learner.Reconcile(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// Without anything learned of it, a sample that is skipped counts nothing.
func TestSkipUnknown(t *testing.T) {
	for _, noMirror := range []bool{false, true} {
		b := newBench(t, katotest.Options{}, kato.Options{NoMirror: noMirror})
		s := trainer.Sample{Row: 5, Text: []byte(prose(0, 40))}
		if err := b.learner.Replay(s, 2); err != nil {
			t.Fatal(err)
		}
		s.Learned, s.Skip = 2, true
		err := b.learner.Learn(t.Context(), s)
		if sample, ok := errors.AsType[*trainer.SampleError](err); !ok || sample.Learned != 2 || !errors.Is(err, trainer.ErrSkipped) {
			t.Errorf("%#v", err)
		}
		if n := b.server.Requests(katotest.Observe); n != 0 {
			t.Errorf("%d requests observe", n)
		}
	}
}

// One pattern that all samples have, twice each, is counted exactly, whoever loses
// the answer to it.
func TestSamePatternEverywhere(t *testing.T) {
	const workers, each = 8, 5
	for _, noMirror := range []bool{false, true} {
		o := katotest.Options{}
		if !noMirror {
			o.Fault = katotest.Sometimes(3, 8, katotest.Fault{Cut: true}, katotest.Fault{Cut: true, Processed: true}, katotest.Fault{Status: 503, Processed: true}, katotest.Fault{Status: 502})
		}
		b := newBench(t, o, kato.Options{NoMirror: noMirror})
		once := " one two three four five six seven eight"
		text := []byte(once + once + prose(0, 1))
		done := make([][]trainer.Work, workers)
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() {
				w, err := b.learner.NewWorker()
				if err != nil {
					t.Error(err)
					return
				}
				defer w.Close()
				for n := range each {
					work, err := w.Work(t.Context(), trainer.Sample{Row: int64(each*i + n), Text: text})
					if err != nil {
						t.Error(err)
						return
					}
					done[i] = append(done[i], work)
				}
			})
		}
		all.Wait()
		for _, works := range done {
			for _, w := range works {
				if err := b.learner.Settle(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				b.learned(trainer.Sample{Text: text}, -1)
			}
		}
		b.compare()
	}
}
