package kato_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
	"ckptledger/trainer/local"
)

// catchUp gives the bench a new learner that has learned the samples again, here
// only.
func (b *bench) catchUp(samples ...trainer.Sample) {
	b.t.Helper()
	b.again()
	for _, s := range samples {
		if err := b.learner.Replay(s, -1); err != nil {
			b.t.Fatal(err)
		}
	}
}

// many returns samples that teach some 15 patterns each.
func many(n int) []trainer.Sample {
	samples := make([]trainer.Sample, n)
	for i := range samples {
		samples[i] = trainer.Sample{Row: int64(i), Number: int64(i), Text: []byte(prose(i*7, 40))}
	}
	return samples
}

// wantForeign holds that the server is refused, and returns why.
func wantForeign(t *testing.T, err error, higher bool) *kato.ForeignError {
	t.Helper()
	e, ok := errors.AsType[*kato.ForeignError](err)
	if !ok || e.Higher != higher || len(e.Nodes) != 4 || e.Count == 0 || len(e.Differs) != min(e.Count, 5) || e.Compared < e.Count {
		t.Fatalf("%T: %+v", err, err)
	}
	return e
}

// A server that is as it was left is gone on with, and nothing of it is changed by
// comparing.
func TestReconcile(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	if err := b.learner.Reconcile(t.Context(), nil); err != nil {
		t.Fatalf("nothing to compare: %v", err)
	}
	samples := many(20)
	for _, s := range samples {
		b.learn(s)
	}
	b.catchUp(samples...)
	if err := b.learner.Reconcile(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	b.compare()
}

// A server that forgot everything, and one that knows too much, are refused.
func TestReconcileForeign(t *testing.T) {
	samples := many(20)
	for name, tt := range map[string]struct {
		change func(*bench)
		higher bool
	}{
		"wiped":          {func(b *bench) { b.server.Wipe() }, false},
		"another writer": {func(b *bench) { b.sent(string(samples[3].Text), 2, 3) }, true},
		"another writer, of a sample under way": {func(b *bench) {
			b.sent(string(samples[19].Text), 0, 1)
			b.sent(string(samples[19].Text), 0, 1)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, katotest.Options{}, kato.Options{})
			for _, s := range samples[:19] {
				b.learn(s)
			}
			tt.change(b)
			b.catchUp(samples[:19]...)
			e := wantForeign(t, b.learner.Reconcile(t.Context(), samples[19:]), tt.higher)
			if !strings.Contains(e.Error(), b.server.URL) || !strings.Contains(e.Error(), b.node(0)) {
				t.Error(e)
			}
			if d := e.Differs[0]; d.Name == "" || (d.Got > d.Want) != tt.higher || !strings.Contains(d.String(), d.Name) {
				t.Error(d)
			}
		})
	}
}

