package kato

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"ckptledger/trainer"
)

// metadata goes with the patterns of the layers that capture it: where a sample
// comes from.
type metadata struct {
	Source   string `json:"source"`
	SampleID string `json:"sample_id,omitempty"` // its number; a sample that is tried again has none
	Row      int64  `json:"row"`
}

func (l *Learner) captures(layer int) bool {
	return slices.Contains(l.options.CaptureMetadata, layer)
}

// metadata returns what is sent with a sample, nil where no layer captures it.
func (l *Learner) metadata(s *trainer.Sample) ([]byte, error) {
	if len(l.options.CaptureMetadata) == 0 {
		return nil, nil
	}
	m := metadata{Source: l.options.Dataset, Row: s.Row}
	if s.Number >= 0 {
		m.SampleID = strconv.FormatInt(s.Number, 10)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return b, nil
}
