package katotest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ckptledger/trainer/kato/katotest"
)

// patience is how long a test waits for what comes at once.
const patience = 20 * time.Second

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		runtime.Gosched()
	}
}

// hangs waits until a request hangs.
func hangs(t *testing.T, s *katotest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Await(ctx, 1); err != nil {
		t.Fatal("nothing hangs: ", err)
	}
}

// fail makes one fault happen to what is learned, and to nothing else.
func fail(fault katotest.Fault) func(katotest.Request) katotest.Fault {
	return func(r katotest.Request) katotest.Fault {
		if r.Kind == katotest.Observe && r.N == 1 {
			return fault
		}
		return katotest.Fault{}
	}
}

func TestFaults(t *testing.T) {
	const name = "PTRN|76d7efca2e96cb5eeddf4e06ac96a0f424630135"
	for _, c := range []struct {
		what    string
		fault   katotest.Fault
		status  int // 0: no answer
		learned int
	}{
		{"nothing", katotest.Fault{}, 200, 1},
		{"503", katotest.Fault{Status: 503}, 503, 0},
		{"422", katotest.Fault{Status: 422}, 422, 0},
		{"502 after learning", katotest.Fault{Status: 502, Processed: true}, 502, 1},
		{"cut", katotest.Fault{Cut: true}, 0, 0},
		{"cut after learning", katotest.Fault{Cut: true, Processed: true}, 0, 1},
		{"half an answer", katotest.Fault{Torn: true}, 0, 1},
		{"another name", katotest.Fault{Name: "PTRN|00"}, 200, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, session := newClient(t, katotest.Options{Fault: fail(c.fault)})
			r, err := send(http.DefaultClient, "POST", session+"/observe-sequence", sequence("a", "b"))
			if r.status != c.status || (err != nil) != (c.status == 0) {
				t.Errorf("%d %s, %v", r.status, r.text, err)
			}
			if got := s.Frequencies(node)[name]; got != c.learned {
				t.Errorf("learned %d times, want %d", got, c.learned)
			}
			if c.fault.Name != "" && r.at("final_learned_pattern") != c.fault.Name {
				t.Error(r.text)
			}
			if r := observe(t, session, "a", "b"); r.at("final_learned_pattern") != name || s.Frequencies(node)[name] != c.learned+1 {
				t.Errorf("the next one: %s", r.text)
			}
		})
	}
}

