package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ckptledger/ledger"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
)

// This file holds how runs end whose server does not do what it is for, and what a
// resume does then.

const (
	storyRows = 60
	poisonRow = 25
	poison    = "Ġpoison" // a symbol of that row alone, behind two patterns of its own
	everyRow  = "Ġstops"  // a symbol of all rows, behind one pattern
)

// story has the rig train rows of a file.
func (r *katoRig) story() {
	r.t.Helper()
	var text strings.Builder
	for i := range storyRows {
		fmt.Fprintf(&text, "this is row %d of a story in which a train stops at each row and goes on", i)
		if i == poisonRow {
			text.WriteString(" until a poison stands in its way, and nobody knows what is to be done")
		}
		text.WriteString("\n")
	}
	path := filepath.Join(r.t.TempDir(), "rows.txt")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.dataset, r.data = "story", []string{path}
}

// checkErrored holds how many rows are errored, each with this reason and so many
// of its parts learned; and that what is known is exact.
func (r *katoRig) checkErrored(n int, reason string, learned int) {
	r.t.Helper()
	run := r.checkExact()
	if run.Errored != int64(n) || run.Trained+run.Errored != run.Row {
		r.t.Errorf("%d errored and %d trained of %d rows, want %d errored", run.Errored, run.Trained, run.Row, n)
	}
	for _, e := range run.ErroredRows {
		if !strings.Contains(e.Reason, reason) || e.Learned != learned {
			r.t.Errorf("row %d: %d parts learned, %s; want %d, %s", e.Row, e.Learned, e.Reason, learned, reason)
		}
	}
}

// checkRetried holds that errored rows are trained once the server takes them.
func (r *katoRig) checkRetried() {
	r.t.Helper()
	r.wrong(nil)
	r.trainer(0, "--retry-errored")
	r.checkDone(storyRows)
}

// TestKatoRejected trains rows that the server refuses: they are errored, up to a
// number, with what was learned of them before.
func TestKatoRejected(t *testing.T) {
	t.Parallel()
	for status, reason := range map[int]string{422: "the server answers 422 (Unprocessable Entity)", 500: "the server answers 500 (Internal Server Error)"} {
		if testing.Short() && status == 500 {
			continue
		}
		r := newKato(t, 3, katotest.Options{Fault: katotest.Poison(poison, katotest.Fault{Status: status})})
		r.story()
		r.trainer(0, "--workers", "4")
		r.checkErrored(1, reason, 2)
		r.checkRetried()

		// All of them: the run fails at one more than it bears.
		r = newKato(t, 3, katotest.Options{Fault: katotest.Poison(everyRow, katotest.Fault{Status: status})})
		r.story()
		got := r.trainer(1, "--workers", "8", "--max-errors", "3")
		says(t, got.stderr, `trainer: more than 3 rows errored in this attempt; the last is row 3: .*`+regexp.QuoteMeta(reason), `errored: 4   filtered: 0   next row: 4\n`, `Snapshot 2 \(emergency\)`)
		r.wrong(nil)
		r.trainer(0, "--workers", "8")
		r.checkErrored(4, reason, 1)
		r.checkRetried()
	}
}

// TestKatoDeadly trains a row that the server drops the connection at, each time.
// The third attempt that fails there says how to go on without it.
func TestKatoDeadly(t *testing.T) {
	t.Parallel()
	r := newKato(t, 3, katotest.Options{Fault: katotest.Poison(poison, katotest.Fault{Cut: true})})
	r.story()
	for attempt := 1; attempt <= 3; attempt++ {
		got := r.trainer(1, "--workers", "8")
		says(t, got.stderr, `trainer: learn row 25: pattern 3 of 6, PTRN\|\w+ in node0_\w+: sent 5 times: .*connection reset`, `Snapshot 2 \(emergency\)`)
		if strings.Contains(got.stderr, "--skip-row") != (attempt == 3) {
			t.Errorf("attempt %d says\n%s", attempt, got.stderr)
		}
		if attempt == 3 {
			says(t, got.stderr, `3 attempts in a row have ended at row 25, whose text is:\n +"this is row 25 of a story`, `to go on without it: +trainer resume story --run \w+ --skip-row 25\n`)
		}
	}
	r.trainer(0, "--workers", "8", "--skip-row", "25")
	r.checkErrored(1, "skipped by the operator", 2)
	r.checkRetried()
}

// TestKatoStall has workers hang: the run ends, says where they are, and keeps what
// the others did. What hung may be learned when the trainer is gone.
func TestKatoStall(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		r := newKato(t, 3, katotest.Options{Fault: katotest.Poison(poison, katotest.Fault{Hang: true, Late: late})})
		r.story()
		got := r.trainer(1, "--workers", "8", "--kato-timeout", "5m", "--stall-timeout", "1s")
		says(t, got.stderr, `a worker is stalled: none of its requests was answered for 1 s; .*worker \d is on row 25 \(answered \d+ m?s ago\)`, `Snapshot 2 \(emergency\)`)
		if run := r.shown(); run.Status != "failed" || run.Row != poisonRow {
			t.Errorf("status %s at row %d", run.Status, run.Row)
		}
		r.awaitQuiet()
		r.wrong(nil)
		r.trainer(0)
		r.checkDone(storyRows)
	}
}

