package stream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
)

// TestSampleIsPinned fails if a row has another text than it had. Then
// sampleVersion has to be raised, so that no run goes on with other data than
// it began with.
func TestSampleIsPinned(t *testing.T) {
	const version, want = 1, "889dc02e80081f457b8efb5b770b314de5cd74bae9b0444294b4f98e31d7df3e"
	hash := sha256.New()
	kinds := map[Kind]int{}
	for _, r := range readN(t, sampleSource{rows: 10_000}, Cursor{}, -1) {
		hash.Write([]byte(r.Text + "\n"))
		kinds[r.Kind]++
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want || sampleVersion != version {
		t.Errorf("sample v%d has SHA-256 %s, v%d had %s", sampleVersion, got, version, want)
	}
	if share := float64(kinds[Filtered]) / 10_000; share < 0.33 || share > 0.38 {
		t.Errorf("%.1f%% of the rows are too short, WikiText has 35%%", 100*share)
	}
}

func TestSample(t *testing.T) {
	ctx := context.Background()
	src, err := Open(ctx, Spec{Dataset: "sample"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := Info{Dataset: "sample", Kind: "sample", Label: "sample v1, 1,800,000 rows", Format: "sample", Rows: 1_800_000}
	if got := src.Info(); got != want {
		t.Errorf("info is %+v", got)
	}
	last := readN(t, src, Cursor{Next: Position{Row: sampleRows - 1}}, -1)
	if len(last) != 1 || last[0].Next.Row != sampleRows {
		t.Errorf("the last row is %+v", last)
	}
	a, _ := src.Fingerprint(ctx)
	b, _ := sampleSource{rows: 5}.Fingerprint(ctx)
	if changes := a.Diff(b); len(changes) != 1 || changes[0].What != Replaced {
		t.Errorf("another sample differs by %v", changes)
	}
	if _, err := Open(ctx, Spec{Dataset: "sample", Columns: []string{"id"}}, Options{}); !errors.Is(err, ErrNoColumns) {
		t.Errorf("columns of the sample: %v", err)
	}
	var unknown *UnknownDatasetError
	if _, err := Open(ctx, Spec{Dataset: "smaple"}, Options{}); !errors.As(err, &unknown) || unknown.Known[0] != "sample" {
		t.Errorf("unknown dataset: %v", err)
	}
	if d := Datasets()[0]; d.Key != "sample" || d.Rows != sampleRows {
		t.Errorf("the catalogue starts with %+v", d)
	}
}
