package hub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"
)

func TestPin(t *testing.T) {
	s := newSetup(t, nil)
	s.repo.Tag("v1.0", s.commit)
	s.repo.Tag("refs/convert/parquet", s.commit)
	first := s.commit
	second := s.repo.Commit(map[string]hubtest.File{smallPath: hubtest.Small("other")})
	for revision, want := range map[string]string{
		"": second, "main": second, "v1.0": first, "refs/convert/parquet": first, first: first,
	} {
		got, err := s.client.Pin(t.Context(), repoName, revision)
		if err != nil || got != want {
			t.Errorf("revision %q: %s, %v; want %s", revision, got, err, want)
		}
	}
	check(t, "API calls", s.client.Stats().API, 5)
}

func TestHasCommit(t *testing.T) {
	s := newSetup(t, nil)
	if err := s.client.HasCommit(t.Context(), repoName, s.commit); err != nil {
		t.Error(err)
	}
	check(t, "API calls", s.Count(hubtest.API), 1)
	now := s.repo.Squash()
	e := mustBe[*hub.NotFoundError](t, s.client.HasCommit(t.Context(), repoName, s.commit))
	check(t, "what", e.What == hub.Revision && e.Revision == s.commit, true)
	if err := s.client.HasCommit(t.Context(), repoName, now); err != nil {
		t.Error(err)
	}
	mustBe[*hub.ChangedError](t, s.client.HasCommit(t.Context(), repoName, "main"))
	mustBe[*hub.OfflineError](t, newClient(t, hub.Options{Offline: true}).HasCommit(t.Context(), repoName, now))
}

// A dataset that was renamed is found under its old name.
func TestRenamedDatasetIsFoundByItsOldName(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Token = token })
	s.repo.Rename("owner/new")
	s.Page = 2
	info, err := s.client.Info(t.Context(), repoName, "")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "id", info.ID, "owner/new")
	files, err := s.client.Files(t.Context(), repoName, info.Commit, "")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "files", len(files), 5)
	for _, path := range []string{largePath, smallPath} {
		if _, err := s.open(t, path).ReadAt(t.Context(), make([]byte, 10), 5); err != nil {
			t.Error(err)
		}
	}
	check(t, "the token was sent on", s.Requests(hubtest.Resolve)[1].Header.Get("Authorization"), "Bearer "+token)

	s.SetFault(func(r hubtest.Request) *hubtest.Fault {
		if strings.Contains(r.Path, repoName) { // the query is lost on the way
			return &hubtest.Fault{Status: 307, Header: map[string][]string{"Location": {strings.Replace(r.Path, repoName, "owner/new", 1)}}}
		}
		return nil
	})
	files, err = s.client.Files(t.Context(), repoName, info.Commit, "")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "files by a redirect without query", len(files), 5)
}

func TestInfoHasTheCardAndNotTheListOfFiles(t *testing.T) {
	s := newSetup(t, nil)
	s.repo.Gated = true
	info, err := s.client.Info(t.Context(), repoName, "main")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "card", string(info.Card), `{"configs":[]}`)
	check(t, "id", info.ID, repoName)
	check(t, "gated", info.Gated, true)
	check(t, "query", s.Requests(hubtest.API)[0].Query, "expand=sha&expand=cardData&expand=gated&expand=disabled")
}

func TestFilesAreSortedWhateverThePages(t *testing.T) {
	s := newSetup(t, nil)
	files := make(map[string]hubtest.File)
	var want []string
	for i := range 57 {
		path := fmt.Sprintf("data/part %02d#é.parquet", i)
		files[path] = hubtest.Large([]byte(path))
		want = append(want, path)
	}
	files["database/no.parquet"] = hubtest.Large([]byte("beside the folder"))
	files["data/deep/er/x.jsonl"] = hubtest.Small("{}")
	want = append([]string{"data/deep/er/x.jsonl"}, want...)
	commit := s.repo.Commit(files)
	for _, page := range []int{1, 7, 60, 61, 1000} {
		s.Page = page
		s.Forget()
		got, err := s.client.Files(t.Context(), repoName, commit, "/data/")
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, f := range got {
			paths = append(paths, f.Path)
		}
		if !slices.Equal(paths, want) {
			t.Errorf("pages of %d: got %q", page, paths)
		}
		entries := len(want) + 2 // two folders
		check(t, fmt.Sprintf("requests for pages of %d", page), len(s.Requests("")), (entries+page-1)/page)
	}
}

func TestFilesTellsWhatAFileIs(t *testing.T) {
	s := newSetup(t, nil)
	large, small := s.file(t, largePath), s.file(t, smallPath)
	check(t, "large", large.LFS && large.Size == int64(len(s.large)) && len(large.OID) == 64, true)
	check(t, "small", !small.LFS && small.Size == int64(len(smallText)) && len(small.OID) == 40, true)
}

// A mirror passes on the hub's answers, and with them the hub's own address of
// the next page.
func TestNextPageIsAskedOfTheMirror(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Token = token })
	s.Page = 2
	s.SetFault(func(r hubtest.Request) *hubtest.Fault {
		if r.N > 1 {
			return nil
		}
		return &hubtest.Fault{Header: map[string][]string{"X-Mirror": {"1"}}}
	})
	links := mirrorLinks{to: s.URL}
	c := newClient(t, hub.Options{Endpoint: s.URL, Transport: links, Sleep: s.clock.Sleep})
	files, err := c.Files(t.Context(), repoName, s.commit, "")
	if err != nil || len(files) != 5 {
		t.Errorf("got %v, %v", files, err)
	}
}

func TestListingThatIsNoneIsAnError(t *testing.T) {
	s := newSetup(t, nil)
	s.SetFault(func(hubtest.Request) *hubtest.Fault { return &hubtest.Fault{Status: 200} })
	if _, err := s.client.Files(t.Context(), repoName, s.commit, ""); err == nil {
		t.Error("an empty answer was taken for a listing")
	}
	if _, err := s.client.Pin(t.Context(), repoName, ""); err == nil {
		t.Error("an empty answer was taken for a commit")
	}
}

func TestNamesThatAreNone(t *testing.T) {
	s := newSetup(t, nil)
	for _, name := range []string{"", "/", "a/b/c", "../x", "a/..", "a b/c", "a/b?x", "a/", "/b"} {
		if _, err := s.client.Pin(t.Context(), name, ""); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	check(t, "requests", len(s.Requests("")), 0)
}
