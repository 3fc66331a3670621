package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// candidate is a run as Match sees it.
func candidate(id string, commit uint64, config Config) Entry {
	e := Entry{Run: testRun("wikitext"), Head: Head{Commit: commit, Seq: commit}}
	e.ID, e.Config = RunID(id), config
	e.ConfigHash = fmt.Sprint(config)
	e.Head.Row, e.Head.Trained = int64(commit)*10, int64(commit)*10
	return e
}

func TestMatch(t *testing.T) {
	eights, fours := Config{"chunk": 8.0, "learner": "local"}, Config{"chunk": 4.0, "learner": "local"}
	want := Want{Dataset: "wikitext", Runnable: []Config{{"learner": "kato"}, {"learner": "local"}}}
	other := candidate("O", 9, eights)
	other.Dataset = "c4"
	empty := candidate("E", 0, eights)
	foreign := candidate("P", 9, Config{"learner": "process"})
	far := candidate("F", 3, eights)
	far.Head.Row = 1000

	type verdicts map[RunID]string // verdict and field
	for name, tt := range map[string]struct {
		runs    []Entry
		change  func(*Want)
		outcome Outcome
		chosen  RunID
		says    verdicts
	}{
		"nothing at all": {nil, nil, NoneFound, "", verdicts{}},
		"no candidate": {[]Entry{other, empty, foreign}, nil, NoneFound, "",
			verdicts{"O": "other dataset dataset", "E": "no snapshot snapshots", "P": "not runnable learner"}},
		"the only one": {[]Entry{candidate("A", 1, eights), other, empty, foreign}, nil, Matched, "A",
			verdicts{"A": "chosen ", "O": "other dataset dataset", "E": "no snapshot snapshots", "P": "not runnable learner"}},
		"the last committed": {[]Entry{candidate("A", 1, eights), candidate("B", 5, eights), candidate("C", 3, eights)}, nil, Matched, "B",
			verdicts{"A": "older commit", "B": "chosen ", "C": "older commit"}},
		"one that stands further is named": {[]Entry{far, candidate("B", 5, eights)}, nil, Matched, "B",
			verdicts{"F": "further row", "B": "chosen "}},
		"a given setting differs": {[]Entry{candidate("A", 1, eights), candidate("B", 2, fours)}, func(w *Want) { w.Given = Config{"chunk": 8.0} }, Matched, "A",
			verdicts{"A": "chosen ", "B": "differs chunk"}},
		"all differ": {[]Entry{candidate("A", 1, eights), empty}, func(w *Want) { w.Given = Config{"chunk": 2.0, "zzz": 1.0} }, Mismatched, "",
			verdicts{"A": "differs chunk", "E": "no snapshot snapshots"}},
		"several configs": {[]Entry{candidate("A", 1, eights), candidate("B", 2, fours), candidate("C", 3, fours)}, nil, Ambiguous, "",
			verdicts{"A": "other config chunk", "B": "other config chunk", "C": "other config chunk"}},
		"several configs, one named": {[]Entry{candidate("A", 1, eights), candidate("B", 2, fours)}, func(w *Want) { w.Run = "A" }, Matched, "A",
			verdicts{"A": "chosen ", "B": "not asked for run"}},
		"the run named has no snapshot": {[]Entry{candidate("A", 1, eights), empty}, func(w *Want) { w.Run = "E" }, NoneFound, "",
			verdicts{"A": "not asked for run", "E": "no snapshot snapshots"}},
		"the run named differs": {[]Entry{candidate("A", 1, eights), candidate("B", 2, fours)}, func(w *Want) { w.Run, w.Given = "A", Config{"chunk": 4.0} }, Mismatched, "",
			verdicts{"A": "differs chunk", "B": "not asked for run"}},
		"a setting only the given has": {[]Entry{candidate("A", 1, eights)}, func(w *Want) { w.Given = Config{"seed": 1.0} }, Mismatched, "",
			verdicts{"A": "differs seed"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := want
			if tt.change != nil {
				tt.change(&w)
			}
			d := Match(tt.runs, w)
			if d.Outcome != tt.outcome || d.Chosen.ID != tt.chosen {
				t.Errorf("outcome %d, chosen %q", d.Outcome, d.Chosen.ID)
			}
			got := verdicts{}
			for _, v := range d.Verdicts {
				got[v.Entry.ID] = v.Verdict + " " + v.Field
				if explains := v.Verdict == Differs || v.Verdict == OtherConfig; explains && (len(v.Differs) == 0 || v.Differs[0].Field != v.Field) {
					t.Errorf("run %s: %q differs, and the list is %v", v.Entry.ID, v.Field, v.Differs)
				}
			}
			if diff := cmp.Diff(tt.says, got); diff != "" {
				t.Error(diff)
			}
			if d.Outcome == Matched && d.Verdicts[0].Entry.ID != tt.chosen {
				t.Error("the chosen run does not stand first")
			}
		})
	}
}

