package katotest_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ckptledger/trainer/kato/katotest"
)

// After any sequence of learns, whatever goes wrong with them, the frequencies are
// the counts of what was processed.
func TestFrequenciesAreCounts(t *testing.T) {
	s := start(t, katotest.Options{})
	symbol := rapid.SampledFrom([]string{"a", "b", "Ġthe", "it's", `"`, "<unk>", "\\", "日本", "\n"})
	faults := []katotest.Fault{
		{}, {}, {}, {}, {Status: 503}, {Status: 502, Processed: true}, {Cut: true}, {Cut: true, Processed: true}, {Torn: true}, {Name: "PTRN|00"},
	}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		s.Wipe()
		s.Change(func(o *katotest.Options) { o.Fault = nil })
		want := map[string]map[string]int{}
		sessions := map[string]string{}
		for _, node := range []string{"node0", "node1", "node.1"} { // the last two are stored as node1 and node_1
			r, err := send(http.DefaultClient, "POST", s.URL+"/sessions", `{"node_id":"`+node+`"}`)
			if err != nil {
				t.Fatal(err)
			}
			sessions[node], want[node] = r.body["session_id"].(string), map[string]int{}
		}
		for range rapid.IntRange(0, 20).Draw(t, "requests") {
			node := rapid.SampledFrom([]string{"node0", "node1", "node.1"}).Draw(t, "node")
			symbols := rapid.SliceOfN(symbol, 0, 4).Draw(t, "symbols")
			fault := rapid.SampledFrom(faults).Draw(t, "fault")
			s.Change(func(o *katotest.Options) { o.Fault = func(katotest.Request) katotest.Fault { return fault } })
			r, err := send(http.DefaultClient, "POST", s.URL+"/sessions/"+sessions[node]+"/observe-sequence", sequence(symbols...))
			if answered := err == nil && r.status == http.StatusOK; answered != (fault.Status == 0 && !fault.Cut && !fault.Torn) {
				t.Fatalf("%+v: %d %s, %v", fault, r.status, r.text, err)
			}
			refused := fault.Status != 0 || fault.Cut
			if name := s.Learn("twin", symbols...); name != "" && (!refused || fault.Processed) {
				want[node][name]++
			}
			n++
		}
		for node, frequencies := range want {
			if diff := cmp.Diff(s.Frequencies(node), frequencies); diff != "" {
				t.Fatalf("%s: %s", node, diff)
			}
		}
	})
	if s.Requests(katotest.Observe) != n {
		t.Errorf("%d requests counted, sent %d", s.Requests(katotest.Observe), n)
	}
}

// Several clients send each thing until it is answered, while the server restarts
// and fails. What was answered was learned once for each answer, and what was lost
// may have been.
func TestManyClients(t *testing.T) {
	const clients, each = 4, 100
	s := start(t, katotest.Options{
		RestartEvery: 50,
		Down:         time.Millisecond,
		Fault:        katotest.Sometimes(1, 20, katotest.Fault{Status: 503}, katotest.Fault{Cut: true}, katotest.Fault{Cut: true, Processed: true}, katotest.Fault{Status: 504, Processed: true}),
	})
	var mu sync.Mutex
	lost := map[string]int{} // by name: sent without an answer
	var wait sync.WaitGroup
	for c := range clients {
		wait.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			session := ""
			for i := range each {
				symbols := []string{fmt.Sprint(c), fmt.Sprint(i)}
				name := s.Learn("twin", symbols...)
				for deadline := time.Now().Add(patience); ; {
					if time.Now().After(deadline) {
						t.Errorf("no answer within %s", patience)
						return
					}
					if session == "" {
						if r, err := send(client, "POST", s.URL+"/sessions", `{"node_id":"n"}`); err == nil {
							session = r.body["session_id"].(string)
						}
						continue
					}
					r, err := send(client, "POST", s.URL+"/sessions/"+session+"/observe-sequence", sequence(symbols...))
					if err == nil && r.status == http.StatusOK {
						break
					}
					if err == nil && r.status == http.StatusNotFound {
						session = ""
						continue
					}
					mu.Lock()
					lost[name]++
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	twice := 0
	frequencies := s.Frequencies("n")
	for name, n := range frequencies {
		if n > 1+lost[name] {
			t.Errorf("learned %d times, lost %d", n, lost[name])
		}
		twice += n - 1
	}
	if len(frequencies) != clients*each || s.Restarts() < 5 || twice == 0 {
		t.Errorf("%d patterns, %d restarts, %d learned again", len(frequencies), s.Restarts(), twice)
	}
	// A new connection may be counted before one that its client has closed.
	if peak := s.Peak(); peak < 2 || peak > 2*clients {
		t.Errorf("%d connections at once", peak)
	}
}

func TestLifeByMany(t *testing.T) {
	s := start(t, katotest.Options{RestartEvery: 3})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 25 {
				if err := s.Start(); err != nil {
					t.Error(err)
				}
				send(http.DefaultClient, "POST", s.URL+"/sessions", `{"node_id":"n"}`) // answered or not
				s.Stop()
			}
		})
	}
	wait.Wait()
	s.Stop()
	if _, err := send(http.DefaultClient, "GET", s.URL+"/health", ""); err == nil {
		t.Error("it runs")
	}
	if err := s.Start(); err != nil {
		t.Error(err)
	}
	awake(t, s)
}
