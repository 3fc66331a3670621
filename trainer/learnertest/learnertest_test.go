package learnertest

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"ckptledger/ledger"
	"ckptledger/trainer"
)

// A journal is a learner whose model is the texts that it learned. A capture adds
// an object of those that are new. It has the fault that it is given.
type journal struct {
	fault   string
	broken  bool
	texts   [][]byte
	written *writtenTexts
}

// writtenTexts are what captures share: what of the model is in which object.
type writtenTexts struct {
	n       int
	objects []ledger.Object
}

func newJournal(fault string) *journal { return &journal{fault: fault, written: &writtenTexts{}} }

func (j *journal) Config() ledger.Config {
	if j.fault == "config is no JSON" {
		return ledger.Config{"learner": "journal", "layers": 4}
	}
	if j.fault == "config changes" && len(j.texts) > 0 {
		return ledger.Config{"learner": "journal", "learned": true}
	}
	return ledger.Config{"learner": "journal"}
}

func (j *journal) Fixed() []string {
	if j.fault == "fixed are no settings" {
		return []string{"tokenizer"}
	}
	return []string{"learner"}
}

func (j *journal) Learn(_ context.Context, s trainer.Sample) error {
	text := slices.Clone(s.Text)
	if j.fault == "keeps the text" {
		text = s.Text
	}
	if j.broken {
		if j.fault == "learns what fails" {
			j.texts = append(j.texts, text)
		}
		return errors.New("broken")
	}
	j.texts = append(j.texts, text)
	return nil
}

func (j *journal) Capture() (trainer.Capture, error) {
	return &journalCapture{journal: j, texts: j.texts[:len(j.texts):len(j.texts)]}, nil
}

func (j *journal) Restore(ctx context.Context, store trainer.ObjectReader, objects []ledger.Object) (string, error) {
	for i, o := range objects {
		if j.fault == "restores all but the last" && i > 0 && i == len(objects)-1 {
			break
		}
		err := store.GetObject(ctx, o, func(r io.Reader) error {
			b, err := io.ReadAll(r)
			for line := range strings.Lines(string(b)) {
				if !strings.HasSuffix(line, "\n") {
					return errors.New("cut short")
				}
				j.texts = append(j.texts, []byte(strings.TrimSuffix(line, "\n")))
			}
			return err
		})
		if err != nil && j.fault != "restores what is damaged" {
			return "", err
		}
	}
	j.written.n, j.written.objects = len(j.texts), slices.Clone(objects)
	if j.fault == "takes the digest as it is" {
		return objects[len(objects)-1].Name, nil
	}
	return j.digest(j.texts), nil
}

func (j *journal) digest(texts [][]byte) string {
	return hash(slices.Concat(texts...))
}

func (j *journal) Close() error { return nil }

type journalCapture struct {
	journal *journal
	texts   [][]byte
}

func (c *journalCapture) Write(ctx context.Context, store trainer.ObjectStore, whole bool) (trainer.State, error) {
	w, fault, texts := c.journal.written, c.journal.fault, c.texts
	if fault == "captures what is learned later" {
		texts = c.journal.texts
	}
	if whole && fault != "is never written whole" || len(w.objects) == ledger.MaxObjects && fault != "has ever more objects" {
		w.n, w.objects = 0, nil
	}
	digest := c.journal.digest(texts)
	if fault == "counts captures" {
		digest += string('a' + rune(len(w.objects)%26))
	}
	name := "texts"
	if fault == "takes the digest as it is" {
		name = digest
	}
	if n := len(texts); n > w.n || len(w.objects) == 0 {
		o, err := store.PutObject(ctx, name, func(to io.Writer) error {
			for _, text := range texts[w.n:] {
				if _, err := to.Write(append(slices.Clone(text), '\n')); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			w.objects = append(w.objects, o)
		}
		if err == nil || fault == "forgets what it could not write" {
			w.n = n
		}
		if err != nil {
			return trainer.State{}, err
		}
	}
	metrics := map[string]float64{"texts": float64(len(texts))}
	if fault == "has a metric that is no number" {
		metrics["loss"] = math.NaN()
	}
	return trainer.State{Objects: slices.Clone(w.objects), ModelDigest: digest, Metrics: metrics}, nil
}

func journalConfig(fault string) Config {
	return Config{
		New: func(testing.TB) trainer.Learner { return newJournal(fault) },
		Break: func(_ testing.TB, l trainer.Learner) (mend func()) {
			j := l.(*journal)
			j.broken = true
			return func() { j.broken = false }
		},
	}
}

func TestJournal(t *testing.T) { Run(t, journalConfig("")) }

// faultEnv makes the test binary test a learner with a fault.
const faultEnv = "LEARNERTEST_FAULT"

func TestFaulty(t *testing.T) {
	fault := os.Getenv(faultEnv)
	if fault == "" {
		t.Skip("is run by TestFaults")
	}
	Run(t, journalConfig(fault))
}

// Each fault is found, by the test that is for it.
func TestFaults(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for fault, test := range map[string]string{
		"config is no JSON":               "Config",
		"config changes":                  "Config",
		"fixed are no settings":           "Config",
		"counts captures":                 "SamplesCount",
		"has a metric that is no number":  "SamplesCount",
		"keeps the text":                  "SamplesCount",
		"captures what is learned later":  "LateWrite",
		"is never written whole":          "WriteAgain",
		"forgets what it could not write": "WriteFails",
		"has ever more objects":           "ManyCaptures",
		"restores all but the last":       "FiveResumes",
		"learns what fails":               "LearnFails",
		"restores what is damaged":        "DamagedState",
		"takes the digest as it is":       "ForeignState",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(exe, "-test.run=^TestFaulty$/^"+test+"$", "-rapid.nofailfile")
			cmd.Env = append(os.Environ(), faultEnv+"="+fault)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !strings.Contains(string(out), "--- FAIL: TestFaulty/"+test) {
				t.Errorf("%s does not find it: %v\n%s", test, err, out)
			}
		})
	}
}
