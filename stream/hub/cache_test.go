package hub_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ckptledger/stream/hub"
)

// cacheDir makes a cache as huggingface_hub does that holds the files of a
// commit named, and main as that commit.
func cacheDir(t *testing.T, s *setup, content map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "datasets--owner--texts")
	write := func(path string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "refs", "main"), []byte(s.commit))
	for path, data := range content {
		oid := s.file(t, path).OID
		write(filepath.Join(root, "blobs", oid), data)
		link := filepath.Join(root, "snapshots", s.commit, path)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		up, err := filepath.Rel(filepath.Dir(link), filepath.Join(root, "blobs", oid))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(up, link); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	return dir
}

func (s *setup) cachedClient(t *testing.T, dir string, offline bool) *hub.Client {
	return newClient(t, hub.Options{Endpoint: s.URL, CacheDir: dir, Offline: offline, Sleep: s.clock.Sleep})
}

func TestCachedFileIsReadFromTheCache(t *testing.T) {
	s := newSetup(t, nil)
	dir := cacheDir(t, s, map[string][]byte{largePath: s.large})
	listed := s.file(t, largePath)
	other := "1111111111111111111111111111111111111111" // another commit with the same file
	for _, commit := range []string{s.commit, other} {
		s.Forget()
		f, err := s.cachedClient(t, dir, false).Open(repoName, commit, listed)
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 100)
		n, err := f.ReadAt(t.Context(), p, int64(len(s.large)-50))
		if n != 50 || err == nil || !bytes.Equal(p[:n], s.large[len(s.large)-50:]) {
			t.Errorf("%d, %v", n, err)
		}
		check(t, "local", filepath.Base(f.Local()), listed.OID)
		check(t, "requests", len(s.Requests("")), 0)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCacheThatDoesNotFitIsNotUsed(t *testing.T) {
	s := newSetup(t, nil)
	listed := s.file(t, largePath)
	dir := cacheDir(t, s, map[string][]byte{largePath: s.large[:1000]}) // half a download
	f, err := s.cachedClient(t, dir, false).Open(repoName, s.commit, listed)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "local", f.Local(), "")

	// A snapshot whose link names other content of the same size.
	root := filepath.Join(dir, "datasets--owner--texts")
	if err := os.Rename(filepath.Join(root, "blobs", listed.OID), filepath.Join(root, "blobs", "other")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "blobs", "other"), s.large, 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "snapshots", s.commit, largePath)
	os.Remove(link)
	if err := os.Symlink("../../../blobs/other", link); err != nil {
		t.Fatal(err)
	}
	f, err = s.cachedClient(t, dir, false).Open(repoName, s.commit, listed)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "local", f.Local(), "")
}

