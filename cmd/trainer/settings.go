package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/records"
	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
	"ckptledger/trainer/kato"
	"ckptledger/trainer/local"

	"github.com/urfave/cli/v2"
)

// This file turns flags into a config, and a config into flags and a learner.

// The learners there are, the default first.
var learners = []string{inProcess, onServer}

// builtin are the settings that flags of their own set, or that the program
// decides; --config cannot.
var builtin = append([]string{"v", "learner", "learner_version", "method", "filter", "order", "seed", "window", "text_field", "tokenizer", "chunk_sizes"}, katoSettings...)

// settingFlags are the flags that decide what the model becomes.
func settingFlags() []cli.Flag {
	return slices.Concat(
		cmdline.Group(ofData,
			&cli.StringFlag{Name: "text-field", Usage: "the column `NAME` that holds the text, of JSONL and Parquet (default: text, or what the catalogue says)"}),
		cmdline.Group(ofData, orderFlags()...),
		cmdline.Group(ofModel,
			&cli.StringFlag{Name: "learner", Usage: "what learns, `NAME` one of: " + strings.Join(learners, ", ") + " (default: " + learners[0] + ")"},
			&cli.StringFlag{Name: "method", Usage: "how, `NAME` one of: " + strings.Join(methods, ", ") + " (default: " + methods[0] + ")"},
			&cli.StringFlag{Name: "tokenizer", Usage: "`NAME` of the tokenizer: " + strings.Join(local.Tokenizers, ", ") + " (default: " + local.Tokenizers[0] + ")"},
			&cli.StringFlag{Name: "chunk-sizes", Usage: "symbols a pattern has, `A,B,…` for each layer (default: 8,8,8,8)"},
			&cli.StringSliceFlag{Name: "config", Usage: "`KEY=VALUE|FILE`: more settings that must be equal at resume; a file is a JSON object"}),
		cmdline.Group(ofKato, katoSettingFlags()...))
}

// given returns the identity settings that stand on the command line.
func given(c *cli.Context) (ledger.Config, error) {
	out, err := givenOrder(c)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		setting(c, out, "learner", "learner", learners), setting(c, out, "method", "method", methods),
		setting(c, out, "tokenizer", "tokenizer", local.Tokenizers), setting(c, out, "text-field", "text_field", nil))
	if err != nil {
		return nil, err
	}
	if err := givenWorkers(c, out); err != nil {
		return nil, err
	}
	if c.IsSet("chunk-sizes") {
		sizes, err := parseChunkSizes(c.String("chunk-sizes"))
		if err != nil {
			return nil, err
		}
		out["chunk_sizes"] = sizes
	}
	if err := givenKato(c, out); err != nil {
		return nil, err
	}
	for _, arg := range c.StringSlice("config") {
		if err := addConfig(out, arg); err != nil {
			return nil, err
		}
	}
	return out.Normalize()
}

// setting takes a flag's value, one of those in from where there is such a list.
func setting(c *cli.Context, out ledger.Config, flag, key string, from []string) error {
	if !c.IsSet(flag) {
		return nil
	}
	v := c.String(flag)
	if from != nil && !slices.Contains(from, v) {
		return cmdline.Usagef("--%s %s: unknown, possible is: %s", flag, human.Quote(v), strings.Join(from, ", "))
	}
	if v == "" {
		return cmdline.Usagef("--%s needs a value", flag)
	}
	out[key] = v
	return nil
}

func parseChunkSizes(text string) ([]int, error) {
	var sizes []int
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return nil, cmdline.Usagef("--chunk-sizes %s: %s is no number (write 8,8,8,8)", human.Quote(text), human.Quote(part))
		}
		sizes = append(sizes, n)
	}
	// The learner knows what is possible.
	if _, err := local.New(local.Options{ChunkSizes: sizes}); err != nil {
		return nil, optionError(err)
	}
	return sizes, nil
}

func optionError(err error) error {
	var bad *local.OptionError
	if errors.As(err, &bad) {
		return cmdline.Usagef("--%s: %s", strings.ReplaceAll(bad.Option, "_", "-"), bad.Reason)
	}
	return err
}

// addConfig adds one --config: KEY=VALUE, the value read as JSON where it is
// JSON, or a file that holds an object.
func addConfig(out ledger.Config, arg string) error {
	add := func(key string, value any) error {
		switch {
		case key == "" || strings.Contains(key, "="):
			return cmdline.Usagef("--config %s: a setting needs a name, without a = in it", human.Quote(arg))
		case slices.Contains(builtin, key):
			return cmdline.Usagef("--config %s: %s is a setting of the program's own%s", human.Quote(arg), key, ownFlag(key))
		case value == nil:
			return cmdline.Usagef("--config %s: null is no value; leave the setting out", human.Quote(arg))
		case !utf8.ValidString(arg):
			return cmdline.Usagef("--config %s: not UTF-8", human.Quote(arg))
		case !exact(value):
			return cmdline.Usagef("--config %s: a number of %s would lose digits; write it as a string", human.Quote(arg), key)
		}
		if _, twice := out[key]; twice {
			return cmdline.Usagef("--config %s: %s is given twice", human.Quote(arg), key)
		}
		out[key] = value
		return nil
	}
	if key, text, ok := strings.Cut(arg, "="); ok {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		return add(key, value)
	}
	b, err := os.ReadFile(arg)
	if errors.Is(err, fs.ErrNotExist) {
		return cmdline.Usagef("--config %s: neither KEY=VALUE nor a file", human.Quote(arg))
	}
	if err != nil {
		return fmt.Errorf("read --config: %w", err)
	}
	var file map[string]any
	if err := json.Unmarshal(b, &file); err != nil {
		return cmdline.Usagef("--config %s: not a JSON object: %v", human.Quote(arg), err)
	}
	if len(file) == 0 {
		return cmdline.Usagef("--config %s: it holds no settings", human.Quote(arg))
	}
	for key, value := range file {
		if err := add(key, value); err != nil {
			return err
		}
	}
	return nil
}

