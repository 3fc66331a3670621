package katotest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ckptledger/trainer/kato/katotest"
)

const node = "node0_run"

// newClient starts a server and makes a session: its address is returned too.
func newClient(t *testing.T, options katotest.Options) (*katotest.Server, string) {
	t.Helper()
	s := start(t, options)
	return s, s.URL + "/sessions/" + newSession(t, http.DefaultClient, s, node)
}

// observe sends symbols to be learned and checks what is always answered.
func observe(t *testing.T, session string, symbols ...string) reply {
	t.Helper()
	r := must(t, "POST", session+"/observe-sequence", sequence(symbols...))
	if r.status != http.StatusOK || r.at("status") != "completed" || r.at("observations_processed") != float64(len(symbols)) {
		t.Fatalf("%d %s", r.status, r.text)
	}
	return r
}

// pattern asks for a pattern.
func pattern(t *testing.T, s *katotest.Server, node, name string) reply {
	t.Helper()
	return must(t, "GET", s.URL+"/pattern/"+url.PathEscape(name)+"?node_id="+url.QueryEscape(node), "")
}

func TestObserveLearns(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	want := "PTRN|3e1f8e0c2394c4e54d941df1b135e6b1c592bca8"
	for i := range 3 {
		r := observe(t, session, "Ġthe", "Ġcat")
		if r.at("final_learned_pattern") != want || r.at("initial_stm_length") != 0.0 || r.at("final_stm_length") != 0.0 || r.at("processor_id") != node || r.at("isolated") != false {
			t.Fatal(r.text)
		}
		if diff := cmp.Diff(r.at("auto_learned_patterns"), []any{want}); diff != "" {
			t.Fatal(diff)
		}
		results := r.at("results").([]any)
		last := results[1].(map[string]any)
		if len(results) != 2 || last["stm_length"] != 2.0 || last["sequence_position"] != 1.0 || last["time"] != float64(2*i+2) || last["unique_id"] == results[0].(map[string]any)["unique_id"] {
			t.Fatal(r.text)
		}
	}
	r := pattern(t, s, node, want)
	if r.status != http.StatusOK || r.at("pattern", "status") != "okay" || r.at("pattern", "pattern", "name") != want || r.at("pattern", "pattern", "frequency") != 3.0 || r.at("pattern", "pattern", "length") != 2.0 || r.at("node_id") != node+"_kato" {
		t.Error(r.text)
	}
	if diff := cmp.Diff(r.at("pattern", "pattern", "pattern_data"), []any{[]any{"Ġthe"}, []any{"Ġcat"}}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.Frequencies(node), map[string]int{want: 3}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.Nodes(), []string{node + "_kato"}); diff != "" {
		t.Error(diff)
	}
	if s.Requests(katotest.Observe) != 3 || s.AllRequests()[katotest.Create] != 1 || s.Peak() < 1 {
		t.Errorf("%v, %d connections", s.AllRequests(), s.Peak())
	}
}

