package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"
)

// mirrorLinks makes each Link lead to another host, as that of the hub behind a
// mirror does.
type mirrorLinks struct{ to string }

func (m mirrorLinks) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		for i, l := range resp.Header["Link"] {
			resp.Header["Link"][i] = strings.Replace(l, m.to, "https://hub.invalid", 1)
		}
	}
	return resp, err
}

func TestRefusals(t *testing.T) {
	s := newSetup(t, nil)
	private := s.Repo("owner/private")
	private.Private = true
	private.Commit(map[string]hubtest.File{"a": hubtest.Small("a")})
	withToken := newClient(t, hub.Options{Endpoint: s.URL, Token: token})
	badToken := newClient(t, hub.Options{Endpoint: s.URL, Token: "hf_wrong"})
	pin := func(c *hub.Client, repo, revision string) error {
		_, err := c.Pin(t.Context(), repo, revision)
		return err
	}

	t.Run("Dataset", func(t *testing.T) {
		e := mustBe[*hub.NotFoundError](t, pin(s.client, "owner/none", ""))
		check(t, "what", e.What, hub.Dataset)
		check(t, "advice", strings.Contains(e.Error(), "set HF_TOKEN"), true)
		e = mustBe[*hub.NotFoundError](t, pin(withToken, "owner/none", ""))
		check(t, "with a token", e.What == hub.Dataset && e.HadToken, true)
	})
	t.Run("Private", func(t *testing.T) {
		mustBe[*hub.NotFoundError](t, pin(s.client, "owner/private", ""))
		if err := pin(withToken, "owner/private", ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("Token", func(t *testing.T) {
		e := mustBe[*hub.UnauthorizedError](t, pin(badToken, repoName, ""))
		check(t, "had a token", e.HadToken, true)
	})
	t.Run("TokenUnderAnotherCode", func(t *testing.T) {
		s.Forget()
		s.fail(hubtest.API, 1, hubtest.Fault{Status: 401, Header: http.Header{
			"X-Error-Code": {"RepoNotFound"}, "X-Error-Message": {"Invalid credentials in Authorization header"},
		}})
		mustBe[*hub.UnauthorizedError](t, pin(withToken, repoName, ""))
	})
	t.Run("NoCode", func(t *testing.T) { // the hub's older answer
		s.Forget()
		s.fail(hubtest.API, 1, hubtest.Fault{Status: 401})
		check(t, "what", mustBe[*hub.NotFoundError](t, pin(s.client, repoName, "")).What, hub.Dataset)
		s.Forget()
		mustBe[*hub.UnauthorizedError](t, pin(withToken, repoName, ""))
	})
	t.Run("Revision", func(t *testing.T) {
		e := mustBe[*hub.NotFoundError](t, pin(s.client, repoName, "v9"))
		check(t, "what", e.What == hub.Revision && e.Revision == "v9", true)
		check(t, "request id", strings.Contains(e.Error(), "Root=1-"), true)
	})
	t.Run("Folder", func(t *testing.T) {
		_, err := s.client.Files(t.Context(), repoName, s.commit, "nowhere")
		e := mustBe[*hub.NotFoundError](t, err)
		check(t, "what", e.What == hub.Entry && e.Path == "nowhere", true)
	})
	t.Run("File", func(t *testing.T) {
		f, err := s.client.Open(repoName, s.commit, hub.File{Path: "gone.txt", Size: 3})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.ReadAt(t.Context(), make([]byte, 3), 0)
		check(t, "what", mustBe[*hub.NotFoundError](t, err).What, hub.Entry)
	})
	t.Run("Squashed", func(t *testing.T) {
		f := s.open(t, largePath)
		s.repo.Squash()
		_, err := f.ReadAt(t.Context(), make([]byte, 3), 0)
		check(t, "what", mustBe[*hub.NotFoundError](t, err).What, hub.Revision)
	})
	check(t, "nothing was tried again", s.client.Stats().Retries, 0)
}

func TestGated(t *testing.T) {
	s := newSetup(t, nil)
	s.repo.Gated = true
	f := s.open(t, largePath)
	_, err := f.ReadAt(t.Context(), make([]byte, 3), 0)
	e := mustBe[*hub.GatedError](t, err)
	check(t, "page", e.Page, s.URL+"/datasets/"+repoName)

	c := newClient(t, hub.Options{Endpoint: s.URL, Token: token})
	g, err := c.Open(repoName, s.commit, f.File())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.ReadAt(t.Context(), make([]byte, 3), 0); err != nil {
		t.Error(err)
	}
}

func TestUnreachableWithinAFewTries(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	l.Close() // nobody listens there now
	clock := &clock{}
	c := newClient(t, hub.Options{Endpoint: endpoint, Sleep: clock.Sleep})
	_, err = c.Pin(t.Context(), repoName, "")
	e := mustBe[*hub.UnreachableError](t, err)
	check(t, "endpoint", e.Endpoint, endpoint)
	check(t, "hub", e.Hub, true)
	check(t, "cause", errors.Is(err, syscall.ECONNREFUSED), true)
	for _, way := range []string{endpoint, "--data", "HF_ENDPOINT", "cache", "sample"} {
		check(t, way+" is named", strings.Contains(err.Error(), way), true)
	}
	var waited time.Duration
	for _, d := range clock.naps() {
		waited += d
	}
	if waited > time.Second {
		t.Errorf("waited %s for nobody", waited)
	}
}

// Without a network it takes seconds to say so, however it is silent.
func TestSilentNetworkIsUnreachableWithinSeconds(t *testing.T) {
	for name, silence := range map[string]func(*http.Request) error{
		"Connect": func(*http.Request) error {
			time.Sleep(3 * time.Second) // the transport's timeout
			return &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
		},
		"Answer": func(r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, hub.Options{Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return nil, silence(r) })})
				start := time.Now()
				_, err := c.Pin(t.Context(), repoName, "")
				mustBe[*hub.UnreachableError](t, err)
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// Once anybody has answered there is a network, and patience.
func TestSilentHostIsTriedAgainWhereThereIsANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := 0
		c := newClient(t, hub.Options{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			switch {
			case r.URL.Host == "huggingface.co":
				return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"https://content.invalid/f"}}, Body: http.NoBody}, nil
			case silent < 2:
				silent++
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
		if _, err := f.ReadAt(t.Context(), make([]byte, 1), 0); err != nil {
			t.Error(err)
		}
	})
}

