package kato_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
	"ckptledger/trainer/local"
)

// A bench is a learner on a server, without a run around it.
type bench struct {
	t       testing.TB
	server  *katotest.Server
	options kato.Options
	learner *kato.Learner
	mirror  *local.Learner // learns what the server is to have learned
	split   *local.Splitter
}

func newBench(t testing.TB, server katotest.Options, o kato.Options) *bench {
	t.Helper()
	s, err := katotest.New(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if o.Waits == (kato.Waits{}) {
		o.Waits = quickly
	}
	if o.Run == "" {
		o.Run = ledger.NewRunID()
	}
	o.URL = s.URL
	mirror, err := local.New(local.Options{ChunkSizes: o.ChunkSizes})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, server: s, options: o, mirror: mirror, split: mirror.NewSplitter()}
	b.again()
	return b
}

// again gives the bench a new learner, as a new attempt has one.
func (b *bench) again() {
	b.t.Helper()
	l, err := kato.New(b.options)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = l.Close() })
	b.learner = l
}

func (b *bench) node(layer int) string { return kato.Node(b.options.Run, layer) }

func (b *bench) parts(text string) []local.Part { return b.split.Split([]byte(text)).Parts }

// learn has the learner learn a text, and the mirror its parts from s.Learned on.
func (b *bench) learn(s trainer.Sample) {
	b.t.Helper()
	if err := b.learner.Learn(b.t.Context(), s); err != nil {
		b.t.Fatalf("learn row %d: %v", s.Row, err)
	}
	b.learned(s, -1)
}

// learned notes that the server is to have learned parts of a sample.
func (b *bench) learned(s trainer.Sample, upTo int) {
	b.t.Helper()
	split := b.split.Split(s.Text)
	if upTo < 0 {
		upTo = len(split.Parts)
	}
	if err := b.mirror.LearnParts(split, s.Learned, upTo); err != nil {
		b.t.Fatal(err)
	}
}

// sent has the server learn parts of a text as an attempt that was killed did.
func (b *bench) sent(text string, from, to int) {
	for _, p := range b.parts(text)[from:to] {
		b.server.Learn(b.node(p.Layer), p.Symbols...)
	}
}

// compare holds that the server knows what the mirror does.
func (b *bench) compare() {
	b.t.Helper()
	capture, err := b.mirror.Capture()
	if err == nil {
		_, err = capture.Write(b.t.Context(), discard{}, true)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	for layer := range b.mirror.Layers() {
		want := map[string]int{}
		for p := range b.mirror.Patterns(layer) {
			want[p.Name()] = int(p.Frequency)
		}
		if diff := cmp.Diff(want, b.server.Frequencies(b.node(layer))); diff != "" {
			b.t.Errorf("layer %d of the server: %s", layer, diff)
		}
	}
}

// digest is that of what the learner knows.
func (b *bench) digest() string {
	b.t.Helper()
	c, err := b.learner.Capture()
	if err != nil {
		b.t.Fatal(err)
	}
	state, err := c.Write(b.t.Context(), discard{}, true)
	if err != nil {
		b.t.Fatal(err)
	}
	return state.ModelDigest
}

// prose is a text of so many words, each of two tokens and no two the same.
func prose(from, words int) string {
	var s strings.Builder
	for i := range words {
		fmt.Fprintf(&s, " %c%d", 'a'+(from+i)%26, (from+i)/26%10)
	}
	return s.String()
}

// at is a fault of the observation of a part, at its first times.
func at(p local.Part, times int32, fault katotest.Fault) func(katotest.Request) katotest.Fault {
	var n atomic.Int32
	return func(r katotest.Request) katotest.Fault {
		if r.Kind == katotest.Observe && cmp.Equal(r.Symbols, p.Symbols) && n.Add(1) <= times {
			return fault
		}
		return katotest.Fault{}
	}
}

// Each fault alone, of a pattern that is new and of one that is known, is settled.
func TestSettle(t *testing.T) {
	faults := map[string]katotest.Fault{
		"502": {Status: 502}, "502 and learned": {Status: 502, Processed: true},
		"503": {Status: 503}, "503 and learned": {Status: 503, Processed: true},
		"504": {Status: 504}, "504 and learned": {Status: 504, Processed: true},
		"429": {Status: 429}, "429 and learned": {Status: 429, Processed: true},
		"cut": {Cut: true}, "cut and learned": {Cut: true, Processed: true},
		"torn": {Torn: true},
		"hung": {Hang: true}, "hung and learned": {Hang: true, Processed: true}, "hung and learned late": {Hang: true, Late: true},
		"500 and learned": {Status: 500, Processed: true},
		"404":             {Status: 404}, "404 three times": {Status: 404},
	}
	text := prose(0, 40)
	for name, fault := range faults {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, known %v", name, known), func(t *testing.T) {
				t.Parallel()
				w := quickly
				w.Request, w.Visible = 60*time.Millisecond, 50*time.Millisecond
				b := newBench(t, katotest.Options{Visible: 10 * time.Millisecond}, kato.Options{Waits: w})
				if known {
					b.learn(trainer.Sample{Row: 0, Text: []byte(text)})
				}
				times := int32(1)
				if name == "404 three times" {
					times = 3
				}
				b.server.Change(func(o *katotest.Options) { o.Fault = at(b.parts(text)[2], times, fault) })
				b.learn(trainer.Sample{Row: 1, Text: []byte(text)})
				b.compare()
			})
		}
	}
}

