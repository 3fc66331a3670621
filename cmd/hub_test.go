package cmd

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ckptledger/stream/hub/hubtest"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/rogpeppe/go-internal/testscript"
)

// hubKey is under what a script's hub is kept among its values.
type hubKey struct{}

type scriptHub struct {
	*hubtest.Hub
	repos map[string]*hubtest.Repo
}

// cmdHub is the script's command for a hub of its own.
//
//	hub start                     starts one: HF_ENDPOINT is its address
//	hub commit REPO PATH=FILE…    commits exactly these files; $commit is its name
//	hub tag REPO NAME             names the newest commit
//	hub squash REPO               replaces the history; $commit is what is left
//	hub swap REPO PATH=FILE       replaces a file of all commits
//	hub gate REPO TOKEN           lets only those read who have the token; before the hub is used
//	hub requests KIND N           there were at most N requests of a kind since start
//	hub forget                    counts from 0 again
func cmdHub(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 {
			ts.Fatalf("usage: hub VERB …")
		}
		if args[0] == "start" {
			h := hubtest.New(t)
			*ts.Value(hubKey{}).(*scriptHub) = scriptHub{h, map[string]*hubtest.Repo{}}
			ts.Setenv("HF_ENDPOINT", h.URL)
			return
		}
		h := ts.Value(hubKey{}).(*scriptHub)
		files := func() map[string]hubtest.File {
			out := map[string]hubtest.File{}
			for _, arg := range args[2:] {
				path, name, ok := strings.Cut(arg, "=")
				if !ok {
					ts.Fatalf("%s: write PATH=FILE", arg)
				}
				out[path] = hubtest.Large([]byte(ts.ReadFile(name)))
			}
			return out
		}
		repo := func() *hubtest.Repo {
			r := h.repos[args[1]]
			if r == nil {
				r = h.Repo(args[1])
				h.repos[args[1]] = r
			}
			return r
		}
		switch args[0] {
		case "commit":
			ts.Setenv("commit", repo().Commit(files()))
		case "tag":
			repo().Tag(args[2], ts.Getenv("commit"))
		case "squash":
			ts.Setenv("commit", repo().Squash())
		case "swap":
			for path, f := range files() {
				repo().Swap(path, f)
			}
		case "gate":
			repo().Gated = true
			h.Token = args[2]
		case "requests":
			var most int
			if _, err := fmt.Sscan(args[2], &most); err != nil {
				ts.Fatalf("hub requests %s: %v", args[2], err)
			}
			if n := h.Count(hubtest.Kind(args[1])); n > most {
				ts.Fatalf("%d requests of kind %s, more than %d", n, args[1], most)
			}
		case "forget":
			h.Forget()
		default:
			ts.Fatalf("hub %s: unknown", args[0])
		}
	}
}

// wikiRows are rows in the shape of WikiText, none of which is another.
func wikiRows(n int) []string {
	random := rand.New(rand.NewPCG(7, 7))
	words := strings.Fields("the of a train that stops and goes on at exactly this row again with every word learned once more = @-@ <unk> né 漢字")
	rows := make([]string, n)
	for i := range rows {
		if i%3 == 1 {
			continue // an empty row
		}
		var b strings.Builder
		fmt.Fprintf(&b, " row %d", i)
		for range 5 + random.IntN(40) {
			b.WriteString(" " + words[random.IntN(len(words))])
		}
		rows[i] = b.String()
	}
	return rows
}

