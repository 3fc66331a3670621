package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

var (
	benchRuns      = flag.Int("bench.runs", 10_000, "runs in the ledger that the list benchmarks read")
	benchKeep      = flag.String("bench.keep", "", "make this ledger in the folder, and keep it to measure the programs on it")
	benchSnapshots = flag.Int("bench.snapshots", 10, "snapshots of each of these runs; 100 makes a million")
)

// typical is a checkpoint as the local learner makes them: 45 metrics, 8
// objects.
func typical(b *testing.B, s *Session) Checkpoint {
	c := step(s, 1000)
	c.Position = json.RawMessage(`{"next":{"file":0,"group":3,"row":32270,"page":12,"skip":271},"last":{"row":32269,"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}`)
	c.ModelDigest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
	c.Metrics = map[string]float64{}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 45 {
		c.Metrics[fmt.Sprintf("layer%d.patterns_%d", i%5, i/5)] = r.Float64() * 1e6
	}
	for i := range 8 {
		c.Objects = append(c.Objects, putObject(b, s, fmt.Sprintf("delta-%d", i), fmt.Appendf(nil, "state %d", i)))
	}
	return c
}

func BenchmarkCommit(b *testing.B) {
	l := benchLedger(b)
	s := begin(b, l, testRun("wikitext"))
	c := typical(b, s)
	for b.Loop() {
		c.Trained, c.Row = c.Trained+1000, c.Row+1000
		commit(b, s, c)
	}
}

// BenchmarkBareCommit is what bbolt needs to open a database, put as many bytes
// as one such commit does and commit: Commit is to take at most half as much
// again.
func BenchmarkBareCommit(b *testing.B) {
	l := benchLedger(b)
	s := begin(b, l, testRun("wikitext"))
	before, err := dump(l)
	if err != nil {
		b.Fatal(err)
	}
	commit(b, s, typical(b, s))
	after, err := dump(l)
	if err != nil {
		b.Fatal(err)
	}
	var record []byte
	for k, v := range after {
		if before[k] != v {
			record = append(append(record, k...), v...)
		}
	}
	path := filepath.Join(b.TempDir(), "bare.db")
	for n := uint64(0); b.Loop(); n++ {
		db, err := bbolt.Open(path, 0o644, nil)
		if err != nil {
			b.Fatal(err)
		}
		err = db.Update(func(t *bbolt.Tx) error {
			bucket, err := t.CreateBucketIfNotExists([]byte("snapshots"))
			if err != nil {
				return err
			}
			bucket.FillPercent = 0.9
			return bucket.Put(be64(n), record)
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchLedger is a ledger that is not checked at the end.
func benchLedger(b *testing.B) *Ledger {
	b.Helper()
	l, err := Create(context.Background(), filepath.Join(b.TempDir(), "checkpoints"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// benchDir is the folder of the ledger that the list benchmarks read, made once
// and removed by TestMain.
var benchDir string

func largeLedger(b *testing.B) *Ledger {
	b.Helper()
	var err error
	if benchDir == "" {
		if benchDir, err = os.MkdirTemp("", "ckpt-bench-"); err != nil {
			b.Fatal(err)
		}
	}
	dir := cmp.Or(*benchKeep, benchDir)
	l, err := Create(context.Background(), dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if ids, _ := list(b, l, Query{Limit: 1}); len(ids) == 0 {
		fill(b, l, *benchRuns, *benchSnapshots, func(i int) string { return fmt.Sprintf("dataset%d", i%20) })
	}
	return l
}

func BenchmarkListFirstPage(b *testing.B) {
	l := largeLedger(b)
	for b.Loop() {
		if ids, more := list(b, l, Query{Limit: 20}); len(ids) != 20 || !more {
			b.Fatal("not a page")
		}
	}
}

func BenchmarkListAll(b *testing.B) {
	l := largeLedger(b)
	for b.Loop() {
		if ids, _ := list(b, l, Query{}); len(ids) != *benchRuns {
			b.Fatal("not all")
		}
	}
}

func BenchmarkFindByPrefix(b *testing.B) {
	l := largeLedger(b)
	ids, _ := list(b, l, Query{Limit: 1})
	for b.Loop() {
		if id, err := find(l, string(ids[0][18:])); err != nil || id != ids[0] {
			b.Fatal(id, err)
		}
	}
}

func BenchmarkPutObject(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s := begin(b, benchLedger(b), testRun("wikitext"))
			state := content(size, true, 1)
			b.SetBytes(int64(size))
			for n := 0; b.Loop(); n++ {
				state[n%size]++
				putObject(b, s, "model", state)
			}
		})
	}
}
