package migrations

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse takes what data says, and holds it against itself and against the name
// of the file.
func (l *Legacy) parse(data []byte) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		*l = l.unreadable("%s", notJSON(data, err))
		return
	}
	f := legacyFields{fields, l}
	kind := f.kind()
	switch {
	case kind == "" && l.Kind == "":
		*l = l.unreadable("not a checkpoint that an old program wrote")
		return
	case kind == "":
		*l = l.unreadable("without the counts of a %s checkpoint", l.Kind)
		return
	case l.Kind != "" && kind != l.Kind:
		l.contradict("the name says %s, the content %s", l.Kind, kind)
	}
	l.Kind = kind

	dataset := "dataset_key"
	switch kind {
	case V2:
		l.Method = "sequential"
		l.Completed = f.count("samples_completed")
		l.Errored = f.count("samples_errored")
		l.Config = f.object("model_config")
	case Parallel:
		l.Method = "parallel"
		l.Attempted = f.count("samples_attempted")
		l.Completed = f.count("samples_completed")
		l.Errored = f.count("samples_errored")
		l.Config = f.object("learner_config")
		l.judgeAttempted()
		l.judgeWorkers(f.object("worker_progress"))
	case Streaming:
		l.Method = "sequential"
		l.Completed = f.count("samples_processed")
	case Manifest:
		dataset = "dataset"
		l.Completed = f.count("samples_trained")
		l.Config = map[string]any{}
		if v := f.object("nodes"); v != nil {
			l.Config["nodes"] = v
		}
		if v := f.text("tokenizer"); v != "" {
			l.Config["tokenizer"] = v
		}
	}
	if said := f.text(dataset); said != "" {
		if l.Dataset != "" && l.Dataset != said {
			l.contradict("the name says dataset %q, the content %q", l.Dataset, said)
		}
		l.Dataset = said
	}
	if inner, ok := l.Config["dataset_key"].(string); ok && inner != l.Dataset {
		l.contradict("the dataset is %q, in its configuration %q", l.Dataset, inner)
	}
	l.Timestamp = f.time("timestamp")
	l.ElapsedSeconds = f.seconds("elapsed_seconds")
	l.LastError = f.text("last_error")
}

// notJSON says why data is no JSON object.
func notJSON(data []byte, err error) string {
	var syntax *json.SyntaxError
	switch {
	case len(strings.TrimSpace(string(data))) == 0:
		return "empty"
	case errors.As(err, &syntax) && strings.Contains(err.Error(), "unexpected end"):
		return "truncated"
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON: %v at byte %d", err, syntax.Offset)
	default:
		return "not a JSON object"
	}
}

func (l *Legacy) contradict(format string, args ...any) {
	l.Contradictions = append(l.Contradictions, fmt.Sprintf(format, args...))
}

// judgeAttempted says how far the parallel function ran ahead of what it did.
func (l *Legacy) judgeAttempted() {
	if l.Attempted == nil || l.Completed == nil {
		return
	}
	attempted, completed, errored := *l.Attempted, *l.Completed, int64(0)
	done := grouped(completed) + " completed"
	if l.Errored != nil && *l.Errored > 0 {
		errored = *l.Errored
		done += ", " + grouped(errored) + " errored"
	}
	switch lost := attempted - completed - errored; {
	case lost > 0:
		l.contradict("%s attempted, %s: %s were submitted and perhaps never trained", grouped(attempted), done, grouped(lost))
	case lost < 0:
		l.contradict("%s attempted, %s: %s more than there were", grouped(attempted), done, grouped(-lost))
	}
}

// judgeWorkers compares what each worker counted with what is counted of all.
func (l *Legacy) judgeWorkers(progress map[string]any) {
	if len(progress) == 0 || l.Completed == nil {
		return
	}
	var sum int64
	for _, name := range slices.Sorted(maps.Keys(progress)) {
		v, isNumber := progress[name].(float64)
		n, err := whole(v)
		if !isNumber || err != nil || sum > maxCount {
			l.contradict("worker %q counts what cannot be samples", name)
			return
		}
		sum += n
	}
	if sum != *l.Completed {
		l.contradict("the workers count %s completed, the checkpoint %s", grouped(sum), grouped(*l.Completed))
	}
}

// legacyFields reads the fields of an old file. A value that cannot be what it
// should be is noted as a contradiction and not passed on.
type legacyFields struct {
	raw map[string]json.RawMessage
	l   *Legacy
}

// kind tells the old programs apart by the count that only one of them wrote.
func (f legacyFields) kind() Kind {
	has := func(name string) bool { _, ok := f.raw[name]; return ok }
	switch {
	case has("samples_attempted"):
		return Parallel
	case has("samples_processed"):
		return Streaming
	case has("samples_trained"):
		return Manifest
	case has("samples_completed"):
		return V2
	default:
		return ""
	}
}

// get decodes a field into v and reports whether it is there and fits.
func (f legacyFields) get(name, what string, v any) bool {
	raw, ok := f.raw[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		f.l.contradict("%s is not %s", name, what)
		return false
	}
	return true
}

func (f legacyFields) text(name string) (s string) {
	f.get(name, "text", &s)
	return s
}

func (f legacyFields) object(name string) (m map[string]any) {
	if !f.get(name, "an object", &m) {
		return nil
	}
	return m
}

func (f legacyFields) count(name string) *int64 {
	var v float64
	if !f.get(name, "a number", &v) {
		return nil
	}
	n, err := whole(v)
	if err != nil {
		f.l.contradict("%s is %s: %v", name, strconv.FormatFloat(v, 'g', -1, 64), err)
		return nil
	}
	return &n
}

// time reads seconds since 1970, or the text that Python makes of a time, which
// is local where it names no zone.
func (f legacyFields) time(name string) time.Time {
	var s string
	if json.Unmarshal(f.raw[name], &s) == nil && s != "" {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "20060102_150405"} {
			if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
				return t
			}
		}
		f.l.contradict("%s %q is no time", name, s)
		return time.Time{}
	}
	var v float64
	if !f.get(name, "a time", &v) {
		return time.Time{}
	}
	// Before 2000 and after 2200 there were no such programs.
	if v < 946684800 || v > 7258118400 {
		f.l.contradict("%s is %s: no time at which this can have been written", name, strconv.FormatFloat(v, 'g', -1, 64))
		return time.Time{}
	}
	seconds, fraction := math.Modf(v)
	return time.Unix(int64(seconds), int64(fraction*1e9))
}

func (f legacyFields) seconds(name string) float64 {
	var v float64
	if !f.get(name, "a number", &v) {
		return 0
	}
	if v < 0 {
		f.l.contradict("%s is negative", name)
		return 0
	}
	return v
}

// maxCount is more samples than there ever were, and far from what an int64 or
// the number of a JSON file cannot hold exactly.
const maxCount = 1e15

// whole returns a count that JSON holds as a number.
func whole(v float64) (int64, error) {
	switch {
	case v < 0:
		return 0, errors.New("negative")
	case v > maxCount:
		return 0, errors.New("too many to be true")
	case v != math.Trunc(v):
		return 0, errors.New("not a whole number")
	}
	return int64(v), nil
}

// grouped writes n with commas between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
