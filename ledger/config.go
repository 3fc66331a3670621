package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/gowebpki/jcs"
)

// Config is everything that decides what a model becomes: learner, its version
// and parameters, method, filter, order, text field, and what the user added.
// Values are those of encoding/json: string, float64, bool, nil, []any and
// map[string]any; Normalize makes them so. Integers above 2^53 lose digits in
// JSON and belong in strings.
type Config map[string]any

// configVersion is raised when equal settings would mean another thing.
const configVersion = 1

// Normalize returns the config as it will be read back: what JSON makes of it.
func (c Config) Normalize() (Config, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode config: %w", err)
	}
	out := Config{}
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("decode config: %w", err)
	}
	return out, nil
}

// Hash returns the SHA-256, in hex, of the canonical JSON (RFC 8785) of
// {"v":1, …config}.
func (c Config) Hash() (string, error) {
	if _, taken := c["v"]; taken {
		return "", fmt.Errorf("%w: a config has no setting named v", ErrRule)
	}
	all := make(map[string]any, len(c)+1)
	for k, v := range c {
		all[k] = v
	}
	all["v"] = configVersion
	return canonicalHash(all)
}

// Difference is one setting in which two configs differ. A setting that is
// absent is nil.
type Difference struct {
	Field      string `json:"field"`
	Checkpoint any    `json:"checkpoint"`
	Current    any    `json:"current"`
}

// Diff lists what differs, by field name. Nested objects are compared as one
// value: a setting is what a flag or a key sets.
func (c Config) Diff(current Config) []Difference {
	var out []Difference
	for _, k := range mergedKeys(c, current) {
		if !reflect.DeepEqual(c[k], current[k]) {
			out = append(out, Difference{Field: k, Checkpoint: c[k], Current: current[k]})
		}
	}
	return out
}

// DiffGiven compares only the settings that given has.
func (c Config) DiffGiven(given Config) []Difference {
	var out []Difference
	for _, k := range mergedKeys(given, nil) {
		if !reflect.DeepEqual(c[k], given[k]) {
			out = append(out, Difference{Field: k, Checkpoint: c[k], Current: given[k]})
		}
	}
	return out
}

// With returns a copy in which the settings of over replace those of c.
func (c Config) With(over Config) Config {
	out := make(Config, len(c)+len(over))
	for k, v := range c {
		out[k] = v
	}
	for k, v := range over {
		out[k] = v
	}
	return out
}

func mergedKeys(a, b Config) []string {
	keys := make([]string, 0, len(a)+len(b))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// canonicalHash is the SHA-256 of the canonical JSON of v.
func canonicalHash(v any) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("encode for hashing: %w", err)
	}
	canon, err := jcs.Transform(buf.Bytes())
	if err != nil {
		return "", fmt.Errorf("canonical JSON: %w", err)
	}
	sum := sha256.Sum256(canon)
	return hex.EncodeToString(sum[:]), nil
}
