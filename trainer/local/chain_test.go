package local

import (
	"io"
	"testing"

	"pgregory.net/rapid"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// simulate saves segments by plan alone, as if merged objects were as long as
// their parts together, and returns how many bytes it wrote.
func simulate(chain *[]segment, next segment) int64 {
	cut := plan(*chain, next)
	for _, seg := range (*chain)[cut:] {
		next.size += seg.size
		next.renewed += seg.renewed
	}
	if cut == 0 {
		next.size -= next.renewed
		next.renewed = 0
	}
	*chain = append((*chain)[:cut:cut], next)
	return next.size
}

func TestPlan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var chain []segment
		limit := int64(1) << rapid.IntRange(8, 34).Draw(rt, "log of longest")
		repeats := rapid.IntRange(0, 100).Draw(rt, "most that is renewed, %")
		for range rapid.IntRange(1, 500).Draw(rt, "captures") {
			size := rapid.Int64Range(1, limit).Draw(rt, "size")
			next := segment{size: size, renewed: size * int64(rapid.IntRange(0, repeats).Draw(rt, "renewed, %")) / 100}
			simulate(&chain, next)

			if len(chain) > ledger.MaxObjects {
				rt.Fatalf("%d objects", len(chain))
			}
			var size64, renewed int64
			highest, count := 0, 0
			for i := len(chain) - 1; i >= 0; i-- {
				size64, renewed = size64+chain[i].size, renewed+chain[i].renewed
				if l := level(chain[i].size); l > highest {
					highest, count = l, 0
				}
				if count++; count >= width && i > 0 && len(chain) < ledger.MaxObjects {
					rt.Fatalf("%d objects of level %d", count, highest)
				}
			}
			if renewed > size64-renewed {
				rt.Fatalf("%d bytes are renewed, %d are not", renewed, size64-renewed)
			}
		}
	})
}

// Equal captures without end: few objects, and each byte is written about once a
// level.
func TestPlanWritesLittle(t *testing.T) {
	const size, captures = 200 << 10, 20_000
	var chain []segment
	var written int64
	most := 0
	for range captures {
		written += simulate(&chain, segment{size: size})
		most = max(most, len(chain))
	}
	if most > (level(size*captures)+1)*(width-1) {
		t.Errorf("%d objects", most)
	}
	if times := float64(written) / (size * captures); times > 6 {
		t.Errorf("each byte was written %.1f times", times)
	}
}

// A long run with captures of all sizes: whatever was merged later, each
// snapshot can be restored, from few objects that repeat little.
func TestChain(t *testing.T) {
	rows := randomSamples(150_000)
	if testing.Short() {
		rows = rows[:500]
	}
	l, store := newLearner(t), memory{}
	var states []trainer.State
	for i, at := 0, 0; at < len(rows); i++ {
		next := min(len(rows), at+1+i%7*i%41)
		if i%5 == 0 && at > 300 { // again
			learnAll(t, l, rows[at-300:at-200])
		}
		learnAll(t, l, rows[at:next])
		at = next
		state := save(t, l, store)
		states = append(states, state)

		var size int64
		for _, o := range state.Objects {
			size += o.Size
		}
		whole := l.shadow.chain.tail(0)
		if err := l.shadow.encode(io.Discard, &whole); err != nil {
			t.Fatal(err)
		}
		const headers = 64 * ledger.MaxObjects
		if len(state.Objects) > ledger.MaxObjects || size > 2*whole.size+headers {
			t.Fatalf("snapshot %d has %d bytes in %d objects, the whole model %d", i, size, len(state.Objects), whole.size)
		}
		if i%40 == 39 {
			l = restored(t, state, store)
		}
	}
	for i := 0; i < len(states); i += 7 {
		restored(t, states[i], store)
	}
	t.Logf("%d snapshots, %d objects, the last of %d", len(states), len(store), len(states[len(states)-1].Objects))
}
