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

// A text is what the benchmarks train over.
type text struct {
	name   string
	source stream.Source
	times  int   // how often it is read
	target int64 // 0: to its end
}

// texts are WikiText-2's validation split 41 times over, 100,368 samples whose
// patterns are all known after the first time, and 100,000 samples of the sample
// dataset, whose patterns are nearly all new. Real text lies between the two.
func texts(b *testing.B) []text {
	b.Helper()
	sample, err := stream.Open(context.Background(), stream.Spec{Dataset: "sample"}, stream.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return []text{
		{"wikitext repeated", files(b, "rows.txt", wikitext(b)), 41, 0},
		{"sample", sample, 1, 100_000},
	}
}

// run trains over a text, in a ledger of its own.
func run(b *testing.B, x text, every trainer.Interval) trainer.Result {
	b.Helper()
	return runWith(b, x, trainer.Options{Interval: every})
}

func runWith(b *testing.B, x text, o trainer.Options) trainer.Result {
	b.Helper()
	first, err := x.source.Open(context.Background(), stream.Cursor{})
	if err != nil {
		b.Fatal(err)
	}
	r := &again{Reader: first, source: x.source, times: x.times}
	defer func() { r.Close() }()
	model := newLocal(b)
	end := ledger.Exhausted
	o.Reader, o.Target = r, x.target
	if x.target > 0 {
		end = ledger.Completed
	}
	return train(b, end, options(b, begin(b, newLedger(b), model), nil, model, o))
}

// BenchmarkTrain trains with the local learner and no snapshot but the last.
func BenchmarkTrain(b *testing.B) {
	for _, x := range texts(b) {
		for _, c := range []struct {
			name  string
			procs int
		}{{"one core", 1}, {"all cores", runtime.NumCPU()}} {
			b.Run(x.name+"/"+c.name, func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.procs))
				var samples, tokens float64
				var took time.Duration
				for b.Loop() {
					res := run(b, x, trainer.Interval{})
					samples += float64(res.Samples)
					tokens += res.Newest.Metrics["tokens"]
					took += res.Took
				}
				b.ReportMetric(samples/took.Seconds(), "samples/s")
				b.ReportMetric(tokens/took.Seconds(), "tokens/s")
			})
		}
	}
}

// BenchmarkSnapshots trains in turns without and with snapshots, and reports how
// much longer it takes with them: the median of the turns, in percent.
func BenchmarkSnapshots(b *testing.B) {
	for _, x := range texts(b) {
		for _, c := range []struct {
			name   string
			every  trainer.Interval
			longer int // than the text, for runs of several seconds
		}{
			{"1000 samples", trainer.Interval{Samples: 1000}, 1},
			{"1 second", trainer.Interval{Time: time.Second}, 10},
		} {
			b.Run(x.name+"/"+c.name, func(b *testing.B) {
				x := x
				if x.target > 0 {
					x.target *= int64(c.longer)
				} else {
					x.times *= c.longer
				}
				var more []float64
				var snapshots uint64
				for b.Loop() {
					without := run(b, x, trainer.Interval{})
					with := run(b, x, c.every)
					more = append(more, 100*(with.Took.Seconds()/without.Took.Seconds()-1))
					snapshots = with.Newest.Seq
				}
				slices.SortFunc(more, cmp.Compare[float64])
				b.ReportMetric(more[len(more)/2], "%longer")
				b.ReportMetric(float64(snapshots), "snapshots")
			})
		}
	}
}
