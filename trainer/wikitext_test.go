package trainer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// wikitext returns the validation split of WikiText-2, one row a line, and skips
// the test where it is not at hand.
func wikitext(t testing.TB) []byte {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; folder = filepath.Dir(folder) {
		text, err := os.ReadFile(filepath.Join(folder, "shared", "data", "wikitext-2-valid.txt"))
		if err == nil {
			return text
		}
		if folder == filepath.Dir(folder) {
			t.Skip("no shared/data/wikitext-2-valid.txt in a folder above")
		}
	}
}

// files writes content to a file and returns it as a source.
func files(t testing.TB, name string, content []byte) stream.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := stream.Open(context.Background(), stream.Spec{Dataset: "rows", Data: []string{path}}, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func asJSONL(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for line := range bytes.Lines(text) {
		if err := enc.Encode(map[string]string{"text": string(bytes.TrimSuffix(line, []byte("\n")))}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func asParquet(t testing.TB, text []byte) []byte {
	t.Helper()
	type row struct {
		Text string `parquet:"text"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.MaxRowsPerRowGroup(1000), parquet.Compression(&parquet.Snappy))
	for line := range bytes.Lines(text) {
		if _, err := w.Write([]row{{string(bytes.TrimSuffix(line, []byte("\n")))}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, text []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(text, nil)
}

// attempt trains a source to a target, from where the session stands.
func attempt(t testing.TB, s *ledger.Session, src stream.Source, model trainer.Learner, o trainer.Options) trainer.Result {
	t.Helper()
	r, err := src.Open(context.Background(), cursor(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o.Reader = r
	reason := ledger.Completed
	if o.Target == 0 {
		reason = ledger.Exhausted
	}
	return train(t, reason, options(t, s, nil, model, o))
}

// A real text is trained to 500, 1,000 and 2,000 samples and to its end, each in
// an attempt of its own: each goes on at the exact row, no row is trained twice
// or left out, and in each format the model is the one of a single run.
func TestWikiText(t *testing.T) {
	text := wikitext(t)
	l, every := newLedger(t), trainer.Interval{Samples: 250}

	src := files(t, "rows.txt", text)
	through := &recorder{Learner: newLocal(t)}
	want := attempt(t, begin(t, l, through), src, through, trainer.Options{Interval: every})
	if c := (ledger.Counters{Row: 3760, Trained: 2448, Filtered: 1312}); want.Counters != c {
		t.Fatalf("in one run: %+v, want %+v", want.Counters, c)
	}

	for _, src := range []stream.Source{
		src, files(t, "rows.jsonl", asJSONL(t, text)), files(t, "rows.parquet", asParquet(t, text)),
		files(t, "rows.txt.gz", gzipped(t, text)), files(t, "rows.txt.zst", zstded(t, text)),
	} {
		t.Run(src.Info().Format, func(t *testing.T) {
			model := &recorder{Learner: newLocal(t)}
			s := begin(t, l, model)
			id := s.Run().ID
			rows := [][]int64{}
			for _, stop := range []struct{ target, row int64 }{{500, 765}, {1000, 1564}, {2000, 3078}, {0, 3760}} {
				res := attempt(t, s, src, model, trainer.Options{Target: stop.target, Interval: every})
				if res.Counters.Row != stop.row {
					t.Errorf("after %d samples the next row is %d, want %d", stop.target, res.Counters.Row, stop.row)
				}
				rows = append(rows, model.rows)
				model = &recorder{Learner: newLocal(t)}
				s = proceed(t, l, id, model, ledger.LeaseOptions{})
			}
			rows = append(rows, nil) // of the attempt that has just begun
			if !slices.Equal(reached(t, l, id, rows), through.rows) || !slices.Equal(slices.Concat(rows...), through.rows) {
				t.Error("the rows trained are not those of one run")
			}
			if got := s.Last(); got.ModelDigest != want.Newest.ModelDigest || got.Counters != want.Counters {
				t.Errorf("ended at %+v with digest %s, in one run %s", got.Counters, got.ModelDigest, want.Newest.ModelDigest)
			}
		})
	}
}
