// Package learnertest tests that a trainer.Learner keeps its contract. Every
// learner runs it:
//
//	func TestConformance(t *testing.T) {
//		learnertest.Run(t, learnertest.Config{New: func(t testing.TB) trainer.Learner { … }})
//	}
//
// There are two types. [Config] says how to make the learner, and a [Store]
// keeps its state in memory. What is asked of a learner is that nothing shows
// afterwards that it was stopped: at whatever samples it was captured, however
// late the captures were written, and from whichever of them it was restored, its
// model digest is that of a learner that only learned.
//
// Caveat: a learner may pass and still learn nonsense; what it learns is for its
// own tests.
package learnertest

import (
	"context"
	"fmt"
	"math"
	"testing"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// Config says what is tested.
type Config struct {
	// New returns a learner that knows nothing, each time with the same settings.
	// The suite closes it. It is called some 1,500 times.
	New func(t testing.TB) trainer.Learner

	// Samples are texts to learn, over and over again, and each of them changes
	// the model. Nil is for texts of English words.
	Samples []string

	// Break makes the learner's Learn fail until mend is called, in a way that
	// ends a run. Nil where nothing can; then only a Learn whose context has
	// ended is tested.
	Break func(t testing.TB, l trainer.Learner) (mend func())
}

// Run tests the learner.
func Run(t *testing.T, c Config) {
	if c.Samples == nil {
		c.Samples = words()
	}
	s := &suite{Config: c, digests: map[int]string{}}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Config", s.testConfig},
		{"SamplesCount", s.testSamplesCount},
		{"LateWrite", s.testLateWrite},
		{"WriteAgain", s.testWriteAgain},
		{"WriteFails", s.testWriteFails},
		{"ManyCaptures", s.testManyCaptures},
		{"FiveResumes", s.testFiveResumes},
		{"WriteWhileLearning", s.testWriteWhileLearning},
		{"LearnFails", s.testLearnFails},
		{"DamagedState", s.testDamagedState},
		{"ForeignState", s.testForeignState},
		{"AnyHistory", s.testAnyHistory},
	} {
		t.Run(test.name, test.run)
	}
}

// suite is one call of Run. Sample n of a test is always the same text, so that
// a number of samples stands for the model that they make.
type suite struct {
	Config
	digests map[int]string // of learners that learned so many samples and were never captured before
}

func (s *suite) sample(n int) trainer.Sample {
	text := s.Samples[n%len(s.Samples)]
	return trainer.Sample{Row: int64(n), Text: []byte(fmt.Sprintf("%s %d", text, n/len(s.Samples)))}
}

// digest returns what the digest must be after n samples.
func (s *suite) digest(t testing.TB, n int) string {
	t.Helper()
	d, ok := s.digests[n]
	if !ok {
		l := s.start(t)
		for i := range n {
			if err := l.Learn(context.Background(), s.sample(i)); err != nil {
				t.Fatalf("Learn sample %d: %v", i, err)
			}
		}
		d = l.save(t, &Store{}).ModelDigest
		l.close(t)
		s.digests[n] = d
	}
	return d
}

// A subject is a learner under test and how many samples it has learned.
type subject struct {
	trainer.Learner
	suite   *suite
	learned int
}

func (s *suite) start(t testing.TB) *subject {
	t.Helper()
	return &subject{Learner: s.New(t), suite: s}
}

// resume restores a new learner, and checks that it is at sample n.
func (s *suite) resume(t fataler, learner trainer.Learner, store trainer.ObjectReader, state trainer.State, n int) *subject {
	t.Helper()
	digest, err := learner.Restore(context.Background(), store, state.Objects)
	if err != nil {
		t.Fatalf("Restore: %v", err)
	}
	if digest != state.ModelDigest {
		t.Fatalf("restored after %d samples, the digest is %s, not %s as it was written", n, digest, state.ModelDigest)
	}
	return &subject{Learner: learner, suite: s, learned: n}
}

// learn learns the next n samples. Other than for digest, their texts are
// overwritten afterwards, because they are valid only until Learn returns.
func (l *subject) learn(t fataler, n int) {
	t.Helper()
	for range n {
		sample := l.suite.sample(l.learned)
		if err := l.Learn(context.Background(), sample); err != nil {
			t.Fatalf("Learn sample %d: %v", l.learned, err)
		}
		for i := range sample.Text {
			sample.Text[i] = '?'
		}
		l.learned++
	}
}

func (l *subject) capture(t fataler) trainer.Capture {
	t.Helper()
	c, err := l.Capture()
	if err != nil {
		t.Fatalf("Capture after %d samples: %v", l.learned, err)
	}
	return c
}

// save captures the model and writes it.
func (l *subject) save(t fataler, store trainer.ObjectStore) trainer.State {
	t.Helper()
	return write(t, l.capture(t), store, false)
}

func (l *subject) close(t fataler) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// write writes a capture, and checks what is asked of every State.
func write(t fataler, c trainer.Capture, store trainer.ObjectStore, whole bool) trainer.State {
	t.Helper()
	state, err := c.Write(context.Background(), store, whole)
	if err != nil {
		t.Fatalf("Write: %v", err)
	}
	if n := len(state.Objects); n == 0 || n > ledger.MaxObjects {
		t.Fatalf("%d objects, possible are 1 to %d", n, ledger.MaxObjects)
	}
	if state.ModelDigest == "" {
		t.Fatalf("no model digest")
	}
	for name, v := range state.Metrics {
		if name == "" || math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("metric %q is %v", name, v)
		}
	}
	return state
}

// check checks that a written state is the model after n samples, and that a new
// learner is restored from it.
func (s *suite) check(t *testing.T, store *Store, state trainer.State, n int) {
	t.Helper()
	if want := s.digest(t, n); state.ModelDigest != want {
		t.Fatalf("digest after %d samples is %s, that of a learner never captured before is %s", n, state.ModelDigest, want)
	}
	s.resume(t, s.New(t), store, state, n).close(t)
}

// fataler is what testing.TB and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// words returns texts of 5 to 40 words that come again and again.
func words() []string {
	vocabulary := [...]string{"the", "a", "sea", "ship", "captain", "saw", "and", "then", "was", "light", "of", "old", "in", "under", "wind", "who"}
	texts := make([]string, 40)
	state := uint32(1)
	for i := range texts {
		for range 5 + i*35/len(texts) {
			state = state*1664525 + 1013904223
			texts[i] += vocabulary[state>>28] + " "
		}
	}
	return texts
}