// ownFlag names the flag of a built-in setting, where there is one.
func ownFlag(key string) string {
	flag := strings.ReplaceAll(key, "_", "-")
	if key == "mirror" {
		flag = "no-mirror"
	}
	for _, f := range settingFlags() {
		if f.Names()[0] == flag {
			return ": use --" + flag
		}
	}
	return ""
}

// exact reports whether all numbers in v are kept as they are: whole ones above
// 2^53 are not.
func exact(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.Abs(v) < 1<<53
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !exact(e) })
	case map[string]any:
		for _, e := range v {
			if !exact(e) {
				return false
			}
		}
	}
	return true
}

// program are the settings that this program decides for every run.
func program() ledger.Config {
	return ledger.Config{"method": methods[0], "filter": stream.FilterID}
}

// runnable are the settings of runs that this program can go on with.
func runnable() []ledger.Config {
	var out []ledger.Config
	for learner, version := range map[string]int{inProcess: local.Version, onServer: kato.Version} {
		for _, method := range methods {
			for _, order := range orders {
				out = append(out, program().With(ledger.Config{"learner": learner, "learner_version": float64(version), "method": method, "order": order}))
			}
		}
	}
	return out
}

// complete adds the defaults of a dataset to what was given.
func complete(dataset string, given ledger.Config) (ledger.Config, error) {
	l, err := newLearner(given, volatile{})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if given, err = completeOrder(given); err != nil {
		return nil, err
	}
	return program().With(ledger.Config{"text_field": stream.TextField(dataset)}).With(l.Config()).With(given).Normalize()
}

// newLearner makes the learner that a config describes; what is missing is the
// default. How it is to work is the volatile part.
func newLearner(c ledger.Config, v volatile) (trainer.Learner, error) {
	if c["learner"] == onServer {
		return newKato(c, v)
	}
	o := local.Options{}
	o.Tokenizer, _ = c["tokenizer"].(string)
	if list, ok := c["chunk_sizes"].([]any); ok {
		o.ChunkSizes = []int{}
		for _, v := range list {
			n, _ := v.(float64)
			o.ChunkSizes = append(o.ChunkSizes, int(n))
		}
	}
	l, err := local.New(o)
	if err != nil {
		return nil, optionError(err)
	}
	return l, nil
}

// fixed are the settings that one of the learners does not let be accepted.
func fixed() []string { return append(new(local.Learner).Fixed(), new(kato.Learner).Fixed()...) }

// settingArgs writes settings as the flags that give them.
func settingArgs(c ledger.Config) []string {
	var args []string
	for _, k := range slices.Sorted(maps.Keys(c)) {
		switch v := c[k]; k {
		case "learner", "method", "tokenizer", "text_field", "order":
			args = append(args, "--"+strings.ReplaceAll(k, "_", "-"), fmt.Sprint(v))
		case "seed", "window":
			args = append(args, "--"+k, records.Setting(v))
		case "chunk_sizes":
			args = append(args, "--chunk-sizes", joinSizes(v))
		default:
			if slices.Contains(katoSettings, k) {
				args = append(args, katoArgs(k, v)...)
				continue
			}
			if slices.Contains(builtin, k) {
				continue // no flag gives it
			}
			args = append(args, "--config", k+"="+configValue(v))
		}
	}
	return args
}

func joinSizes(v any) string {
	list, _ := v.([]any)
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, ",")
}

// configValue writes a value so that --config reads it back: a string without
// quotes where that is not read as other JSON.
func configValue(v any) string {
	if s, ok := v.(string); ok {
		var other any
		if json.Unmarshal([]byte(s), &other) != nil {
			return s
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// parseRecord reads --record KEY=VALUE flags.
func parseRecord(c *cli.Context) (map[string]string, error) {
	var out map[string]string
	for _, arg := range c.StringSlice("record") {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return nil, cmdline.Usagef("--record %s: write KEY=VALUE", human.Quote(arg))
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = value
	}
	return out, nil
}

// parseTarget reads --max-samples: nil where it is not given.
func parseTarget(c *cli.Context) (*int64, error) {
	if !c.IsSet("max-samples") {
		return nil, nil
	}
	n := c.Int64("max-samples")
	if n < 1 {
		return nil, cmdline.Usagef("--max-samples %d: at least 1; without it training goes to the end of the data", n)
	}
	return &n, nil
}

// parseInterval reads --checkpoint-interval; the text is empty where it is not
// given.
func parseInterval(text string) (trainer.Interval, error) {
	if text == "" {
		return trainer.DefaultInterval, nil
	}
	samples, every, err := human.ParseInterval(text)
	if err != nil {
		return trainer.Interval{}, cmdline.Usagef("--checkpoint-interval %v", err)
	}
	return trainer.Interval{Samples: samples, Time: every}, nil
}

// intervalText is the flag's value that gives the interval.
func intervalText(i trainer.Interval) string {
	var parts []string
	if i.Samples > 0 {
		parts = append(parts, strconv.FormatInt(i.Samples, 10))
	}
	if i.Time > 0 {
		parts = append(parts, human.Exact(i.Time))
	}
	return strings.Join(parts, ",")
}