func TestHalfAnAnswerBreaksOffInside(t *testing.T) {
	_, session := newClient(t, katotest.Options{Fault: fail(katotest.Fault{Torn: true})})
	resp, err := http.Post(session+"/observe-sequence", "application/json", strings.NewReader(sequence("a", "b")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || len(b) == 0 {
		t.Errorf("%q, %v", b, err)
	}
}

func TestDirtyMemory(t *testing.T) {
	s, session := newClient(t, katotest.Options{Fault: fail(katotest.Fault{Dirty: []string{"x", "y"}})})
	r := observe(t, session, "a", "b")
	if r.at("initial_stm_length") != 2.0 {
		t.Error(r.text)
	}
	if name := s.Learn("twin", "x", "y", "a", "b"); r.at("final_learned_pattern") != name || s.Frequencies(node)[name] != 1 {
		t.Errorf("learned %v, want %s", r.at("final_learned_pattern"), name)
	}
	if r := observe(t, session, "a", "b"); r.at("initial_stm_length") != 0.0 {
		t.Error(r.text)
	}
}

func TestHealth(t *testing.T) {
	s := start(t, katotest.Options{})
	healthy := func(want string) {
		t.Helper()
		if r := must(t, "GET", s.URL+"/health", ""); r.status != http.StatusOK || r.at("status") != want || (len(r.at("issues").([]any)) == 0) != (want == "healthy") {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	healthy("healthy")
	s.Change(func(o *katotest.Options) {
		o.Fault = func(katotest.Request) katotest.Fault { return katotest.Fault{Unhealthy: true} }
	})
	healthy("unhealthy")
}

// A request that hangs goes on when it is released, and is forgotten when its client
// is gone, unless it is late.
func TestHang(t *testing.T) {
	const name = "PTRN|76d7efca2e96cb5eeddf4e06ac96a0f424630135"
	for _, c := range []struct {
		fault    katotest.Fault
		released bool
		before   int // learned while it hangs
		after    int
	}{
		{katotest.Fault{Hang: true}, true, 0, 1},
		{katotest.Fault{Hang: true}, false, 0, 0},
		{katotest.Fault{Hang: true, Late: true}, false, 0, 1},
		{katotest.Fault{Hang: true, Processed: true}, true, 1, 1},
		{katotest.Fault{Hang: true, Processed: true}, false, 1, 1},
		{katotest.Fault{Hang: true, Status: 504}, true, 0, 0},
	} {
		t.Run(fmt.Sprintf("%+v released=%t", c.fault, c.released), func(t *testing.T) {
			s, session := newClient(t, katotest.Options{Fault: fail(c.fault)})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			q, err := http.NewRequestWithContext(ctx, "POST", session+"/observe-sequence", strings.NewReader(sequence("a", "b")))
			if err != nil {
				t.Fatal(err)
			}
			answered := make(chan error, 1)
			go func() {
				resp, err := http.DefaultClient.Do(q)
				if err == nil {
					resp.Body.Close()
				}
				answered <- err
			}()
			hangs(t, s)
			if got := s.Frequencies(node)[name]; got != c.before {
				t.Errorf("learned %d times while it hangs, want %d", got, c.before)
			}
			if c.released {
				s.Release()
			} else {
				leave()
			}
			if err := <-answered; (err == nil) != c.released {
				t.Error(err)
			}
			eventually(t, "nothing hangs", func() bool { return s.Hanging() == 0 })
			eventually(t, "it is learned as often as it is to be", func() bool { return s.Frequencies(node)[name] == c.after })
		})
	}
}

func TestStopAndStart(t *testing.T) {
	s, session := newClient(t, katotest.Options{})
	observe(t, session, "a", "b")
	for range 3 {
		s.Stop()
		if _, err := send(http.DefaultClient, "GET", s.URL+"/health", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("want refused, got %v", err)
		}
		if l, err := net.Listen("tcp", strings.TrimPrefix(s.URL, "http://")); err == nil {
			l.Close()
			t.Fatal("the port was to be had by others")
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if r := must(t, "POST", session+"/observe-sequence", sequence("a", "b")); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.text)
	}
	if got := s.Frequencies(node); len(got) != 1 || s.Restarts() != 0 {
		t.Errorf("%v, %d restarts", got, s.Restarts())
	}
	s.Close()
	if s.Start() == nil {
		t.Error("a closed server started")
	}
}

func TestStopWhileRequestsHang(t *testing.T) {
	for _, processed := range []bool{false, true} {
		s, session := newClient(t, katotest.Options{Fault: fail(katotest.Fault{Hang: true, Late: true, Processed: processed})})
		answered := make(chan error, 1)
		go func() {
			_, err := send(http.DefaultClient, "POST", session+"/observe-sequence", sequence("a", "b"))
			answered <- err
		}()
		hangs(t, s)
		s.Stop()
		if err := <-answered; err == nil {
			t.Error("it was answered")
		}
		eventually(t, "nothing hangs", func() bool { return s.Hanging() == 0 })
		if got := len(s.Frequencies(node)); got != map[bool]int{false: 0, true: 1}[processed] {
			t.Errorf("processed %t: %d patterns", processed, got)
		}
	}
}

// Of the requests that a restart ends every other one was processed.
func TestRestarts(t *testing.T) {
	s := start(t, katotest.Options{RestartEvery: 4, Down: time.Millisecond})
	lost := map[int]int{} // how often a request without answer was learned: how many of them
	for i := 0; s.Restarts() < 6; i++ {
		awake(t, s)
		session := s.URL + "/sessions/" + newSession(t, http.DefaultClient, s, node)
		for j := range 3 {
			symbol := fmt.Sprintf("%d.%d", i, j)
			name := s.Learn("twin", symbol, "b")
			_, err := send(http.DefaultClient, "POST", session+"/observe-sequence", sequence(symbol, "b"))
			switch learned := s.Frequencies(node)[name]; {
			case (err != nil) != (j == 2):
				t.Fatalf("request %d after the session: %v", j, err)
			case err != nil:
				lost[learned]++
			case learned != 1:
				t.Errorf("answered and learned %d times", learned)
			}
		}
	}
	if lost[0] != 3 || lost[1] != 3 {
		t.Errorf("lost: %v", lost)
	}
}

// awake waits for the server's health.
func awake(t *testing.T, s *katotest.Server) {
	t.Helper()
	eventually(t, "the server is healthy", func() bool {
		r, err := send(http.DefaultClient, "GET", s.URL+"/health", "")
		return err == nil && r.status == http.StatusOK
	})
}

func TestRestartThatIsStopped(t *testing.T) {
	s, session := newClient(t, katotest.Options{RestartEvery: 2, Down: time.Hour})
	if _, err := send(http.DefaultClient, "POST", session+"/observe-sequence", sequence("a", "b")); err == nil {
		t.Fatal("it was answered")
	}
	if _, err := send(http.DefaultClient, "GET", s.URL+"/health", ""); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("want refused, got %v", err)
	}
	s.Change(func(o *katotest.Options) { o.KeepSessions = true })
	for range 2 {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		awake(t, s)
		s.Stop()
	}
}

func TestSessionsThatAreKept(t *testing.T) {
	s, session := newClient(t, katotest.Options{KeepSessions: true})
	must(t, "POST", session+"/observe-sequence", `{"observations": [{"strings": ["a"]}]}`)
	s.Stop()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	awake(t, s)
	if r := observe(t, session, "b"); r.at("initial_stm_length") != 1.0 {
		t.Error(r.text)
	}
}

func TestPoison(t *testing.T) {
	s, session := newClient(t, katotest.Options{Fault: katotest.Poison("bad", katotest.Fault{Status: 500})})
	for range 2 {
		if r := must(t, "POST", session+"/observe-sequence", sequence("a", "bad")); r.status != http.StatusInternalServerError {
			t.Errorf("%d %s", r.status, r.text)
		}
		observe(t, session, "a", "good")
	}
	if got := s.Frequencies(node); len(got) != 1 {
		t.Error(got)
	}
}

func TestFaultKnowsTheRequest(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	_, session := newClient(t, katotest.Options{Fault: func(r katotest.Request) katotest.Fault {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(r.Kind, r.N, " ", r.Node, r.Symbols, r.Name))
		return katotest.Fault{}
	}})
	observe(t, session, "a", "b")
	observe(t, session, "c")
	base, _, _ := strings.Cut(session, "/sessions/")
	must(t, "GET", base+"/pattern/PTRN%7C00?node_id=n", "")
	must(t, "GET", base+"/pattern/PTRN%7C00", "")
	mu.Lock()
	defer mu.Unlock()
	want := "create1 [],observe-sequence1 node0_run[a b],observe-sequence2 node0_run[c],pattern1 n[]PTRN|00,pattern2 default_node[]PTRN|00"
	if got := strings.Join(seen, ","); got != want {
		t.Errorf("saw %s\nwant %s", got, want)
	}
}

func TestSometimes(t *testing.T) {
	faults := []katotest.Fault{{Cut: true}, {Hang: true}}
	pick := katotest.Sometimes(7, 10, faults...)
	again, other := katotest.Sometimes(7, 10, faults...), katotest.Sometimes(8, 10, faults...)
	picked, differs := map[bool]int{}, 0
	for n := range 10000 {
		r := katotest.Request{Kind: katotest.Observe, N: n}
		f := pick(r)
		if g := again(r); g.Cut != f.Cut || g.Hang != f.Hang {
			t.Fatal("the same seed picks otherwise")
		}
		if g := other(r); g.Cut != f.Cut {
			differs++
		}
		if f.Cut || f.Hang {
			picked[f.Cut]++
		}
	}
	// The seed is fixed, so these are no chance: about 500 each.
	if picked[true] < 400 || picked[true] > 600 || picked[false] < 400 || picked[false] > 600 || differs == 0 {
		t.Errorf("picked %v, another seed differs %d times", picked, differs)
	}
	if f := pick(katotest.Request{Kind: katotest.Health, N: 1}); f.Cut || f.Hang {
		t.Error("health was picked")
	}
}
