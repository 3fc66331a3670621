package cmd

import (
	"context"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
	"ckptledger/trainer/local"

	"github.com/google/go-cmp/cmp"
)

// This file has what the tests of trainers of a KATO server share: real processes,
// and a server that lives in the test and can be asked what it has learned.

// A katoRig is a server, and a folder in which trainers of a run on it work.
type katoRig struct {
	*katotest.Server
	t       *testing.T
	dir     string
	dataset string
	data    []string // files; nil where the dataset is built in
	chunks  []int    // one a layer
	flags   []string // of every trainer
}

// newKato starts a server for runs of the built-in dataset in so many layers.
func newKato(t *testing.T, layers int, o katotest.Options) *katoRig {
	t.Helper()
	server, err := katotest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	r := &katoRig{Server: server, t: t, dir: t.TempDir(), dataset: "sample"}
	var sizes []string
	for range layers {
		r.chunks = append(r.chunks, 8)
		sizes = append(sizes, "8")
	}
	r.flags = []string{
		"--learner", "kato", "--kato-url", server.URL, "--chunk-sizes", strings.Join(sizes, ","),
		// All of it is on this machine: what takes seconds there takes milliseconds here.
		"--kato-wait", "20s", "--kato-poll", "4ms",
	}
	// What a server learns later than these two together after it was sent is learned
	// twice: they are long against what keeps the server here from its work.
	if raceEnabled || *katoSamples > gateSamples {
		r.flags = append(r.flags, "--kato-timeout", "1s", "--kato-visible", "80ms")
	} else {
		r.flags = append(r.flags, "--kato-timeout", "400ms", "--kato-visible", "40ms")
	}
	return r
}

// line is the one line of a job script, which starts the run or goes on with it.
func (r *katoRig) line(more ...string) []string {
	args := append([]string{"resume", r.dataset, "--or-start", "--json"}, r.flags...)
	for _, path := range r.data {
		args = append(args, "--data", path)
	}
	return append(args, more...)
}

// trainer runs a trainer of this line, which must exit with that code.
func (r *katoRig) trainer(code int, more ...string) result {
	r.t.Helper()
	return r.command(code, "trainer", r.line(more...)...)
}

// command runs a command in the run's folder, which must exit with that code.
func (r *katoRig) command(code int, name string, args ...string) result {
	r.t.Helper()
	got := run(r.t, r.dir, name, args...)
	if got.code != code {
		r.t.Fatalf("%s %q: exit code %d, want %d\nstdout: %s\nstderr: %s", name, args, got.code, code, got.stdout, got.stderr)
	}
	return got
}

// shown is the newest run, as ckpt shows it.
func (r *katoRig) shown() runJSON {
	r.t.Helper()
	return decode[runJSON](r.t, r.command(0, "ckpt", "show", r.dataset+"@latest", "--json"))
}

// eachSample calls a function for each sample of the first rows.
func (r *katoRig) eachSample(rows int64, do func(row *stream.Row, split *local.Split)) {
	r.t.Helper()
	ctx := context.Background()
	learner := must(local.New(local.Options{ChunkSizes: r.chunks}))(r.t)
	source := must(stream.Open(ctx, stream.Spec{Dataset: r.dataset, Data: r.data}, stream.Options{}))(r.t)
	reader := must(source.Open(ctx, stream.Cursor{}))(r.t)
	defer reader.Close()
	splitter := learner.NewSplitter()
	for range rows {
		if row := must(reader.Next(ctx))(r.t); row.Kind == stream.Sample {
			do(row, splitter.Split(row.Text))
		}
	}
}

// must ends a test by an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// expected is what a learner in the process knows of the first rows, by layer. Of
// the rows in first it has learned just so many of the first parts.
func (r *katoRig) expected(rows int64, first map[int64]int) (frequencies []map[string]int, digest string) {
	r.t.Helper()
	learner := must(local.New(local.Options{ChunkSizes: r.chunks}))(r.t)
	r.eachSample(rows, func(row *stream.Row, split *local.Split) {
		to := len(split.Parts)
		if parts, ok := first[row.At.Row]; ok {
			to = min(parts, to)
		}
		if err := learner.LearnParts(split, 0, to); err != nil {
			r.t.Fatal(err)
		}
	})
	capture := must(learner.Capture())(r.t)
	state := must(capture.Write(context.Background(), noStore{}, true))(r.t)
	for layer := range learner.Layers() {
		frequencies = append(frequencies, map[string]int{})
		for p := range learner.Patterns(layer) {
			frequencies[layer][p.Name()] = int(p.Frequency)
		}
	}
	return frequencies, state.ModelDigest
}

// noStore takes state objects and keeps none.
type noStore struct{ trainer.ObjectStore }

// PutObject implements trainer.ObjectStore.
func (noStore) PutObject(_ context.Context, name string, write func(io.Writer) error) (ledger.Object, error) {
	return ledger.Object{Name: name}, write(io.Discard)
}

// known is what the server knows of a run, by layer.
func (r *katoRig) known(id string) []map[string]int {
	var all []map[string]int
	for layer := range r.chunks {
		all = append(all, r.Frequencies(kato.Node(ledger.RunID(id), layer)))
	}
	return all
}

// checkExact holds that the server, and the run's newest snapshot, know each pattern
// exactly as often as a learner in the process that nothing ever happened to. It
// returns the run.
func (r *katoRig) checkExact() runJSON {
	r.t.Helper()
	run := r.shown()
	first := map[int64]int{}
	for _, e := range run.ErroredRows {
		first[e.Row] = e.Learned
	}
	want, digest := r.expected(run.Row, first)
	if diff := cmp.Diff(want, r.known(run.Run)); diff != "" {
		r.t.Errorf("the server's frequencies (- as they must be, + as they are): %.3000s", diff)
	}
	if run.ModelDigest != digest {
		r.t.Errorf("digest %.12s, in the process %.12s", run.ModelDigest, digest)
	}
	if n := r.Requests(katotest.ClearAll); n > 0 {
		r.t.Errorf("clear-all was called %d times", n)
	}
	return run
}

// checkDone holds that so many samples are trained, none is errored, and what is
// known is exact.
func (r *katoRig) checkDone(samples int) runJSON {
	r.t.Helper()
	run := r.checkExact()
	if run.Trained != int64(samples) || run.Errored != 0 {
		r.t.Errorf("%d samples trained, %d errored, %s; want %d trained", run.Trained, run.Errored, run.Status, samples)
	}
	return run
}

// wrong changes what goes wrong with requests from now on.
func (r *katoRig) wrong(fault func(katotest.Request) katotest.Fault) {
	r.Change(func(o *katotest.Options) { o.Fault = fault })
}

// at has something done when the server has come to its request n to observe from
// now on.
func (r *katoRig) at(n int, do func()) {
	n += r.Requests(katotest.Observe)
	r.wrong(func(q katotest.Request) katotest.Fault {
		if q.Kind == katotest.Observe && q.N == n {
			do()
		}
		return katotest.Fault{}
	})
}

// says holds that a text matches all of the patterns.
func says(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("no %q in\n%s", p, text)
		}
	}
}

// unlessShort is n, or the lesser number that does for a look at the races.
func unlessShort(n, short int) int {
	if testing.Short() {
		return min(n, short)
	}
	return n
}

// samples is the flag for a target.
func samples(n int) []string { return []string{"--max-samples", strconv.Itoa(n)} }
