package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestConfigHashVectors(t *testing.T) {
	// The canonical JSON stands beside each config, written by hand from the RFC:
	// keys in the order of their UTF-16 units, numbers as ECMAScript writes them.
	for _, tt := range []struct {
		name, canonical string
		config          Config
	}{
		{"empty", `{"v":1}`, Config{}},
		{"key order", `{"a":"x","b":[8,8],"v":1,"z":true}`, Config{"z": true, "b": []int{8, 8}, "a": "x"}},
		{"nested", `{"filter":{"min":10,"strip":"python"},"v":1}`, Config{"filter": map[string]any{"strip": "python", "min": 10}}},
		{"small number", `{"rate":0.0001,"v":1}`, Config{"rate": json.Number("1e-4")}},
		{"smaller number", `{"rate":1e-7,"v":1}`, Config{"rate": 0.0000001}},
		{"large number", `{"n":1e+21,"v":1}`, Config{"n": 1e21}},
		{"integers", `{"n":9007199254740991,"v":1}`, Config{"n": int64(1<<53 - 1)}},
		{"integral float", `{"n":100000,"v":1}`, Config{"n": 1e5}},
		{"null", `{"a":null,"v":1}`, Config{"a": nil}},
		{"no HTML escapes", `{"a":"<&>","v":1}`, Config{"a": "<&>"}},
		{"control and wide", "{\"a\":\"\\n\\u0001é\U0001F600\",\"v\":1}", Config{"a": "\n\x01é\U0001F600"}},
		{"UTF-16 order", "{\"v\":1,\"\U0001F600\":1,\"\uFB33\":2}", Config{"\uFB33": 2, "\U0001F600": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.config.Hash()
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(tt.canonical))
			if want := hex.EncodeToString(sum[:]); got != want {
				t.Errorf("hash is %s, not that of %s", got, tt.canonical)
			}
		})
	}
}

// One hash is pinned as digits: a change of the canonical form or of
// configVersion would make every run a stranger to its own snapshots.
func TestConfigHashPinned(t *testing.T) {
	got, err := Config{"chunk_sizes": []any{8, 8, 8, 8}, "learner": "local", "learner_version": 1, "method": "sequential"}.Hash()
	if err != nil {
		t.Fatal(err)
	}
	const want = "ddd57c4b94f8c453a64f86b8e639e4518fbd102e50524b9285d55d990ee72127"
	if got != want {
		t.Errorf("hash is %s, not %s", got, want)
	}
}

func TestConfigHashRefuses(t *testing.T) {
	_, err := Config{"v": 2}.Hash()
	wantIs(t, err, ErrRule)
	if _, err := (Config{"rate": math.NaN()}).Hash(); err == nil {
		t.Error("NaN has a hash")
	}
	if _, err := (Config{"f": func() {}}).Normalize(); err == nil {
		t.Error("a func is a setting")
	}
}

func TestConfigDiff(t *testing.T) {
	a := Config{"chunk_sizes": []any{8.0, 8.0}, "method": "sequential", "only_a": true, "filter": map[string]any{"min": 10.0}}
	b := Config{"chunk_sizes": []any{16.0, 16.0}, "method": "sequential", "only_b": nil, "filter": map[string]any{"min": 11.0}}
	want := []Difference{
		{"chunk_sizes", []any{8.0, 8.0}, []any{16.0, 16.0}},
		{"filter", map[string]any{"min": 10.0}, map[string]any{"min": 11.0}},
		{"only_a", true, nil},
	}
	if d := cmp.Diff(want, a.Diff(b)); d != "" {
		t.Error(d)
	}
	want = []Difference{{"chunk_sizes", []any{8.0, 8.0}, []any{16.0, 16.0}}}
	if d := cmp.Diff(want, a.DiffGiven(Config{"method": "sequential", "chunk_sizes": []any{16.0, 16.0}})); d != "" {
		t.Error(d)
	}
	if got := a.DiffGiven(nil); got != nil {
		t.Errorf("nothing was given, and %v differs", got)
	}
}

// anyConfig draws settings as a learner and a user might name them.
func anyConfig() *rapid.Generator[Config] {
	scalar := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
	)
	value := rapid.OneOf(scalar, rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(l []any) any { return l }))
	return rapid.Custom(func(t *rapid.T) Config {
		c := Config(rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,8}`), value, 0, 5).Draw(t, "config"))
		delete(c, "v")
		return c
	})
}

func TestConfigLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := anyConfig().Draw(t, "a").Normalize()
		if err != nil {
			t.Fatal(err)
		}
		b, err := anyConfig().Draw(t, "b").Normalize()
		if err != nil {
			t.Fatal(err)
		}
		again, err := a.Normalize()
		if err != nil || len(a.Diff(again)) > 0 {
			t.Fatalf("normalized twice: %v, %v", a.Diff(again), err)
		}
		ha, err := a.Hash()
		if err != nil {
			t.Fatal(err)
		}
		// Over a config, all of it: nothing of the other's own settings differs.
		if d := a.With(b).DiffGiven(b); len(d) > 0 {
			t.Fatalf("a setting that was given is lost: %v", d)
		}
		hw, err := a.With(a).Hash()
		if err != nil || hw != ha {
			t.Fatalf("a config over itself hashes to %s, not %s (%v)", hw, ha, err)
		}
		hb, err := b.Hash()
		if err != nil {
			t.Fatal(err)
		}
		if ha == hb && len(a.Diff(b)) > 0 && !onlyNil(a.Diff(b)) {
			t.Fatalf("%v and %v have one hash", a, b)
		}
		if len(a.Diff(b)) != len(b.Diff(a)) {
			t.Fatal("a difference has one side")
		}
	})
}

func onlyNil(ds []Difference) bool {
	for _, d := range ds {
		if d.Checkpoint != nil || d.Current != nil {
			return false
		}
	}
	return true
}
