package ledger

import (
	"encoding/json"
	"fmt"
	"math"
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

// chainHash computes the snapshot's own hash.
func (s *Snapshot) chainHash() (string, error) {
	metrics := s.Metrics
	if len(metrics) == 0 {
		metrics = nil // as the record reads back
	}
	return canonicalHash(map[string]any{
		"v": 1, "run": s.Run, "seq": s.Seq, "prev": s.Prev, "dataset": s.Dataset,
		"config_hash": s.ConfigHash, "source": s.Source, "position": s.Position,
		"row": s.Row, "trained": s.Trained, "errored": s.Errored, "filtered": s.Filtered,
		"kind": s.Kind, "time": s.Time.UTC().Format(time.RFC3339Nano), "metrics": metrics, "model_digest": s.ModelDigest,
	})
}

// CheckHash recomputes the hash over the record.
func (s *Snapshot) CheckHash() error {
	h, err := s.chainHash()
	if err != nil {
		return err
	}
	if h != s.Hash {
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
	if !json.Valid(s.Position) {
		return fmt.Errorf("%w: the position is no JSON", ErrRule)
	}
	for name, v := range s.Metrics {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: metric %s is no number", ErrRule, name)
		}
	}
	return nil
}

// ErroredRow is a row that was counted as errored, and why.
type ErroredRow struct {
	Row    int64  `json:"row"`
	Reason string `json:"reason"`
}

// MaxErroredRows is how many errored rows are kept by name for each snapshot;
// all are counted.
const MaxErroredRows = 1000
