package katotest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ckptledger/trainer/kato/katotest"
)

// start starts a server that ends with the test.
func start(t *testing.T, options katotest.Options) *katotest.Server {
	t.Helper()
	s, err := katotest.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// A reply is an answer that was read to its end.
type reply struct {
	status int
	body   map[string]any
	text   string
}

// at finds a value in the body by its keys.
func (r reply) at(keys ...string) any {
	var v any = r.body
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// send sends a request and reads the answer.
func send(client *http.Client, method, url, body string) (reply, error) {
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	resp, err := client.Do(q)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: resp.StatusCode, text: string(b)}
	if r.status >= http.StatusInternalServerError {
		return r, nil // a page
	}
	return r, json.Unmarshal(b, &r.body)
}

// must is send where an answer must come.
func must(t testing.TB, method, url, body string) reply {
	t.Helper()
	r, err := send(http.DefaultClient, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newSession makes a session and returns its id.
func newSession(t testing.TB, client *http.Client, s *katotest.Server, node string) string {
	t.Helper()
	r, err := send(client, "POST", s.URL+"/sessions", `{"node_id":"`+node+`"}`)
	if err != nil || r.status != http.StatusOK {
		t.Fatalf("%s, %v", r.text, err)
	}
	return r.body["session_id"].(string)
}

// sequence is the body that observes symbols, one an event, and learns.
func sequence(symbols ...string) string {
	type observation struct {
		Strings []string `json:"strings"`
	}
	body := struct {
		Observations []observation `json:"observations"`
		Each         bool          `json:"learn_after_each"`
		End          bool          `json:"learn_at_end"`
		Isolated     bool          `json:"clear_stm_between"`
	}{Observations: []observation{}, End: true}
	for _, s := range symbols {
		body.Observations = append(body.Observations, observation{[]string{s}})
	}
	b, _ := json.Marshal(body) // strings and bools never fail
	return string(b)
}

// A clock stands still until it is told to go on.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}