// TestKatoGone has the server go in mid-run and not come back in time.
func TestKatoGone(t *testing.T) {
	t.Parallel()
	r := newKato(t, 3, katotest.Options{})
	r.at(500, r.Stop)
	line := append(samples(100), "--workers", "8")
	short := append(slices.Clone(line), "--kato-wait", "500ms")
	got := r.trainer(1, short...)
	says(t, got.stderr, `waited \d+ ms in vain for the KATO server at http://\S+: .*connection refused`, `--kato-url URL or KATO_URL`, `Snapshot \d \(emergency\)`)
	before := r.shown()
	if before.Status != "failed" || before.Trained == 0 {
		t.Errorf("status %s, %d trained", before.Status, before.Trained)
	}
	got = r.trainer(1, short...) // it is still away: no attempt begins
	says(t, got.stderr, `connection refused`)
	if after := r.shown(); len(after.Attempts) != len(before.Attempts) || after.Status != "failed" {
		t.Errorf("%d attempts, %s", len(after.Attempts), after.Status)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	r.trainer(0, line...)
	r.checkDone(100)
}

// TestKatoChanged resumes at a server that is not what it was: it is told with the
// names of the nodes, and nothing is sent to it.
func TestKatoChanged(t *testing.T) {
	t.Parallel()
	other, err := katotest.New(katotest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	for name, c := range map[string]struct {
		change func(r *katoRig, node string)
		flags  []string
		server *katotest.Server // nil for the rig's
		says   string
	}{
		"wiped": {
			change: func(r *katoRig, _ string) { r.Wipe() },
			says:   `another server than the run's, or one that was wiped: at http://\S+, of \d+ patterns of `,
		},
		"another server": {
			flags: []string{"--kato-url", other.URL}, server: other,
			says: `another server than the run's, or one that was wiped: at http://\S+, of \d+ patterns of `,
		},
		"another writer": {
			change: func(r *katoRig, node string) { r.Learn(node, "Ġa", "Ġtrain", "Ġstops") },
			says:   `another writer has taught the run's nodes: at http://\S+, of \d+ patterns of `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKato(t, 3, katotest.Options{})
			r.story()
			r.chunks, r.flags = []int{3, 3, 3}, append(r.flags, "--chunk-sizes", "3,3,3", "--workers", "4")
			r.trainer(0, "--max-samples", "30")
			before := r.checkDone(30)
			if c.change != nil {
				c.change(r, kato.Node(ledger.RunID(before.Run), 0))
			}
			server := r.Server
			if c.server != nil {
				server = c.server
			}
			sent := server.Requests(katotest.Observe) + server.Requests(katotest.Create)
			for range 2 {
				got := r.trainer(14, append([]string{"--max-samples", "60"}, c.flags...)...)
				says(t, got.stderr, c.says+`node0_`+before.Run+` to node2_`+before.Run, `PTRN\|[0-9a-f]{40} in node\d_`+before.Run+`: learned (never|once|\d+ times) there, (never|once|\d+ times) by this run`)
				says(t, got.stdout, `"kind": "server_changed"`)
			}
			if n := server.Requests(katotest.Observe) + server.Requests(katotest.Create) - sent; n != 0 {
				t.Errorf("%d requests were sent that change the server", n)
			}
			if after := r.shown(); after.Row != before.Row || len(after.Attempts) != 1 {
				t.Errorf("row %d after %d attempts", after.Row, len(after.Attempts))
			}
		})
	}
}

// TestKatoWriter has somebody else write into the nodes in mid-run, where an answer
// is lost: the run ends, and every resume is refused.
func TestKatoWriter(t *testing.T) {
	t.Parallel()
	r := newKato(t, 3, katotest.Options{})
	r.wrong(func(q katotest.Request) katotest.Fault {
		if q.Kind == katotest.Observe && q.N == 500 {
			for range 9 {
				r.Learn(q.Node, q.Symbols...)
			}
			return katotest.Fault{Cut: true}
		}
		return katotest.Fault{}
	})
	line := append(samples(200), "--workers", "8")
	got := r.trainer(14, line...)
	says(t, got.stderr, `another writer has taught the run's nodes: at http://\S+, of 1 pattern of node0_`, `Snapshot \d \(emergency\)`)
	if strings.Contains(got.stderr, "to go on:") {
		t.Errorf("it is said to go on:\n%s", got.stderr)
	}
	sent := r.Requests(katotest.Observe)
	got = r.trainer(14, line...)
	says(t, got.stderr, `another writer has taught the run's nodes: at http://\S+, of \d+ patterns of node0_`)
	if n := r.Requests(katotest.Observe) - sent; n != 0 {
		t.Errorf("%d requests to observe were sent", n)
	}
}
