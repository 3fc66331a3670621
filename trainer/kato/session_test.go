package kato

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sessions is a server that answers each request by what is stored for it, and
// keeps the last body.
func sessions(t *testing.T, answers map[string]string) (*client, *string) {
	t.Helper()
	last := new(string)
	address := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*last = string(body)
		answer, ok := answers[r.Method+" "+r.RequestURI]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"detail":"nothing at `+r.RequestURI+`"}`)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	c := newClient("http://"+address, Waits{Health: time.Millisecond, Poll: time.Microsecond, Request: time.Minute}, func(string) {})
	t.Cleanup(c.close)
	return c, last
}

func TestSession(t *testing.T) {
	c, body := sessions(t, map[string]string{
		"POST /sessions":                      `{"session_id":"session-1","node_id":"node0_x_kato","session_config":{}}`,
		"POST /sessions/s1/clear-stm":         `{"status":"cleared","session_id":"s1"}`,
		"POST /sessions/s1/finalize-training": `{"status":"completed","patterns_processed":12,"time_ms":5}`,
		"DELETE /sessions/s1":                 `{"status":"deleted"}`,
	})
	ctx := t.Context()
	config := map[string]any{"stm_mode": "CLEAR", "max_predictions": 100.0}
	if id, err := c.openSession(ctx, "node0_x", config); err != nil || id != "session-1" {
		t.Error(id, err)
	}
	var sent map[string]any
	if err := json.Unmarshal([]byte(*body), &sent); err != nil || !reflect.DeepEqual(sent, map[string]any{"node_id": "node0_x", "config": config}) {
		t.Error(*body, err)
	}
	if err := c.clearSTM(ctx, "s1"); err != nil {
		t.Error(err)
	}
	if n, err := c.finalize(ctx, "s1"); err != nil || n != 12 {
		t.Error(n, err)
	}
	if err := c.deleteSession(ctx, "s1"); err != nil {
		t.Error(err)
	}

	// Of sessions that the server does not know.
	if err := c.clearSTM(ctx, "s2"); !errors.Is(err, errNoSession) {
		t.Error(err)
	}
	if _, err := c.finalize(ctx, "s2"); !errors.Is(err, errNoSession) {
		t.Error(err)
	}
	if err := c.deleteSession(ctx, "s2"); err != nil {
		t.Error(err)
	}
}

func TestNoSessionToHave(t *testing.T) {
	c, _ := sessions(t, nil)
	_, err := c.openSession(t.Context(), "node0_x", nil)
	if r, ok := errors.AsType[*RejectedError](err); !ok || r.Status != 404 || errors.Is(err, errNoSession) || !strings.Contains(err.Error(), "node0_x") {
		t.Error(err)
	}
	c, _ = sessions(t, map[string]string{"POST /sessions": `{}`})
	if _, err := c.openSession(t.Context(), "node0_x", nil); err == nil || !strings.Contains(err.Error(), "session_id") {
		t.Error(err)
	}
	if _, err := c.openSession(t.Context(), "node0_x", map[string]any{"f": func() {}}); err == nil {
		t.Error("a config that is no JSON")
	}
}

func TestFrequency(t *testing.T) {
	at := func(hash string) string { return "GET /pattern/PTRN%7C" + hash + "?node_id=node0+%26x" }
	c, _ := sessions(t, map[string]string{
		at("aa"): `{"pattern":{"status":"okay","pattern":{"name":"PTRN|aa","pattern_data":[["a"],["b"]],"length":2,"frequency":41}},"node_id":"node0__x_kato"}`,
		at("bb"): `{"pattern":{"status":"error","message":"Pattern PTRN|bb not found"},"node_id":"node0__x_kato"}`,
		at("cc"): `{"pattern":{"status":"okay","pattern":{}},"node_id":"x"}`,
		at("dd"): `{}`,
		at("ee"): `[`,
	})
	for hash, want := range map[string]int64{"aa": 41, "bb": 0} {
		if n, stored, err := c.frequency(t.Context(), "node0 &x", "PTRN|"+hash); err != nil || n != want || stored != "node0__x_kato" {
			t.Error(hash, n, stored, err)
		}
	}
	for hash, says := range map[string]string{"cc": `status "okay"`, "dd": `status ""`, "ee": "undecodable", "ff": "404"} {
		if n, _, err := c.frequency(t.Context(), "node0 &x", "PTRN|"+hash); err == nil || n != 0 || !strings.Contains(err.Error(), says) {
			t.Error(hash, n, err)
		}
	}
}