func TestNameThatDoesNotResolveIsUnreachable(t *testing.T) {
	dns := roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "hub.invalid", IsNotFound: true}}
	})
	clock := &clock{}
	c := newClient(t, hub.Options{Endpoint: "https://hub.invalid", Transport: dns, Sleep: clock.Sleep})
	_, err := c.Pin(t.Context(), repoName, "")
	mustBe[*hub.UnreachableError](t, err)
	mustBe[*net.DNSError](t, err)
	check(t, "waits", len(clock.naps()), 2)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestEndpointsThatAreNone(t *testing.T) {
	for _, endpoint := range []string{"huggingface.co", "ftp://x", "https://", "https://user:pass@x", "http://x?token=1", "://"} {
		if _, err := hub.New(hub.Options{Endpoint: endpoint}); err == nil {
			t.Errorf("%q was accepted", endpoint)
		} else if strings.Contains(err.Error(), "pass") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
	if _, err := hub.New(hub.Options{Token: "hf_a\nb"}); err == nil || strings.Contains(err.Error(), "hf_a") {
		t.Errorf("a token of two lines: %v", err)
	}
}

// Whatever goes wrong, wherever: no error and no event shows the token or what
// signs an address.
func TestSecretsAreNotShown(t *testing.T) {
	var seen []string
	s := newSetup(t, func(o *hub.Options) {
		o.Token = token
		o.Tries = 2
		o.Stall = 20 * time.Millisecond
		o.OnRetry = func(e hub.RetryEvent) { seen = append(seen, fmt.Sprintf("%+v %v", e, e.Err)) }
	})
	signed := s.Content + "/xet-bridge-us/x?X-Amz-Date=20200101T000000Z&X-Amz-Expires=9&X-Amz-Signature=" + s.Secret()
	echo := http.Header{ // a server that repeats what it was told
		"X-Error-Message": {"bad token " + token + " for " + signed},
		"X-Error-Code":    {token},
		"X-Request-Id":    {token},
		"X-Repo-Commit":   {token},
		"X-Linked-Size":   {signed},
		"Retry-After":     {token},
	}
	var faults []hubtest.Fault
	for _, status := range []int{400, 401, 403, 404, 408, 416, 418, 429, 500, 503, 200, 206} {
		faults = append(faults, hubtest.Fault{Status: status, Header: echo}, hubtest.Fault{Status: status})
	}
	for _, location := range []string{signed + "\x7f%zz", "ftp://x?" + s.Secret(), "", "http://u:" + s.Secret() + "@x/", "http://127.0.0.1:1/?a=" + s.Secret(), s.URL + "/?a=" + token, signed} {
		faults = append(faults, hubtest.Fault{Status: 302, Header: http.Header{"Location": {location}}})
	}
	faults = append(faults, hubtest.Fault{Drop: true}, hubtest.Fault{Hang: true}, hubtest.Fault{Cut: 10}, hubtest.Fault{Stall: 10}, hubtest.Fault{Total: 3})
	file := s.file(t, largePath)
	failed := 0
	for i, fault := range faults {
		for _, kind := range []hubtest.Kind{hubtest.API, hubtest.Resolve, hubtest.Content} {
			s.Forget()
			s.fail(kind, 9, fault)
			f, err := s.client.Open(repoName, s.commit, file)
			if err != nil {
				t.Fatal(err)
			}
			if kind == hubtest.API {
				_, err = s.client.Pin(t.Context(), repoName, "")
			} else {
				_, err = f.ReadAt(t.Context(), make([]byte, 100_000), 5)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				failed++
				seen = append(seen, fmt.Sprintf("fault %d of %s: %v %+v", i, kind, err, err))
			}
		}
	}
	if failed < 2*len(faults) {
		t.Errorf("only %d errors of %d faults", failed, len(faults))
	}
	secret := regexp.MustCompile(regexp.QuoteMeta(token) + "|" + regexp.QuoteMeta(s.Secret()) + "|X-Amz")
	for _, text := range seen {
		if secret.MatchString(text) {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}

func TestEndedContextEndsAtOnce(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	ctx, cancel := context.WithCancel(t.Context())
	s.SetFault(func(hubtest.Request) *hubtest.Fault {
		cancel()
		return &hubtest.Fault{Hang: true}
	})
	if _, err := f.ReadAt(ctx, make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := s.client.Pin(ctx, repoName, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	check(t, "tries", len(s.Requests("")), 1)
}
