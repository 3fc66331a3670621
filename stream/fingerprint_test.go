package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func fingerprint(t testing.TB, data ...string) Fingerprint {
	t.Helper()
	f, err := openData(t, Spec{Data: data}).Fingerprint(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var back Fingerprint // as the ledger keeps it
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, back); diff != "" {
		t.Errorf("by way of JSON: %s", diff)
	}
	return back
}

// TestMutations changes files in each way there is; the fingerprint has to
// differ and to say what happened.
func TestMutations(t *testing.T) {
	a, b, c := asText(texts(30)), asText(texts(31)), asText(texts(32))
	for name, m := range map[string]struct {
		change func(t *testing.T, dir string)
		want   []string // what, file
	}{
		"nothing": {func(*testing.T, string) {}, nil},
		"a byte": {func(t *testing.T, dir string) {
			write(t, dir+"/b.txt", bytes.Replace(b, []byte("row 7"), []byte("row 8"), 1))
		}, []string{"replaced b.txt"}},
		"shorter":  {func(t *testing.T, dir string) { write(t, dir+"/b.txt", b[:len(b)-1]) }, []string{"shortened b.txt"}},
		"longer":   {func(t *testing.T, dir string) { write(t, dir+"/b.txt", append(b[:len(b):len(b)], '\n')) }, []string{"extended b.txt"}},
		"added":    {func(t *testing.T, dir string) { write(t, dir+"/d.txt", a[:40]) }, []string{"added d.txt"}},
		"removed":  {func(t *testing.T, dir string) { os.Remove(dir + "/a.txt") }, []string{"removed a.txt"}},
		"swapped":  {func(t *testing.T, dir string) { write(t, dir+"/a.txt", b); write(t, dir+"/b.txt", a) }, []string{"reordered b.txt", "reordered a.txt"}},
		"renamed":  {func(t *testing.T, dir string) { os.Rename(dir+"/a.txt", dir+"/aa.txt") }, nil},
		"moved":    {func(t *testing.T, dir string) { os.Rename(dir+"/a.txt", dir+"/z.txt") }, []string{"reordered z.txt", "reordered b.txt", "reordered c.txt"}},
		"two":      {func(t *testing.T, dir string) { write(t, dir+"/a.txt", a[:50]); os.Remove(dir + "/c.txt") }, []string{"shortened a.txt", "removed c.txt"}},
		"touched":  {func(t *testing.T, dir string) { os.Chtimes(dir+"/a.txt", time.Time{}, time.Unix(1e9, 0)) }, nil},
		"unlisted": {func(t *testing.T, dir string) { write(t, dir+"/notes.md", a) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range map[string][]byte{"a.txt": a, "b.txt": b, "c.txt": c} {
				write(t, filepath.Join(dir, name), data)
			}
			was := fingerprint(t, dir)
			m.change(t, dir)
			now := fingerprint(t, dir)
			var got []string
			for _, c := range was.Diff(now) {
				got = append(got, c.What+" "+filepath.Base(c.Path))
				if s := c.String(); !strings.Contains(s, c.What) || !strings.Contains(s, c.Path) {
					t.Errorf("in words: %s", s)
				}
			}
			if diff := cmp.Diff(m.want, got); diff != "" {
				t.Errorf("changes: %s", diff)
			}
			if (was.Digest == now.Digest) != (m.want == nil) {
				t.Errorf("digest was %s, is %s", was.Digest, now.Digest)
			}
		})
	}
}

func TestMovedAndChanged(t *testing.T) {
	old, now := t.TempDir(), t.TempDir()
	for _, dir := range []string{old, now} {
		write(t, dir+"/a.txt", asText(texts(30)))
		write(t, dir+"/b.txt", asText(texts(31)))
	}
	was := fingerprint(t, old)
	if c := was.Diff(fingerprint(t, now)); c != nil {
		t.Errorf("moved: %v", c)
	}
	write(t, now+"/b.txt", asText(texts(29)))
	if c := was.Diff(fingerprint(t, now)); len(c) != 1 || c[0].What != Shortened || c[0].Path != now+"/b.txt" {
		t.Errorf("moved and cut: %v", c)
	}
}

func TestFingerprintKinds(t *testing.T) {
	dir := t.TempDir()
	text := fingerprint(t, write(t, dir+"/a.txt", asText(texts(3))))
	jsonl := fingerprint(t, write(t, dir+"/a.jsonl", asJSONL(texts(3))))
	if text.Format != "text" || text.TextField != "" || text.Data[0] != dir+"/a.txt" {
		t.Errorf("fingerprint is %+v", text)
	}
	if jsonl.Format != "jsonl" || jsonl.TextField != "text" {
		t.Errorf("fingerprint is %+v", jsonl)
	}
	sample, _ := sampleSource{rows: 5}.Fingerprint(context.Background())
	if c := sample.Diff(text); len(c) != 1 || !strings.HasPrefix(c[0].String(), "replaced (was sample, digest ") {
		t.Errorf("changes are %v", c)
	}
}

// mapCache is a FileCache that counts.
type mapCache struct {
	values     map[string][]byte
	hits, puts int
}

func (c *mapCache) Get(key string) ([]byte, bool) {
	v, ok := c.values[key]
	if ok {
		c.hits++
	}
	return v, ok
}

func (c *mapCache) Put(key string, value []byte) {
	c.values[key] = value
	c.puts++
}

