package kato

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ckptledger/trainer"
)

// A server that is slow answers what it knew when it was asked: that a pattern is
// missing then, before it can be seen, says nothing when the answer comes later.
func TestSettleSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := []byte("a text that is one pattern")
		var learned atomic.Int64
		var visible time.Time
		mux := http.NewServeMux()
		mux.Handle("POST /sessions", answering(200, `{"session_id":"s"}`))
		mux.Handle("DELETE /sessions/s", answering(200, `{}`))
		mux.HandleFunc("POST /sessions/s/observe-sequence", func(http.ResponseWriter, *http.Request) {
			learned.Add(1)
			visible = time.Now().Add(DefaultWaits.Visible / 2)
			panic(http.ErrAbortHandler) // the answer is lost
		})
		mux.HandleFunc("GET /pattern/{name}", func(w http.ResponseWriter, _ *http.Request) {
			missing := time.Now().Before(visible)
			time.Sleep(2 * DefaultWaits.Visible)
			if missing {
				fmt.Fprint(w, `{"pattern":{"status":"error"}}`)
			} else {
				fmt.Fprintf(w, `{"pattern":{"status":"okay","pattern":{"frequency":%d}}}`, learned.Load())
			}
		})
		l, err := New(Options{ChunkSizes: []int{8}})
		if err != nil {
			t.Fatal(err)
		}
		l.client, _, _ = inMemory(t, Waits{}, healthyServer(mux))
		if parts := l.mirror.NewSplitter().Split(text).Parts; len(parts) != 1 {
			t.Fatalf("%d patterns", len(parts))
		}
		if err := l.Learn(t.Context(), trainer.Sample{Text: text}); err != nil {
			t.Fatal(err)
		}
		if n := learned.Load(); n != 1 {
			t.Errorf("learned %d times", n)
		}
		if err := l.single.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