// One pattern in a hundred may be missing, as a server's crash leaves it; more may
// not.
func TestReconcileTolerates(t *testing.T) {
	samples := many(30)
	for _, over := range []bool{false, true} {
		b := newBench(t, katotest.Options{}, kato.Options{})
		for _, s := range samples {
			b.learn(s)
		}
		known := 0
		for layer := range 4 {
			known += len(b.server.Frequencies(b.node(layer)))
		}
		hide := known / 100
		if known > 1000 || hide == 0 {
			t.Fatalf("%d patterns", known)
		}
		if over {
			hide++
		}
		for name := range b.server.Frequencies(b.node(0)) {
			if hide--; hide < 0 {
				break
			}
			if err := b.server.Hide(b.node(0), name); err != nil {
				t.Fatal(err)
			}
		}
		b.catchUp(samples...)
		err := b.learner.Reconcile(t.Context(), nil)
		if over {
			wantForeign(t, err, false)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// What was learned last may not be seen yet, also where nothing is under way.
func TestReconcileLate(t *testing.T) {
	w := quickly
	w.Visible = 400 * time.Millisecond
	for _, begun := range []int{0, 1} {
		b := newBench(t, katotest.Options{Visible: 200 * time.Millisecond}, kato.Options{Waits: w})
		samples := many(3)
		for _, s := range samples[:2] {
			b.learn(s)
		}
		b.sent(string(samples[2].Text), 0, 5*begun)
		b.catchUp(samples[:2]...)
		if err := b.learner.Reconcile(t.Context(), samples[2:2+begun]); err != nil {
			t.Fatal(err)
		}
		b.learn(samples[2])
		b.compare()
	}
}

// Of samples that were under way only what is missing is sent, whichever of them
// had the server learn it, and however much of them is settled.
func TestReconcileCredit(t *testing.T) {
	said := ""
	b := newBench(t, katotest.Options{}, kato.Options{Say: func(line string) { said = line }})
	samples := many(5)
	b.learn(samples[0])
	parts := len(b.parts(string(samples[1].Text)))
	b.sent(string(samples[1].Text), 0, 3)
	b.sent(string(samples[2].Text), 0, parts)
	b.sent(string(samples[4].Text), 0, 4) // of which 2 are settled
	b.catchUp(samples[0])
	if err := b.learner.Replay(samples[4], 2); err != nil {
		t.Fatal(err)
	}
	b.learned(samples[4], 2)
	samples[4].Learned = 2
	if err := b.learner.Reconcile(t.Context(), samples[1:]); err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, s := range samples[1:] {
		all += len(b.parts(string(s.Text))) - s.Learned
	}
	if want := fmt.Sprintf("4 samples may have been under way: %d of their %d patterns are learned", 3+parts+2, all); !strings.Contains(said, want) {
		t.Errorf("said is %q, not %q", said, want)
	}
	before := b.server.Requests(katotest.Observe)
	for _, s := range samples[1:] {
		b.learn(s)
	}
	if sent, want := b.server.Requests(katotest.Observe)-before, all-3-parts-2; sent != want {
		t.Errorf("%d parts are sent, not %d", sent, want)
	}
	b.compare()
}

// Without a mirror nothing is compared, and what is under way is sent again.
func TestReconcileNoMirror(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{NoMirror: true})
	s := many(1)[0]
	b.sent(string(s.Text), 0, 4)
	if err := b.learner.Reconcile(t.Context(), []trainer.Sample{s}); err != nil {
		t.Fatal(err)
	}
	b.learn(s)
	if n := b.server.Requests(katotest.Observe); n != len(b.parts(string(s.Text))) {
		t.Errorf("%d parts are sent", n)
	}
}

// A sample that cannot be the one that was learned is an error.
func TestReplay(t *testing.T) {
	for _, noMirror := range []bool{false, true} {
		b := newBench(t, katotest.Options{}, kato.Options{NoMirror: noMirror})
		text := []byte(prose(0, 16))
		n := len(b.parts(string(text)))
		for _, tt := range []struct{ learned, upTo int }{{0, n + 1}, {n + 1, -1}, {3, 2}} {
			if err := b.learner.Replay(trainer.Sample{Text: text, Learned: tt.learned}, tt.upTo); err == nil {
				t.Errorf("parts %d to %d of %d are learned", tt.learned, tt.upTo, n)
			}
		}
		// A sample without parts is one.
		for _, text := range []string{"", "a"} {
			if err := b.learner.Replay(trainer.Sample{Text: []byte(text)}, -1); err != nil {
				t.Error(err)
			}
			if err := b.learner.Learn(t.Context(), trainer.Sample{Text: []byte(text)}); err != nil {
				t.Error(err)
			}
		}
		if n := b.server.Requests(katotest.Observe); n != 0 {
			t.Errorf("%d requests observe", n)
		}
	}
}

// Learned piecewise, the digest is that of the local learner.
func TestDigest(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	want, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range many(6) {
		if err := want.Learn(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if err := b.learner.Replay(s, i); err != nil {
				t.Fatal(err)
			}
			b.learned(s, i)
			s.Learned = i
		}
		b.learn(s)
	}
	c, err := want.Capture()
	if err != nil {
		t.Fatal(err)
	}
	state, err := c.Write(t.Context(), discard{}, true)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.digest(); got != state.ModelDigest {
		t.Errorf("digest %.12s, in the process %.12s", got, state.ModelDigest)
	}
}
