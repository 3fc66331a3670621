package records

import (
	"encoding/json"
	"time"

	"ckptledger/ledger"
)

// Run is a run as --json prints it.
type Run struct {
	Run             ledger.RunID      `json:"run"`
	Name            string            `json:"name"`
	Dataset         string            `json:"dataset"`
	Method          string            `json:"method"`
	Learner         string            `json:"learner"`
	Config          ledger.Config     `json:"config"`
	ConfigHash      string            `json:"config_hash"`
	Source          ledger.Source     `json:"source"`
	Status          ledger.Status     `json:"status"`
	Reason          ledger.Reason     `json:"reason"`
	LastError       string            `json:"last_error"`
	Target          int64             `json:"target"`
	Epochs          int               `json:"epochs"`
	Interval        string            `json:"checkpoint_interval"`
	Trained         int64             `json:"trained"`
	Errored         int64             `json:"errored"`
	Filtered        int64             `json:"filtered"`
	Row             int64             `json:"row"`
	Live            *Live             `json:"live,omitempty"`
	Exactness       string            `json:"exactness,omitempty"` // where a server learns; see Exactness
	SnapshotCount   int64             `json:"snapshot_count"`
	Seq             uint64            `json:"seq"`
	Kind            ledger.Kind       `json:"kind"`
	Time            *time.Time        `json:"time"`
	ModelDigest     string            `json:"model_digest"`
	StateBytes      int64             `json:"state_bytes"`
	ElapsedSeconds  float64           `json:"elapsed_seconds"`
	Created         time.Time         `json:"created"`
	Updated         time.Time         `json:"updated"`
	Tags            []string          `json:"tags"`
	Record          map[string]string `json:"record,omitempty"`
	ForkedFrom      *ledger.Origin    `json:"forked_from,omitempty"`
	Accepted        []string          `json:"accepted,omitempty"`
	ResumedAtSample *int64            `json:"resumed_at_sample,omitempty"` // trainer run and resume only

	// In show only, and there also where there are none.
	Metrics     map[string]float64  `json:"metrics,omitzero"` // of the newest snapshot
	Attempts    []ledger.Attempt    `json:"attempts,omitzero"`
	Snapshots   []Snapshot          `json:"snapshots,omitzero"` // oldest first
	ErroredRows []ledger.ErroredRow `json:"errored_rows,omitzero"`

	Trashed *time.Time `json:"trashed,omitempty"` // in show and rm only: when it was moved to the trash

	// In show only, where a server learns.
	Endpoint string   `json:"endpoint,omitempty"` // of the newest attempt, without user and password
	Nodes    []string `json:"nodes,omitempty"`    // as the server names them, one a layer
	Mark     *Mark    `json:"mark,omitempty"`     // where it is newer than the newest snapshot
}

// Mark is how far a server has learned behind the newest snapshot: all rows before
// Row, and nobody knows what of those from Row to before Reach.
type Mark struct {
	Row      int64     `json:"row"`
	Reach    int64     `json:"reach"`
	Trained  int64     `json:"trained"`
	Errored  int64     `json:"errored"`
	Filtered int64     `json:"filtered"`
	Retrying []int64   `json:"retrying,omitempty"` // errored rows before Row that are being learned once more
	Time     time.Time `json:"time"`
}

// MarkOf turns a mark into its JSON object; nil where there is none.
func MarkOf(m *ledger.Mark) *Mark {
	if m.Attempt == 0 {
		return nil
	}
	out := &Mark{Row: m.Row, Reach: m.Reach, Trained: m.Trained, Errored: m.Counters.Errored, Filtered: m.Filtered, Time: m.Time.UTC()}
	for _, e := range m.Retrying {
		out.Retrying = append(out.Retrying, e.Row)
	}
	return out
}

// Live is what a running run's trainer says of itself, beside the numbers of
// the newest snapshot.
type Live struct {
	Trained int64     `json:"trained"`
	Row     int64     `json:"row"`
	Rate    float64   `json:"rate"`
	Time    time.Time `json:"time"`
}

// Snapshot is a snapshot as --json prints it.
type Snapshot struct {
	Run            ledger.RunID       `json:"run"`
	Seq            uint64             `json:"seq"`
	Kind           ledger.Kind        `json:"kind"`
	Time           time.Time          `json:"time"`
	Trained        int64              `json:"trained"`
	Errored        int64              `json:"errored"`
	Filtered       int64              `json:"filtered"`
	Row            int64              `json:"row"`
	ModelDigest    string             `json:"model_digest"`
	StateBytes     int64              `json:"state_bytes"`
	ElapsedSeconds float64            `json:"elapsed_seconds"`
	Attempt        uint64             `json:"attempt"`
	Hash           string             `json:"hash"`
	Metrics        map[string]float64 `json:"metrics,omitempty"`

	// Of a snapshot that is shown alone.
	Position json.RawMessage `json:"position,omitempty"`
	Objects  []ledger.Object `json:"objects,omitzero"`
}

// RunOf turns a run and its standing into its JSON object.
func RunOf(e ledger.Entry, st ledger.Standing) Run {
	h := &e.Head
	r := Run{
		Run: e.ID, Name: e.Name, Dataset: e.Dataset, Method: e.Method, Learner: e.Learner,
		Config: e.Config, ConfigHash: e.ConfigHash, Source: e.Source,
		Status: st.Status, Reason: h.Reason, LastError: h.LastError,
		Target: e.Target, Epochs: e.Passes(), Interval: e.Interval,
		Trained: h.Trained, Errored: h.Errored, Filtered: h.Filtered, Row: h.Row,
		SnapshotCount: h.SnapshotCount, Seq: h.Seq, Kind: h.Kind, ModelDigest: h.ModelDigest,
		StateBytes: h.StateBytes, ElapsedSeconds: h.Elapsed,
		Created: e.Created.UTC(), Updated: h.Updated.UTC(), Tags: e.Tags, Record: e.Record,
		ForkedFrom: e.ForkedFrom, Accepted: e.Accepted, Exactness: Exactness(e.Config),
	}
	if !h.Time.IsZero() {
		t := h.Time.UTC()
		r.Time = &t
	}
	if r.Tags == nil {
		r.Tags = []string{}
	}
	if p := st.Live; p != nil {
		r.Live = &Live{Trained: p.Trained, Row: p.Row, Rate: p.Rate, Time: p.Time.UTC()}
	}
	return r
}

// SnapshotOf turns a snapshot into its JSON object.
func SnapshotOf(s *ledger.Snapshot) Snapshot {
	return Snapshot{
		Run: s.Run, Seq: s.Seq, Kind: s.Kind, Time: s.Time.UTC(),
		Trained: s.Trained, Errored: s.Errored, Filtered: s.Filtered, Row: s.Row,
		ModelDigest: s.ModelDigest, StateBytes: s.StateBytes(), ElapsedSeconds: s.Elapsed,
		Attempt: s.Attempt, Hash: s.Hash, Position: s.Position, Metrics: s.Metrics,
	}
}
