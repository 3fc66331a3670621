package trainer_test

import (
	"cmp"
	"context"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// again yields a source's rows so many times over.
type again struct {
	stream.Reader
	source stream.Source
	times  int
	row    int64
}

func (r *again) Next(ctx context.Context) (*stream.Row, error) {
	row, err := r.Reader.Next(ctx)
	for err == io.EOF && r.times > 1 {
		r.times--
		r.Close()
		if r.Reader, err = r.source.Open(ctx, stream.Cursor{}); err == nil {
			row, err = r.Reader.Next(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	row.At.Row = r.row
	r.row++
	row.Next.Row = r.row
	return row, nil
}

// run trains a source, so many times over, in a ledger of its own.
func run(b *testing.B, src stream.Source, times int, every trainer.Interval) trainer.Result {
	b.Helper()
	first, err := src.Open(context.Background(), stream.Cursor{})
	if err != nil {
		b.Fatal(err)
	}
	r := &again{Reader: first, source: src, times: times}
	defer func() { r.Close() }()
	model := newLocal(b)
	return train(b, ledger.Exhausted, options(b, begin(b, newLedger(b), model), nil, model, trainer.Options{Reader: r, Interval: every}))
}

// times makes WikiText-2's validation split a text of 100,368 samples.
const times = 41

// BenchmarkTrain trains with the local learner and no snapshot but the last.
func BenchmarkTrain(b *testing.B) {
	src := files(b, "rows.txt", wikitext(b))
	for _, c := range []struct {
		name  string
		procs int
	}{{"one core", 1}, {"all cores", runtime.NumCPU()}} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.procs))
			var samples, tokens float64
			var took time.Duration
			for b.Loop() {
				res := run(b, src, times, trainer.Interval{})
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
	src := files(b, "rows.txt", wikitext(b))
	for _, c := range []struct {
		name  string
		every trainer.Interval
		times int
	}{
		{"1000 samples", trainer.Interval{Samples: 1000}, times},
		{"1 second", trainer.Interval{Time: time.Second}, 15 * times}, // for several seconds
	} {
		b.Run(c.name, func(b *testing.B) {
			var more []float64
			var snapshots uint64
			for b.Loop() {
				without := run(b, src, c.times, trainer.Interval{})
				with := run(b, src, c.times, c.every)
				more = append(more, 100*(with.Took.Seconds()/without.Took.Seconds()-1))
				snapshots = with.Newest.Seq
			}
			slices.SortFunc(more, cmp.Compare[float64])
			b.ReportMetric(more[len(more)/2], "%longer")
			b.ReportMetric(float64(snapshots), "snapshots")
		})
	}
}
