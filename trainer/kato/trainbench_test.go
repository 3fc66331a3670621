package kato_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
	"ckptledger/trainer/local"
)

// benchSamples is how many samples an iteration of the benchmarks trains.
const benchSamples = 3000

// BenchmarkTrain trains samples on a server on this machine: reading, sending,
// checking each answer, the mirror, marks and snapshots. Beside it stands
// BenchmarkBareRequests.
func BenchmarkTrain(b *testing.B) {
	for _, workers := range []int{1, 2, 7} {
		b.Run(fmt.Sprint("workers=", workers), func(b *testing.B) {
			r := newRig(b, katotest.Options{})
			r.options.Waits = kato.Waits{}
			r.workers, r.target = workers, 0
			requests := 0
			for b.Loop() {
				r.target += benchSamples
				before := r.server.Requests(katotest.Observe)
				res, err := r.attempt(nil, func(o *trainer.Options) { o.Interval.Samples = 1000 })
				if err != nil || res.Reason != ledger.Completed {
					b.Fatalf("ended %s: %v", res.Reason, err)
				}
				requests += r.server.Requests(katotest.Observe) - before
			}
			b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkBareRequests sends the same requests by as many connections, and reads the
// answers.
func BenchmarkBareRequests(b *testing.B) {
	bodies := observeBodies(b, benchSamples)
	for _, workers := range []int{1, 2, 7} {
		b.Run(fmt.Sprint("workers=", workers), func(b *testing.B) {
			server, err := katotest.New(katotest.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
			sessions := make([][]string, workers)
			for w := range workers {
				for layer := range 4 {
					sessions[w] = append(sessions[w], openSession(b, client, server.URL, fmt.Sprint("node", layer)))
				}
			}
			requests := 0
			for b.Loop() {
				var all sync.WaitGroup
				for w := range workers {
					all.Go(func() {
						for i := w; i < len(bodies); i += workers {
							for _, body := range bodies[i] {
								post(b, client, server.URL+"/sessions/"+sessions[w][body.layer]+"/observe-sequence", body.json)
							}
						}
					})
				}
				all.Wait()
				for _, sample := range bodies {
					requests += len(sample)
				}
			}
			b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

type body struct {
	layer int
	json  []byte
}

// observeBodies are the requests that samples take.
func observeBodies(b *testing.B, n int) [][]body {
	learner, err := local.New(local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	source, err := stream.Open(b.Context(), stream.Spec{Dataset: "sample"}, stream.Options{})
	if err != nil {
		b.Fatal(err)
	}
	reader, err := source.Open(b.Context(), stream.Cursor{})
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	splitter := learner.NewSplitter()
	var all [][]body
	for len(all) < n {
		row, err := reader.Next(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if row.Kind != stream.Sample {
			continue
		}
		var sample []body
		for _, p := range splitter.Split(row.Text).Parts {
			var request struct {
				Observations []map[string][]string `json:"observations"`
				Each         bool                  `json:"learn_after_each"`
				End          bool                  `json:"learn_at_end"`
				Clear        bool                  `json:"clear_stm_between"`
			}
			request.End = true
			for _, s := range p.Symbols {
				request.Observations = append(request.Observations, map[string][]string{"strings": {s}})
			}
			text, err := json.Marshal(request)
			if err != nil {
				b.Fatal(err)
			}
			sample = append(sample, body{p.Layer, text})
		}
		all = append(all, sample)
	}
	return all
}

func openSession(b *testing.B, client *http.Client, url, node string) string {
	var answer struct {
		ID string `json:"session_id"`
	}
	if err := json.Unmarshal(post(b, client, url+"/sessions", fmt.Appendf(nil, `{"node_id":%q,"config":{}}`, node)), &answer); err != nil {
		b.Fatal(err)
	}
	return answer.ID
}

func post(b *testing.B, client *http.Client, url string, body []byte) []byte {
	resp, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return answer
}