func TestMissingPattern(t *testing.T) {
	s, _ := newClient(t, katotest.Options{})
	for _, of := range []string{node, "nobody"} {
		r := pattern(t, s, of, "PTRN|00")
		if r.status != http.StatusOK || r.at("pattern", "status") != "error" || r.at("pattern", "message") != "Pattern PTRN|00 not found" || r.at("node_id") != of+"_kato" {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
}

func TestFewerThanTwoSymbolsAreNotLearned(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	if r := observe(t, session, "one"); r.at("final_learned_pattern") != "" || r.at("final_stm_length") != 0.0 {
		t.Error(r.text)
	}
	if r := observe(t, session); r.at("final_learned_pattern") != nil || r.at("initial_stm_length") != 0.0 {
		t.Error(r.text)
	}
	if got := s.Frequencies(node); len(got) != 0 {
		t.Error(got)
	}
}

func TestMemoryIsKeptUntilLearned(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	if r := must(t, "POST", session+"/learn", ""); r.status != http.StatusBadRequest || r.at("detail") != "Cannot learn from empty STM" {
		t.Errorf("%d %s", r.status, r.text)
	}
	keep := func(symbol string, before, after float64) {
		t.Helper()
		r := must(t, "POST", session+"/observe-sequence", `{"observations": [{"strings": ["`+symbol+`"]}, {"strings": []}]}`)
		if r.at("initial_stm_length") != before || r.at("final_stm_length") != after || r.at("final_learned_pattern") != nil {
			t.Error(r.text)
		}
	}
	keep("a", 0, 1)
	keep("b", 1, 2)
	if r := must(t, "POST", session+"/learn", ""); r.at("pattern_name") != "PTRN|76d7efca2e96cb5eeddf4e06ac96a0f424630135" {
		t.Error(r.text)
	}
	keep("a", 0, 1)
	if r := must(t, "POST", session+"/clear-stm", ""); r.at("status") != "cleared" {
		t.Error(r.text)
	}
	keep("c", 0, 1)
	if r := observe(t, session, "d"); r.at("initial_stm_length") != 1.0 || r.at("final_learned_pattern") == "" {
		t.Error(r.text)
	}
	if n := len(s.Frequencies(node)); n != 2 {
		t.Errorf("%d patterns", n)
	}
}

func TestLearnAfterEachAndIsolated(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	r := must(t, "POST", session+"/observe-sequence", `{"observations": [{"strings": ["b", "a"]}, {"strings": ["c"]}], "learn_after_each": true}`)
	patterns := r.at("auto_learned_patterns").([]any)
	if len(patterns) != 2 || patterns[1] != "" || r.at("final_learned_pattern") != nil {
		t.Error(r.text)
	}
	if got := pattern(t, s, node, fmt.Sprint(patterns[0])).at("pattern", "pattern", "pattern_data"); !cmp.Equal(got, []any{[]any{"a", "b"}}) {
		t.Errorf("the event is %v, not sorted", got)
	}
	r = must(t, "POST", session+"/observe-sequence", `{"observations": [{"strings": ["a"]}, {"strings": ["b"]}], "clear_stm_between": true}`)
	if r.at("isolated") != true || r.at("final_stm_length") != 1.0 {
		t.Error(r.text)
	}
}

func TestMaxPatternLength(t *testing.T) {
	for mode, left := range map[string]float64{"CLEAR": 0, "ROLLING": 1} {
		s, session := newClient(t, katotest.Options{})
		must(t, "POST", session+"/config", `{"config": {"max_pattern_length": 2, "stm_mode": "`+mode+`"}}`)
		r := must(t, "POST", session+"/observe-sequence", `{"observations": [{"strings": ["a"]}, {"strings": ["b"]}]}`)
		name := "PTRN|76d7efca2e96cb5eeddf4e06ac96a0f424630135"
		if !cmp.Equal(r.at("auto_learned_patterns"), []any{name}) || r.at("final_stm_length") != left || s.Frequencies(node)[name] != 1 {
			t.Errorf("%s: %s", mode, r.text)
		}
	}
}

func TestMetadataSticks(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	learn := func(row int, symbols string) string {
		t.Helper()
		r := must(t, "POST", session+"/observe-sequence", fmt.Sprintf(`{"observations": [{"strings": ["%s"], "metadata": {"row": %d, "source": "wikitext", "odd": true}}, {"strings": ["x"]}], "learn_at_end": true}`, symbols, row))
		return r.at("final_learned_pattern").(string)
	}
	want := func(name string, rows ...string) {
		t.Helper()
		if diff := cmp.Diff(s.Metadata(node, name), map[string][]string{"row": rows, "source": {"wikitext"}, "odd": {"True"}}); diff != "" {
			t.Error(diff)
		}
	}
	first := learn(1, "a")
	want(first, "1")
	want(learn(2, "b"), "1", "2")
	must(t, "POST", session+"/clear-stm", "")
	want(learn(3, "c"), "3")
	learn(4, "a")
	want(first, "1", "3", "4")
	if got := pattern(t, s, node, first).at("pattern", "pattern", "metadata", "row"); !cmp.Equal(got, []any{"1", "3", "4"}) {
		t.Error(got)
	}
	if got := s.Metadata("nobody", first); len(got) != 0 {
		t.Error(got)
	}
}

func TestUnusualValues(t *testing.T) {
	s := start(t, katotest.Options{})
	const odd = "nöde \"0\""
	session := s.URL + "/sessions/" + newSession(t, http.DefaultClient, s, `n\u00f6de \"0\"`)
	r := must(t, "POST", session+"/observe-sequence", `{"observations": [{"strings": ["a", "b"], "unique_id": "é", "emotives": {"joy": 1}, "metadata": {"none": null, "no": false, "list": [1, {"a": "b"}], "n": -1.5}}], "learn_at_end": true}`)
	if r.at("processor_id") != odd || r.at("results").([]any)[0].(map[string]any)["unique_id"] != "é" {
		t.Error(r.text)
	}
	name, _ := r.at("final_learned_pattern").(string)
	if diff := cmp.Diff(s.Metadata("nöde__0_", name), map[string][]string{"none": {"None"}, "no": {"False"}, "list": {`[1,{"a":"b"}]`}, "n": {"-1.5"}}); diff != "" {
		t.Error(diff)
	}
	if r := must(t, "POST", session+"/config", `{"sort_symbols": false}`); r.status != http.StatusOK {
		t.Error(r.text)
	}
	if r := must(t, "POST", session+"/config", `{"config": 1}`); r.status != http.StatusUnprocessableEntity {
		t.Error(r.text)
	}
}

func TestSessions(t *testing.T) {
	s := start(t, katotest.Options{})
	made := must(t, "POST", s.URL+"/sessions", `{"node_id": "n-1", "metadata": {"a": 1}, "ttl_seconds": null, "config": {"recall_threshold": 0.6, "max_predictions": 10, "sort_symbols": false, "unknown": 1}}`)
	id, _ := made.at("session_id").(string)
	for key, want := range map[string]any{"recall_threshold": 0.6, "max_predictions": 10.0, "sort_symbols": false, "max_pattern_length": 0.0, "stm_mode": "CLEAR", "unknown": nil} {
		if got := made.at("session_config", key); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if made.status != http.StatusOK || made.at("node_id") != "n-1" || made.at("ttl_seconds") != 3600.0 || made.at("metadata", "a") != 1.0 {
		t.Errorf("%d %s", made.status, made.text)
	}
	session := s.URL + "/sessions/" + id
	if r := must(t, "GET", session, ""); r.status != http.StatusOK || r.at("session_id") != id {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := must(t, "POST", session+"/config", `{"config": {"max_predictions": 20, "use_token_matching": true, "stm_mode": "ODD"}}`); r.status != http.StatusOK || r.at("status") != "okay" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := must(t, "GET", session, ""); r.at("session_config", "max_predictions") != 20.0 || r.at("session_config", "sort_symbols") != true || r.at("session_config", "stm_mode") != "CLEAR" {
		t.Error(r.text)
	}
	exists := func(want bool) {
		t.Helper()
		if r := must(t, "GET", session+"/exists", ""); r.at("exists") != want || r.at("expired") != false {
			t.Error(r.text)
		}
	}
	exists(true)
	if r := must(t, "DELETE", session, ""); r.status != http.StatusOK || r.at("status") != "deleted" {
		t.Errorf("%d %s", r.status, r.text)
	}
	exists(false)
	for call, detail := range map[string]string{
		"GET ": " or expired", "POST /observe-sequence": " or expired", "POST /learn": " or expired", "POST /finalize-training": " or expired",
		"POST /config": "", "POST /clear-stm": "", "POST /clear-all": "", "DELETE ": "",
	} {
		method, path, _ := strings.Cut(call, " ")
		if r := must(t, method, session+path, `{"observations": []}`); r.status != http.StatusNotFound || r.at("detail") != "Session "+id+" not found"+detail {
			t.Errorf("%s: %d %s", call, r.status, r.text)
		}
	}
	if s.Sessions() != 0 {
		t.Errorf("%d sessions", s.Sessions())
	}
}

func TestSessionSettingsThatAreNotPossible(t *testing.T) {
	_, session := newClient(t, katotest.Options{})
	for key, value := range map[string]string{
		"recall_threshold": "1.5", "persistence": "0", "max_pattern_length": "-1", "max_predictions": "10.5", "indexer_type": `"X"`, "stm_mode": "1", "sort": "1", "process_predictions": "null",
	} {
		r := must(t, "POST", session+"/config", `{"config": {"`+key+`": `+value+`}}`)
		if _, ok := r.at("detail", "validation_errors", key).(string); r.status != http.StatusBadRequest || !ok {
			t.Errorf("%s: %d %s", key, r.status, r.text)
		}
	}
	// A new session takes none of its settings where one is not possible, and does
	// not say so.
	base, _, _ := strings.Cut(session, "/sessions/")
	r := must(t, "POST", base+"/sessions", `{"node_id": "n", "config": {"recall_threshold": 2, "max_predictions": 5, "persistence": null}}`)
	if r.status != http.StatusOK || r.at("session_config", "max_predictions") != 100.0 || r.at("session_config", "recall_threshold") != 0.1 {
		t.Errorf("%d %s", r.status, r.text)
	}
}

func TestSessionsExpire(t *testing.T) {
	clock := newClock()
	s, session := newClient(t, katotest.Options{Now: clock.now})
	for range 2 {
		clock.add(50 * time.Minute)
		observe(t, session, "a", "b") // and lives for another hour
	}
	clock.add(time.Hour)
	if r := must(t, "POST", session+"/observe-sequence", sequence("a", "b")); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.text)
	}
	r := must(t, "POST", s.URL+"/sessions", `{"node_id": "n", "ttl_seconds": 5}`)
	clock.add(5 * time.Second)
	if r := must(t, "GET", s.URL+"/sessions/"+r.at("session_id").(string)+"/exists", ""); r.at("exists") != false {
		t.Error(r.text)
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/sessions", `{}`, 422},
		{"/sessions", `{"Node_ID": "n"}`, 422},
		{"/sessions", `{"node_id": 1}`, 422},
		{"/sessions", `{"node_id": null}`, 422},
		{"/sessions", `{"node_id": "n", "config": []}`, 422},
		{"/sessions", `{"node_id": "n", "metadata": 1}`, 422},
		{"/sessions", `{"node_id": "n", "ttl_seconds": 1.5}`, 422},
		{"/sessions", ``, 422},
		{"", `{"observations": [{"strings": ["a"}]}`, 422},
		{"", `{"observations": []} {}`, 422},
		{"", `[]`, 422},
		{"", `{}`, 422},
		{"", `{"Observations": []}`, 422},
		{"", `{"observations": {}}`, 422},
		{"", `{"observations": [1]}`, 422},
		{"", `{"observations": [{"strings": "a"}]}`, 422},
		{"", `{"observations": [{"strings": [1]}]}`, 422},
		{"", `{"observations": [{"strings": null}]}`, 422},
		{"", `{"observations": [{"metadata": []}]}`, 422},
		{"", `{"observations": [{"unique_id": 1}]}`, 422},
		{"", `{"observations": [{"vectors": [[1]]}]}`, 422},
		{"", `{"observations": [{"emotives": 1}]}`, 422},
		{"", `{"observations": [], "learn_at_end": "yes"}`, 422},
		{"", `{"observations": [{"strings": ["\ud83d"]}]}`, 422},
		{"", `{"observations": [{"strings": ["\ude00\ud83d"]}]}`, 422},
		{"", `{"observations": [{"strings": ["\ud83d\ude00"]}]}`, 200},
		{"", "{\"observations\": [{\"strings\": [\"\xff\"]}]}", 400},
		{"/nothing", ``, 404},
	} {
		url := s.URL + c.path
		if c.path == "" {
			url = session + "/observe-sequence"
		}
		if r := must(t, "POST", url, c.body); r.status != c.status || c.status != 200 && r.at("detail") == nil {
			t.Errorf("%s %s: %d %s", c.path, c.body, r.status, r.text)
		}
	}
}

func TestLateVisibility(t *testing.T) {
	clock := newClock()
	s, session := newClient(t, katotest.Options{Visible: 200 * time.Millisecond, Now: clock.now})
	name := observe(t, session, "a", "b").at("final_learned_pattern").(string)
	observe(t, session, "a", "b")
	see := func(want any) {
		t.Helper()
		if got := pattern(t, s, node, name).at("pattern", "pattern", "frequency"); got != want {
			t.Errorf("frequency %v, want %v", got, want)
		}
	}
	clock.add(199 * time.Millisecond)
	see(nil)
	if got := s.Frequencies(node)[name]; got != 2 {
		t.Errorf("counted %d", got)
	}
	clock.add(time.Millisecond)
	see(2.0)
	observe(t, session, "a", "b")
	see(3.0)
	if err := s.Hide(node, name); err != nil {
		t.Error(err)
	}
	observe(t, session, "a", "b")
	see(nil)
	if got := s.Frequencies(node)[name]; got != 4 {
		t.Errorf("counted %d", got)
	}
	if s.Hide(node, "PTRN|00") == nil || s.Hide("nobody", name) == nil {
		t.Error("what is unknown was hidden")
	}
}

func TestOtherHands(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	name := observe(t, session, "a", "b").at("final_learned_pattern").(string)
	if got := s.Learn(node, "a", "b"); got != name {
		t.Errorf("learned %s, want %s", got, name)
	}
	if got := s.Learn("other", "a"); got != "" {
		t.Errorf("learned %s", got)
	}
	if diff := cmp.Diff(s.Frequencies(node+"_kato"), map[string]int{name: 2}); diff != "" {
		t.Error(diff)
	}
	must(t, "POST", session+"/finalize-training", "")
	if s.Finalized(node) != 1 || s.Finalized("nobody") != 0 {
		t.Error("finalized otherwise")
	}
	s.Wipe()
	if r := pattern(t, s, node, name); r.at("pattern", "status") != "error" || len(s.Frequencies(node)) != 0 {
		t.Error(r.text)
	}
	if r := observe(t, session, "a", "b"); r.at("final_learned_pattern") != name || s.Frequencies(node)[name] != 1 {
		t.Error(r.text)
	}
	if r := must(t, "POST", session+"/clear-all", ""); r.at("scope") != "all" || s.Requests(katotest.ClearAll) != 1 || len(s.Frequencies(node)) != 0 {
		t.Error(r.text)
	}
}

// The names are what Python computes.
func TestNames(t *testing.T) {
	s := start(t, katotest.Options{})
	for _, c := range []struct {
		symbols []string
		name    string
	}{
		{[]string{"Ġthe", "Ġcat"}, "PTRN|3e1f8e0c2394c4e54d941df1b135e6b1c592bca8"},
		{[]string{"it's", `say "hi"`}, "PTRN|ffff938f5b1b777eb0a54d8cb3d2100be70cca5b"},
		{[]string{`it's "both"`, `back\slash`}, "PTRN|bea5e81cbe4ac8635561e0738a3a245da32b3337"},
		{[]string{"line\n", "tab\t\r"}, "PTRN|ead3efdbcd9db133864288dcc2635d9c005bfc07"},
		{[]string{"\x00\x7f", "\u0080\u00a0\u00ad"}, "PTRN|f00e8b908b3efe3446b5ccaed0d8dcd2efe8bda3"},
		{[]string{"Ċ", "日本"}, "PTRN|84369db7a78f0f3186537de34d4f6cea51c39569"},
		{[]string{"\u200b", "\u3000\ue000"}, "PTRN|86ad9947a2a9e85a9c0e40dcbfee33f34ef23374"},
		{[]string{"😀", "\U000e0001"}, "PTRN|e3ec2734ccc0f2cbfd752849833fb76344901824"},
		{[]string{"", ""}, "PTRN|57f0f10bbb89e2914db123c065e3319da26385c2"},
	} {
		if got := s.Learn(node, c.symbols...); got != c.name {
			t.Errorf("%q is %s, want %s", c.symbols, got, c.name)
		}
	}
}

func TestStoredName(t *testing.T) {
	for name, want := range map[string]string{
		"node0":                            "node0_kato",
		"a/b\\c.d\"e$f*g<h>i:j|k?l-m n":    "a_b_c_d_e_f_g_h_i_j_k_l_m_n_kato",
		strings.Repeat("n", 55):            strings.Repeat("n", 55) + "_kato",
		strings.Repeat("n", 56):            strings.Repeat("n", 46) + "_4be85d68_kato",
		strings.Repeat("é", 56):            strings.Repeat("é", 46) + "_2ab581d4_kato",
		"node0_" + strings.Repeat("-", 60): "node0" + strings.Repeat("_", 42) + "b3cc8235_kato",
	} {
		if got := katotest.StoredName(name); got != want {
			t.Errorf("%s is stored as %s, want %s", name, got, want)
		}
	}
}
