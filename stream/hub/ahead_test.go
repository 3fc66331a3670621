package hub_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"
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

// ranges is a transport that answers every range of one file of zeros at once, and
// notes them.
type ranges struct {
	size int64

	mu    sync.Mutex
	asked []span
}

type span struct{ from, to int64 } // to is not in it

func (r *ranges) RoundTrip(q *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var from, last int64
	if _, err := fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-%d", &from, &last); err != nil {
		return nil, err
	}
	r.asked = append(r.asked, span{from, last + 1})
	return &http.Response{
		StatusCode: http.StatusPartialContent,
		Header:     http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", from, last, r.size)}},
		Body:       io.NopCloser(io.NewSectionReader(zeros{}, from, last+1-from)),
	}, nil
}

// inOrder returns what was asked for by its place: it may have come in another
// order.
func (r *ranges) inOrder() []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(slices.Values(r.asked), func(a, b span) int { return cmp.Compare(a.from, b.from) })
}

func (r *ranges) open(t *testing.T) (*hub.Client, *hub.RemoteFile) {
	t.Helper()
	c := newClient(t, hub.Options{Transport: r})
	f, err := c.Open(repoName, "main", hub.File{Path: "f", Size: r.size})
	if err != nil {
		t.Fatal(err)
	}
	return c, f
}

const mib = 1 << 20

// Who takes little has asked for little.
func TestStreamAsksForNoMoreThanIsWorthIt(t *testing.T) {
	for _, c := range []struct {
		take, n int64 // of the part of n bytes
		want    []int64
	}{
		{0, -1, []int64{1}},
		{1000, -1, []int64{1}},
		{mib*3/4 - 1, -1, []int64{1}},
		{mib * 3 / 4, -1, []int64{1, 1}},
		{mib, -1, []int64{1, 1}},
		{2 * mib, -1, []int64{1, 1, 2}},
		{4*mib - nearEnd - 1, -1, []int64{1, 1, 2}},
		{4 * mib, -1, []int64{1, 1, 2, 4}},
		{12 * mib, -1, []int64{1, 1, 2, 4, 8, 8}},
		{30 * mib, -1, []int64{1, 1, 2, 4, 8, 8, 8, 8}},
		{0, 3 * mib, []int64{1}},
		{3 * mib, 3 * mib, []int64{1, 1, 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &ranges{size: 1 << 40}
			client, f := r.open(t)
			s := f.Stream(t.Context(), 77, c.n, 16*mib)
			defer s.Close()
			if _, err := io.CopyN(io.Discard, s, c.take); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			off, got := int64(77), []int64{}
			for _, a := range r.inOrder() {
				check(t, "begin of a range", a.from, off)
				got, off = append(got, (a.to-a.from)/mib), a.to
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%d taken: ranges of %d MiB, want %d", c.take, got, c.want)
			}
			check(t, "no answer is left half read", client.Stats().Bytes, off-77)
			check(t, "reads", client.Stats().Reads, int64(len(c.want)))
		})
	}
}

const nearEnd = 256 << 10

// However it is taken: the next bytes are there, and not many more.
func TestStreamReadsAheadSoFarAndNoFurther(t *testing.T) {
	for _, ahead := range []int{0, 2 * mib, 5 * mib, 16 * mib} {
		synctest.Test(t, func(t *testing.T) {
			r := &ranges{size: 1 << 40}
			client, f := r.open(t)
			s := f.Stream(t.Context(), 0, -1, ahead)
			defer s.Close()
			random := rand.New(rand.NewPCG(1, uint64(ahead)))
			taken := int64(0)
			for range 300 {
				n := random.Int64N(int64(1) << random.IntN(22))
				if _, err := io.CopyN(io.Discard, s, n); err != nil {
					t.Fatal(err)
				}
				taken += n
				synctest.Wait()
				asked := r.inOrder()
				last := asked[len(asked)-1]
				got := client.Stats().Bytes
				check(t, "no answer is left half read", got, last.to)
				if held := got - taken; held <= 0 || held > max(taken, nearEnd+last.to-last.from) || held > max(int64(ahead), 2*mib) {
					t.Fatalf("%d bytes taken, %d held", taken, held)
				}
			}
		})
	}
}

