package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"
)

func TestReadAtIsAnIOReaderAt(t *testing.T) {
	s := newSetup(t, nil)
	for path, want := range map[string][]byte{largePath: s.large, smallPath: []byte(smallText), "empty/none.txt": {}} {
		r := s.open(t, path).ReaderAt(t.Context())
		size := int64(len(want))
		for _, c := range []struct{ off, n, got int64 }{
			{0, size, size}, {0, size + 1, size}, {size - 1, 1, 1}, {size - 1, 2, 1}, {size / 2, 7, 7}, {size, 1, 0}, {size + 9, 1, 0}, {0, 0, 0},
		} {
			if c.off < 0 || c.off+c.got > size {
				continue // of the empty file
			}
			p := make([]byte, c.n)
			n, err := r.ReadAt(p, c.off)
			if int64(n) != c.got || c.got < c.n && err != io.EOF || c.got == c.n && err != nil {
				t.Errorf("%s: %d bytes at %d: %d, %v", path, c.n, c.off, n, err)
			}
			if c.got > 0 && !bytes.Equal(p[:n], want[c.off:c.off+c.got]) {
				t.Errorf("%s: %d bytes at %d are others", path, c.n, c.off)
			}
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
			t.Errorf("offset -1: %v", err)
		}
	}
}

func TestOneRedirectForManyReads(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Token = token })
	f := s.open(t, largePath)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			p := make([]byte, 1000)
			if _, err := f.ReadAt(t.Context(), p, int64(i)*50_000); err != nil || !bytes.Equal(p, s.large[i*50_000:][:1000]) {
				t.Error(i, err)
			}
		})
	}
	wg.Wait()
	check(t, "redirects", len(s.Requests(hubtest.Resolve)), 1)
	check(t, "reads", len(s.Requests(hubtest.Content)), 20)
	got := s.client.Stats()
	check(t, "stats", got, hub.Stats{Redirects: 1, Reads: 20, Bytes: 20_000})
}

// A file that is opened again does not cost another redirect, unless it is to be
// another file.
func TestOneRedirectForAFileOpenedAgain(t *testing.T) {
	s := newSetup(t, nil)
	listed := s.file(t, largePath)
	for range 3 {
		f, err := s.client.Open(repoName, s.commit, listed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(t.Context(), make([]byte, 10), 5); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	check(t, "redirects", s.Count(hubtest.Resolve), 1)
	listed.OID = strings.Repeat("0", 64)
	f, err := s.client.Open(repoName, s.commit, listed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.ReadAt(t.Context(), make([]byte, 10), 5)
	check(t, "what", mustBe[*hub.ChangedError](t, err).What, "hash")
}

func TestTheTokenStaysAtTheHub(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Token = token })
	for _, path := range []string{largePath, smallPath} {
		if _, err := s.open(t, path).ReadAt(t.Context(), make([]byte, 5), 0); err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Requests("") {
			check(t, string(r.Kind)+" carries the token", r.Header.Get("Authorization") != "", r.Kind != hubtest.Content)
			check(t, "encoding", r.Header.Get("Accept-Encoding"), "identity")
		}
	}
}

func TestSignedAddressIsUsedUntilAMinuteBeforeItsEnd(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	read := func() {
		t.Helper()
		if _, err := f.ReadAt(t.Context(), make([]byte, 5), 7); err != nil {
			t.Fatal(err)
		}
	}
	read()
	s.clock.Sleep(t.Context(), s.Signed-time.Minute-time.Second)
	read()
	check(t, "redirects before", len(s.Requests(hubtest.Resolve)), 1)
	s.clock.Sleep(t.Context(), time.Second)
	read()
	check(t, "redirects after", len(s.Requests(hubtest.Resolve)), 2)
	check(t, "refused", len(s.Requests(hubtest.Content)), 3)
}

// Where our clock is wrong, or an address is withdrawn early, the hub is asked
// again, but not for ever.
func TestRefusedAddressIsResolvedAgainOnce(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	p := make([]byte, 5)
	f.ReadAt(t.Context(), p, 0)
	s.Forget()
	for _, status := range []int{400, 401, 403, 404, 410} {
		s.Forget()
		s.fail(hubtest.Content, 1, hubtest.Fault{Status: status})
		if _, err := f.ReadAt(t.Context(), p, 0); err != nil {
			t.Error(err)
		}
		check(t, "redirects", len(s.Requests(hubtest.Resolve)), 1)
	}

	s.Forget()
	s.fail(hubtest.Content, 100, hubtest.Fault{Status: 403})
	_, err := f.ReadAt(t.Context(), p, 0)
	check(t, "status", mustBe[*hub.StatusError](t, err).Status, 403)
	check(t, "redirects", len(s.Requests(hubtest.Resolve)), 1)
	check(t, "waits", len(s.clock.naps()), 0)
}

func TestBrokenReadGoesOnAtTheByteItHad(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	s.SetFault(func(r hubtest.Request) *hubtest.Fault {
		if r.Kind == hubtest.Content && r.N < 4 {
			return &hubtest.Fault{Cut: 100_000}
		}
		return nil
	})
	p := make([]byte, 500_000)
	if _, err := f.ReadAt(t.Context(), p, 11); err != nil || !bytes.Equal(p, s.large[11:500_011]) {
		t.Fatal("wrong bytes", err)
	}
	last := int64(10)
	for _, r := range s.Requests(hubtest.Content) {
		var from, to int64
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
		if from < last || to != 500_010 {
			t.Errorf("asked for %s after byte %d", r.Header.Get("Range"), last)
		}
		last = from
	}
	if got := s.client.Stats().Bytes; got != 500_000 {
		t.Errorf("%d bytes were got, of 500,000", got)
	}
}

func TestProgressStartsTheTriesAgain(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Tries = 2 })
	f := s.open(t, largePath)
	s.fail(hubtest.Content, 30, hubtest.Fault{Cut: 20_000})
	p := make([]byte, 900_000)
	if _, err := f.ReadAt(t.Context(), p, 0); err != nil || !bytes.Equal(p, s.large[:900_000]) {
		t.Error("30 breaks, with progress between them:", err)
	}
	s.Forget()
	s.fail(hubtest.Content, 100, hubtest.Fault{Drop: true})
	_, err := f.ReadAt(t.Context(), p, 0)
	e := mustBe[*hub.UnreachableError](t, err)
	check(t, "who", e.Endpoint == s.Content && !e.Hub, true)
}

