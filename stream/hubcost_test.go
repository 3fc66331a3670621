package stream

import (
	"fmt"
	"strings"
	"testing"

	"ckptledger/stream/hub/hubtest"
)

// TestHubLinesCost counts what a resume in files of lines asks of the hub: what
// lies before is read for at most the few MiB between two points.
func TestHubLinesCost(t *testing.T) {
	rows := make([]string, 60_000)
	for i := range rows {
		rows[i] = fmt.Sprintf("row %d: %s", i, strings.Repeat(fmt.Sprintf("%x ", i*7919), 20))
	}
	for format, pack := range map[string]func([]string) []byte{
		"txt":      asText,
		"jsonl":    asJSONL,
		"jsonl.gz": func(rows []string) []byte { return gzipped(t, asJSONL(rows)) },
	} {
		h := hubtest.New(t)
		h.Repo("owner/lines").Commit(map[string]hubtest.File{"a." + format: hubtest.Large(pack(rows[:50_000])), "b." + format: hubtest.Large(pack(rows[50_000:]))})
		src := openOnHub(t, h, Spec{Dataset: "hf:owner/lines"})
		was := fingerprintOf(t, src)
		full := points(t, src, 1, 1000, 49_000, 50_000, 55_000)
		for row, c := range full {
			h.Forget()
			got := readN(t, openOnHub(t, h, Spec{Dataset: "hf:owner/lines", Was: &was}), c, 1)
			if len(got) != 1 || got[0].Text != rows[row] {
				t.Fatalf("%s: row %d is %+v", format, row, got)
			}
			a, b := h.Sent("a."+format), h.Sent("b."+format)
			t.Logf("%s: row %d: %d API calls, %d and %d reads, %d and %d bytes", format, row, h.Count(hubtest.API), a.Reads, b.Reads, a.Bytes, b.Bytes)
			if h.Count(hubtest.API) > 3 || a.Reads > mostReads || b.Reads > mostReads || a.Bytes > mostBytes || b.Bytes > mostBytes || row > 50_000 && a.Reads > 0 {
				t.Errorf("%s: row %d costs %+v and %+v", format, row, a, b)
			}
		}
	}
}

// points returns the cursors of some rows.
func points(t *testing.T, src Source, rows ...int64) map[int64]Cursor {
	t.Helper()
	r, err := src.Open(t.Context(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := map[int64]Cursor{}
	for _, want := range rows {
		for {
			row, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if row.Next.Row == want {
				out[want] = After(row)
				break
			}
		}
	}
	return out
}
