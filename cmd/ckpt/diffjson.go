package main

import (
	"ckptledger/ledger"
)

// diffJSON is a comparison as --json prints it: of two sides A and B, of more
// Runs. Of two the fields are pairJSON, of more rowJSON.
type diffJSON struct {
	Fair        bool       `json:"fair"`
	Reasons     []reason   `json:"reasons"` // why it is not
	Differs     bool       `json:"differs"` // in config, progress or metrics
	A           *sideJSON  `json:"a,omitempty"`
	B           *sideJSON  `json:"b,omitempty"`
	Runs        []sideJSON `json:"runs,omitempty"`
	Config      any        `json:"config"`
	Progress    any        `json:"progress"`
	Rate        any        `json:"rate"`
	Metrics     any        `json:"metrics"`
	Environment any        `json:"environment"`
}

type sideJSON struct {
	Run     ledger.RunID `json:"run"`
	Name    string       `json:"name"`
	Dataset string       `json:"dataset"`
	Seq     uint64       `json:"seq"` // 0 where there is no snapshot
	Samples int64        `json:"samples"`
	Row     int64        `json:"row"`
}

// pairJSON is a field of two sides. Change is b - a where both are numbers, and
// percent that of a.
type pairJSON struct {
	Field   string   `json:"field"`
	A       any      `json:"a"`
	B       any      `json:"b"`
	Change  *float64 `json:"change"`
	Percent *float64 `json:"percent"`
}

// rowJSON is a field of three sides or more, with a value for each.
type rowJSON struct {
	Field  string `json:"field"`
	Values []any  `json:"values"`
}

// json has the fields that differ, or all of them.
func (d *comparison) json(all bool) diffJSON {
	out := diffJSON{Fair: len(d.unfair) == 0, Reasons: append([]reason{}, d.unfair...), Differs: d.differs()}
	var sides []sideJSON
	for _, s := range d.sides {
		sides = append(sides, sideJSON{s.ID, s.Name, s.Dataset, s.snap.Seq, s.snap.Samples(), s.snap.Row})
	}
	fields := rowsOf
	if len(sides) == 2 {
		out.A, out.B, fields = &sides[0], &sides[1], pairsOf
	} else {
		out.Runs = sides
	}
	for name, to := range map[string]*any{
		"config": &out.Config, "progress": &out.Progress, "rate": &out.Rate, "metrics": &out.Metrics, "environment": &out.Environment,
	} {
		*to = fields(d.section(name).shown(all))
	}
	return out
}

func pairsOf(fields []field) any {
	out := []pairJSON{}
	for _, f := range fields {
		pair := pairJSON{Field: f.name, A: f.values[0], B: f.values[1]}
		pair.Change, pair.Percent = f.change()
		out = append(out, pair)
	}
	return out
}

func rowsOf(fields []field) any {
	out := []rowJSON{}
	for _, f := range fields {
		out = append(out, rowJSON{f.name, f.values})
	}
	return out
}
