package kato

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// symbols are a chunk of layer 0.
var symbols = []string{"Ġthe", "Ġcat", "Ġsat", "Ġon", "Ġthe", "Ġ\"", "mat", "."}

// answerText is what a server answers to them.
var answerText = func() string {
	var results []string
	for i := range symbols {
		results = append(results, fmt.Sprintf(`{"status":"okay","sequence_position":%d,"stm_length":%d,"time":%d,"unique_id":"seq-obs-0123456789abcdef0123456789abcdef","auto_learned_pattern":null}`, i, i+1, i+1))
	}
	return `{"status":"completed","processor_id":"node0_x_kato","observations_processed":8,"initial_stm_length":0,"final_stm_length":0,"results":[` +
		strings.Join(results, ",") + `],"auto_learned_patterns":["PTRN|0123456789abcdef0123456789abcdef01234567"],"final_learned_pattern":"PTRN|0123456789abcdef0123456789abcdef01234567","isolated":false}`
}()

// trivial is a server that answers at once.
func trivial(b *testing.B) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answerText)
	}))
	b.Cleanup(server.Close)
	return server
}

// BenchmarkObserve is a request with all that belongs to it.
func BenchmarkObserve(b *testing.B) {
	c := newClient(trivial(b).URL, DefaultWaits, func(string) {})
	defer c.close()
	ctx, end := newPulse(0, DefaultWaits.Stall).begin(context.Background(), 0)
	defer end()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.observe(ctx, call{session: "s", symbols: symbols}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBare is the same traffic without: what observe is measured against.
func BenchmarkBare(b *testing.B) {
	address := trivial(b).URL + "/sessions/s/observe-sequence"
	body := (&call{symbols: symbols}).encode()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	for b.Loop() {
		resp, err := client.Post(address, "application/json", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func BenchmarkEncode(b *testing.B) {
	o := call{symbols: symbols}
	b.ReportAllocs()
	for b.Loop() {
		o.encode()
	}
}

func BenchmarkDecode(b *testing.B) {
	text := []byte(answerText)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeAnswer(text); err != nil {
			b.Fatal(err)
		}
	}
}
