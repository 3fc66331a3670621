package trainer_test

import (
	"bytes"
	"cmp"
	"runtime"
	"slices"
	"testing"
	"time"

	"ckptledger/stream"
	"ckptledger/trainer"
)

// benchText is a real text of 100,368 samples: WikiText-2's validation split, 41
// times.
func benchText(b *testing.B) stream.Source {
	b.Helper()
	return files(b, "rows.txt", bytes.Repeat(wikitext(b), 41))
}

// run trains all of a source in a ledger of its own.
func run(b *testing.B, src stream.Source, every trainer.Interval) trainer.Result {
	b.Helper()
	model := newLocal(b)
	return attempt(b, begin(b, newLedger(b), model), src, model, trainer.Options{Interval: every})
}

// BenchmarkTrain trains with the local learner and no snapshot but the last.
func BenchmarkTrain(b *testing.B) {
	src := benchText(b)
	for _, c := range []struct {
		name  string
		procs int
	}{{"one core", 1}, {"all cores", runtime.NumCPU()}} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.procs))
			var samples, tokens float64
			var took time.Duration
			for b.Loop() {
				res := run(b, src, trainer.Interval{})
				samples += float64(res.Samples)
				tokens += res.Newest.Metrics["tokens"]
				took += res.Took
			}
			b.ReportMetric(samples/took.Seconds(), "samples/s")
			b.ReportMetric(tokens/took.Seconds(), "tokens/s")
		})
	}
}

// BenchmarkSnapshots trains in turns without and with snapshots, and reports how
// much longer it takes with them: the median of the turns, in percent.
func BenchmarkSnapshots(b *testing.B) {
	src := benchText(b)
	for _, c := range []struct {
		name  string
		every trainer.Interval
	}{{"1000 samples", trainer.Interval{Samples: 1000}}, {"1 second", trainer.Interval{Time: time.Second}}} {
		b.Run(c.name, func(b *testing.B) {
			var more []float64
			var snapshots uint64
			for b.Loop() {
				without := run(b, src, trainer.Interval{})
				with := run(b, src, c.every)
				more = append(more, 100*(with.Took.Seconds()/without.Took.Seconds()-1))
				snapshots = with.Newest.Seq
			}
			slices.SortFunc(more, cmp.Compare[float64])
			b.ReportMetric(more[len(more)/2], "%longer")
			b.ReportMetric(float64(snapshots), "snapshots")
		})
	}
}