func TestMatchLaws(t *testing.T) {
	value := rapid.SampledFrom([]any{1.0, 2.0, "x", nil})
	settings := rapid.Custom(func(t *rapid.T) Config {
		c := Config{}
		for _, k := range []string{"a", "b", "c"} {
			if rapid.Bool().Draw(t, "has "+k) {
				c[k] = value.Draw(t, k)
			}
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		var runs []Entry
		for i := range rapid.IntRange(0, 8).Draw(t, "runs") {
			e := candidate(fmt.Sprint("run", i), uint64(i+1), settings.Draw(t, "config"))
			e.Config["learner"] = rapid.SampledFrom([]string{"local", "local", "process"}).Draw(t, "learner")
			var err error
			if e.ConfigHash, err = e.Config.Hash(); err != nil {
				t.Fatal(err)
			}
			e.Dataset = rapid.SampledFrom([]string{"wikitext", "wikitext", "wikitext", "c4"}).Draw(t, "dataset")
			if rapid.IntRange(0, 4).Draw(t, "empty") == 0 {
				e.Head = Head{}
			}
			runs = append(runs, e)
		}
		w := Want{Dataset: "wikitext", Given: settings.Draw(t, "given"), Runnable: []Config{{"learner": "local"}}}
		if len(runs) > 0 && rapid.IntRange(0, 3).Draw(t, "named") == 0 {
			w.Run = rapid.SampledFrom(runs).Draw(t, "run").ID
		}
		before := slices.Clone(runs)
		d := Match(runs, w)
		if diff := cmp.Diff(before, runs); diff != "" {
			t.Fatalf("the arguments have changed: %s", diff)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		shuffled := slices.Clone(runs)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(d, Match(shuffled, w)); diff != "" {
			t.Fatalf("the order of the runs matters: %s", diff)
		}

		// The rules once more, as plainly as they can be written.
		var left []Entry
		candidates, hashes := 0, map[string]bool{}
		for _, e := range runs {
			if e.Dataset != "wikitext" || e.Config["learner"] != "local" || e.Head.Seq == 0 || w.Run != "" && w.Run != e.ID {
				continue
			}
			candidates++
			if len(e.Config.DiffGiven(w.Given)) == 0 {
				left = append(left, e)
				hashes[e.ConfigHash] = true
			}
		}
		var outcome Outcome
		var chosen Entry
		switch {
		case candidates == 0:
			outcome = NoneFound
		case len(left) == 0:
			outcome = Mismatched
		case len(hashes) > 1:
			outcome = Ambiguous
		default:
			chosen = slices.MaxFunc(left, func(a, b Entry) int { return int(a.Head.Commit) - int(b.Head.Commit) })
		}
		if d.Outcome != outcome || d.Chosen.ID != chosen.ID {
			t.Fatalf("outcome %d with %q, not %d with %q", d.Outcome, d.Chosen.ID, outcome, chosen.ID)
		}
		if len(d.Verdicts) != len(runs) {
			t.Fatalf("%d verdicts of %d runs", len(d.Verdicts), len(runs))
		}
		for _, v := range d.Verdicts {
			if v.Verdict == "" || (v.Verdict == Chosen) != (v.Entry.ID == chosen.ID && outcome == Matched) {
				t.Fatalf("verdict of %s is %q", v.Entry.ID, v.Verdict)
			}
		}
	})
}
