package local

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// unreliable is a store that fails while broken.
type unreliable struct {
	memory
	broken bool
}

var errBroken = errors.New("no space left")

func (u *unreliable) PutObject(ctx context.Context, name string, write func(io.Writer) error) (ledger.Object, error) {
	if u.broken {
		return ledger.Object{}, errors.Join(errBroken, write(io.Discard))
	}
	return u.memory.PutObject(ctx, name, write)
}

// Whatever is learned, captured, written, lost and restored, and in which
// order: every snapshot is the model that the reference has at that point.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		chunkSizes := rapid.SliceOfN(rapid.IntRange(2, 5), 1, 4).Draw(rt, "chunk sizes")
		tokens := rapid.SliceOfN(rapid.Uint16Range(0, 3), 0, 60)
		store := &unreliable{memory: memory{}}

		type snapshot struct {
			samples int
			state   trainer.State
		}
		type waiting struct {
			samples int
			capture trainer.Capture
		}
		var (
			learned   [][]uint16 // by the learner
			snapshots []snapshot
			queue     []waiting
			l         = newLearner(t, chunkSizes...)
		)
		expect := func(n int) *reference {
			r := newReference(t, chunkSizes)
			for _, sample := range learned[:n] {
				r.learn(sample)
			}
			return r
		}
		resume := func(s snapshot) {
			l = restored(t, s.state, store, chunkSizes...)
			learned, queue = learned[:s.samples], nil
		}
		rt.Repeat(map[string]func(*rapid.T){
			"learn": func(rt *rapid.T) {
				sample := tokens.Draw(rt, "sample")
				if err := l.model.learn(sample); err != nil {
					rt.Fatal(err)
				}
				learned = append(learned, sample)
			},
			"capture": func(*rapid.T) {
				queue = append(queue, waiting{len(learned), capturing(t, l)})
			},
			"write": func(rt *rapid.T) {
				if len(queue) == 0 {
					rt.Skip()
				}
				next := queue[0]
				store.broken = rapid.IntRange(0, 5).Draw(rt, "broken") == 0
				state, err := next.capture.Write(t.Context(), store, false)
				if store.broken {
					if err != nil && !errors.Is(err, errBroken) {
						rt.Fatal(err)
					}
					store.broken = false
					if rapid.Bool().Draw(rt, "given up") {
						queue = queue[1:]
						return
					}
					state, err = next.capture.Write(t.Context(), store, false)
				}
				if err == nil && rapid.IntRange(0, 9).Draw(rt, "whole") == 0 {
					if state, err = next.capture.Write(t.Context(), store, true); len(state.Objects) != 1 {
						rt.Fatalf("whole model in %d objects", len(state.Objects))
					}
				}
				if err != nil {
					rt.Fatal(err)
				}
				queue = queue[1:]
				expect(next.samples).check(rt, state, l)
				snapshots = append(snapshots, snapshot{next.samples, state})
			},
			"resume": func(rt *rapid.T) {
				if len(snapshots) == 0 {
					rt.Skip()
				}
				// Samples of an older snapshot's future are unlearned, so later snapshots
				// describe another history: forget them.
				i := rapid.IntRange(0, len(snapshots)-1).Draw(rt, "snapshot")
				snapshots = snapshots[:i+1]
				resume(snapshots[i])
			},
		})
		// Written at the end, each snapshot is still restored by its own objects.
		for _, s := range snapshots {
			check := restored(t, s.state, store, chunkSizes...)
			expect(s.samples).check(rt, s.state, check)
		}
	})
}

// Five stops in a row, each at a snapshot that lies behind what was learned,
// end in the model of a run that was never stopped.
func TestFiveResumes(t *testing.T) {
	rows := randomSamples(60_000)
	whole := newLearner(t)
	learnAll(t, whole, rows)
	want := save(t, whole, memory{})

	store := memory{}
	l, last, at := newLearner(t), trainer.State{}, 0
	for stop := 1; stop <= 6; stop++ {
		for i := at; i < len(rows)*stop/6; i++ {
			if i%17 == 0 {
				last, at = save(t, l, store), i
			}
			learnAll(t, l, rows[i:i+1])
		}
		if stop < 6 {
			l = restored(t, last, store)
		}
	}
	got := save(t, l, store)
	if got.ModelDigest != want.ModelDigest {
		t.Errorf("digest %s, want %s", got.ModelDigest, want.ModelDigest)
	}
	if diff := cmp.Diff(want.Metrics, got.Metrics); diff != "" {
		t.Error(diff)
	}
}

// A capture is written while learning goes on; under the race detector this
// shows that they share nothing that changes.
func TestWriteWhileLearning(t *testing.T) {
	rows := randomSamples(60_000)
	l, store := newLearner(t), memory{}
	captures, states := make(chan trainer.Capture, 4), make(chan trainer.State)
	go func() {
		var state trainer.State
		for c := range captures {
			var err error
			if state, err = c.Write(context.Background(), store, false); err != nil {
				t.Error(err)
			}
		}
		states <- state
	}()
	for pass := range 2 {
		for i, row := range rows {
			learnAll(t, l, [][]uint16{row})
			if i%30 == 0 || pass == 1 && i == len(rows)-1 {
				captures <- capturing(t, l)
			}
		}
	}
	close(captures)
	state := <-states

	r := newReference(t, DefaultChunkSizes)
	for range 2 {
		for _, row := range rows {
			r.learn(row)
		}
	}
	r.check(t, state, restored(t, state, store))
}

// A capture of many patterns, which several goroutines name, is what many small
// ones make.
func TestOneCaptureOrMany(t *testing.T) {
	rows := randomSamples(600_000)
	one, many, store := newLearner(t), newLearner(t), memory{}
	learnAll(t, one, rows)
	for some := range slices.Chunk(rows, 500) {
		learnAll(t, many, some)
		save(t, many, store)
	}
	a, b := save(t, one, store), save(t, many, store)
	if a.ModelDigest != b.ModelDigest {
		t.Errorf("digests %s and %s", a.ModelDigest, b.ModelDigest)
	}
	if diff := cmp.Diff(a.Metrics, b.Metrics); diff != "" {
		t.Error(diff)
	}
}
