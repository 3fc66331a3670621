package kato

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sequence is an observe-sequence's body as the server reads it.
type sequence struct {
	Observations []struct {
		Strings  []string
		Metadata map[string]any
	}
	LearnAtEnd        *bool `json:"learn_at_end"`
	LearnAfterEach    *bool `json:"learn_after_each"`
	ClearSTMInBetween *bool `json:"clear_stm_between"`
}

func TestEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		symbol := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("\x00\x1f\x7f\n\"\\/<>&Ġ\u2028é😀")), 0, 9, -1))
		o := call{symbols: rapid.SliceOfN(symbol, 0, 9).Draw(t, "symbols")}
		metadata := rapid.Bool().Draw(t, "metadata")
		if metadata {
			o.metadata = []byte(`{"row":17}`)
		}
		var got sequence
		if err := json.Unmarshal(o.encode(), &got); err != nil {
			t.Fatal(err)
		}
		var symbols []string
		for _, e := range got.Observations {
			if len(e.Strings) != 1 || metadata != (e.Metadata["row"] == 17.0) || !metadata && e.Metadata != nil {
				t.Fatal(e)
			}
			symbols = append(symbols, e.Strings...)
		}
		if !slices.Equal(symbols, o.symbols) {
			t.Fatalf("%q, want %q", symbols, o.symbols)
		}
		if !*got.LearnAtEnd || *got.LearnAfterEach || *got.ClearSTMInBetween {
			t.Fatal(got)
		}
	})
}

func TestDecode(t *testing.T) {
	const name = "PTRN|0123456789abcdef0123456789abcdef01234567"
	for in, want := range map[string]answer{
		answerText: {name: name},
		known:      {name: "PTRN|00"},
		` { "initial_stm_length" : 12 , "x" : [ { "]" : "}\"" } ] , "final_learned_pattern" : null } ` + "\n": {stm: 12},
		`{"initial_stm_length":0,"final_learned_pattern":""}`:                                                 {},
		`{"initial_stm_length":0,"final_learned_pattern":"PTRN\u007c\"","z":-1.5e3,"y":true}`:                 {name: `PTRN|"`},
	} {
		if got, err := decodeAnswer([]byte(in)); err != nil || got != want {
			t.Errorf("%s: %v %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "{", "{}", "[]", "null", "\"", `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":,}`, `{"a":1,}`,
		`{"initial_stm_length":0}`, `{"final_learned_pattern":"a"}`,
		`{"initial_stm_length":null,"final_learned_pattern":"a"}`,
		`{"initial_stm_length":-1,"final_learned_pattern":"a"}`,
		`{"initial_stm_length":1.5,"final_learned_pattern":"a"}`,
		`{"initial_stm_length":"1","final_learned_pattern":"a"}`,
		`{"initial_stm_length":99999999999999999999,"final_learned_pattern":"a"}`,
		`{"initial_stm_length":0,"final_learned_pattern":7}`,
		`{"initial_stm_length":0,"final_learned_pattern":["a"]}`,
		`{"initial_stm_length":0,"final_learned_pattern":"\x"}`,
		known + "x", known + known, answerText[:len(answerText)-1],
	} {
		if got, err := decodeAnswer([]byte(in)); err != errAnswer || got != (answer{}) {
			t.Errorf("%s: %v %v", in, got, err)
		}
	}
}

// Of what is JSON the decoder makes what encoding/json makes of it.
func FuzzDecodeAnswer(f *testing.F) {
	f.Add([]byte(answerText))
	f.Add([]byte(known))
	f.Add([]byte(`{"initial_stm_length":3,"final_learned_pattern":null,"results":[{"a":"\\\""},[]]}`))
	f.Add([]byte(`{"initial_stm_length":3,"final_learned_pattern":"\u007c","initial_stm_length":4}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeAnswer(b)
		var fields map[string]json.RawMessage
		if json.Unmarshal(b, &fields) != nil {
			return // it need only not fall over
		}
		for key := range fields {
			if raw, _ := json.Marshal(key); !json.Valid(raw) || slices.Contains(raw, '\\') {
				return // KATO escapes no key, and the decoder does not read them
			}
		}
		var want answer
		var name *string
		var stm *uint32
		ok := json.Unmarshal(fields["final_learned_pattern"], &name) == nil &&
			json.Unmarshal(fields["initial_stm_length"], &stm) == nil && stm != nil && *stm < 1<<31
		if ok {
			want.stm = int(*stm)
			if name != nil {
				want.name = *name
			}
		}
		if ok != (err == nil) || got.stm != want.stm || string([]rune(got.name)) != want.name {
			t.Errorf("%q: %v %v, want %v %v", b, got, err, want, ok)
		}
	})
}
