package ledger

import (
	"cmp"
	"slices"
)

// Want is what a resume asks for.
type Want struct {
	Dataset  string
	Run      RunID    // only this run; empty for any
	Given    Config   // the identity settings that were given; others are taken from the run
	Runnable []Config // what this program can run: a run fits that has all settings of one of these
}

// Outcome says how a match ended.
type Outcome int

// The outcomes of a match. Only Matched has a chosen run.
const (
	Matched    Outcome = iota
	NoneFound          // no run that could be resumed at all
	Mismatched         // there are runs, and each differs in a setting that was given
	Ambiguous          // runs of several configs are left
)

// Verdict is what the match found of one run, in words a user can act on.
type Verdict struct {
	Entry   Entry
	Verdict string       // one of the Verdict constants
	Field   string       // the first field that speaks against it
	Differs []Difference // all of them
}

// The verdicts.
const (
	Chosen       = "chosen"        // this run is resumed
	OtherDataset = "other dataset" // not a run of the dataset asked for
	NotAsked     = "not asked for" // another run was named
	NoSnapshot   = "no snapshot"   // nothing to go on from
	NotRunnable  = "not runnable"  // this program has no learner of its kind and version
	Differs      = "differs"       // in a setting that was given
	OtherConfig  = "other config"  // one of several configs that fit
	Older        = "older"         // the same config; another run's newest snapshot was committed later
	Further      = "further"       // as Older, but it stands further
)

// Decision is the result of a match: the outcome, the run to resume, and why
// for every run looked at.
type Decision struct {
	Outcome  Outcome
	Chosen   Entry
	Verdicts []Verdict // the chosen one first, then the latest committed first
}

// Match decides which run a resume goes on from. It is a function of its
// arguments: nothing is looked up, and nothing falls back to a lesser choice.
//
// The candidates are the dataset's runs that have a snapshot and that this
// program can run. Those that differ in a setting that was given fall out. If
// the rest has one config hash, the run whose newest snapshot was committed
// last is chosen, finished or not.
func Match(runs []Entry, w Want) Decision {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.Head.Commit, a.Head.Commit), cmp.Compare(b.ID, a.ID))
	})

	d := Decision{Outcome: NoneFound}
	var left []int // indexes into d.Verdicts
	hashes := map[string]bool{}
	for _, e := range runs {
		v := Verdict{Entry: e}
		switch {
		case e.Dataset != w.Dataset:
			v.Verdict, v.Field = OtherDataset, "dataset"
			v.Differs = []Difference{{Field: "dataset", Checkpoint: e.Dataset, Current: w.Dataset}}
		case w.Run != "" && e.ID != w.Run:
			v.Verdict, v.Field = NotAsked, "run"
		case e.Head.Seq == 0:
			v.Verdict, v.Field = NoSnapshot, "snapshots"
		case !runnable(e.Config, w.Runnable, &v):
			v.Verdict, v.Field = NotRunnable, v.Differs[0].Field
		default:
			if d.Outcome == NoneFound {
				d.Outcome = Mismatched
			}
			if v.Differs = e.Config.DiffGiven(w.Given); len(v.Differs) > 0 {
				v.Verdict, v.Field = Differs, v.Differs[0].Field
				break
			}
			left = append(left, len(d.Verdicts))
			hashes[e.ConfigHash] = true
		}
		d.Verdicts = append(d.Verdicts, v)
	}
	switch {
	case len(left) == 0:
		return d
	case len(hashes) > 1:
		d.Outcome = Ambiguous
		for _, i := range left {
			v := &d.Verdicts[i]
			v.Verdict = OtherConfig
			if v.Differs = v.Entry.Config.Diff(otherConfig(d.Verdicts, left, v.Entry.ConfigHash)); len(v.Differs) > 0 {
				v.Field = v.Differs[0].Field
			}
		}
		return d
	}
	d.Outcome = Matched
	d.Chosen = d.Verdicts[left[0]].Entry
	for _, i := range left {
		v := &d.Verdicts[i]
		switch {
		case i == left[0]:
			v.Verdict = Chosen
		case v.Entry.Head.Row > d.Chosen.Head.Row:
			v.Verdict, v.Field = Further, "row"
		default:
			v.Verdict, v.Field = Older, "commit"
		}
	}
	chosen := d.Verdicts[left[0]]
	copy(d.Verdicts[1:left[0]+1], d.Verdicts[:left[0]])
	d.Verdicts[0] = chosen
	return d
}

// runnable reports whether the program can run a run of this config. If not, v
// says what the nearest thing it can run differs in.
func runnable(c Config, can []Config, v *Verdict) bool {
	var nearest []Difference
	for _, r := range can {
		d := c.DiffGiven(r)
		if len(d) == 0 {
			return true
		}
		if nearest == nil || len(d) < len(nearest) {
			nearest = d
		}
	}
	if v.Differs = nearest; nearest == nil {
		v.Differs = []Difference{{Field: "learner", Checkpoint: c["learner"]}}
	}
	return false
}

// otherConfig is the config of the first of those left whose hash is another.
func otherConfig(vs []Verdict, left []int, hash string) Config {
	for _, i := range left {
		if e := &vs[i].Entry; e.ConfigHash != hash {
			return e.Config
		}
	}
	return nil
}