func TestRetriedStatuses(t *testing.T) {
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		for _, kind := range []hubtest.Kind{hubtest.API, hubtest.Resolve, hubtest.Content} {
			s := newSetup(t, func(o *hub.Options) { o.Tries = 4 })
			f := s.open(t, largePath)
			try := func() error {
				if kind == hubtest.API {
					_, err := s.client.Pin(t.Context(), repoName, "")
					return err
				}
				_, err := f.ReadAt(t.Context(), make([]byte, 9), 9)
				return err
			}
			s.fail(kind, 3, hubtest.Fault{Status: status})
			if err := try(); err != nil {
				t.Errorf("%d three times of %s: %v", status, kind, err)
			}
			naps := s.clock.naps()
			for i, d := range naps {
				if limit := time.Second << i; d > limit {
					t.Errorf("wait %d is %s, over %s", i, d, limit)
				}
			}
			check(t, "waits", len(naps), 3)

			s.clock.Sleep(t.Context(), time.Hour) // the signed address is too old
			s.Forget()
			s.fail(kind, 4, hubtest.Fault{Status: status})
			check(t, "status", mustBe[*hub.StatusError](t, try()).Status, status)
		}
	}
}

func TestWaitsAsLongAsTheHubAsks(t *testing.T) {
	for _, c := range []struct {
		fault *hubtest.Fault
		want  time.Duration
	}{
		{hubtest.TooMany("resolvers", 55), 56 * time.Second},
		{&hubtest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, 7 * time.Second},
		{&hubtest.Fault{Status: 503, Header: http.Header{"Retry-After": {"3"}, "Ratelimit": {`"api";r=4;t=200`}}}, 3 * time.Second},
	} {
		var events []hub.RetryEvent
		s := newSetup(t, func(o *hub.Options) { o.OnRetry = func(e hub.RetryEvent) { events = append(events, e) } })
		f := s.open(t, largePath)
		s.fail(hubtest.Resolve, 1, *c.fault)
		if _, err := f.ReadAt(t.Context(), make([]byte, 9), 9); err != nil {
			t.Error(err)
		}
		if naps := s.clock.naps(); len(naps) != 1 || naps[0] != c.want {
			t.Errorf("waited %v, want %s", naps, c.want)
		}
		if len(events) != 1 || events[0].Wait != c.want || events[0].Try != 1 || !strings.HasSuffix(events[0].What, largePath) {
			t.Errorf("events %+v", events)
		}
	}
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	s.fail(hubtest.Resolve, 1, hubtest.Fault{Status: 429, Header: http.Header{"Retry-After": {"86400000000000000000000"}}})
	_, err := f.ReadAt(t.Context(), make([]byte, 9), 9)
	check(t, "a wait of days", mustBe[*hub.StatusError](t, err).Wait, 24*time.Hour)
	check(t, "waits", len(s.clock.naps()), 0)
}

