package learnertest

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// The config is the same always, as JSON has it, and the caller's own.
func (s *suite) testConfig(t *testing.T) {
	l := s.start(t)
	defer l.close(t)
	config := l.Config()
	normal, err := config.Normalize()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(config, normal) {
		t.Errorf("config is %#v, and read back from JSON %#v", config, normal)
	}
	if name, _ := config["learner"].(string); name == "" {
		t.Errorf("config %v does not name the learner", config)
	}
	if _, err := config.Hash(); err != nil {
		t.Error(err)
	}
	fixed := l.Fixed()
	for i, field := range fixed {
		if _, ok := config[field]; !ok || slices.Contains(fixed[:i], field) {
			t.Errorf("fixed are %q, of the config %v", fixed, config)
		}
	}

	clear(config)
	if len(fixed) > 0 {
		fixed[0] = ""
	}
	l.learn(t, 3)
	l.save(t, &Store{})
	other := s.start(t)
	defer other.close(t)
	for _, l := range []*subject{l, other} {
		if !reflect.DeepEqual(l.Config(), normal) {
			t.Errorf("config was %v and is %v", normal, l.Config())
		}
		if slices.Contains(l.Fixed(), "") {
			t.Errorf("fixed are now %q", l.Fixed())
		}
	}
}

// Each sample shows in the digest, and nothing else does. Were it not so, the
// other tests would prove little.
func (s *suite) testSamplesCount(t *testing.T) {
	seen := map[string]int{}
	for n := range 10 {
		d := s.digest(t, n)
		if m, ok := seen[d]; ok {
			t.Fatalf("the digest after %d samples is that after %d", n, m)
		}
		seen[d] = n
	}
	l, store := s.start(t), &Store{}
	defer l.close(t)
	l.learn(t, 4)
	first := l.save(t, store)
	s.check(t, store, first, 4)
	again := l.save(t, store)
	s.check(t, store, again, 4)
}

// A capture is of its moment, however much is learned and captured before it is
// written.
func (s *suite) testLateWrite(t *testing.T) {
	l, store := s.start(t), &Store{}
	defer l.close(t)
	var captures []trainer.Capture
	const distance = 3
	for range 10 {
		captures = append(captures, l.capture(t))
		l.learn(t, distance)
	}
	var states []trainer.State
	for _, c := range captures {
		states = append(states, write(t, c, store, false))
	}
	for i, state := range states {
		s.check(t, store, state, i*distance)
	}
}

// A capture is written once more, and whole when objects have vanished, while
// later ones wait.
func (s *suite) testWriteAgain(t *testing.T) {
	l, store := s.start(t), &Store{}
	defer l.close(t)
	for range 3 { // so that the model consists of several objects
		l.learn(t, 2)
		l.save(t, store)
	}
	l.learn(t, 2)
	c := l.capture(t)
	l.learn(t, 2)
	next := l.capture(t)
	l.learn(t, 2)

	state := write(t, c, store, false)
	s.check(t, store, write(t, c, store, false), 8)
	for _, o := range state.Objects {
		store.Remove(o)
	}
	s.check(t, store, write(t, c, store, true), 8)
	s.check(t, store, write(t, c, store, true), 8)
	s.check(t, store, write(t, next, store, false), 10)
	s.check(t, store, l.save(t, store), 12)
}

var errStore = errors.New("no space left")

// full is a store that takes no more.
type full struct{ *Store }

func (full) PutObject(_ context.Context, _ string, write func(io.Writer) error) (ledger.Object, error) {
	return ledger.Object{}, errors.Join(write(fullWriter{}), errStore)
}

type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errStore }

// What could not be written is an error, and is not forgotten.
func (s *suite) testWriteFails(t *testing.T) {
	l, store := s.start(t), &Store{}
	defer l.close(t)
	l.learn(t, 2)
	l.save(t, store)
	l.learn(t, 2)
	c := l.capture(t)
	l.learn(t, 2)
	for _, whole := range []bool{false, true} {
		if _, err := c.Write(t.Context(), full{store}, whole); !errors.Is(err, errStore) {
			t.Fatalf("Write into a full store: %v, want its error", err)
		}
	}
	s.check(t, store, write(t, c, store, false), 4)
	s.check(t, store, l.save(t, store), 6)
}

// The objects of a snapshot stay few.
func (s *suite) testManyCaptures(t *testing.T) {
	l, store := s.start(t), &Store{}
	defer l.close(t)
	const captures = 3 * ledger.MaxObjects
	for i := range captures {
		l.learn(t, 1)
		state := l.save(t, store)
		if i == captures/2 || i == captures-1 {
			s.check(t, store, state, i+1)
		}
	}
}

// Five resumes in a row are as exact as one. Each time, what was learned after
// the last capture is learned again.
func (s *suite) testFiveResumes(t *testing.T) {
	l, store := s.start(t), &Store{}
	for range 5 {
		l.learn(t, 4)
		l.save(t, store)
		l.learn(t, 3)
		state, n := l.save(t, store), l.learned
		l.learn(t, 2)
		l.close(t)
		s.check(t, store, state, n)
		l = s.resume(t, s.New(t), store, state, n)
	}
	defer l.close(t)
	s.check(t, store, l.save(t, store), 35)
	l.learn(t, 5)
	s.check(t, store, l.save(t, store), 40)
}