// A pattern whose answer was lost and that the server has counted and hides for
// good cannot be told from one that it has not learned: it is sent again.
func TestSettleHidden(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	text := prose(0, 16)
	p := b.parts(text)[1]
	b.learn(trainer.Sample{Row: 0, Text: []byte(text)})
	if err := b.server.Hide(b.node(0), p.Name); err != nil {
		t.Fatal(err)
	}
	b.server.Change(func(o *katotest.Options) { o.Fault = at(p, 1, katotest.Fault{Cut: true}) })
	b.learn(trainer.Sample{Row: 1, Text: []byte(text)})
	b.compare()
}

// Where the server answers that it is not there until the wait for it is over, the
// run ends: no sample is errored whose pattern may be learned.
func TestServerNeverComesBack(t *testing.T) {
	for _, processed := range []bool{false, true} {
		for _, status := range []int{429, 502, 503, 504} {
			t.Run(fmt.Sprint(status, processed), func(t *testing.T) {
				t.Parallel()
				w := quickly
				w.Health = 50 * time.Millisecond
				b := newBench(t, katotest.Options{}, kato.Options{Waits: w})
				text := prose(0, 40)
				var down atomic.Bool
				b.server.Change(func(o *katotest.Options) {
					o.Fault = func(r katotest.Request) katotest.Fault {
						first := r.Kind == katotest.Observe && r.N == 3 && !down.Swap(true)
						return katotest.Fault{Status: map[bool]int{true: status}[down.Load()], Processed: first && processed}
					}
				})
				s := trainer.Sample{Row: 0, Text: []byte(text)}
				err := b.learner.Learn(t.Context(), s)
				if _, ok := errors.AsType[*trainer.SampleError](err); ok || err == nil {
					t.Fatalf("%T: %v", err, err)
				}
				if _, ok := errors.AsType[*kato.UnreachableError](err); !ok {
					t.Errorf("%T: %v", err, err)
				}
				b.server.Change(func(o *katotest.Options) { o.Fault = nil })
				b.again()
				if err := b.learner.Reconcile(t.Context(), []trainer.Sample{s}); err != nil {
					t.Fatal(err)
				}
				b.learn(s)
				b.compare()
			})
		}
	}
}

