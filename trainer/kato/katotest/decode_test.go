package katotest

import (
	"reflect"
	"testing"
)

// What is read quickly is what is read patiently.
func FuzzDecode(f *testing.F) {
	quickly := []string{
		`{"observations":[{"strings":["Ġthe"]},{"strings":["a","b"],"metadata":{"row":12,"source":"w"},"vectors":[],"emotives":{}, "unique_id":"u"}],"learn_at_end":true}`,
		` { "observations" : [ { "strings" : [ "\u003cunk\u003e", "\"\\", "\ud83d\ude00" ] } ] , "learn_after_each" : false , "clear_stm_between" : true } `,
		`{"observations":[]}`,
		`{"observations":[{}]}`,
		`{"observations":[{"strings":[]},{"strings":["a"],"strings":["b"]}]}`,
	}
	for _, body := range quickly {
		if _, ok := quick([]byte(body)); !ok {
			f.Errorf("not read quickly: %s", body)
		}
		f.Add([]byte(body))
	}
	for _, body := range []string{
		``, `{`, `{}`, `[]`, `{"observations":null}`, `{"observations":[null]}`, `{"observations":[{"strings":["a",]}]}`, `{"observations":[{"strings":["a"]},]}`,
		`{"observations":[],}`, `{"observations":[]}}`, `{"observations":[{"metadata":{"n":01}}]}`, `{"observations":[{"metadata":{"n":-1.5e3,"o":{"p":[null]}}}]}`,
		`{"observations":[{"strings":["\ud83d"]}]}`, `{"observations":[{"strings":["` + "\x01" + `"]}]}`, `{"observations":[{"strings":["\x"]}]}`, "{\"observations\":[{\"strings\":[\"\xff\"]}]}",
		`{"observations":[{"vectors":[[1]]}]}`, `{"observations":[{"emotives":{"joy":1}}]}`, `{"observations":[] "learn_at_end":true}`, `{"learn_at_end":tru,"observations":[]}`,
		`{"observations":[{"strings":["a\`, `{"observations":[{"strings":["\\"]}]}`, `{"observations":[{"metadata":{"n":}}]}`, `{"observations":[{"metadata":{"n":1 }}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, ok := quick(body)
		if !ok {
			return
		}
		p, wrong := patient(body)
		if wrong != nil {
			t.Fatalf("read quickly, refused patiently: %s", wrong.body)
		}
		if len(q.observations) != len(p.observations) || q.learnEach != p.learnEach || q.learnEnd != p.learnEnd || q.isolated != p.isolated {
			t.Fatalf("%+v, want %+v", q, p)
		}
		for i, o := range q.observations {
			same := len(o.strings) == len(p.observations[i].strings) && o.id == p.observations[i].id && len(o.metadata) == len(p.observations[i].metadata)
			for j := range o.strings {
				same = same && o.strings[j] == p.observations[i].strings[j]
			}
			for key, value := range o.metadata {
				same = same && reflect.DeepEqual(value, p.observations[i].metadata[key])
			}
			if !same {
				t.Fatalf("%+v, want %+v", o, p.observations[i])
			}
		}
	})
}