func TestFileCache(t *testing.T) {
	ctx := context.Background()
	path := write(t, filepath.Join(t.TempDir(), "a.txt"), asText(texts(30)))
	cache := &mapCache{values: map[string][]byte{}}
	now := time.Now()
	print := func() Fingerprint {
		t.Helper()
		var done, total int64
		src, err := Open(ctx, Spec{Data: []string{path}}, Options{
			Cache:    cache,
			Now:      func() time.Time { return now },
			Progress: func(d, n int64) { done, total = d, n },
		})
		if err != nil {
			t.Fatal(err)
		}
		f, err := src.Fingerprint(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := src.Fingerprint(ctx); err != nil || again.Digest != f.Digest {
			t.Errorf("asked again: %v, %v", again, err)
		}
		if done != total || total != f.Files[0].Size {
			t.Errorf("progress ended at %d of %d", done, total)
		}
		return f
	}
	fresh := print()
	if cache.puts != 0 {
		t.Error("a file of this second was cached")
	}
	now = now.Add(time.Minute)
	print()
	if got := print(); cache.puts != 1 || cache.hits != 1 || got.Digest != fresh.Digest {
		t.Errorf("%d puts, %d hits", cache.puts, cache.hits)
	}
	for key := range cache.values {
		cache.values[key] = []byte("junk")
	}
	if got := print(); cache.puts != 2 || got.Digest != fresh.Digest {
		t.Errorf("with junk in the cache: %d puts, digest %s", cache.puts, got.Digest)
	}
	// Other content with the same size and modification time.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, bytes.Replace(asText(texts(30)), []byte("row 7"), []byte("row 8"), 1))
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if got := print(); got.Digest == fresh.Digest {
		t.Error("the cache hid a change")
	}
}

// TestSampledHash takes every file for a large one.
func TestSampledHash(t *testing.T) {
	const size = 10 << 20
	data := bytes.Repeat([]byte("0123456789abcdef 0123456789abcd\n"), size/32)
	path := write(t, filepath.Join(t.TempDir(), "a.txt"), data)
	print := func() Fingerprint {
		t.Helper()
		src := openData(t, Spec{Data: []string{path}}).(*fileSource)
		src.hashing = 8 << 20
		f, err := src.Fingerprint(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	was := print()
	if !was.Sampled || !was.Files[0].Sampled {
		t.Fatalf("not sampled: %+v", was)
	}
	stride := (size - sampledBlock) / (sampledBlocks - 1)
	for name, off := range map[string]int{"head": 0, "block": 30*stride + 5, "tail": size - 1} {
		data[off] ^= 1
		write(t, path, data)
		if print().Digest == was.Digest {
			t.Errorf("a changed %s was not seen", name)
		}
		data[off] ^= 1
	}
	write(t, path, append(data, '\n'))
	if c := was.Diff(print()); len(c) != 1 || c[0].What != Extended {
		t.Errorf("changes are %v", c)
	}
}

// TestChangedInUse changes a file between opening the source and reading it.
func TestChangedInUse(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]func(t *testing.T, path string){
		"cut":         func(t *testing.T, path string) { os.Truncate(path, 100) },
		"replaced":    func(t *testing.T, path string) { os.Rename(write(t, path+".new", asText(texts(30))), path) },
		"overwritten": func(t *testing.T, path string) { write(t, path, asText(texts(29))) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/a.txt", asText(texts(5)))
			path := write(t, dir+"/b.txt", asText(texts(30)))
			src := openData(t, Spec{Data: []string{dir}})
			r, err := src.Open(ctx, Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			change(t, path)
			var changed *ChangedError
			if _, err := src.Fingerprint(ctx); !errors.As(err, &changed) {
				t.Errorf("fingerprint: %v", err)
			}
			for i := range 5 {
				if _, err := r.Next(ctx); err != nil {
					t.Fatalf("row %d of the file before: %v", i, err)
				}
			}
			for range 2 {
				if _, err := r.Next(ctx); !errors.As(err, &changed) || changed.Changes[0].Path != path {
					t.Errorf("next: %v", err)
				}
			}
		})
	}

	t.Run("while it is read", func(t *testing.T) {
		path := write(t, t.TempDir()+"/a.txt", asText(texts(20_000)))
		src := openData(t, Spec{Data: []string{path}})
		for name, change := range map[string]func(){
			"cut":      func() { os.Truncate(path, 300_000) },
			"appended": func() { write(t, path, asText(texts(20_001))) },
		} {
			r, err := src.Open(ctx, Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(ctx); err != nil {
				t.Fatal(err)
			}
			change()
			for err == nil {
				_, err = r.Next(ctx)
			}
			var changed *ChangedError
			if !errors.As(err, &changed) {
				t.Errorf("%s: %v", name, err)
			}
			r.Close()
			write(t, path, asText(texts(20_000)))
			src = openData(t, Spec{Data: []string{path}})
		}
	})
}

func TestFingerprintStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	src := openData(t, Spec{Data: []string{write(t, t.TempDir()+"/a.txt", asText(texts(30)))}})
	cancel()
	if _, err := src.Fingerprint(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if f, err := src.Fingerprint(context.Background()); err != nil || f.Digest == "" {
		t.Errorf("after that: %v, %v", f, err)
	}
}

func ExampleChange() {
	fmt.Println(Change{Path: "/data/a.txt", What: Shortened, Was: "120 bytes", Now: "90 bytes"})
	// Output: /data/a.txt shortened (was 120 bytes, now 90 bytes)
}