// A server without ranges sends all there is, once.
func TestStreamOfServerWithoutRanges(t *testing.T) {
	s := newSetup(t, nil)
	big := s.big(t, 5*mib+1)
	f := s.open(t, bigPath)
	s.fail(hubtest.Content, 99, hubtest.Fault{Whole: true})
	r := f.Stream(t.Context(), 3, -1, 0)
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, big[3:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	check(t, "sent", s.Sent(bigPath), hubtest.Sent{Reads: 1, Bytes: int64(len(big))})
}

// A server may answer less than was asked for, which is no failure.
func TestShorterAnswerIsNoFailure(t *testing.T) {
	r := &ranges{size: 1 << 40}
	half := roundTripper(func(q *http.Request) (*http.Response, error) {
		var from, last int64
		fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-%d", &from, &last)
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, (from+last)/2))
		return r.RoundTrip(q)
	})
	c := newClient(t, hub.Options{Transport: half, Tries: 1})
	f, err := c.Open(repoName, "main", hub.File{Path: "f", Size: r.size})
	if err != nil {
		t.Fatal(err)
	}
	s := f.Stream(t.Context(), 5, 3*mib, 0)
	defer s.Close()
	if n, err := io.Copy(io.Discard, s); n != 3*mib || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	check(t, "bytes", c.Stats().Bytes, 3*mib)
	check(t, "retries", c.Stats().Retries, 0)
}

// What was got before a range that fails is handed out first.
func TestErrorOfALaterRangeComesInItsPlace(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) { o.Tries = 1 })
	big := s.big(t, 5*mib)
	f := s.open(t, bigPath)
	s.SetFault(func(r hubtest.Request) *hubtest.Fault {
		if strings.HasPrefix(r.Header.Get("Range"), fmt.Sprintf("bytes=%d-", 2*mib)) {
			return &hubtest.Fault{Status: 503}
		}
		return nil
	})
	r := f.Stream(t.Context(), 0, -1, 0)
	defer r.Close()
	got, err := io.ReadAll(r)
	check(t, "status", mustBe[*hub.StatusError](t, err).Status, 503)
	if !bytes.Equal(got, big[:2*mib]) {
		t.Errorf("%d bytes before the error", len(got))
	}
}

// Close does not wait for the answer to a range that was asked for ahead.
func TestCloseWhileTheNextRangeIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &ranges{size: 1 << 40}
		silent := roundTripper(func(q *http.Request) (*http.Response, error) {
			if strings.HasPrefix(q.Header.Get("Range"), "bytes=0-") {
				return r.RoundTrip(q)
			}
			<-q.Context().Done()
			return nil, q.Context().Err()
		})
		c := newClient(t, hub.Options{Transport: silent})
		f, err := c.Open(repoName, "main", hub.File{Path: "f", Size: r.size})
		if err != nil {
			t.Fatal(err)
		}
		s := f.Stream(t.Context(), 0, -1, 0)
		if _, err := io.CopyN(io.Discard, s, mib); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		check(t, "waited", time.Since(start), 0)
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
	s.SetFault(func(r hubtest.Request) *hubtest.Fault {
		switch {
		case r.Kind != hubtest.Content:
			return nil
		case r.N == 1:
			return &hubtest.Fault{Cut: 300_000}
		}
		return &hubtest.Fault{Status: 503}
	})
	r := f.Stream(t.Context(), 0, -1, 1<<20)
	defer r.Close()
	got, err := io.ReadAll(r)
	mustBe[*hub.StatusError](t, err)
	if len(got) > 300_000 || !bytes.Equal(got, s.large[:len(got)]) {
		t.Errorf("%d bytes before the error, or not those of the file", len(got))
	}
}
