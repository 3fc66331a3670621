package kato_test

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
	"ckptledger/trainer/local"
)

// This file trains runs on a server that fails in every way, and compares what it
// knows in the end with what it knows where nothing failed.

// quickly are waits for a server on this machine.
var quickly = kato.Waits{Health: 10 * time.Second, Poll: 4 * time.Millisecond, Request: 300 * time.Millisecond, Visible: 20 * time.Millisecond, Stall: 20 * time.Second}

// rig is a run on a server.
type rig struct {
	t       testing.TB
	server  *katotest.Server
	ledger  *ledger.Ledger
	source  stream.Source
	options kato.Options
	target  int64
	workers int
	skip    *int64
	retry   bool // all errored rows, and not only those that were being retried
	id      ledger.RunID
	said    []string
	mu      sync.Mutex
}

func newRig(t testing.TB, o katotest.Options) *rig {
	t.Helper()
	server, err := katotest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	l, err := ledger.Create(t.Context(), filepath.Join(t.TempDir(), "checkpoints"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	source, err := stream.Open(t.Context(), stream.Spec{Dataset: "sample"}, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, server: server, ledger: l, source: source, target: 300, workers: 4}
	r.options = kato.Options{URL: server.URL, Waits: quickly, Dataset: "sample", Say: r.say}
	return r
}

func (r *rig) say(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, line)
}

// attempt trains until the target, or says how the attempt ended. Closing stop
// interrupts it.
func (r *rig) attempt(stop chan struct{}, more func(*trainer.Options)) (trainer.Result, error) {
	r.t.Helper()
	ctx := context.Background()
	if r.id == "" {
		r.id = ledger.NewRunID()
	}
	r.options.Run = r.id
	learner, err := kato.New(r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	defer learner.Close()
	o := trainer.Options{Learner: learner, Target: r.target, Interval: trainer.Interval{Samples: 50}, Workers: r.workers, Stop: stop}
	o.OpenAt = func(ctx context.Context, row int64) (stream.Reader, error) {
		return r.source.Open(ctx, stream.Cursor{Next: stream.Position{Row: row}, OnlyRow: true})
	}
	var head ledger.Head
	if e, err := r.ledger.Entry(ctx, r.id); err == nil {
		head = e.Head
	}
	var snap ledger.Snapshot
	o.Skip = r.skip
	behind := trainer.Behind{Learner: learner, OpenAt: o.OpenAt, Skip: r.skip}
	if head.Seq > 0 {
		if snap, err = r.ledger.Snapshot(ctx, r.id, head.Seq); err != nil {
			r.t.Fatal(err)
		}
		digest, err := learner.Restore(ctx, r.ledger, snap.Objects)
		if err != nil || digest != snap.ModelDigest {
			r.t.Fatalf("restore: %s, %v", digest, err)
		}
		if err := json.Unmarshal(snap.Position, &behind.Cursor); err != nil {
			r.t.Fatal(err)
		}
	}
	behind.Counters = snap.Counters
	if behind.Mark, err = r.ledger.Mark(ctx, r.id); err != nil {
		r.t.Fatal(err)
	}
	if behind.Errored, err = r.ledger.Errored(ctx, r.id, snap.Seq); err != nil {
		r.t.Fatal(err)
	}
	if behind.Reader, err = r.source.Open(ctx, behind.Cursor); err != nil {
		r.t.Fatal(err)
	}
	defer behind.Reader.Close()
	if o.Start, err = trainer.CatchUp(ctx, behind); err != nil {
		return trainer.Result{}, err
	}
	if o.Retry = o.Start.Retrying; r.retry {
		o.Retry = o.Start.All
	}
	if head.Attempt == 0 {
		o.Session, err = r.ledger.Begin(ctx, ledger.Run{ID: r.id, Dataset: "sample", Method: "parallel", Learner: "kato", Config: learner.Config(), Source: ledger.Source{Digest: "aa", Label: "sample"}}, ledger.Attempt{})
	} else {
		var lease *ledger.Lease
		if lease, err = r.ledger.Acquire(ctx, r.id, ledger.LeaseOptions{}); err == nil {
			o.Session, err = r.ledger.Continue(ctx, lease, head.Seq, ledger.Changes{}, ledger.Attempt{})
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	defer o.Session.Close()
	if more != nil {
		more(&o)
	}
	return trainer.Run(ctx, o)
}

// finish trains to the target, and compares the server with a learner in the
// process.
func (r *rig) finish() trainer.Result {
	r.t.Helper()
	r.server.Change(func(o *katotest.Options) { o.Fault = nil })
	res, err := r.attempt(nil, nil)
	if err != nil || res.Reason != ledger.Completed {
		r.t.Fatalf("ended %s: %v", res.Reason, err)
	}
	r.compare(res)
	return res
}

// compare holds that the server knows each pattern as often as a learner in the
// process that learned the same rows, and that the models' digests are equal.
func (r *rig) compare(res trainer.Result) {
	r.t.Helper()
	ctx := context.Background()
	want, err := local.New(local.Options{ChunkSizes: r.options.ChunkSizes})
	if err != nil {
		r.t.Fatal(err)
	}
	reader, err := r.source.Open(ctx, stream.Cursor{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer reader.Close()
	errored, err := r.ledger.Errored(ctx, r.id, res.Newest.Seq)
	if err != nil {
		r.t.Fatal(err)
	}
	learned := map[int64]int{}
	for _, e := range errored {
		learned[e.Row] = e.Learned
	}
	splitter := want.NewSplitter()
	for range res.Counters.Row {
		row, err := reader.Next(ctx)
		if err != nil {
			r.t.Fatal(err)
		}
		if row.Kind != stream.Sample {
			continue
		}
		split := splitter.Split(row.Text)
		to := len(split.Parts)
		if n, ok := learned[row.At.Row]; ok {
			to = n
		}
		if err := want.LearnParts(split, 0, to); err != nil {
			r.t.Fatal(err)
		}
	}
	capture, err := want.Capture()
	if err != nil {
		r.t.Fatal(err)
	}
	state, err := capture.Write(ctx, discard{}, true)
	if err != nil {
		r.t.Fatal(err)
	}
	if !r.options.NoMirror && state.ModelDigest != res.Newest.ModelDigest {
		r.t.Errorf("digest %.12s, in the process %.12s", res.Newest.ModelDigest, state.ModelDigest)
	}
	for layer := range want.Layers() {
		frequencies := map[string]int{}
		for p := range want.Patterns(layer) {
			frequencies[p.Name()] = int(p.Frequency)
		}
		if diff := cmp.Diff(frequencies, r.server.Frequencies(kato.Node(r.id, layer))); diff != "" {
			r.t.Errorf("layer %d of the server: %s", layer, diff)
		}
	}
	if n := r.server.Requests(katotest.ClearAll); n > 0 {
		r.t.Errorf("clear-all was called %d times", n)
	}
}

// discard is a store that keeps nothing.
type discard struct{ trainer.ObjectStore }

// PutObject implements trainer.ObjectStore.
func (discard) PutObject(_ context.Context, name string, write func(io.Writer) error) (ledger.Object, error) {
	return ledger.Object{Name: name}, write(io.Discard)
}

// TestTrain trains without faults.
func TestTrain(t *testing.T) {
	for _, workers := range []int{0, 1, 4} {
		r := newRig(t, katotest.Options{Visible: 5 * time.Millisecond})
		r.workers = workers
		r.finish()
	}
}

// TestTrainThroughFaults trains while the server restarts, refuses connections,
// answers 503, hangs, and loses answers.
func TestTrainThroughFaults(t *testing.T) {
	faults := katotest.Sometimes(7, 40,
		katotest.Fault{Status: 503}, katotest.Fault{Status: 502}, katotest.Fault{Status: 502, Processed: true}, katotest.Fault{Status: 504},
		katotest.Fault{Cut: true}, katotest.Fault{Cut: true, Processed: true}, katotest.Fault{Torn: true},
		katotest.Fault{Hang: true}, katotest.Fault{Hang: true, Processed: true})
	r := newRig(t, katotest.Options{RestartEvery: 500, Down: 20 * time.Millisecond, Visible: 5 * time.Millisecond, Fault: faults})
	r.workers = 8
	res, err := r.attempt(nil, nil)
	if err != nil || res.Reason != ledger.Completed {
		t.Fatalf("ended %s: %v", res.Reason, err)
	}
	if res.Counters.Errored != 0 {
		t.Errorf("%d errored", res.Counters.Errored)
	}
	r.compare(res)
	if r.server.Restarts() < 3 || len(r.said) < 3 {
		t.Errorf("%d restarts, said: %q", r.server.Restarts(), r.said)
	}
	t.Logf("%v", res.Newest.Metrics)
}
