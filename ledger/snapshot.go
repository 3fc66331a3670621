package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says why a snapshot was taken.
type Kind string

// The kinds of snapshot this version writes.
const (
	Periodic  Kind = "periodic"  // the interval had passed
	Emergency Kind = "emergency" // a signal or an error ended the attempt
	Final     Kind = "final"     // the target was reached or the source ended
	Forked    Kind = "forked"    // the first of a fork: what it was forked from
)

// MaxObjects is how many state objects a snapshot may name.
const MaxObjects = 64

// Object is a file of a learner's state, named by the SHA-256 of its bytes as
// they lie in the ledger's state folder.
type Object struct {
	SHA256 string `json:"sha256"`         // of the file, lower-case hex
	Name   string `json:"name"`           // what the learner calls it
	Bytes  int64  `json:"bytes"`          // length of the file
	Size   int64  `json:"size"`           // length of the content
	Zstd   bool   `json:"zstd,omitempty"` // whether the file is the content compressed
}

// Snapshot is one checkpoint of a run. It names every object that restores it
// and needs no other snapshot's record.
type Snapshot struct {
	Run         RunID              `json:"run"`
	Seq         uint64             `json:"seq"` // 1, 2, 3 … within the run
	Kind        Kind               `json:"kind"`
	Time        time.Time          `json:"time"`
	Dataset     string             `json:"dataset"`
	ConfigHash  string             `json:"config_hash"`
	Source      string             `json:"source"`   // digest
	Position    json.RawMessage    `json:"position"` // the source's cursor, opaque here
	Counters                       // row, trained, errored, filtered
	Metrics     map[string]float64 `json:"metrics,omitempty"`
	ModelDigest string             `json:"model_digest"`
	Prev        string             `json:"prev,omitempty"` // hash of the one before; a fork's first: of the one it came from
	Hash        string             `json:"hash"`

	// What the hash does not cover.
	Objects []Object `json:"objects"`
	Attempt uint64   `json:"attempt"`
	Commit  uint64   `json:"commit"`          // the ledger's count of commits: the order of "latest"
	Elapsed float64  `json:"elapsed_seconds"` // of all attempts up to here
}

// StateBytes is what restoring the snapshot reads.
func (s *Snapshot) StateBytes() int64 {
	var n int64
	for _, o := range s.Objects {
		n += o.Bytes
	}
	return n
}

// chainHash computes the snapshot's own hash: the SHA-256, in hex, of lines
// "name value", each ended by a line feed, in this order: v (the format of these
// lines, 1), run, seq, prev, dataset, config_hash, source, position, row, trained,
// errored, filtered, kind, time, model_digest, and then the metrics by name, as
// "metric.NAME VALUE". Text is quoted as JSON does, the position is its JSON
// as it stands in the record, the time RFC 3339 in UTC with nanoseconds, and a metric the
// shortest decimal that gives its float64 again.
func (s *Snapshot) chainHash() string {
	b := make([]byte, 0, 4096)
	line := func(name string) { b = append(append(b, name...), ' ') }
	text := func(name, value string) {
		line(name)
		quoted, _ := json.Marshal(value) // a string can always be encoded
		b = append(append(b, quoted...), '\n')
	}
	number := func(name string, value int64) {
		line(name)
		b = append(strconv.AppendInt(b, value, 10), '\n')
	}
	number("v", 1)
	text("run", string(s.Run))
	number("seq", int64(s.Seq))
	text("prev", s.Prev)
	text("dataset", s.Dataset)
	text("config_hash", s.ConfigHash)
	text("source", s.Source)
	line("position")
	b = append(append(b, s.Position...), '\n')
	number("row", s.Row)
	number("trained", s.Trained)
	number("errored", s.Errored)
	number("filtered", s.Filtered)
	text("kind", string(s.Kind))
	text("time", s.Time.UTC().Format(time.RFC3339Nano))
	text("model_digest", s.ModelDigest)
	for _, name := range slices.Sorted(maps.Keys(s.Metrics)) {
		line("metric." + name)
		b = append(strconv.AppendFloat(b, s.Metrics[name], 'g', -1, 64), '\n')
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// CheckHash recomputes the hash over the record.
func (s *Snapshot) CheckHash() error {
	if s.chainHash() != s.Hash {
		return fmt.Errorf("snapshot %d of run %s: its hash does not fit its record: %w", s.Seq, s.Run.Short(), ErrDamaged)
	}
	return nil
}

func (s *Snapshot) check() error {
	if err := s.Counters.Check(); err != nil {
		return err
	}
	if len(s.Objects) > MaxObjects {
		return fmt.Errorf("%w: a snapshot names at most %d objects, not %d", ErrRule, MaxObjects, len(s.Objects))
	}
	for _, o := range s.Objects {
		if _, err := o.key(); err != nil {
			return err
		}
	}
	position, err := json.Marshal(s.Position)
	if err != nil || len(s.Position) == 0 {
		return fmt.Errorf("%w: the position is no JSON", ErrRule)
	}
	s.Position = position // as it will stand in the record
	for name, v := range s.Metrics {
		if strings.ContainsAny(name, " \n") {
			return fmt.Errorf("%w: metric %q has a space in its name", ErrRule, name)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: metric %s is no number", ErrRule, name)
		}
	}
	return nil
}

// ErroredRow is a row that was counted as errored, and why. A later one of the
// same row replaces it.
type ErroredRow struct {
	Row    int64  `json:"row"`
	Reason string `json:"reason"`
	// Learned is how many of its parts a learner's server knows all the same.
	Learned int `json:"learned,omitempty"`
	// Trained says that the row was trained after all, and counts as errored no
	// more.
	Trained bool `json:"trained,omitempty"`
}

// MaxErroredRows is how many errored rows are kept by name for each snapshot;
// all are counted.
const MaxErroredRows = 1000
