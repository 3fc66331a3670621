package kato_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
)

// Layers that capture metadata send each sample's own, and the others none.
func TestMetadata(t *testing.T) {
	o := kato.Options{CaptureMetadata: []int{1, 2}, Dataset: "books \"1\""}
	b := newBench(t, katotest.Options{RestartEvery: 11}, o)
	text := prose(0, 40)
	b.learn(trainer.Sample{Row: 7, Number: 5, Text: []byte(text)})
	b.learn(trainer.Sample{Row: 9, Number: 6, Text: []byte(prose(20, 40))})
	b.learn(trainer.Sample{Row: 12, Number: 8, Text: []byte(text)})
	b.compare()
	for _, p := range b.parts(text) {
		want := map[string][]string{}
		if p.Layer == 1 || p.Layer == 2 {
			want = map[string][]string{"source": {o.Dataset}, "sample_id": {"5", "8"}, "row": {"12", "7"}}
		}
		if diff := cmp.Diff(want, b.server.Metadata(b.node(p.Layer), p.Name)); diff != "" {
			t.Errorf("layer %d: %s", p.Layer, diff)
		}
	}
}

// Sessions are given the layer's settings, and are gone when a worker is closed.
func TestSessions(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	b.learn(trainer.Sample{Text: []byte(prose(0, 600))})
	if n := b.server.Sessions(); n != 4 {
		t.Errorf("%d sessions of 4 layers", n)
	}
	if err := b.learner.Close(); err != nil {
		t.Fatal(err)
	}
	if n := b.server.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// Finalizing is asked for once a layer, and reports which one fails.
func TestFinalize(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	if err := b.learner.Finalize(t.Context()); err != nil {
		t.Fatal(err)
	}
	for layer := range 4 {
		if n := b.server.Finalized(b.node(layer)); n != 1 {
			t.Errorf("layer %d is finalized %d times", layer, n)
		}
	}
	b.server.Change(func(o *katotest.Options) {
		o.Fault = func(r katotest.Request) katotest.Fault {
			if r.Kind == katotest.Finalize && r.Node == b.node(2) {
				return katotest.Fault{Status: 500}
			}
			return katotest.Fault{}
		}
	})
	if err := b.learner.Finalize(t.Context()); err == nil || !strings.Contains(err.Error(), b.node(2)) {
		t.Error(err)
	}
}

func TestConnect(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	nodes, err := b.learner.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for layer := range 4 {
		if want := katotest.StoredName(b.node(layer)); nodes[layer] != want {
			t.Errorf("layer %d is stored as %s, not %s", layer, nodes[layer], want)
		}
	}
	b.options.Waits.Health = 10 * time.Millisecond
	b.again()
	b.server.Stop()
	if _, err := b.learner.Connect(t.Context()); err == nil {
		t.Error("connected to nothing")
	} else if _, ok := errors.AsType[*kato.UnreachableError](err); !ok {
		t.Errorf("%T: %v", err, err)
	}
}

// What is told of the workers is how many there are, which of them are alive, and
// the slowest layer.
func TestTell(t *testing.T) {
	slow := func(r katotest.Request) katotest.Fault {
		if r.Kind == katotest.Observe {
			time.Sleep(2 * time.Millisecond) // less than one is not told
		}
		return katotest.Fault{}
	}
	b := newBench(t, katotest.Options{Fault: slow}, kato.Options{})
	if told := b.learner.Tell(); told != (trainer.Told{}) {
		t.Errorf("of nothing: %+v", told)
	}
	var workers []trainer.Worker
	for range 3 {
		w, err := b.learner.NewWorker()
		if err != nil {
			t.Fatal(err)
		}
		workers = append(workers, w)
	}
	if _, err := workers[1].Work(t.Context(), trainer.Sample{Text: []byte(prose(0, 20))}); err != nil {
		t.Fatal(err)
	}
	told := b.learner.Tell()
	if told.Workers != 3 || told.Alive != 3 || !strings.HasPrefix(told.Note, "layer ") || !strings.HasSuffix(told.Note, " ms a request") {
		t.Errorf("%+v", told)
	}
	for _, w := range workers {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if told := b.learner.Tell(); told.Workers != 0 {
		t.Errorf("after they left: %+v", told)
	}
}

// A worker whose requests hang is stalled, and its error says where all are.
func TestStall(t *testing.T) {
	w := quickly
	w.Request, w.Stall = time.Minute, 150*time.Millisecond
	b := newBench(t, katotest.Options{Fault: func(r katotest.Request) katotest.Fault {
		return katotest.Fault{Hang: r.Kind == katotest.Observe}
	}}, kato.Options{Waits: w})
	other, err := b.learner.NewWorker()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := other.Work(ctx, trainer.Sample{Row: 8, Text: []byte(prose(0, 20))})
		gone <- err
	}()
	if err := b.server.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	err = b.learner.Learn(t.Context(), trainer.Sample{Row: 5, Text: []byte(prose(30, 20))})
	stall, ok := errors.AsType[*kato.StallError](err)
	if _, sample := errors.AsType[*trainer.SampleError](err); !ok || sample || !slices.ContainsFunc(stall.At, func(w kato.WorkerAt) bool { return w.Row == 5 }) {
		t.Fatalf("%T: %v", err, err)
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "stalled") {
		t.Error(err)
	}
}

// The metrics of a snapshot are the mirror's and the server's.
func TestMetrics(t *testing.T) {
	b := newBench(t, katotest.Options{}, kato.Options{})
	b.learn(trainer.Sample{Text: []byte(prose(0, 40))})
	c, err := b.learner.Capture()
	if err != nil {
		t.Fatal(err)
	}
	state, err := c.Write(t.Context(), discard{}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"requests", "retries", "restarts", "seconds_waited", "tokens", "layer0.patterns", "layer0.request_ms_median", "layer2.request_ms_p95"} {
		if _, ok := state.Metrics[name]; !ok {
			t.Errorf("no %s in %v", name, slices.Sorted(maps.Keys(state.Metrics)))
		}
	}
}
