package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"
)

const (
	repoName = "owner/texts"
	token    = "hf_aSecretThatMustNotBeSeen"
)

// setup is a hub with one dataset of one commit, and a client of it that never
// really waits.
type setup struct {
	*hubtest.Hub
	repo   *hubtest.Repo
	commit string
	large  []byte // data/large.parquet
	clock  *clock
	client *hub.Client
}

const (
	largePath = "data/large.parquet"
	smallPath = "README.md"
	smallText = "---\nconfigs: []\n---\nA dataset of texts.\n"
)

func newSetup(t *testing.T, change func(*hub.Options)) *setup {
	t.Helper()
	s := &setup{Hub: hubtest.New(t), large: randomBytes(1_000_003), clock: &clock{now: time.Unix(1_700_000_000, 0)}}
	s.Hub.Now, s.Hub.Token = s.clock.Now, token
	s.repo = s.Repo(repoName)
	s.repo.Card = `{"configs":[]}`
	s.commit = s.repo.Commit(map[string]hubtest.File{
		largePath:        hubtest.Large(s.large),
		smallPath:        hubtest.Small(smallText),
		"data/b.jsonl":   hubtest.Small("{}\n"),
		"data/a.jsonl":   hubtest.Small("{}\n{}\n"),
		"empty/none.txt": hubtest.Small(""),
	})
	opt := hub.Options{Endpoint: s.URL, Sleep: s.clock.Sleep, Now: s.clock.Now}
	if change != nil {
		change(&opt)
	}
	s.client = newClient(t, opt)
	return s
}

func newClient(t *testing.T, opt hub.Options) *hub.Client {
	t.Helper()
	c, err := hub.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// file returns one file as it is listed.
func (s *setup) file(t *testing.T, path string) hub.File {
	t.Helper()
	// Another client than the test's, whose patience may be short.
	c := newClient(t, hub.Options{Endpoint: s.URL})
	files, err := c.Files(t.Context(), repoName, s.commit, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Path == path {
			return f
		}
	}
	t.Fatalf("no %s in %v", path, files)
	return hub.File{}
}

const bigPath = "data/big.parquet"

// big makes a commit of the files that tests read by many ranges, and of those
// that newSetup made.
func (s *setup) big(t *testing.T, size int) []byte {
	t.Helper()
	big := randomBytes(size)
	s.commit = s.repo.Commit(map[string]hubtest.File{
		bigPath:   hubtest.Large(big),
		largePath: hubtest.Large(s.large),
		smallPath: hubtest.Small(smallText),
	})
	return big
}

// open opens one file, and makes the hub forget the requests so far.
func (s *setup) open(t *testing.T, path string) *hub.RemoteFile {
	t.Helper()
	f, err := s.client.Open(repoName, s.commit, s.file(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	s.Forget()
	return f
}

// fail makes the first n requests of a kind go wrong.
func (s *setup) fail(kind hubtest.Kind, n int, fault hubtest.Fault) {
	s.SetFault(func(r hubtest.Request) *hubtest.Fault {
		if r.Kind == kind && r.N <= n {
			return &fault
		}
		return nil
	})
}

// clock is a time that passes only in sleep.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

func (c *clock) naps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.slept...)
}

func randomBytes(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b)
	return b
}

// mustBe returns err as an E, or fails.
func mustBe[E error](t *testing.T, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error is %T (%v), want %T", err, err, e)
	}
	return e
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}