// Captures are written while learning goes on. Under the race detector this
// shows that they share nothing that changes.
func (s *suite) testWriteWhileLearning(t *testing.T) {
	l, store := s.start(t), &Store{}
	defer l.close(t)
	const captures, distance = 20, 2
	queue, states := make(chan trainer.Capture, 4), make(chan trainer.State, captures)
	go func() {
		defer close(states)
		for c := range queue {
			state, err := c.Write(context.Background(), store, false)
			if err != nil {
				t.Errorf("Write: %v", err)
			}
			states <- state
		}
	}()
	for range captures {
		l.learn(t, distance)
		queue <- l.capture(t)
	}
	close(queue)
	n := 0
	for state := range states {
		if n += distance; n%(5*distance) == 0 && !t.Failed() {
			s.check(t, store, state, n)
		}
	}
}

// After an error of Learn the model is as it was before that sample.
func (s *suite) testLearnFails(t *testing.T) {
	l, store := s.start(t), &Store{}
	defer l.close(t)
	l.learn(t, 5)
	l.save(t, store)
	l.learn(t, 1)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Learn(ended, s.sample(l.learned)); err == nil {
		l.learned++ // it does not look at the context
	}
	s.check(t, store, l.save(t, store), l.learned)

	if s.Break == nil {
		return
	}
	mend := s.Break(t, l.Learner)
	err := l.Learn(t.Context(), s.sample(l.learned))
	mend()
	var sampleErr *trainer.SampleError
	if err == nil || errors.As(err, &sampleErr) {
		t.Fatalf("Learn, broken: %v, want an error that ends a run", err)
	}
	s.check(t, store, l.save(t, store), l.learned)
	l.learn(t, 2)
	s.check(t, store, l.save(t, store), l.learned)
}

// several returns a state of several objects, if the learner ever makes such.
func (s *suite) several(t *testing.T, store *Store) trainer.State {
	t.Helper()
	l := s.start(t)
	defer l.close(t)
	var state trainer.State
	for range 5 {
		l.learn(t, 3)
		state = l.save(t, store)
	}
	return state
}

// What the store calls damaged or missing is not restored.
func (s *suite) testDamagedState(t *testing.T) {
	damages := map[string]func(*Store, ledger.Object){
		"missing":   func(st *Store, o ledger.Object) { st.Remove(o) },
		"empty":     func(st *Store, o ledger.Object) { st.Damage(o, func([]byte) []byte { return nil }) },
		"cut short": func(st *Store, o ledger.Object) { st.Damage(o, func(b []byte) []byte { return b[:len(b)/2] }) },
		"longer":    func(st *Store, o ledger.Object) { st.Damage(o, func(b []byte) []byte { return append(b, b...) }) },
		"one bit": func(st *Store, o ledger.Object) {
			st.Damage(o, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		},
	}
	for name, damage := range damages {
		store := &Store{}
		state := s.several(t, store)
		for i, o := range state.Objects {
			kept := store.Content(o)
			damage(store, o)
			l := s.start(t)
			if _, err := l.Restore(t.Context(), store, state.Objects); !errors.Is(err, ledger.ErrDamaged) {
				t.Errorf("object %d of %d is %s: Restore returns %v, want ErrDamaged", i+1, len(state.Objects), name, err)
			}
			l.close(t)
			store.Damage(o, func([]byte) []byte { return kept })
		}
	}
}

// Objects that are whole, and not those of the snapshot, are an error or at
// least another digest.
func (s *suite) testForeignState(t *testing.T) {
	store := &Store{}
	state := s.several(t, store)
	put := func(b []byte) ledger.Object {
		o, err := store.PutObject(t.Context(), "foreign", func(w io.Writer) error { _, err := w.Write(b); return err })
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	try := func(what string, objects []ledger.Object) {
		t.Helper()
		l := s.start(t)
		defer l.close(t)
		if digest, err := l.Restore(t.Context(), store, objects); err == nil && digest == state.ModelDigest {
			t.Errorf("%s: Restore makes nothing of it", what)
		}
	}
	n := len(state.Objects)
	for i, o := range state.Objects {
		b := store.Content(o)
		if len(b) < 2 {
			t.Fatalf("object %d has %d bytes, after %d samples", i+1, len(b), 15)
		}
		for what, content := range map[string][]byte{
			"nothing instead of an object":     nil,
			"another file instead":             []byte("{\"kind\": \"another file\"}\n"),
			"the first half of an object":      b[:len(b)/2],
			"all but the last byte of one":     b[:len(b)-1],
			"an object and a byte more":        append(slices.Clone(b), 1),
			"an object without its first byte": b[1:],
		} {
			objects := slices.Clone(state.Objects)
			objects[i] = put(content)
			try(what, objects)
		}
		try("one object less", slices.Delete(slices.Clone(state.Objects), i, i+1))
	}
	if n > 1 {
		try("the last object first", append(state.Objects[n-1:n:n], state.Objects[:n-1]...))
	}
}