// packed writes rows in a format, with the options if that is Parquet.
func packed(t *testing.T, format string, rows []string, options ...parquet.WriterOption) []byte {
	t.Helper()
	type row struct {
		Text string `parquet:"text" json:"text"`
	}
	var b bytes.Buffer
	if format == "parquet" {
		options = append([]parquet.WriterOption{parquet.MaxRowsPerRowGroup(1500), parquet.PageBufferSize(16 << 10), parquet.Compression(&parquet.Snappy)}, options...)
		w := parquet.NewGenericWriter[row](&b, options...)
		for _, text := range rows {
			if _, err := w.Write([]row{{text}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var out interface {
		Write([]byte) (int, error)
		Close() error
	}
	var err error
	switch {
	case strings.HasSuffix(format, ".gz"):
		out = gzip.NewWriter(&b)
	case strings.HasSuffix(format, ".zst"):
		out, err = zstd.NewWriter(&b)
	default:
		out = nopCloser{&b}
	}
	if err != nil {
		t.Fatal(err)
	}
	e := json.NewEncoder(out)
	for _, text := range rows {
		if err := e.Encode(row{text}); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }

// TestHubKill streams datasets of every format and in every order from a hub on
// which requests fail now and then, kills the trainer again and again, and finds
// the model of one pass over the same rows on disk.
func TestHubKill(t *testing.T) {
	kills, formats := 5, []string{"parquet", "jsonl", "jsonl.gz", "jsonl.zst"}
	if testing.Short() {
		kills, formats = 2, []string{"parquet", "jsonl.gz"}
	}
	rows := wikiRows(20_000)
	local := t.TempDir()
	for i, part := range [][]string{rows[:9000], rows[9000:]} {
		if err := os.WriteFile(filepath.Join(local, fmt.Sprintf("%d.jsonl", i)), packed(t, "jsonl", part), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	orders := map[string][]string{
		"sequential":       nil,
		"shuffle, 2 times": {"--order", "shuffle", "--seed", "7", "--window", "700", "--epochs", "2"},
	}
	want := map[string]runJSON{}
	for order, flags := range orders {
		want[order] = mustRun(t, t.TempDir(), "trainer", append([]string{"run", "rows", "--data", local, "--json"}, flags...)...)
	}
	for _, format := range formats {
		h := hubtest.New(t)
		h.Signed = time.Minute + 100*time.Millisecond // which is not used in its last minute
		h.Repo("owner/rows").Commit(map[string]hubtest.File{
			"data/train-00000-of-00002." + format: hubtest.Large(packed(t, format, rows[:9000])),
			"data/train-00001-of-00002." + format: hubtest.Large(packed(t, format, rows[9000:])),
		})
		h.Fault = func(r hubtest.Request) *hubtest.Fault {
			switch r.N % 11 {
			case 4:
				return &hubtest.Fault{Status: 503}
			case 7:
				return &hubtest.Fault{Drop: true}
			case 9:
				return &hubtest.Fault{Cut: 1000}
			case 10:
				if r.Kind == hubtest.Content {
					return &hubtest.Fault{Status: 403} // as if its time had come
				}
				return hubtest.TooMany("resolvers", 0)
			}
			return nil
		}
		for order, flags := range orders {
			t.Run(format+", "+order, func(t *testing.T) {
				t.Parallel()
				got := killedOften(t, h, kills, append([]string{"resume", "hf:owner/rows@main", "--or-start", "--json", "--checkpoint-interval", "250"}, flags...))
				if w := want[order]; got.ModelDigest != w.ModelDigest || got.Trained != w.Trained || got.Row != w.Row {
					t.Errorf("%d samples to row %d, digest %.12s; one pass: %d to row %d, %.12s", got.Trained, got.Row, got.ModelDigest, w.Trained, w.Row, w.ModelDigest)
				}
			})
		}
	}
}

// killedOften runs a command that is killed so often, each time after another
// checkpoint, and then to its end.
func killedOften(t *testing.T, h *hubtest.Hub, kills int, args []string) runJSON {
	t.Helper()
	dir := t.TempDir()
	start := func() (result, error) {
		c := program(dir, "trainer", args...)
		c.Env = append(c.Env, "HF_ENDPOINT="+h.URL, "HF_HOME="+dir, "HF_TOKEN=", "HF_HUB_CACHE=", "HF_HUB_OFFLINE=")
		var stdout bytes.Buffer
		stderr := &trigger{text: "Checkpoint saved", do: func() {
			if kills > 0 {
				time.AfterFunc(time.Duration(rand.IntN(15))*time.Millisecond, func() { c.Process.Kill() })
			}
		}}
		c.Stdout, c.Stderr = &stdout, stderr
		err := c.Run()
		return result{stdout: stdout.String(), stderr: stderr.String()}, err
	}
	rows := map[int64]bool{}
	for {
		r, err := start()
		switch {
		case killed(err):
			kills--
			continue
		case err != nil:
			t.Fatalf("the process ended by itself: %v\n%s", err, r.stderr)
		case kills > 0:
			t.Fatalf("it came to its end with %d kills to go", kills)
		}
		got := decode[runJSON](t, r)
		for _, a := range checkSound(t, dir, got.Run).Attempts {
			rows[a.FromRow] = true
		}
		t.Logf("attempts began at %d rows", len(rows))
		return got
	}
}