func TestStalledReadIsTriedAgain(t *testing.T) {
	for _, fault := range []hubtest.Fault{{Hang: true}, {Stall: 1000}} {
		s := newSetup(t, func(o *hub.Options) { o.Stall = 100 * time.Millisecond })
		f := s.open(t, largePath)
		s.fail(hubtest.Content, 1, fault)
		p := make([]byte, 5000)
		if _, err := f.ReadAt(t.Context(), p, 1); err != nil || !bytes.Equal(p, s.large[1:5001]) {
			t.Errorf("%+v: %v", fault, err)
		}
		if n := len(s.Requests(hubtest.Content)); n < 2 { // a busy machine may stall too
			t.Errorf("%d tries", n)
		}
	}
}

func TestServerWithoutRanges(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	s.fail(hubtest.Content, 9, hubtest.Fault{Whole: true})
	p := make([]byte, 1000)
	if _, err := f.ReadAt(t.Context(), p, 500_000); err != nil || !bytes.Equal(p, s.large[500_000:501_000]) {
		t.Error("wrong bytes", err)
	}
	if got := s.client.Stats().Bytes; got != 501_000 {
		t.Errorf("%d bytes were got, of 501,000", got)
	}
	huge := hubtest.File{Content: zeros{}, Size: 1 << 40, SHA256: strings.Repeat("0", 64)}
	s.commit = s.repo.Commit(map[string]hubtest.File{largePath: huge})
	f = s.open(t, largePath)
	if _, err := f.ReadAt(t.Context(), p, 1<<39); !errors.Is(err, hub.ErrNoRanges) {
		t.Errorf("half a terabyte would be thrown away: %v", err)
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func TestChanged(t *testing.T) {
	other := randomBytes(1_000_003)
	other[999_999] ^= 1
	for _, c := range []struct {
		name string
		path string
		do   func(*setup)
		what string
	}{
		{"Byte", largePath, func(s *setup) { s.repo.Swap(largePath, hubtest.Large(other)) }, "hash"},
		{"Size", largePath, func(s *setup) { s.repo.Swap(largePath, hubtest.Large(other[:999_000])) }, "size"},
		{"SmallByte", smallPath, func(s *setup) { s.repo.Swap(smallPath, hubtest.Small(strings.ToUpper(smallText))) }, "hash"},
		{"Total", largePath, func(s *setup) { s.fail(hubtest.Content, 1, hubtest.Fault{Total: 1_000_004}) }, "size"},
		{"Commit", largePath, func(s *setup) {
			h := http.Header{"X-Repo-Commit": {strings.Repeat("0", 40)}, "Location": {"/"}}
			s.fail(hubtest.Resolve, 1, hubtest.Fault{Status: 302, Header: h})
		}, "commit"},
		{"Past", largePath, func(s *setup) {
			s.fail(hubtest.Content, 1, hubtest.Fault{Status: 416, Header: http.Header{"Content-Range": {"bytes */77"}}})
		}, "size"},
		{"Whole", largePath, func(s *setup) { s.fail(hubtest.Content, 1, hubtest.Fault{Status: 200}) }, "size"},
		{"PastUnsaid", largePath, func(s *setup) { s.fail(hubtest.Content, 1, hubtest.Fault{Status: 416}) }, "size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSetup(t, nil)
			f := s.open(t, c.path)
			c.do(s)
			n, err := f.ReadAt(t.Context(), make([]byte, 10), 5)
			e := mustBe[*hub.ChangedError](t, err)
			check(t, "what", e.What, c.what)
			check(t, "both sides", e.Want != "" && e.Got != "" && e.Want != e.Got && e.Path == c.path, true)
			check(t, "bytes handed out", n, 0)
			check(t, "waits", len(s.clock.naps()), 0)
		})
	}
}

// A file swapped while its signed address is in use: the old content is gone
// there, and the hub's redirect shows the new hash.
func TestChangedInUse(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	p := make([]byte, 10)
	if _, err := f.ReadAt(t.Context(), p, 5); err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(s.large)
	other[0] ^= 1
	s.repo.Swap(largePath, hubtest.Large(other))
	_, err := f.ReadAt(t.Context(), p, 5)
	check(t, "what", mustBe[*hub.ChangedError](t, err).What, "hash")
}

func TestAnswerThatIsNotTheRange(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	for _, h := range []http.Header{
		{"Content-Range": {"bytes 0-9/1000003"}}, // begins elsewhere
		{"Content-Range": {"bytes 5-14/*"}},
		{"Content-Range": {"bytes */1000003"}},
		{"Content-Range": {"bytes 5-4/1000003"}},
		{"Content-Range": {"bytes 5-1000003/1000003"}},
		{"Content-Range": {"bytes 5-14/99999999999999999999"}},
		{},
	} {
		s.Forget()
		s.fail(hubtest.Content, 1, hubtest.Fault{Status: 206, Header: h})
		if n, err := f.ReadAt(t.Context(), make([]byte, 10), 5); err == nil || n > 0 {
			t.Errorf("%v was taken for the range: %d, %v", h, n, err)
		}
	}
	s.Forget()
	s.fail(hubtest.Content, 1, hubtest.Fault{Header: http.Header{"Content-Encoding": {"br"}}})
	if _, err := f.ReadAt(t.Context(), make([]byte, 10), 5); err == nil {
		t.Error("encoded content was taken for the file's")
	}
}

func TestRedirectsThatDoNotEnd(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	s.fail(hubtest.Resolve, 100, hubtest.Fault{Status: 307, Header: http.Header{"Location": {"/datasets/a/b/resolve/c/d"}}})
	if _, err := f.ReadAt(t.Context(), make([]byte, 10), 5); err == nil {
		t.Error("no error")
	}
	if n := len(s.Requests("")); n > 10 {
		t.Errorf("followed %d redirects", n)
	}
}

// A dataset that was renamed answers with where it is now.
func TestRenamedDataset(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Token = token })
	f := s.open(t, largePath)
	s.fail(hubtest.Resolve, 1, hubtest.Fault{Status: 307, Header: http.Header{
		"Location": {"/datasets/" + repoName + "/resolve/" + s.commit + "/" + largePath},
	}})
	p := make([]byte, 10)
	for range 3 {
		if _, err := f.ReadAt(t.Context(), p, 5); err != nil || !bytes.Equal(p, s.large[5:15]) {
			t.Error(err)
		}
	}
	check(t, "asks of the hub", len(s.Requests(hubtest.Resolve)), 2)
}

