package hubtest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"ckptledger/stream/hub/hubtest"
)

const (
	name  = "owner/texts"
	large = "data/large.bin"
	small = "README.md"
)

var content = bytes.Repeat([]byte("0123456789"), 1000)

func newHub(t *testing.T) (*hubtest.Hub, *hubtest.Repo, string) {
	t.Helper()
	h := hubtest.New(t)
	h.Token = "hf_token"
	r := h.Repo(name)
	return h, r, r.Commit(map[string]hubtest.File{large: hubtest.Large(content), small: hubtest.Small("# Texts\n")})
}

// get sends a request as clients do that follow redirects by hand, and returns
// the answer and its body. The header is name, value, name, value.
func get(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	resp, body, err := try(url, header...)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func try(url string, header ...string) (*http.Response, []byte, error) {
	q, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// want compares the status and headers of an answer.
func want(t *testing.T, resp *http.Response, status int, header ...string) {
	t.Helper()
	if resp.StatusCode != status {
		t.Errorf("%s: status %d, want %d", resp.Request.URL, resp.StatusCode, status)
	}
	for i := 0; i < len(header); i += 2 {
		if got := resp.Header.Get(header[i]); got != header[i+1] {
			t.Errorf("%s: %s is %q, want %q", resp.Request.URL, header[i], got, header[i+1])
		}
	}
}

func TestLargeFileIsRedirectedToASignedAddress(t *testing.T) {
	h, _, commit := newHub(t)
	sum := sha256.Sum256(content)
	resp, _ := get(t, h.URL+"/datasets/"+name+"/resolve/main/"+large)
	want(t, resp, http.StatusFound,
		"X-Repo-Commit", commit,
		"X-Linked-Etag", `"`+hex.EncodeToString(sum[:])+`"`,
		"X-Linked-Size", "10000",
		"Accept-Ranges", "bytes",
		"RateLimit", `"resolvers";r=499;t=300`)
	location := resp.Header.Get("Location")
	if !strings.HasPrefix(location, h.Content+"/") || h.Content == h.URL || !strings.Contains(location, "X-Amz-Expires=3600") {
		t.Errorf("redirected to %s", location)
	}
	resp, body := get(t, location)
	want(t, resp, http.StatusOK, "X-Repo-Commit", "", "X-Linked-Etag", "")
	if !bytes.Equal(body, content) {
		t.Errorf("%d bytes", len(body))
	}
	resp, _ = get(t, location, "Authorization", "Bearer hf_token")
	want(t, resp, http.StatusBadRequest)
	resp, _ = get(t, strings.Replace(location, h.Secret(), "forged", 1))
	want(t, resp, http.StatusForbidden)
	now := h.Now()
	h.Now = func() time.Time { return now.Add(time.Hour + 2*time.Second) }
	resp, _ = get(t, location)
	want(t, resp, http.StatusForbidden)
}

func TestSmallFileIsRedirectedOnTheHub(t *testing.T) {
	h, _, commit := newHub(t)
	resp, _ := get(t, h.URL+"/datasets/"+name+"/resolve/"+commit+"/"+small)
	location := resp.Header.Get("Location")
	want(t, resp, http.StatusTemporaryRedirect, "X-Repo-Commit", commit, "Location", "/api/resolve-cache/datasets/"+name+"/"+commit+"/"+small)
	resp, body := get(t, h.URL+location, "Range", "bytes=2-")
	want(t, resp, http.StatusPartialContent, "Content-Range", "bytes 2-7/8")
	if string(body) != "Texts\n" {
		t.Errorf("got %q", body)
	}
}

func TestRanges(t *testing.T) {
	h, _, _ := newHub(t)
	resp, _ := get(t, h.URL+"/datasets/"+name+"/resolve/main/"+large)
	location := resp.Header.Get("Location")
	for _, c := range []struct {
		ranged, part string
		status       int
		bytes        int
	}{
		{"bytes=0-9", "bytes 0-9/10000", 206, 10},
		{"bytes=9999-", "bytes 9999-9999/10000", 206, 1},
		{"bytes=9990-20000", "bytes 9990-9999/10000", 206, 10},
		{"bytes=-4", "bytes 9996-9999/10000", 206, 4},
		{"bytes=-20000", "bytes 0-9999/10000", 206, 10000},
		{"bytes=10000-", "bytes */10000", 416, 0},
		{"bytes=5-4", "", 200, 10000},
		{"bytes=a-b", "", 200, 10000},
		{"", "", 200, 10000},
	} {
		resp, body := get(t, location, "Range", c.ranged)
		want(t, resp, c.status, "Content-Range", c.part)
		if len(body) != c.bytes {
			t.Errorf("%s: %d bytes, want %d", c.ranged, len(body), c.bytes)
		}
	}
}

func TestRefusals(t *testing.T) {
	h, repo, commit := newHub(t)
	private := h.Repo("owner/private")
	private.Private = true
	private.Commit(nil)
	repo.Gated = true
	for _, c := range []struct {
		path, token, code string
		status            int
	}{
		{"/api/datasets/owner/none", "", "RepoNotFound", 401},
		{"/api/datasets/owner/none", "hf_token", "RepoNotFound", 404},
		{"/api/datasets/owner/private", "", "RepoNotFound", 401},
		{"/api/datasets/owner/private", "hf_token", "", 200},
		{"/api/datasets/" + name + "/revision/none", "", "RevisionNotFound", 404},
		{"/api/datasets/" + name + "/tree/" + commit + "/none", "", "EntryNotFound", 404},
		{"/api/datasets/" + name + "/tree/" + commit, "", "", 200},
		{"/datasets/" + name + "/resolve/none/" + large, "hf_token", "RevisionNotFound", 404},
		{"/datasets/" + name + "/resolve/main/none", "hf_token", "EntryNotFound", 404},
		{"/datasets/" + name + "/resolve/main/" + large, "", "GatedRepo", 401},
		{"/datasets/" + name + "/resolve/main/" + large, "hf_token", "", 302},
		{"/api/datasets/" + name, "hf_other", "", 401},
		{"/api/resolve-cache", "", "", 404},
		{"/", "", "", 404},
	} {
		var header []string
		if c.token != "" {
			header = []string{"Authorization", "Bearer " + c.token}
		}
		resp, _ := get(t, h.URL+c.path, header...)
		want(t, resp, c.status, "X-Error-Code", c.code)
		if resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: no id", c.path)
		}
	}
}

func TestFaultsByKindNumberAndFile(t *testing.T) {
	h, _, _ := newHub(t)
	h.SetFault(func(r hubtest.Request) *hubtest.Fault {
		switch {
		case r.Kind == hubtest.API && r.N == 2:
			return hubtest.TooMany("api", 7)
		case r.Kind == hubtest.Content && r.File == large && r.N == 1:
			return &hubtest.Fault{Cut: 10}
		case r.Kind == hubtest.Resolve && r.File == small && r.N == 3:
			return &hubtest.Fault{Total: 99}
		}
		return nil
	})
	for n := range 3 {
		resp, _ := get(t, h.URL+"/api/datasets/"+name)
		limit := `"api";r=499;t=300`
		if n == 1 {
			limit = `"api";r=0;t=7`
		}
		want(t, resp, map[bool]int{true: 429, false: 200}[n == 1], "RateLimit", limit)
	}
	resp, _ := get(t, h.URL+"/datasets/"+name+"/resolve/main/"+large)
	location := resp.Header.Get("Location")
	if _, body, err := try(location); err == nil || len(body) > 10 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if _, body := get(t, location); len(body) != len(content) {
		t.Errorf("%d bytes", len(body))
	}
	resp, _ = get(t, h.URL+"/datasets/"+name+"/resolve/main/"+small)
	resp, _ = get(t, h.URL+resp.Header.Get("Location"), "Range", "bytes=0-")
	want(t, resp, http.StatusPartialContent, "Content-Range", "bytes 0-7/99")
}

func TestWhatAReaderCosts(t *testing.T) {
	h, _, _ := newHub(t)
	get(t, h.URL+"/api/datasets/"+name)
	resp, _ := get(t, h.URL+"/datasets/"+name+"/resolve/main/"+large)
	get(t, resp.Header.Get("Location"), "Range", "bytes=0-99")
	get(t, resp.Header.Get("Location"), "Range", "bytes=500-1499")
	get(t, resp.Header.Get("Location"), "Range", "bytes=10000-")
	if got, want := h.Sent(large), (hubtest.Sent{Reads: 2, Bytes: 1100}); got != want {
		t.Errorf("sent %+v, want %+v", got, want)
	}
	for kind, want := range map[hubtest.Kind]int{hubtest.API: 1, hubtest.Resolve: 1, hubtest.Content: 3} {
		if got := h.Count(kind); got != want {
			t.Errorf("%d requests of %s, want %d", got, kind, want)
		}
	}
	h.Forget()
	if h.Sent(large) != (hubtest.Sent{}) || h.Count(hubtest.Content) != 0 {
		t.Error("something is still counted")
	}
}

// Owners commit, tag, squash and swap while others read, who get what the
// address of the content promises, or are refused.
func TestChangesWhileItServes(t *testing.T) {
	h, repo, first := newHub(t)
	file := func(i int) hubtest.File { return hubtest.Large(bytes.Repeat([]byte{byte(i)}, 5000)) }
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, p := range []string{"/api/datasets/" + name, "/api/datasets/" + name + "/refs", "/api/datasets/" + name + "/tree/main?recursive=true"} {
					resp, body, err := try(h.URL + p)
					if err != nil || resp.StatusCode != 200 || !json.Valid(body) {
						t.Errorf("%s: %s, %v", p, body, err)
					}
				}
				resp, _, err := try(h.URL + "/datasets/" + name + "/resolve/main/" + large)
				if err != nil || resp.StatusCode != http.StatusFound {
					t.Errorf("resolve: %v, %v", resp, err)
					continue
				}
				location := resp.Header.Get("Location")
				resp, body, err := try(location)
				sum := sha256.Sum256(body)
				switch {
				case err != nil:
					t.Error(err)
				case resp.StatusCode == http.StatusForbidden: // swapped meanwhile
				case hex.EncodeToString(sum[:]) != path.Base(resp.Request.URL.Path):
					t.Errorf("%d bytes that are others", len(body))
				}
				h.Sent(large)
			}
		})
	}
	for i := range 50 {
		c := repo.Commit(map[string]hubtest.File{large: file(i), fmt.Sprint(i): hubtest.Small("x")})
		repo.Tag("v", c)
		repo.Swap(large, file(i+1))
		if i%5 == 4 {
			repo.Squash()
		}
		h.SetFault(func(hubtest.Request) *hubtest.Fault { return nil })
	}
	close(done)
	readers.Wait()
	resp, _ := get(t, h.URL+"/api/datasets/"+name+"/revision/"+first)
	want(t, resp, http.StatusNotFound, "X-Error-Code", "RevisionNotFound")
}

func TestRename(t *testing.T) {
	h, repo, commit := newHub(t)
	repo.Rename("owner/new")
	resp, _ := get(t, h.URL+"/api/datasets/"+name+"/tree/"+commit+"?recursive=true")
	want(t, resp, http.StatusTemporaryRedirect, "Location", "/api/datasets/owner/new/tree/"+commit+"?recursive=true")
	resp, _ = get(t, h.URL+"/datasets/"+name+"/resolve/main/"+large)
	want(t, resp, http.StatusTemporaryRedirect, "Location", "/datasets/owner/new/resolve/main/"+large)
	resp, _ = get(t, h.URL+resp.Header.Get("Location"))
	want(t, resp, http.StatusFound)
	resp, _ = get(t, h.URL+"/api/datasets/"+name)
	want(t, resp, http.StatusTemporaryRedirect, "Location", "/api/datasets/owner/new")
}
