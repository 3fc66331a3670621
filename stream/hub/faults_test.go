package hub_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"ckptledger/stream/hub"
	"ckptledger/stream/hub/hubtest"

	"pgregory.net/rapid"
)

// Whatever goes wrong on the way, what arrives is the file.
func TestRandomRangesUnderRandomFaults(t *testing.T) {
	s := newSetup(t, func(o *hub.Options) {
		o.Tries = 1000
		o.Stall = 100 * time.Millisecond
	})
	paths := map[string][]byte{bigPath: s.big(t, 5*mib), largePath: s.large, smallPath: []byte(smallText)}
	files := make(map[string]hub.File)
	for path := range paths {
		f := s.open(t, path)
		files[path] = f.File()
		// Hosts that have answered are tried often.
		if _, err := f.ReadAt(t.Context(), make([]byte, 1), 0); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var mu sync.Mutex
		expired := false // in this read: two new addresses that expire at once would be an error
		s.SetFault(func(hubtest.Request) *hubtest.Fault {
			mu.Lock()
			defer mu.Unlock()
			switch random.IntN(60) {
			case 0, 1:
				return &hubtest.Fault{Drop: true}
			case 2, 3:
				return hubtest.TooMany("resolvers", 100)
			case 4:
				return &hubtest.Fault{Status: 503}
			case 5:
				if !expired {
					s.clock.Sleep(context.Background(), time.Hour+time.Second) // signed addresses do
				}
				expired = true
			case 6:
				return &hubtest.Fault{Whole: true}
			case 7:
				return &hubtest.Fault{Stall: 1 + random.IntN(50_000)}
			case 8, 9, 10, 11, 12, 13:
				return &hubtest.Fault{Cut: 1 + random.IntN(300_000)}
			}
			return nil
		})
		defer s.SetFault(nil)
		path := rapid.SampledFrom([]string{bigPath, largePath, smallPath}).Draw(t, "path")
		want := paths[path]
		f, err := s.client.Open(repoName, s.commit, files[path])
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 5).Draw(t, "reads") {
			off := rapid.IntRange(0, len(want)).Draw(t, "off")
			n := rapid.IntRange(0, len(want)-off).Draw(t, "n")
			got := make([]byte, n)
			mu.Lock()
			expired = false
			mu.Unlock()
			if rapid.Bool().Draw(t, "stream") {
				r := f.Stream(context.Background(), int64(off), int64(n), rapid.SampledFrom([]int{0, 8 * mib}).Draw(t, "ahead"))
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
