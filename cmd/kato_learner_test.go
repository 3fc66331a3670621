package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
	"ckptledger/trainer/local"

	"github.com/google/go-cmp/cmp"
)

// This file holds what the flags of the learner kato do at a server, and what
// operators are shown of its runs.

// TestKatoMetadata holds that each pattern of the layers that capture metadata has
// that of the samples it occurs in, and of no other, though sessions are used over
// and over, and lost.
func TestKatoMetadata(t *testing.T) {
	t.Parallel()
	r := newKato(t, 4, breaking(3))
	r.trainer(0, append(samples(150), "--workers", "7", "--capture-metadata", "2,3")...)
	run := r.checkDone(150)
	node := func(layer int) string { return kato.Node(ledger.RunID(run.Run), layer) }

	want := map[string][]string{} // rows, by layer and name
	r.eachSample(run.Row, func(row *stream.Row, split *local.Split) {
		for _, p := range split.Parts {
			key := fmt.Sprint(p.Layer, p.Name)
			want[key] = append(want[key], strconv.FormatInt(row.At.Row, 10))
		}
	})
	got := 0
	for layer := range 4 {
		for name := range r.Frequencies(node(layer)) {
			rows := want[fmt.Sprint(layer, name)]
			slices.Sort(rows)
			rows = slices.Compact(rows)
			metadata := r.Metadata(node(layer), name)
			switch {
			case layer < 2 && len(metadata) > 0:
				t.Errorf("layer %d, which captures none, has metadata %v", layer, metadata)
			case layer >= 2:
				got++
				if diff := cmp.Diff(rows, metadata["row"]); diff != "" {
					t.Errorf("layer %d, rows of %s (- as they must be, + as they are): %s", layer, name, diff)
				}
				if len(metadata["sample_id"]) != len(rows) || !slices.Equal(metadata["source"], []string{"sample"}) {
					t.Errorf("layer %d, %s of rows %v: %v", layer, name, rows, metadata)
				}
			}
		}
	}
	if got == 0 || r.Restarts() == 0 {
		t.Errorf("%d patterns with metadata, %d restarts", got, r.Restarts())
	}
}

// TestKatoNoMirror holds that a run without the mirror ends too, has learned nothing
// less often than it occurs, and says what can be relied on.
func TestKatoNoMirror(t *testing.T) {
	t.Parallel()
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(150), "--workers", "8", "--no-mirror", "--checkpoint-interval", "20")
	r.killed(300, line...)
	r.killed(300, line...)
	r.Change(func(o *katotest.Options) { *o = breaking(5) })
	got := r.trainer(0, line...)
	says(t, got.stderr, `at least once, up to the samples in flight\n`)
	run := r.shown()
	if run.Exactness != "at least once, up to the samples in flight" || run.Trained != 150 {
		t.Errorf("%d trained, %s", run.Trained, run.Exactness)
	}
	r.checkAtLeast(run)
}

// checkAtLeast holds that each pattern is learned as often as it occurs, or more.
func (r *katoRig) checkAtLeast(run runJSON) {
	r.t.Helper()
	want, _ := r.expected(run.Row, nil)
	twice := 0
	for layer, got := range r.known(run.Run) {
		if len(got) != len(want[layer]) {
			r.t.Errorf("layer %d: %d patterns, want %d", layer, len(got), len(want[layer]))
		}
		for name, n := range want[layer] {
			if got[name] < n {
				r.t.Errorf("layer %d: %s learned %d times, occurs %d times", layer, name, got[name], n)
			}
			twice += got[name] - n
		}
	}
	if n := r.Requests(katotest.ClearAll); n > 0 {
		r.t.Errorf("clear-all was called %d times", n)
	}
	r.t.Logf("%d learned once more", twice)
}

// TestKatoShow finalizes a run, and shows it to an operator.
func TestKatoShow(t *testing.T) {
	t.Parallel()
	r := newKato(t, 3, katotest.Options{})
	line := append(samples(60), "--workers", "4")
	r.trainer(0, append(line, "--finalize")...)
	run := r.checkDone(60)
	var nodes []string
	for layer := range 3 {
		node := kato.Node(ledger.RunID(run.Run), layer)
		nodes = append(nodes, katotest.StoredName(node))
		if n := r.Finalized(node); n != 1 {
			t.Errorf("node %d was finalized %d times", layer, n)
		}
	}
	if diff := cmp.Diff(nodes, r.Nodes()); diff != "" {
		t.Errorf("nodes of the server (- as they must be, + as they are): %s", diff)
	}
	show := func() string { return r.command(0, "ckpt", "show", "sample@latest").stdout }
	says(t, show(), `Exactness +exact: `, `Endpoint +`+r.URL+`\n`, `node 0 +`+nodes[0]+`\n`, `node 1 +`+nodes[1]+`\n`, `node 2 +`+nodes[2]+`\n`,
		`requests +[\d,]+\n`, `restarts +0\n`, `REQUEST_MS_MEDIAN +REQUEST_MS_P95`)
	says(t, r.command(0, "trainer", "patterns", run.Run).stdout, `PTRN\|[0-9a-f]+ `)

	// What is killed stands further on the server than its snapshot does.
	l, err := ledger.Open(filepath.Join(r.dir, "checkpoints"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	due := make(chan struct{})
	r.at(400, func() {
		waitUntil(30*time.Second, func() bool {
			mark, err := l.Mark(context.Background(), ledger.RunID(run.Run))
			return err == nil && mark.Row > run.Row
		})
		close(due)
	})
	p := r.start("--max-samples", "200", "--checkpoint-interval", "1h")
	p.until(due)
	p.ends(os.Kill, -1)
	r.settled()
	r.wrong(nil)
	says(t, show(), `Status +crashed`, `Position +row [\d,]+, learned on the server up to it; rows to before [\d,]+ in flight\n`)
	got := r.trainer(0, "--max-samples", "200")
	says(t, got.stderr, `The server has learned the rows before [\d,]+: up to there they are learned here only\n`)
	r.checkDone(200)
}