// A mirror may redirect to the hub itself: what that says is checked, and its
// address of the content is the one that is kept.
func TestMirrorThatRedirectsToTheHub(t *testing.T) {
	s := newSetup(t, nil)
	asked := 0
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		check(t, "token", r.Header.Get("Authorization"), "Bearer "+token)
		http.Redirect(w, r, s.URL+r.URL.Path, http.StatusPermanentRedirect)
	}))
	defer mirror.Close()
	c := newClient(t, hub.Options{Endpoint: mirror.URL, Token: token, Sleep: s.clock.Sleep, Now: s.clock.Now})
	listed := s.file(t, largePath)
	f, err := c.Open(repoName, s.commit, listed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := f.ReadAt(t.Context(), make([]byte, 10), int64(i)); err != nil {
			t.Error(err)
		}
	}
	check(t, "asks of the mirror and the hub", asked+s.Count(hubtest.Resolve), 2)
	check(t, "token of the mirror at the hub", s.Requests(hubtest.Resolve)[0].Header.Get("Authorization"), "")

	other := bytes.Clone(s.large)
	other[0] ^= 1
	s.repo.Swap(largePath, hubtest.Large(other))
	f, err = c.Open(repoName, s.commit, listed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.ReadAt(t.Context(), make([]byte, 10), 0)
	check(t, "what", mustBe[*hub.ChangedError](t, err).What, "hash")
}

// Who finds the signed address keeps those who wait for it from asking too, but
// not until he has his own content.
func TestReadersWaitForTheAddressOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type firstKey struct{}
		var resolved atomic.Int32
		resolve := make(chan struct{})
		c := newClient(t, hub.Options{Endpoint: "https://hub.invalid", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "hub.invalid" {
				resolved.Add(1)
				<-resolve
				return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"https://content.invalid/f"}}, Body: http.NoBody}, nil
			}
			if r.Context().Value(firstKey{}) != nil {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			h := http.Header{"Content-Range": {"bytes 0-0/1"}}
			return &http.Response{StatusCode: http.StatusPartialContent, Header: h, Body: io.NopCloser(strings.NewReader("x"))}, nil
		})})
		f, err := c.Open(repoName, "main", hub.File{Path: "f", Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), firstKey{}, true))
		read := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := f.ReadAt(ctx, make([]byte, 1), 0)
				done <- err
			}()
			synctest.Wait()
			return done
		}
		start := time.Now()
		first, second := read(ctx), read(t.Context())
		close(resolve)
		if err := <-second; err != nil {
			t.Error(err)
		}
		check(t, "waited", time.Since(start), 0) // not until the first has stalled
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		check(t, "asks of the hub", resolved.Load(), 1)
	})
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	for _, location := range []string{"", "http://hub.invalid/f", "ftp://hub.invalid/f", "https://user:pass@hub.invalid/f", "%zz", "mailto:x"} {
		asked := 0
		c := newClient(t, hub.Options{Endpoint: "https://hub.invalid", Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			asked++
			return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {location}}, Body: http.NoBody}, nil
		})})
		f, err := c.Open(repoName, "main", hub.File{Path: "f", Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.ReadAt(t.Context(), make([]byte, 1), 0)
		if err == nil || asked != 1 {
			t.Errorf("%q: %d requests, %v", location, asked, err)
		}
	}
}
