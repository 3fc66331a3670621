package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// connections are all clients' of a test hub: so many clients are made that those
// that each of them would leave open would be too many.
var connections = &http.Transport{MaxIdleConnsPerHost: 8}

// onHub makes the options that read from a test's hub, as a process of its own
// would: with a new client each time. Waits are short.
func onHub(h *hubtest.Hub, edit ...func(*hub.Options)) Options {
	return Options{Hub: func() (*hub.Client, error) {
		opt := hub.Options{Endpoint: h.URL, Transport: connections, Backoff: time.Millisecond, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
		for _, e := range edit {
			e(&opt)
		}
		return hub.New(opt)
	}}
}

func openOnHub(t testing.TB, h *hubtest.Hub, spec Spec) Source {
	t.Helper()
	src, err := Open(context.Background(), spec, onHub(h))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func fingerprintOf(t testing.TB, src Source) Fingerprint {
	t.Helper()
	print, err := src.Fingerprint(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return print
}

// TestHubSources reads datasets of every format from a hub on which every third
// request goes wrong in some way.
func TestHubSources(t *testing.T) {
	rows := texts(120)
	for i := range rows {
		switch i % 7 {
		case 2:
			rows[i] = ""
		case 5:
			rows[i] = strings.Repeat(rows[i], 200)
		}
	}
	bare := func(data []byte) []byte { return withoutPageIndex(t, data) }
	for name, c := range map[string]struct {
		dataset string
		files   map[string]hubtest.File
	}{
		"wikitext": {"wikitext", map[string]hubtest.File{
			"wikitext-103-raw-v1/train-00000-of-00002.parquet": hubtest.Large(asParquet(t, pointers(rows[:70]), 30)),
			"wikitext-103-raw-v1/train-00001-of-00002.parquet": hubtest.Large(bare(asParquet(t, pointers(rows[70:]), 100))),
			"wikitext-103-raw-v1/test-00000-of-00001.parquet":  hubtest.Large(asParquet(t, pointers(rows[:5]), 10)),
		}},
		"jsonl": {"hf:owner/lines", map[string]hubtest.File{
			"a.jsonl": hubtest.Small(string(asJSONL(rows[:50]))),
			"b.json":  hubtest.Large(asJSONL(rows[50:])),
		}},
		"c4": {"c4", map[string]hubtest.File{
			"en/c4-train.00000-of-00002.json.gz": hubtest.Large(gzipped(t, asJSONL(rows[:50]))),
			"en/c4-train.00001-of-00002.json.gz": hubtest.Large(gzipped(t, asJSONL(rows[50:60]), asJSONL(rows[60:]))),
		}},
		"pile": {"pile", map[string]hubtest.File{
			"train/00.jsonl.zst": hubtest.Large(zstded(t, asJSONL(rows[:50]))),
			"train/01.jsonl.zst": hubtest.Large(zstded(t, asJSONL(rows[50:60]), asJSONL(rows[60:]))),
		}},
		"text": {"hf:owner/text:folder", map[string]hubtest.File{"folder/train.txt": hubtest.Large(asText(rows)), "train.txt": hubtest.Large(asText(rows[:3]))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hubtest.New(t)
			for _, repo := range []string{"Salesforce/wikitext", "allenai/c4", "monology/pile-uncopyrighted", "owner/lines", "owner/text"} {
				h.Repo(repo).Commit(c.files)
			}
			h.Page = 2
			h.Fault = func(r hubtest.Request) *hubtest.Fault {
				if r.N%3 != 2 {
					return nil
				}
				switch r.N / 3 % 5 {
				case 0:
					return &hubtest.Fault{Status: http.StatusServiceUnavailable}
				case 1:
					return &hubtest.Fault{Drop: true}
				case 2:
					return hubtest.TooMany("resolvers", 2)
				case 3:
					return &hubtest.Fault{Cut: 100}
				}
				return &hubtest.Fault{Status: http.StatusForbidden}
			}
			fault := h.Fault
			h.Fault = func(r hubtest.Request) *hubtest.Fault {
				if f := fault(r); f != nil && (f.Status != http.StatusForbidden || r.Kind == hubtest.Content) {
					return f
				}
				return nil // a refusal that is not of a signed address is final
			}
			t.Run("sequential", func(t *testing.T) {
				testSource(t, func(t testing.TB) Source { return openOnHub(t, h, Spec{Dataset: c.dataset}) })
			})
			t.Run("shuffled, 2 times", func(t *testing.T) {
				testSource(t, func(t testing.TB) Source { return Repeat(Shuffle(openOnHub(t, h, Spec{Dataset: c.dataset}), 32, 7), 2) })
			})
		})
	}
}

func TestHubLabel(t *testing.T) {
	h := hubtest.New(t)
	commit := h.Repo("Salesforce/wikitext").Commit(map[string]hubtest.File{"wikitext-103-raw-v1/train-00000-of-00001.parquet": hubtest.Large(asParquet(t, pointers(texts(5)), 10))})
	src := openOnHub(t, h, Spec{Dataset: "wikitext"})
	if got, want := src.Info().Label, "Salesforce/wikitext wikitext-103-raw-v1 train at "+commit[:7]; got != want {
		t.Errorf("label %q, want %q", got, want)
	}
	if got := src.(Describer).Describe(Position{}); got != "train-00000-of-00001.parquet" {
		t.Errorf("described as %q", got)
	}
}

// Columns are refused where rows have none, wherever the files lie.
func TestHubNoColumns(t *testing.T) {
	h := hubtest.New(t)
	h.Repo("owner/text").Commit(map[string]hubtest.File{"train.txt.gz": hubtest.Large(gzipped(t, asText(texts(5))))})
	for _, spec := range []Spec{
		{Dataset: "hf:owner/text", Columns: []string{"id"}},
		{Data: []string{h.URL + "/datasets/owner/text/resolve/main/train.txt.gz"}, Columns: []string{"id"}},
	} {
		if _, err := Open(context.Background(), spec, onHub(h)); !errors.Is(err, ErrNoColumns) {
			t.Errorf("%+v: %v", spec, err)
		}
	}
}

// shard is a dataset of three small Parquet files on a hub.
func shards(t *testing.T) (*hubtest.Hub, *hubtest.Repo, map[string]hubtest.File) {
	t.Helper()
	h := hubtest.New(t)
	repo := h.Repo("owner/shards")
	files := map[string]hubtest.File{"README.md": hubtest.Small("# Shards\n")}
	for i := range 3 {
		files[fmt.Sprintf("data/train-0000%d-of-00003.parquet", i)] = hubtest.Large(asParquet(t, pointers(texts(30+i)), 10))
	}
	repo.Commit(files)
	return h, repo, files
}

const shardsKey = "hf:owner/shards"

// TestHubReopen opens what a run has seen, after the dataset became another one.
func TestHubReopen(t *testing.T) {
	other := hubtest.Large(asParquet(t, pointers(texts(31)), 31))
	edit := func(files map[string]hubtest.File, path string, f *hubtest.File) map[string]hubtest.File {
		out := map[string]hubtest.File{}
		for p, old := range files {
			out[p] = old
		}
		if delete(out, path); f != nil {
			out[path] = *f
		}
		return out
	}
	const second = "data/train-00001-of-00003.parquet"
	for name, c := range map[string]struct {
		change  func(*hubtest.Repo, map[string]hubtest.File)
		from    int
		changed []string // what a *ChangedError says; nil: goes on
		gone    bool     // whether it goes on at another commit
	}{
		"nothing":        {change: func(*hubtest.Repo, map[string]hubtest.File) {}},
		"a newer commit": {change: func(r *hubtest.Repo, f map[string]hubtest.File) { r.Commit(edit(f, second, &other)) }},
		"an added file": {change: func(r *hubtest.Repo, f map[string]hubtest.File) {
			r.Commit(edit(f, "data/train-00003-of-00003.parquet", &other))
		}},
		"a swapped file":                        {change: func(r *hubtest.Repo, _ map[string]hubtest.File) { r.Swap(second, other) }, changed: []string{second, Shortened}},
		"a squashed history":                    {change: func(r *hubtest.Repo, _ map[string]hubtest.File) { r.Squash() }, gone: true},
		"squashed, file removed":                {change: func(r *hubtest.Repo, f map[string]hubtest.File) { r.Commit(edit(f, second, nil)); r.Squash() }, changed: []string{second, Removed, Rewritten}},
		"squashed, file changed":                {change: func(r *hubtest.Repo, f map[string]hubtest.File) { r.Commit(edit(f, second, &other)); r.Squash() }, changed: []string{second, Rewritten}},
		"squashed, file changed that is behind": {change: func(r *hubtest.Repo, f map[string]hubtest.File) { r.Commit(edit(f, second, &other)); r.Squash() }, from: 2, gone: true},
		"squashed, all gone": {change: func(r *hubtest.Repo, f map[string]hubtest.File) {
			r.Commit(map[string]hubtest.File{"README.md": hubtest.Small("moved")})
			r.Squash()
		}, changed: []string{second, Removed}},
	} {
		t.Run(name, func(t *testing.T) {
			h, repo, files := shards(t)
			src := openOnHub(t, h, Spec{Dataset: shardsKey})
			was := fingerprintOf(t, src)
			full := readN(t, src, Cursor{}, -1)
			c.change(repo, files)
			src, err := Open(context.Background(), Spec{Dataset: shardsKey, Was: &was, From: c.from}, onHub(h))
			if c.changed != nil {
				var changed *ChangedError
				if !errors.As(err, &changed) {
					t.Fatalf("opened: %v", err)
				}
				for _, say := range c.changed {
					if !strings.Contains(err.Error(), say) {
						t.Errorf("%q does not say %q", err, say)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			now := fingerprintOf(t, src)
			if now.Digest != was.Digest || len(was.Diff(now)) > 0 {
				t.Errorf("fingerprint differs: %v", was.Diff(now))
			}
			if gone := len(now.Hub.Gone) == 1 && now.Hub.Gone[0] == was.Hub.Commit && now.Hub.Commit != was.Hub.Commit; gone != c.gone {
				t.Errorf("was at %+v, is at %+v", was.Hub, now.Hub)
			}
			if got := readN(t, src, after(t, full[69]), -1); !cmp.Equal(got, full[70:]) {
				t.Error("other rows follow")
			}
		})
	}
}

// TestHubReopenAgain goes on at the commit that a run went over to, which has
// another file behind its place: the second time as the first, and not before it.
func TestHubReopenAgain(t *testing.T) {
	h, repo, files := shards(t)
	src := openOnHub(t, h, Spec{Dataset: shardsKey})
	was := fingerprintOf(t, src)
	full := readN(t, src, Cursor{}, -1)
	files["data/train-00000-of-00003.parquet"] = hubtest.Large(asParquet(t, pointers(texts(7)), 7))
	repo.Commit(files)
	repo.Squash()
	for time := range 2 {
		src := openOnHub(t, h, Spec{Dataset: shardsKey, Was: &was, From: 1})
		if was = fingerprintOf(t, src); len(was.Hub.Gone) != 1 {
			t.Fatalf("time %d: is at %+v", time, was.Hub)
		}
		if got := readN(t, src, after(t, full[40]), -1); !cmp.Equal(got, full[41:]) {
			t.Errorf("time %d: other rows follow", time)
		}
	}
	var changed *ChangedError
	if _, err := Open(context.Background(), Spec{Dataset: shardsKey, Was: &was}, onHub(h)); !errors.As(err, &changed) || !strings.Contains(err.Error(), "train-00000") {
		t.Errorf("from the start: %v", err)
	}
}

// TestHubRevision opens another revision than a run has seen.
func TestHubRevision(t *testing.T) {
	h, repo, files := shards(t)
	was := fingerprintOf(t, openOnHub(t, h, Spec{Dataset: shardsKey}))
	repo.Tag("v1", was.Hub.Commit)
	files["more.md"] = hubtest.Small("more")
	newer := repo.Commit(files)
	for revision, want := range map[string]string{"": was.Hub.Commit, "v1": was.Hub.Commit, "main": was.Hub.Commit, newer: newer} {
		now := fingerprintOf(t, openOnHub(t, h, Spec{Dataset: shardsKey, Revision: revision, Was: &was}))
		if now.Hub.Commit != want || now.Digest != was.Digest {
			t.Errorf("%q is %s, want %s", revision, now.Hub.Commit, want)
		}
	}
	var missing *hub.NotFoundError
	if _, err := Open(context.Background(), Spec{Dataset: shardsKey, Revision: "v2"}, onHub(h)); !errors.As(err, &missing) || missing.What != hub.Revision {
		t.Errorf("a revision that there is not: %v", err)
	}
}

// TestHubSwapped reads on while a file is replaced that is not opened yet.
func TestHubSwapped(t *testing.T) {
	h, repo, _ := shards(t)
	src := openOnHub(t, h, Spec{Dataset: shardsKey})
	fingerprintOf(t, src)
	r, err := src.Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	repo.Swap("data/train-00002-of-00003.parquet", hubtest.Large(asParquet(t, pointers(texts(40)), 40)))
	rows := 0
	for err == nil {
		if _, err = r.Next(context.Background()); err == nil {
			rows++
		}
	}
	var changed *ChangedError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), "train-00002") || rows != 61 {
		t.Errorf("after %d rows: %v", rows, err)
	}
}

// TestHubCache reads what the cache on disk holds from there, and finds what was
// written to it.
func TestHubCache(t *testing.T) {
	ctx := context.Background()
	h, _, files := shards(t)
	was := fingerprintOf(t, openOnHub(t, h, Spec{Dataset: shardsKey}))
	full := readN(t, openOnHub(t, h, Spec{Dataset: shardsKey}), Cursor{}, -1)
	dir := t.TempDir()
	repo := filepath.Join(dir, "datasets--owner--shards")
	write(t, filepath.Join(repo, "refs", "main"), []byte(was.Hub.Commit))
	for _, f := range was.Files {
		write(t, filepath.Join(repo, "blobs", f.SHA256), files[f.Path].Data)
		link := filepath.Join(repo, "snapshots", was.Hub.Commit, f.Path)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(repo, "blobs", f.SHA256), link); err != nil {
			t.Fatal(err)
		}
	}
	cached := func(o *hub.Options) { o.CacheDir = dir }
	offline := func(o *hub.Options) { o.Offline = true }

	h.Forget()
	for _, opt := range []Options{onHub(h, cached), onHub(h, cached, offline)} {
		for _, spec := range []Spec{{Dataset: shardsKey}, {Dataset: shardsKey, Was: &was}} {
			src, err := Open(ctx, spec, opt)
			if err != nil {
				t.Fatal(err)
			}
			if now := fingerprintOf(t, src); now.Digest != was.Digest {
				t.Errorf("from the cache it is %v", was.Diff(now))
			}
			if got := readN(t, src, after(t, full[40]), -1); !cmp.Equal(got, full[41:]) {
				t.Error("from the cache come other rows")
			}
		}
	}
	if n := len(h.Requests(hubtest.Content)) + len(h.Requests(hubtest.Resolve)); n > 0 {
		t.Errorf("%d requests for files that the cache has", n)
	}
	h.Forget()
	client, err := onHub(h, cached).Hub()
	if err != nil {
		t.Fatal(err)
	}
	want := Holding{Files: 3, Of: 3, Bytes: was.Files[0].Size + was.Files[1].Size + was.Files[2].Size}
	if got, err := Cached(client, Dataset{Repo: "owner/shards", Files: []string{"data/*.parquet"}}); got != want || err != nil || len(h.Requests("")) > 0 {
		t.Errorf("the cache holds %+v, want %+v, %v, after %d requests", got, want, err, len(h.Requests("")))
	}

	data := bytes.Clone(files[was.Files[1].Path].Data)
	data[len(data)/2] ^= 1
	blob := filepath.Join(repo, "blobs", was.Files[1].SHA256)
	write(t, blob, data)
	src, err := Open(ctx, Spec{Dataset: shardsKey, Was: &was}, onHub(h, cached))
	if err == nil {
		_, err = src.Fingerprint(ctx)
	}
	var changed *ChangedError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), blob+" damaged") {
		t.Errorf("a damaged file of the cache: %v", err)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	var missing *hub.OfflineError
	src, err = Open(ctx, Spec{Dataset: shardsKey, Was: &was}, onHub(h, cached, offline))
	if err == nil {
		_, err = src.Open(ctx, after(t, full[40]))
	}
	if !errors.As(err, &missing) {
		t.Errorf("offline, without a file: %v", err)
	}
	// A run is not begun on what is left: without the file, and without its name.
	link := filepath.Join(repo, "snapshots", was.Hub.Commit, was.Files[1].Path)
	for range 2 {
		_, err = Open(ctx, Spec{Dataset: shardsKey}, onHub(h, cached, offline))
		if !errors.As(err, &missing) || missing.Path != was.Files[1].Path {
			t.Errorf("offline, begun without a file: %v", err)
		}
		os.Remove(link)
	}
}

// TestHubCacheSampled goes on online in what a run has read offline, from a cache
// that does not tell hashes, of a file that is too large to be read for its own.
func TestHubCacheSampled(t *testing.T) {
	h := hubtest.New(t)
	data := asJSONL(texts(20_000))
	commit := h.Repo("owner/large").Commit(map[string]hubtest.File{"train.jsonl": hubtest.Large(data)})
	dir := t.TempDir()
	repo := filepath.Join(dir, "datasets--owner--large")
	write(t, filepath.Join(repo, "refs", "main"), []byte(commit))
	write(t, filepath.Join(repo, "snapshots", commit, "train.jsonl"), data)
	cached := func(o *hub.Options) { o.CacheDir = dir }
	sampled := func(spec Spec, edit ...func(*hub.Options)) Fingerprint {
		src, err := Open(context.Background(), spec, onHub(h, edit...))
		if err != nil {
			t.Fatal(err)
		}
		src.(*fileSource).hashing = sampledBlock
		return fingerprintOf(t, src)
	}
	was := sampled(Spec{Dataset: "hf:owner/large"}, cached, func(o *hub.Options) { o.Offline = true })
	if !was.Sampled || was.Hub.Commit != commit {
		t.Fatalf("offline it is %+v", was)
	}
	if now := sampled(Spec{Dataset: "hf:owner/large", Was: &was}, cached); was.Diff(now) != nil {
		t.Errorf("online it differs: %v", was.Diff(now))
	}
}

// TestLocalCopy reads on in files that were downloaded meanwhile: they are known by
// what the hub told of them, large ones, small ones that are git's own, and those of
// which else only blocks would be read.
func TestLocalCopy(t *testing.T) {
	small := hubtest.Small(string(asJSONL(texts(3000)[:1500])))
	large := hubtest.Large(asJSONL(texts(3000)[1500:]))
	h := hubtest.New(t)
	files := map[string]hubtest.File{"data/train-0.jsonl": small, "data/train-1.jsonl": large}
	h.Repo("owner/lines").Commit(files)
	src := openOnHub(t, h, Spec{Dataset: "hf:owner/lines"})
	was := fingerprintOf(t, src)
	full := readN(t, src, Cursor{}, -1)
	dir := t.TempDir()
	for _, f := range was.Files {
		write(t, filepath.Join(dir, filepath.Base(f.Path)), files[f.Path].Data)
	}
	reopen := func(was Fingerprint) (Source, Fingerprint) {
		src := openData(t, Spec{Dataset: "hf:owner/lines", Data: []string{dir}, Was: &was})
		src.(*fileSource).hashing = sampledBlock
		return src, fingerprintOf(t, src)
	}
	local, now := reopen(was)
	if now.Digest != was.Digest || was.Diff(now) != nil || now.Sampled {
		t.Errorf("the copy differs: %v", was.Diff(now))
	}
	if _, again := reopen(now); again.Digest != was.Digest {
		t.Errorf("the second time the copy differs: %v", was.Diff(again))
	}
	if got := readN(t, local, after(t, full[40]), -1); !cmp.Equal(got, full[41:]) {
		t.Error("other rows follow")
	}
	for _, f := range was.Files {
		data := bytes.Clone(files[f.Path].Data)
		data[len(data)/3] ^= 1
		path := write(t, filepath.Join(dir, filepath.Base(f.Path)), data)
		if _, now := reopen(was); len(was.Diff(now)) != 1 || was.Diff(now)[0].Path != path || was.Diff(now)[0].What != Replaced {
			t.Errorf("with a byte of %s it differs by %v", path, was.Diff(now))
		}
		write(t, path, files[f.Path].Data)
	}
}

// TestHubUnreachable asks a hub that is not there.
func TestHubUnreachable(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	opt := Options{Hub: func() (*hub.Client, error) {
		return hub.New(hub.Options{Endpoint: closed.URL, Backoff: time.Millisecond})
	}}
	_, err := Open(context.Background(), Spec{Dataset: "wikitext"}, opt)
	var unreachable *hub.UnreachableError
	if !errors.As(err, &unreachable) {
		t.Fatal(err)
	}
	for _, say := range []string{closed.URL, "--data", "HF_ENDPOINT", "cache", "sample"} {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("%q does not say %q", err, say)
		}
	}
}

func TestCatalogue(t *testing.T) {
	for key, path := range map[string]string{
		"c4":               "en/c4-train.00000-of-01024.json.gz",
		"redpajama_sample": "cc_2019-30_sample.jsonl",
		"pile":             "train/00.jsonl.zst",
		"refinedweb":       "data/train-00000-of-05534-b8fc5348cbe605a5.parquet",
		"wikitext":         "wikitext-103-raw-v1/train-00000-of-00002.parquet",
		"openwebtext":      "plain_text/train-00000-of-00080.parquet",
		"simple_wiki":      "data/20220301.simple/train-00000-of-00001.parquet",
	} {
		d, ok := Lookup(key)
		if !ok || d.Status != StatusOK {
			t.Fatalf("%s: %+v", key, d)
		}
		files, kind, err := part{split: d.Split, patterns: d.Files}.choose([]hub.File{{Path: "README.md"}, {Path: path}, {Path: "other/" + path}})
		if err != nil || kind != d.Format || len(files) != 1 || files[0].Path != path {
			t.Errorf("%s: %v of %s, %v", key, files, kind, err)
		}
	}
	for _, d := range Datasets() {
		if (d.Status == StatusOK) != (d.Reason == "") || d.Description == "" || d.Key != sampleKey && d.TextField == "" {
			t.Errorf("%+v", d)
		}
		if d.Status == StatusOK {
			continue
		}
		var unavailable *UnavailableError
		if _, err := Open(context.Background(), Spec{Dataset: d.Key}, Options{}); !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "--data") {
			t.Errorf("%s: %v", d.Key, err)
		}
	}
}