// A part that the server goes on losing, although it is there in between, ends the
// run.
func TestPartLostEachTime(t *testing.T) {
	for name, fault := range map[string]katotest.Fault{"503": {Status: 503}, "cut": {Cut: true}} {
		for _, noMirror := range []bool{false, true} {
			w := quickly
			w.Health = 200 * time.Millisecond
			b := newBench(t, katotest.Options{}, kato.Options{NoMirror: noMirror, Waits: w})
			text := prose(0, 16)
			b.server.Change(func(o *katotest.Options) { o.Fault = at(b.parts(text)[1], 1<<30, fault) })
			err := b.learner.Learn(t.Context(), trainer.Sample{Text: []byte(text)})
			_, sample := errors.AsType[*trainer.SampleError](err)
			if part, ok := errors.AsType[*kato.PartError](err); !ok || sample || part.Part != 1 {
				t.Errorf("%s: %T: %v", name, err, err)
			}
		}
	}
}

// A part that the server refuses makes its sample errored, and what is before it
// stays known; tried again, only the rest is sent.
func TestRejected(t *testing.T) {
	for _, noMirror := range []bool{false, true} {
		b := newBench(t, katotest.Options{}, kato.Options{NoMirror: noMirror})
		s := trainer.Sample{Row: 7, Text: []byte(prose(0, 40))}
		b.server.Change(func(o *katotest.Options) {
			o.Fault = at(b.parts(string(s.Text))[3], 1, katotest.Fault{Status: 422})
		})
		err := b.learner.Learn(t.Context(), s)
		sample, ok := errors.AsType[*trainer.SampleError](err)
		if !ok || sample.Row != 7 || sample.Learned != 3 {
			t.Fatalf("%T: %v", err, err)
		}
		for _, says := range []string{"pattern 4 of 13", b.parts(string(s.Text))[3].Name, b.node(0), "422"} {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%q does not say %q", err, says)
			}
		}
		b.learned(s, 3)
		b.compare()
		s.Learned = 3
		b.learn(s)
		b.compare()
	}
}

// What the server names must be what was sent, and its memory must be empty.
func TestAnswers(t *testing.T) {
	text := prose(0, 16)
	for name, tt := range map[string]struct {
		fault katotest.Fault
		stm   int
		says  string
	}{
		"another name": {katotest.Fault{Name: "PTRN|77"}, 0, "learned is PTRN|77"},
		"memory":       {katotest.Fault{Dirty: []string{"x", "y"}}, 2, "held 2 events"},
	} {
		b := newBench(t, katotest.Options{}, kato.Options{})
		p := b.parts(text)[1]
		b.server.Change(func(o *katotest.Options) { o.Fault = at(p, 1, tt.fault) })
		err := b.learner.Learn(t.Context(), trainer.Sample{Text: []byte(text)})
		a, ok := errors.AsType[*kato.AnswerError](err)
		if _, sample := errors.AsType[*trainer.SampleError](err); !ok || sample {
			t.Fatalf("%s: %T: %v", name, err, err)
		}
		if a.Want != p.Name || a.STM != tt.stm || a.Got == "" || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), p.Name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Another writer is noticed where an answer is lost.
func TestSettleAnotherWriter(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	text := prose(0, 16)
	p := b.parts(text)[0]
	for range 3 {
		b.server.Learn(b.node(0), p.Symbols...)
	}
	b.server.Change(func(o *katotest.Options) { o.Fault = at(p, 1, katotest.Fault{Cut: true}) })
	err := b.learner.Learn(t.Context(), trainer.Sample{Text: []byte(text)})
	if e, ok := errors.AsType[*kato.ForeignError](err); !ok || !e.Higher || e.Count != 1 {
		t.Fatalf("%T: %v", err, err)
	}
}

// Work of another learner is refused.
func TestForeignWork(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	if err := b.learner.Settle(context.Background(), 7); err == nil {
		t.Error("settled")
	}
}

// A gateway that has no server behind it for a while answers in its place.
func TestGateway(t *testing.T) {
	for _, noMirror := range []bool{false, true} {
		b := newBench(t, katotest.Options{}, kato.Options{NoMirror: noMirror})
		text := prose(0, 16)
		b.server.Change(func(o *katotest.Options) { o.Fault = at(b.parts(text)[1], 12, katotest.Fault{Status: 502}) })
		b.learn(trainer.Sample{Text: []byte(text)})
		b.compare()
	}
}
