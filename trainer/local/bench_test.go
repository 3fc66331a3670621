package local

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"ckptledger/trainer"
	"ckptledger/trainer/local/gpt2"
)

// BenchmarkLearn learns a real text, one pass an iteration, and writes it as a
// snapshot: what training costs in all but reading rows and the disk.
func BenchmarkLearn(b *testing.B) {
	rows := samples(b)
	if _, err := sharedEvents(); err != nil {
		b.Fatal(err)
	}
	var tokens float64
	for b.Loop() {
		l := newLearner(b)
		for _, row := range rows {
			if err := l.Learn(b.Context(), trainer.Sample{Text: row}); err != nil {
				b.Fatal(err)
			}
		}
		tokens += save(b, l, &discard{}).Metrics["tokens"]
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(b.N*len(rows))/seconds, "samples/s")
	b.ReportMetric(tokens/seconds, "tokens/s")
}

// randomSamples returns samples of a paragraph's length, n tokens together.
// Rare tokens are rarer, as in prose, but no chunk is likely to come twice.
func randomSamples(n int) [][]uint16 {
	random := rand.New(rand.NewPCG(1, 2))
	var rows [][]uint16
	for n > 0 {
		row := make([]uint16, min(n, 100+random.IntN(60)))
		for i := range row {
			row[i] = uint16(float64(gpt2.Size) * random.Float64() * random.Float64())
		}
		rows = append(rows, row)
		n -= len(row)
	}
	return rows
}

func learnAll(t testing.TB, l *Learner, rows [][]uint16) {
	t.Helper()
	for _, row := range rows {
		if err := l.model.learn(row); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkPatterns counts, names and maps tokens nearly all of whose patterns
// are new, the dearest case, with a snapshot every 1,000 samples.
func BenchmarkPatterns(b *testing.B) {
	const tokens = 4_000_000
	rows := randomSamples(tokens)
	if _, err := sharedEvents(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l := newLearner(b)
		for some := range slices.Chunk(rows, 1000) {
			learnAll(b, l, some)
			save(b, l, &discard{})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tokens), "ns/token")
}

// BenchmarkCapture freezes a model of a million patterns after some 14,000 were
// learned, for the first time or again.
func BenchmarkCapture(b *testing.B) {
	for _, again := range []bool{false, true} {
		b.Run(map[bool]string{false: "new", true: "again"}[again], func(b *testing.B) {
			rows := randomSamples(7_000_000)
			l := newLearner(b)
			learnAll(b, l, rows[len(rows)/50:])
			if again {
				learnAll(b, l, rows)
			}
			capturing(b, l)
			var captured int
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				some := rows[:len(rows)/70]
				if !again { // shuffled, they are new once more
					for _, row := range some {
						rand.Shuffle(len(row), func(i, j int) { row[i], row[j] = row[j], row[i] })
					}
				}
				learnAll(b, l, some)
				b.StartTimer()
				c := l.model.capture()
				b.StopTimer()
				captured = 0
				for _, lc := range c.layers {
					captured += len(lc.changed) + len(lc.fresh)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(captured), "patterns")
		})
	}
}

// BenchmarkRestore loads a model of a million patterns and reports the memory
// that it takes.
func BenchmarkRestore(b *testing.B) {
	store := memory{}
	l := newLearner(b)
	learnAll(b, l, randomSamples(7_000_000))
	state := save(b, l, store)
	l = nil
	before := heap()
	b.ResetTimer()
	for range b.N {
		l = restored(b, state, store)
	}
	b.StopTimer()
	memory := heap() - before
	patterns := 0.0
	for i := range l.Layers() {
		patterns += float64(l.shadow.layers[i].patterns.len())
	}
	b.ReportMetric(float64(memory)/patterns, "B/pattern")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/patterns*1e6, "s/million")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