// TestWeb reads files from a server that is no hub, with tags and without.
func TestWeb(t *testing.T) {
	rows := texts(400)
	content := map[string][]byte{
		"/a.jsonl": asJSONL(rows[:150]), "/b.jsonl": asJSONL(rows[150:]), "/data": asJSONL(rows),
		"/data.gz": gzipped(t, asJSONL(rows)), "/data.zst": zstded(t, asJSONL(rows)), "/data.zip": []byte("PK"),
	}
	tag := `"one"`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := content[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	defer server.Close()
	h := &hubtest.Hub{URL: server.URL}
	open := func(t testing.TB, paths ...string) Source {
		var data []string
		for _, p := range paths {
			data = append(data, server.URL+p)
		}
		return openOnHub(t, h, Spec{Dataset: "lines", Data: data})
	}
	t.Run("files", func(t *testing.T) {
		testSource(t, func(t testing.TB) Source { return open(t, "/a.jsonl?signature=secret", "/b.jsonl") })
	})
	t.Run("no name", func(t *testing.T) {
		testSource(t, func(t testing.TB) Source { return open(t, "/data") })
	})
	for path, kind := range map[string]string{"/data.gz": formatJSONLGzip, "/data.zst": formatJSONLZstd} {
		if src := open(t, path); src.Info().Format != kind || len(readN(t, src, Cursor{}, -1)) != len(rows) {
			t.Errorf("%s is %s", path, src.Info().Format)
		}
	}
	was := fingerprintOf(t, open(t, "/a.jsonl?signature=secret"))
	if strings.Contains(fmt.Sprint(was), "secret") || was.Files[0].ETag != tag || was.Kind != kindWeb || was.Data[0] != server.URL+"/a.jsonl" {
		t.Errorf("fingerprint %+v", was)
	}
	tag = `"two"`
	if now := fingerprintOf(t, open(t, "/a.jsonl")); len(was.Diff(now)) != 1 {
		t.Errorf("another tag differs by %v", was.Diff(now))
	}
	tag = ""
	bare := fingerprintOf(t, open(t, "/a.jsonl"))
	if bare.Files[0].SHA256 == "" || bare.Files[0].Sampled {
		t.Errorf("without a tag: %+v", bare)
	}
	content["/a.jsonl"] = bytes.Replace(content["/a.jsonl"], []byte("row 7 "), []byte("row 8 "), 1)
	if now := fingerprintOf(t, open(t, "/a.jsonl")); len(bare.Diff(now)) != 1 || bare.Diff(now)[0].What != Replaced {
		t.Errorf("other content differs by %v", bare.Diff(now))
	}
	for _, data := range [][]string{{server.URL + "/a.jsonl", "local.jsonl"}, {server.URL + "/none.jsonl"}, {server.URL + "/data.zip"}} {
		if _, err := Open(context.Background(), Spec{Data: data}, onHub(h)); err == nil {
			t.Errorf("%v was opened", data)
		}
	}
}

// TestHubResumeCost counts what a resume asks of the hub: at any row the same.
func TestHubResumeCost(t *testing.T) {
	const rows = 1_600_000
	all := make([]*string, rows)
	lines := make([]string, 20_000)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d, in an order that compresses badly", i)
	}
	for i := range all {
		all[i] = &lines[(i*7919)%len(lines)]
	}
	indexed := asParquet(t, all, rows, parquet.PageBufferSize(256<<10))
	small := asParquet(t, pointers(texts(100)), 50)
	for name, data := range map[string][]byte{"page index": indexed, "no page index": withoutPageIndex(t, indexed)} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Repo("Salesforce/wikitext").Commit(map[string]hubtest.File{
				"wikitext-103-raw-v1/train-00000-of-00002.parquet": hubtest.Large(data),
				"wikitext-103-raw-v1/train-00001-of-00002.parquet": hubtest.Large(small),
			})
			src := openOnHub(t, h, Spec{Dataset: "wikitext"})
			was := fingerprintOf(t, src)
			kept := map[int64]record{}
			r, err := src.Open(context.Background(), Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			for i := int64(0); ; i++ {
				row, err := r.Next(context.Background())
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				switch i {
				case 999, 1000, 1_499_999, 1_500_000, rows - 1, rows:
					kept[i] = keep(row)
				}
			}
			r.Close()
			// The last one opens the second shard ahead, which the hub may come to hear
			// of after it is closed.
			for _, row := range []int64{1000, rows, 1_500_000} {
				h.Forget()
				src := openOnHub(t, h, Spec{Dataset: "wikitext", Was: &was})
				fingerprintOf(t, src)
				if got := readN(t, src, after(t, kept[row-1]), 1); len(got) != 1 || got[0] != kept[row] {
					t.Fatalf("row %d is %+v", row, got)
				}
				if n := h.Count(hubtest.API); n > 3 {
					t.Errorf("row %d: %d API calls", row, n)
				}
				found := map[string]int{}
				for _, r := range h.Requests(hubtest.Resolve) {
					found[r.File]++
				}
				for _, f := range was.Files {
					sent := h.Sent(f.Path)
					t.Logf("row %d, %s: %d API calls, %d redirects, %d reads, %d bytes", row, f.Path, h.Count(hubtest.API), found[f.Path], sent.Reads, sent.Bytes)
					if found[f.Path] > 1 || sent.Reads > mostReads || sent.Bytes > mostBytes {
						t.Errorf("row %d, %s: %d redirects, %d reads, %d bytes", row, f.Path, found[f.Path], sent.Reads, sent.Bytes)
					}
				}
			}
		})
	}
}