func TestOffline(t *testing.T) {
	s := newSetup(t, nil)
	dir := cacheDir(t, s, map[string][]byte{largePath: s.large, smallPath: []byte(smallText)})
	large, small, missing := s.file(t, largePath), s.file(t, smallPath), s.file(t, "data/a.jsonl")
	s.Forget()
	c := s.cachedClient(t, dir, true)

	commit, err := c.Pin(t.Context(), repoName, "")
	if err != nil || commit != s.commit {
		t.Fatal(commit, err)
	}
	files, err := c.Files(t.Context(), repoName, commit, "data")
	if err != nil || len(files) != 1 || files[0] != large {
		t.Errorf("got %v, %v; want %v", files, err, large)
	}
	for _, listed := range []hub.File{large, small} {
		f, err := c.Open(repoName, commit, listed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(t.Context(), make([]byte, 5), 1); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	_, err = c.Open(repoName, commit, missing)
	check(t, "path", mustBe[*hub.OfflineError](t, err).Path, missing.Path)
	for _, revision := range []string{"v1", "../../../etc/passwd"} {
		_, err = c.Pin(t.Context(), repoName, revision)
		mustBe[*hub.OfflineError](t, err)
	}
	_, err = c.Files(t.Context(), repoName, "1111111111111111111111111111111111111111", "")
	mustBe[*hub.OfflineError](t, err)
	_, err = c.Files(t.Context(), repoName, commit, "nowhere")
	mustBe[*hub.OfflineError](t, err)
	_, err = c.Pin(t.Context(), "owner/none", "")
	mustBe[*hub.OfflineError](t, err)
	_, err = s.cachedClient(t, "", true).Pin(t.Context(), repoName, "")
	mustBe[*hub.OfflineError](t, err)
	check(t, "requests", len(s.Requests("")), 0)
}

// What the cache holds can be told without a network, by a client that has one.
func TestCachedIsWhatIsUsedOffline(t *testing.T) {
	s := newSetup(t, nil)
	dir := cacheDir(t, s, map[string][]byte{largePath: s.large, smallPath: []byte("cut short")})
	large, small := s.file(t, largePath), s.file(t, smallPath)
	s.Forget()
	c := s.cachedClient(t, dir, false)
	for _, revision := range []string{"", "main", s.commit} {
		commit, ok := c.CachedRevision(repoName, revision)
		check(t, revision, ok && commit == s.commit, true)
	}
	for _, revision := range []string{"v1", "../../secret", "/"} {
		_, ok := c.CachedRevision(repoName, revision)
		check(t, revision, ok, false)
	}
	files := c.CachedFiles(repoName, s.commit, "/data/")
	if len(files) != 1 || files[0] != large {
		t.Errorf("got %v", files)
	}
	check(t, "all files", len(c.CachedFiles(repoName, s.commit, "")), 2)
	check(t, "files of no folder", len(c.CachedFiles(repoName, s.commit, "nowhere")), 0)
	check(t, "files of no commit", len(c.CachedFiles(repoName, "main", "")), 0)

	path, ok := c.Cached(repoName, s.commit, large)
	if got, err := os.ReadFile(path); !ok || err != nil || !bytes.Equal(got, s.large) {
		t.Errorf("%q, %t, %v", path, ok, err)
	}
	f, err := c.Open(repoName, s.commit, large)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	check(t, "path", path, f.Local())
	other := large
	other.OID = strings.Repeat("0", 64)
	for name, has := range map[string]func() (string, bool){
		"half a file":                 func() (string, bool) { return c.Cached(repoName, s.commit, small) },
		"another hash":                func() (string, bool) { return c.Cached(repoName, s.commit, other) },
		"no dataset":                  func() (string, bool) { return c.Cached("../texts", s.commit, large) },
		"without a cache":             func() (string, bool) { return s.client.Cached(repoName, s.commit, large) },
		"no revision without a cache": func() (string, bool) { return s.client.CachedRevision(repoName, s.commit) },
	} {
		if got, ok := has(); ok || name != "no revision without a cache" && got != "" {
			t.Errorf("%s: %q, %t", name, got, ok)
		}
	}
	check(t, "requests", len(s.Requests("")), 0)
}

// The cache may hold the listing of a commit: that is all of its files, also
// those that were not downloaded.
func TestOfflineListingIsWholeWhereTheCacheHoldsOne(t *testing.T) {
	s := newSetup(t, nil)
	dir := cacheDir(t, s, map[string][]byte{smallPath: []byte(smallText)})
	large, small := s.file(t, largePath), s.file(t, smallPath)
	tree := `{"format_version": 1, "files": {
		"` + smallPath + `": {"size": 44, "blob_id": "` + small.OID + `"},
		"` + largePath + `": {"size": 1000003, "blob_id": "0", "lfs_sha256": "` + large.OID + `", "lfs_size": 1000003}}}`
	name := filepath.Join(dir, "datasets--owner--texts", "trees", s.commit+".json")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tree string
		want int
	}{{tree, 2}, {`{"format_version": 2}`, 1}, {`{`, 1}} {
		if err := os.WriteFile(name, []byte(c.tree), 0o644); err != nil {
			t.Fatal(err)
		}
		files, err := s.cachedClient(t, dir, true).Files(t.Context(), repoName, s.commit, "")
		if err != nil || len(files) != c.want {
			t.Errorf("%s: %v, %v", c.tree, files, err)
		}
		if c.want == 2 && files[1] != large {
			t.Errorf("got %v, want %v", files[1], large)
		}
	}
}

func TestCachedFileThatIsCutWhileInUse(t *testing.T) {
	s := newSetup(t, nil)
	dir := cacheDir(t, s, map[string][]byte{largePath: s.large})
	f, err := s.cachedClient(t, dir, true).Open(repoName, s.commit, s.file(t, largePath))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(f.Local(), 500); err != nil {
		t.Fatal(err)
	}
	n, err := f.ReadAt(t.Context(), make([]byte, 100), 450)
	mustBe[*hub.ChangedError](t, err)
	check(t, "bytes", n, 50)
}
