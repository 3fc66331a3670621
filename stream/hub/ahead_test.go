package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"

	"pgregory.net/rapid"
)

func TestStreamIsTheFileFromAnyOffset(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	size := int64(len(s.large))
	for _, c := range []struct{ off, n int64 }{
		{0, -1}, {1, -1}, {size - 1, -1}, {size, -1}, {size + 5, -1}, {70_000, 200_001}, {0, 0}, {size - 10, 100}, {3, 1},
	} {
		want := s.large[min(c.off, size):]
		if c.n >= 0 {
			want = want[:min(c.n, int64(len(want)))]
		}
		r := f.Stream(t.Context(), c.off, c.n, 1)
		if err := iotest.TestReader(r, want); err != nil {
			t.Errorf("%d bytes from %d: %v", c.n, c.off, err)
		}
		r.Close()
		if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("read of a closed stream: %v", err)
		}
	}
	s.Forget()
	r := f.Stream(t.Context(), 5, 900_000, 1<<20)
	io.Copy(io.Discard, r)
	r.Close()
	check(t, "requests", len(s.Requests("")), 1)
}

// What is read ahead is bounded, and is read without being asked for.
func TestStreamReadsAheadSoFarAndNoFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, ahead, took = 1 << 40, 1 << 20, 100_000
		endless := roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusPartialContent,
				Header:     http.Header{"Content-Range": {fmt.Sprintf("bytes 0-%d/%d", size-1, size)}},
				Body:       io.NopCloser(io.NewSectionReader(zeros{}, 0, size)),
			}, nil
		})
		c := newClient(t, hub.Options{Transport: endless})
		f, err := c.Open(repoName, "main", hub.File{Path: "f", Size: size})
		if err != nil {
			t.Fatal(err)
		}
		r := f.Stream(t.Context(), 0, -1, ahead)
		defer r.Close()
		for i := range 20 {
			synctest.Wait()
			check(t, "bytes got", c.Stats().Bytes, int64(ahead+i*took))
			if _, err := io.ReadFull(r, make([]byte, took)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	s := newSetup(t, nil)
	f := s.open(t, largePath)
	s.fail(hubtest.Content, 1, hubtest.Fault{Stall: 1000})
	ctx, cancel := context.WithCancel(t.Context())
	r := f.Stream(ctx, 0, -1, 1<<20)
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 2 {
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestStreamErrorIsNotTheEnd(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Tries = 2 })
	f := s.open(t, largePath)
	s.Fault = func(r hubtest.Request) *hubtest.Fault {
		switch {
		case r.Kind != hubtest.Content:
			return nil
		case r.N == 1:
			return &hubtest.Fault{Cut: 300_000}
		}
		return &hubtest.Fault{Status: 503}
	}
	r := f.Stream(t.Context(), 0, -1, 1<<20)
	defer r.Close()
	got, err := io.ReadAll(r)
	mustBe[*hub.StatusError](t, err)
	if len(got) > 300_000 || !bytes.Equal(got, s.large[:len(got)]) {
		t.Errorf("%d bytes before the error, or not those of the file", len(got))
	}
}

// Whatever goes wrong on the way, what arrives is the file.
func TestRandomRangesUnderRandomFaults(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) {
		o.Tries = 1000
		o.Stall = 20 * time.Millisecond
	})
	paths := map[string][]byte{largePath: s.large, smallPath: []byte(smallText)}
	files := map[string]hub.File{largePath: s.file(t, largePath), smallPath: s.file(t, smallPath)}
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		expired := false
		fault := func(r hubtest.Request) *hubtest.Fault {
			if expired && r.Kind == hubtest.Content {
				expired = false // two new addresses that expire at once would be an error
				return nil
			}
			switch random.IntN(40) {
			case 0, 1:
				return &hubtest.Fault{Drop: true}
			case 2, 3:
				return hubtest.TooMany("resolvers", 100)
			case 4:
				return &hubtest.Fault{Status: 503}
			case 5:
				s.clock.Sleep(context.Background(), time.Hour+time.Second) // signed addresses expire
				expired = true
			case 6:
				return &hubtest.Fault{Whole: true}
			case 7:
				return &hubtest.Fault{Stall: 1 + random.IntN(50_000)}
			case 8, 9, 10, 11, 12, 13:
				return &hubtest.Fault{Cut: 1 + random.IntN(300_000)}
			}
			return nil
		}
		var busy = make(chan struct{}, 1) // random is for one at a time
		s.Fault = func(r hubtest.Request) *hubtest.Fault {
			busy <- struct{}{}
			defer func() { <-busy }()
			return fault(r)
		}
		defer func() { s.Fault = nil }()
		path := rapid.SampledFrom([]string{largePath, largePath, smallPath}).Draw(t, "path")
		want := paths[path]
		f, err := s.client.Open(repoName, s.commit, files[path])
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 5).Draw(t, "reads") {
			off := rapid.IntRange(0, len(want)).Draw(t, "off")
			n := rapid.IntRange(0, len(want)-off).Draw(t, "n")
			got := make([]byte, n)
			if rapid.Bool().Draw(t, "stream") {
				r := f.Stream(context.Background(), int64(off), int64(n), 1<<16)
				got, err = io.ReadAll(r)
				r.Close()
			} else {
				_, err = f.ReadAt(context.Background(), got, int64(off))
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want[off:off+n]) {
				t.Fatalf("%d bytes at %d are others", n, off)
			}
		}
	})
}

func BenchmarkStream(b *testing.B) {
	h := hubtest.New(b)
	repo := h.Repo(repoName)
	const size = 256 << 20
	commit := repo.Commit(map[string]hubtest.File{"f": {Content: zeros{}, Size: size, SHA256: strings.Repeat("0", 64)}})
	c, err := hub.New(hub.Options{Endpoint: h.URL})
	if err != nil {
		b.Fatal(err)
	}
	f, err := c.Open(repoName, commit, hub.File{Path: "f", Size: size})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	buf := make([]byte, 1<<20)
	for b.Loop() {
		r := f.Stream(b.Context(), 0, -1, 8<<20)
		if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, buf); err != nil || n != size {
			b.Fatal(n, err)
		}
		r.Close()
	}
}
