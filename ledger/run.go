package ledger

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// RunID is the ULID of a run: 26 characters, sorting by time of creation.
type RunID string

// NewRunID returns the id of a run that is still to begin.
func NewRunID() RunID { return RunID(ulid.Make().String()) }

// Short returns the form in which people see an id: its first three and last
// four characters.
func (id RunID) Short() string {
	if len(id) != 26 {
		return string(id)
	}
	return string(id[:3]) + "…" + string(id[22:])
}

// Run is one training effort. What decides the model never changes; target,
// epochs, interval and place of the data may, and each attempt notes what it used.
type Run struct {
	ID         RunID             `json:"run"`
	Name       string            `json:"name,omitempty"`
	Dataset    string            `json:"dataset"`
	Method     string            `json:"method"`
	Learner    string            `json:"learner"`
	Config     Config            `json:"config"`
	ConfigHash string            `json:"config_hash"`
	Source     Source            `json:"source"`
	Target     int64             `json:"target"`           // samples, trained and errored; 0 is to the end of the source
	Epochs     int               `json:"epochs,omitempty"` // passes over the source, 1 or more; see Passes
	Interval   string            `json:"interval,omitempty"`
	Created    time.Time         `json:"created"`
	Tags       []string          `json:"tags,omitempty"`
	Record     map[string]string `json:"record,omitempty"` // --record: kept and shown, never compared
	ForkedFrom *Origin           `json:"forked_from,omitempty"`
	Accepted   []string          `json:"accepted,omitempty"` // fields that differed from the origin and were accepted
}

// Passes is how often the run reads its source. Records from before there were
// epochs have none, and mean one.
func (r *Run) Passes() int { return max(r.Epochs, 1) }

// Source says where a run's rows come from. The ledger compares digests and
// keeps the rest as it is given.
type Source struct {
	Digest string          `json:"digest"` // equal digests, equal content
	Label  string          `json:"label"`  // for people
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Origin is the snapshot a fork began with.
type Origin struct {
	Run  RunID  `json:"run"`
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// Attempt is one process's work on a run.
type Attempt struct {
	Number   uint64   `json:"attempt"`
	Host     string   `json:"host"`
	PID      int      `json:"pid"`
	Boot     string   `json:"boot,omitempty"`
	Program  string   `json:"program,omitempty"` // version of the program
	Go       string   `json:"go,omitempty"`
	Platform string   `json:"platform,omitempty"`
	CPUs     int      `json:"cpus,omitempty"`
	Git      string   `json:"git,omitempty"` // commit of the working folder
	Folder   string   `json:"folder,omitempty"`
	Command  []string `json:"command,omitempty"`
	Target   int64    `json:"target"`
	Epochs   int      `json:"epochs,omitempty"`  // 0 in old records, which means 1
	Workers  int      `json:"workers,omitempty"` // of the parallel method; 0 where samples are learned one by one
	Interval string   `json:"interval,omitempty"`
	// MaxErrors is how many rows could be errored; 0 is any number.
	MaxErrors int64 `json:"max_errors,omitempty"`
	// Endpoint is the learner's server, and Nodes the names under which it keeps
	// what it learns, one a layer.
	Endpoint string   `json:"endpoint,omitempty"`
	Nodes    []string `json:"nodes,omitempty"`

	From    uint64    `json:"from"` // the snapshot it went on from, 0 for none
	FromRow int64     `json:"from_row"`
	At      int64     `json:"from_samples"` // trained + errored at its start
	Started time.Time `json:"started"`
	// Ended is zero while the attempt goes on, and for ever if it crashed.
	Ended    time.Time `json:"ended,omitzero"`
	Reason   Reason    `json:"reason,omitempty"`
	Error    string    `json:"error,omitempty"`
	TookOver bool      `json:"took_over,omitempty"`
}

// Reason is why an attempt ended.
type Reason string

// The four ends of an attempt.
const (
	Completed   Reason = "completed"   // the target was reached
	Exhausted   Reason = "exhausted"   // the source ended
	Interrupted Reason = "interrupted" // a signal
	Failed      Reason = "failed"      // and Attempt.Error says why
)

// Counters account for every row read: Row = Trained + Errored + Filtered.
type Counters struct {
	Row      int64 `json:"row"` // the next raw row to read, so the number of rows read
	Trained  int64 `json:"trained"`
	Errored  int64 `json:"errored"`
	Filtered int64 `json:"filtered"`
}

// Samples is what targets and intervals count: trained and errored ones.
func (c Counters) Samples() int64 { return c.Trained + c.Errored }

// Check reports a break of the counter rule.
func (c Counters) Check() error {
	if c.Trained < 0 || c.Errored < 0 || c.Filtered < 0 || c.Row != c.Trained+c.Errored+c.Filtered {
		return fmt.Errorf("%w: row %d is not trained %d + errored %d + filtered %d", ErrRule, c.Row, c.Trained, c.Errored, c.Filtered)
	}
	return nil
}

// Head sums up a run: its newest snapshot and its newest attempt. It is
// rewritten with every commit, so that listings read no snapshots.
type Head struct {
	Counters
	Seq           uint64    `json:"seq"`  // newest snapshot, 0 for none
	Kind          Kind      `json:"kind"` // of it
	Hash          string    `json:"hash"` // of it
	Time          time.Time `json:"time,omitzero"`
	Commit        uint64    `json:"commit"` // of the newest snapshot: the order of "latest"
	Touched       uint64    `json:"touched"`
	Updated       time.Time `json:"updated"`
	SnapshotCount int64     `json:"snapshot_count"`
	ModelDigest   string    `json:"model_digest,omitempty"`
	StateBytes    int64     `json:"state_bytes"` // of the objects that this run's snapshots were the first to name
	RestoreBytes  int64     `json:"restore_bytes"`
	Elapsed       float64   `json:"elapsed_seconds"`
	Rate          float64   `json:"rate,omitempty"`
	Attempt       uint64    `json:"attempt"`
	Open          bool      `json:"open"` // the newest attempt has not ended
	Reason        Reason    `json:"reason,omitempty"`
	LastError     string    `json:"last_error,omitempty"`
	Host          string    `json:"host,omitempty"` // of the newest attempt
	Boot          string    `json:"boot,omitempty"`
	PID           int       `json:"pid,omitempty"`
	Started       time.Time `json:"started,omitzero"`
}

// Entry is a run with its head.
type Entry struct {
	Run
	Head Head
}

var nameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckName reports whether a run may have this name: a letter or digit, then
// these and . _ -, at most 100 in all, and nothing that reads as a ULID.
func CheckName(name string) error {
	if !nameRE.MatchString(name) {
		return fmt.Errorf("%w: a name has letters, digits, dots, underscores and dashes, not %q", ErrRule, name)
	}
	if _, err := ulid.ParseStrict(strings.ToUpper(name)); err == nil {
		return fmt.Errorf("%w: %q reads as a run's id", ErrRule, name)
	}
	return nil
}

// CheckDataset reports whether text can be a dataset's key.
func CheckDataset(key string) error {
	if key == "" || len(key) > 300 {
		return fmt.Errorf("%w: a dataset's key has 1 to 300 characters", ErrRule)
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("%w: a dataset's key is UTF-8, not %q", ErrRule, key)
	}
	for _, r := range key {
		if r < ' ' || r == 0x7F || r == '#' || r == '@' {
			return fmt.Errorf("%w: a dataset's key has no control characters, no # and no @, not %q", ErrRule, key)
		}
	}
	return nil
}
