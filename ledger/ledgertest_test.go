package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// roleEnv makes the test binary act as another process that uses the ledger.
const roleEnv = "CKPT_LEDGER_TEST_ROLE"

// roles are what such a process can do. Its arguments are the folder of the
// ledger and what the role needs; it returns its exit code.
var roles = map[string]func(args []string) int{
	"create":  roleCreate,
	"race":    roleRace,
	"hold":    roleHold,
	"list":    roleList,
	"observe": roleObserve,
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(roles[role](os.Args[1:]))
	}
	code := m.Run()
	os.RemoveAll(benchDir)
	os.Exit(code)
}

// child prepares a process with a role.
func child(t testing.TB, role string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// complain is for roles: it says what went wrong and returns the exit code.
func complain(err error) int {
	fmt.Fprintln(os.Stderr, "child:", err)
	return 1
}

// testLedger makes a ledger in a new folder. When the test ends, everything in it
// is checked.
func testLedger(t testing.TB) *Ledger { return testLedgerWith(t, Options{}) }

func testLedgerWith(t testing.TB, opts Options) *Ledger {
	t.Helper()
	l, err := Create(context.Background(), filepath.Join(t.TempDir(), "checkpoints"), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		errs := problems(l)
		for _, err := range errs[:min(len(errs), 20)] {
			t.Errorf("the ledger is not sound: %v", err)
		}
	})
	return l
}

// clock is a clock that stands still until it is moved.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// testRun is a run that may be begun as it is.
func testRun(dataset string) Run {
	return Run{
		Dataset: dataset, Method: "sequential", Learner: "local", Target: 1000,
		Config: Config{"learner": "local", "method": "sequential", "chunk_sizes": []any{8.0, 8.0}},
		Source: Source{Digest: "sha256:aa", Label: "rows.txt"},
	}
}

// begin starts a run and gives up its lease at the end of the test.
func begin(t testing.TB, l *Ledger, run Run) *Session {
	t.Helper()
	s, err := l.Begin(context.Background(), run, Attempt{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// proceed acquires the lease of a run and begins its next attempt.
func proceed(t testing.TB, l *Ledger, id RunID, opts LeaseOptions) *Session {
	t.Helper()
	ctx := context.Background()
	lease, err := l.Acquire(ctx, id, opts)
	if err != nil {
		t.Fatal(err)
	}
	e := entry(t, l, id)
	s, err := l.Continue(ctx, lease, e.Head.Seq, Changes{}, Attempt{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// step is a checkpoint n samples further than the session's last one.
func step(s *Session, n int64, objects ...Object) Checkpoint {
	c := s.Last().Counters
	c.Trained += n
	c.Row += n
	return Checkpoint{
		Kind: Periodic, Counters: c, Position: json.RawMessage(fmt.Sprintf(`{"row":%d}`, c.Row)),
		Metrics: map[string]float64{"tokens": float64(c.Row) * 7}, ModelDigest: fmt.Sprintf("digest of %d", c.Trained),
		Objects: objects, Rate: 10,
	}
}

func commit(t testing.TB, s *Session, c Checkpoint) Snapshot {
	t.Helper()
	snap, err := s.Commit(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func putObject(t testing.TB, s *Session, name string, content []byte) Object {
	t.Helper()
	o, err := s.PutObject(context.Background(), name, func(w io.Writer) error { _, err := w.Write(content); return err })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func entry(t testing.TB, l *Ledger, id RunID) Entry {
	t.Helper()
	e, err := l.Entry(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unchanged reports a test failure if fn changes a byte of the database.
func unchanged(t testing.TB, l *Ledger, fn func()) {
	t.Helper()
	before := readFile(t, l.db.path)
	fn()
	if !bytes.Equal(before, readFile(t, l.db.path)) {
		t.Error("the database's bytes have changed")
	}
}

func wantIs(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, not %v", err, want)
	}
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
