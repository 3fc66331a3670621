package learnertest

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ckptledger/trainer"
)

// A snapshot is a state that was written, after so many samples.
type snapshot struct {
	samples int
	state   trainer.State
}

// Whatever is learned, captured, written late, failed, lost, written anew and
// restored, and in which order: each snapshot is the model that its samples
// make.
func (s *suite) testAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type waiting struct {
			samples int
			capture trainer.Capture
		}
		var (
			store     = &Store{}
			l         = s.start(t)
			queue     []waiting
			snapshots []snapshot
		)
		defer func() { l.close(rt) }()
		rt.Repeat(map[string]func(*rapid.T){
			"learn": func(rt *rapid.T) {
				if n := rapid.IntRange(1, 4).Draw(rt, "samples"); l.learned+n <= 60 {
					l.learn(rt, n)
				}
			},
			"capture": func(rt *rapid.T) {
				queue = append(queue, waiting{l.learned, l.capture(rt)})
			},
			"write": func(rt *rapid.T) {
				if len(queue) == 0 {
					rt.Skip()
				}
				next := queue[0]
				queue = queue[1:]
				if rapid.IntRange(0, 7).Draw(rt, "store") == 0 {
					if _, err := next.capture.Write(t.Context(), full{store}, false); err != nil && !errors.Is(err, errStore) {
						rt.Fatalf("Write into a full store: %v", err)
					}
				}
				state := write(rt, next.capture, store, false)
				for range rapid.IntRange(0, 2).Draw(rt, "times again") {
					// An object vanishes before its reference is committed, and with it
					// any older snapshot that names it.
					i := rapid.IntRange(0, len(state.Objects)-1).Draw(rt, "vanishes")
					store.Remove(state.Objects[i])
					state = write(rt, next.capture, store, true)
				}
				snapshots = append(snapshots, snapshot{next.samples, state})
				snapshots = slices.DeleteFunc(snapshots, func(s snapshot) bool { return !store.Has(s.state.Objects) })
			},
			"crash": func(rt *rapid.T) {
				if len(snapshots) == 0 {
					rt.Skip()
				}
				i := rapid.IntRange(0, len(snapshots)-1).Draw(rt, "from")
				l.close(rt)
				l = s.resume(rt, s.New(t), store, snapshots[i].state, snapshots[i].samples)
				queue, snapshots = nil, snapshots[:i+1]
			},
		})
		for _, c := range queue {
			snapshots = append(snapshots, snapshot{c.samples, write(rt, c.capture, store, false)})
		}
		snapshots = append(snapshots, snapshot{l.learned, l.save(rt, store)})
		for _, snap := range snapshots {
			if want := s.digest(t, snap.samples); snap.state.ModelDigest != want {
				rt.Fatalf("digest after %d samples is %s, that of a learner never captured before is %s", snap.samples, snap.state.ModelDigest, want)
			}
			s.resume(rt, s.New(t), store, snap.state, snap.samples).close(rt)
		}
	})
}
