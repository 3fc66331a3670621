package hub_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ckptledger/stream/hub"
)

func TestOpenURL(t *testing.T) {
	data, tag := randomBytes(100_000), `"one"`
	failures := 1
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "":
			t.Error("the token was sent")
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/data.jsonl?key=1", http.StatusFound)
			return
		case r.URL.Path == "/empty":
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(nil))
			return
		case r.URL.Path != "/data.jsonl":
			http.NotFound(w, r)
			return
		case failures > 0:
			failures--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	defer web.Close()
	clock := &clock{}
	c := newClient(t, hub.Options{Token: token, Sleep: clock.Sleep})

	for _, path := range []string{"/data.jsonl?key=1", "/moved"} {
		f, err := c.OpenURL(t.Context(), web.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "size", f.Size(), 100_000)
		check(t, "tag", f.ETag(), tag)
		check(t, "path", f.File().Path, web.URL+strings.TrimSuffix(path, "?key=1"))
		r := f.Stream(t.Context(), 10, -1, 0)
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, data[10:]) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	empty, err := c.OpenURL(t.Context(), web.URL+"/empty")
	if err != nil || empty.Size() != 0 {
		t.Errorf("empty file: %v", err)
	}
	_, err = c.OpenURL(t.Context(), web.URL+"/none?secret=1")
	check(t, "status", mustBe[*hub.StatusError](t, err).Status, http.StatusNotFound)
	check(t, "query shown", strings.Contains(err.Error(), "secret"), false)

	f, err := c.OpenURL(t.Context(), web.URL+"/data.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	tag = `"two"`
	_, err = f.ReadAt(t.Context(), make([]byte, 10), 0)
	check(t, "what", mustBe[*hub.ChangedError](t, err).What, "tag")
	tag, data = `"one"`, data[:99_999]
	_, err = f.ReadAt(t.Context(), make([]byte, 10), 0)
	check(t, "what", mustBe[*hub.ChangedError](t, err).What, "size")

	for _, address := range []string{"", "data.jsonl", "ftp://x/y", "http://", "http://user:pass@x/y"} {
		if _, err := c.OpenURL(t.Context(), address); err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%q: %v", address, err)
		}
	}
	_, err = newClient(t, hub.Options{Offline: true}).OpenURL(t.Context(), web.URL+"/data.jsonl")
	mustBe[*hub.OfflineError](t, err)
	check(t, "waits", len(clock.naps()), 1)
}

func TestOpenURLOfNobody(t *testing.T) {
	refused := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") })
	clock := &clock{}
	c := newClient(t, hub.Options{Transport: refused, Sleep: clock.Sleep})
	_, err := c.OpenURL(t.Context(), "https://data.invalid/x")
	e := mustBe[*hub.UnreachableError](t, err)
	check(t, "endpoint", e.Endpoint, "https://data.invalid")
	check(t, "hub", e.Hub, false)
}
