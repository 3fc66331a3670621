package records

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ckptledger/cmd/internal/human"
	"ckptledger/ledger"
)

// Samples writes a count of samples: "1 sample", "20,000 samples".
func Samples(n int64) string {
	if n == 1 {
		return "1 sample"
	}
	return human.Count(n) + " samples"
}

// Title names a run for people: "run 01K…7Q3M (books-16)".
func Title(r *ledger.Run) string {
	if r.Name == "" {
		return "run " + r.ID.Short()
	}
	return "run " + r.ID.Short() + " (" + r.Name + ")"
}

// Setting writes a config's value for people: a list as the flag takes it
// (8,8,8,8), a string without quotes, everything else in JSON.
func Setting(v any) string {
	switch v := v.(type) {
	case nil:
		return "(not set)"
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = Setting(e)
		}
		return strings.Join(parts, ",")
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Remote reports whether a run's model lies on a server. Such a run goes on from its
// newest snapshot only: what a server knows cannot be taken back, and not be copied
// for a fork.
func Remote(c ledger.Config) bool { return c["learner"] == "kato" }

// Exactness says how often a run's samples are learned where a server learns them,
// whatever stops, restarts or dies meanwhile. It is empty for other learners, which
// learn each exactly once.
func Exactness(c ledger.Config) string {
	switch {
	case !Remote(c):
		return ""
	case c["mirror"] == false:
		return "at least once, up to the samples in flight"
	}
	return "exact"
}

// Ending says how a run stands and why, in one line: "completed: the target is
// reached", "failed: disk full".
func Ending(e *ledger.Entry, st ledger.Standing, now time.Time) string {
	h := &e.Head
	why := map[ledger.Status]string{
		ledger.Crashed:       "its process is gone without a word",
		ledger.IsInterrupted: "by a signal",
		ledger.IsExhausted:   "the data ended",
		ledger.IsCompleted:   "the target is reached",
		ledger.IsFailed:      h.LastError,
		ledger.Running:       fmt.Sprintf("pid %d on %s", h.PID, h.Host),
		ledger.Stalled:       fmt.Sprintf("pid %d on %s is alive and does not move", h.PID, h.Host),
	}[st.Status]
	if p := st.Live; p != nil && st.Status == ledger.Running && p.Rate > 0 {
		why += ", " + human.Rate(p.Rate)
	}
	if p := st.Live; p != nil && st.Status == ledger.Stalled {
		why += ", last moved " + human.Ago(now, p.Moved)
	}
	if why == "" {
		return string(st.Status)
	}
	return string(st.Status) + ": " + why
}
