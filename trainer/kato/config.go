package kato

import (
	"slices"

	"ckptledger/ledger"
)

// config returns the identity settings: those of the local learner, for the layers
// recall_threshold, max_predictions and sort_symbols, the layers of
// capture_metadata, and mirror.
func (o *Options) config() ledger.Config {
	return ledger.Config{
		"learner":          "kato",
		"learner_version":  float64(Version),
		"tokenizer":        o.Tokenizer,
		"chunk_sizes":      list(o.ChunkSizes),
		"recall_threshold": list(Collapse(o.RecallThreshold)),
		"max_predictions":  list(Collapse(o.MaxPredictions)),
		"sort_symbols":     list(Collapse(o.SortSymbols)),
		"capture_metadata": list(o.CaptureMetadata),
		"mirror":           !o.NoMirror,
	}
}

// Collapse returns the values of a layer parameter as a config holds them: one
// where all are the same, so that it does not matter how they were given.
func Collapse[T comparable](values []T) []T {
	if len(slices.Compact(slices.Clone(values))) == 1 {
		return values[:1]
	}
	return values
}

// list is a setting's value as it is read back from JSON.
func list[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		switch v := any(v).(type) {
		case int:
			out[i] = float64(v)
		default:
			out[i] = v
		}
	}
	return out
}

// FromConfig returns the options whose identity a run's config describes. What is
// missing is the default.
func FromConfig(c ledger.Config) Options {
	var o Options
	o.Tokenizer, _ = c["tokenizer"].(string)
	o.ChunkSizes = numbers[int](c["chunk_sizes"])
	o.RecallThreshold = numbers[float64](c["recall_threshold"])
	o.MaxPredictions = numbers[int](c["max_predictions"])
	if values, ok := c["sort_symbols"].([]any); ok {
		o.SortSymbols = []bool{}
		for _, v := range values {
			b, _ := v.(bool)
			o.SortSymbols = append(o.SortSymbols, b)
		}
	}
	o.CaptureMetadata = numbers[int](c["capture_metadata"])
	if mirror, ok := c["mirror"].(bool); ok {
		o.NoMirror = !mirror
	}
	return o
}

// numbers reads a list of numbers, nil where there is none.
func numbers[T int | float64](v any) []T {
	values, ok := v.([]any)
	if !ok {
		return nil
	}
	out := make([]T, len(values))
	for i, v := range values {
		n, _ := v.(float64)
		out[i] = T(n)
	}
	return out
}

// fixed are the settings that cannot be accepted: what a server knows under one
// value it does not know under another, or nobody can tell what of it.
var fixed = []string{
	"learner", "learner_version", "tokenizer", "chunk_sizes", "recall_threshold", "max_predictions", "sort_symbols", "capture_metadata", "mirror",
}

// Fixed implements trainer.Learner.
func (l *Learner) Fixed() []string { return slices.Clone(fixed) }

// Config implements trainer.Learner.
func (l *Learner) Config() ledger.Config { return l.options.config() }