// TestLocalCopyByOtherNames reads on in downloaded files of which the hub states
// no SHA-256, as it does of small ones, or which are so large that of local files
// only a part is hashed.
func TestLocalCopyByOtherNames(t *testing.T) {
	ctx := context.Background()
	texts := strings.Fields(strings.Repeat("some text of a row, one of many ", 5))
	small, large := asJSONL(texts[:9]), asJSONL(texts)
	h := hubtest.New(t)
	h.Repo("owner/copy").Commit(map[string]hubtest.File{"a.jsonl": hubtest.Small(string(small)), "b.jsonl": hubtest.Large(large)})
	src := openOnHub(t, h, Spec{Dataset: "hf:owner/copy"})
	was := fingerprintOf(t, src)
	full := readN(t, src, Cursor{}, -1)
	if was.Files[0].GitOID == "" || was.Files[1].SHA256 == "" {
		t.Fatalf("%+v", was.Files)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), small)
	write(t, filepath.Join(dir, "b.jsonl"), large)
	local := func() *fileSource {
		src, err := Open(ctx, Spec{Dataset: "hf:owner/copy", Data: []string{dir}, Was: &was}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := src.(*fileSource)
		s.hashing = int64(len(large)) - 1
		return s
	}
	now := fingerprintOf(t, local())
	if now.Digest != was.Digest {
		t.Errorf("a copy is %v", was.Diff(now))
	}
	if got := readN(t, local(), after(t, full[10]), -1); !cmp.Equal(got, full[11:]) {
		t.Error("other rows")
	}
	was = now // as a run records it
	if again := fingerprintOf(t, local()); again.Digest != was.Digest {
		t.Errorf("the second time it is %v", was.Diff(again))
	}
	for _, name := range []string{"a.jsonl", "b.jsonl"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		write(t, filepath.Join(dir, name), data)
		if now := fingerprintOf(t, local()); len(was.Diff(now)) == 0 {
			t.Errorf("%s was changed unnoticed", name)
		}
		data[len(data)/2] ^= 1
		write(t, filepath.Join(dir, name), data)
	}
}

// TestHubArray refuses JSON that is not JSON lines, on one line and on many.
func TestHubArray(t *testing.T) {
	for _, data := range []string{`[{"text": "some text of a row"}]`, "[\n {\"text\": \"some text of a row\"},\n {\"text\": \"and another\"}\n]\n"} {
		h := hubtest.New(t)
		h.Repo("owner/array").Commit(map[string]hubtest.File{"train.json": hubtest.Small(data)})
		_, err := Open(context.Background(), Spec{Dataset: "hf:owner/array"}, onHub(h))
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), "JSON array") {
			t.Errorf("%q: %v", data, err)
		}
	}
}
