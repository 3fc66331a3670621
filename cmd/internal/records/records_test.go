package records

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/ledger"

	"pgregory.net/rapid"
)

// What WriteArray writes is what WriteJSON writes.
func TestWriteArray(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.MapOf(rapid.String(), rapid.Int())).Draw(t, "elements")
		for range rapid.IntRange(0, 3*batch).Draw(t, "more") {
			all = append(all, map[string]int{"n": len(all)})
		}
		var got, want bytes.Buffer
		if err := WriteArray(&got, len(all), func(i int) any { return all[i] }); err != nil {
			t.Fatal(err)
		}
		if err := cmdline.WriteJSON(&want, all); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Fatalf("%s\nnot %s", &got, &want)
		}
	})
}

type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestWriteArrayFails(t *testing.T) {
	want := errors.New("disk full")
	if err := WriteArray(full{want}, 1, func(int) int { return 1 }); !errors.Is(err, want) {
		t.Errorf("a full disk is %v", err)
	}
	if err := WriteArray(&bytes.Buffer{}, 1, func(int) any { return func() {} }); err == nil {
		t.Error("a func is JSON")
	}
}

func TestSetting(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "(not set)"}, {"text", "text"}, {8.0, "8"}, {1e21, "1000000000000000000000"}, {0.25, "0.25"}, {true, "true"},
		{[]any{8.0, 16.0}, "8,16"}, {[]any{}, ""}, {map[string]any{"a": "<b>"}, `{"a":"<b>"}`},
	} {
		if got := Setting(c.v); got != c.want {
			t.Errorf("Setting(%v) = %q, not %q", c.v, got, c.want)
		}
	}
}

func TestEnding(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	live := &ledger.Progress{Rate: 4012, Moved: now.Add(-3 * time.Minute)}
	for _, c := range []struct {
		st   ledger.Standing
		want string
	}{
		{ledger.Standing{Status: ledger.IsCompleted}, "completed: the target is reached"},
		{ledger.Standing{Status: ledger.IsFailed}, "failed: disk full"},
		{ledger.Standing{Status: ledger.Crashed}, "crashed: its process is gone without a word"},
		{ledger.Standing{Status: ledger.Running}, "running: pid 7 on alpha"},
		{ledger.Standing{Status: ledger.Running, Live: live}, "running: pid 7 on alpha, 4,012 samples/s"},
		{ledger.Standing{Status: ledger.Stalled, Live: live}, "stalled: pid 7 on alpha is alive and does not move, last moved 3 minutes ago"},
		{ledger.Standing{Status: "new"}, "new"},
	} {
		e := ledger.Entry{Head: ledger.Head{PID: 7, Host: "alpha", LastError: "disk full"}}
		if got := Ending(&e, c.st, now); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}

func TestTitle(t *testing.T) {
	if got := Title(&ledger.Run{ID: "01KABCDEFGHJKMNPQRSTVW7Q3M", Name: "big"}); got != "run 01K…7Q3M (big)" {
		t.Error(got)
	}
	if got := Samples(1) + ", " + Samples(20000); got != "1 sample, 20,000 samples" {
		t.Error(got)
	}
}
