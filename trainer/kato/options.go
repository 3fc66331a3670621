package kato

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"ckptledger/ledger"
	"ckptledger/trainer/local"
)

// Version is the config's learner_version. It is raised whenever equal text would
// give other patterns on the server.
const Version = 1

const (
	// DefaultURL is where a KATO server listens by itself.
	DefaultURL = "http://localhost:8000"

	// MaxConnections is how many sessions, one for each worker and layer, a server
	// bears before its pools are exhausted.
	MaxConnections = 30

	defaultRecall      = 0.6
	defaultPredictions = 100
)

// Options are a learner's settings.
type Options struct {
	// Identity.
	Tokenizer       string    // one of local.Tokenizers; empty for the first
	ChunkSizes      []int     // one a layer; nil for local.DefaultChunkSizes
	RecallThreshold []float64 // 0 to 1, one for all layers or one a layer; nil for 0.6
	MaxPredictions  []int     // 1 to 10,000, likewise; nil for 100
	SortSymbols     []bool    // likewise; nil for true
	CaptureMetadata []int     // layers whose patterns are sent with source, sample_id and row
	NoMirror        bool      // without the mirror: at least once

	// Volatile.
	URL     string       // of the server; empty for DefaultURL
	Run     ledger.RunID // names the nodes
	Dataset string       // the source that CaptureMetadata names
	Waits   Waits
	Say     func(line string) // told what was survived, from several goroutines; nil for nobody
}

// Waits are how long the learner waits for what. Zero is the default.
type Waits struct {
	Health  time.Duration // for a server that is away to come back; 60 s
	Poll    time.Duration // between two looks at it; 2 s. The first try again after a failure comes after a quarter of it
	Request time.Duration // for the answer of one request; 120 s
	Visible time.Duration // until what was learned must be seen; 2 s
	Stall   time.Duration // without any answer to a worker, until it counts as stalled; 300 s
}

// DefaultWaits are the waits that zero stands for.
var DefaultWaits = Waits{Health: time.Minute, Poll: 2 * time.Second, Request: 2 * time.Minute, Visible: 2 * time.Second, Stall: 5 * time.Minute}

func (w *Waits) complete() {
	set := func(d *time.Duration, byDefault time.Duration) {
		if *d <= 0 {
			*d = byDefault
		}
	}
	set(&w.Health, DefaultWaits.Health)
	set(&w.Poll, DefaultWaits.Poll)
	set(&w.Request, DefaultWaits.Request)
	set(&w.Visible, DefaultWaits.Visible)
	set(&w.Stall, DefaultWaits.Stall)
}

// Node is the name of a layer's node: "node0_" and the run's id.
func Node(run ledger.RunID, layer int) string { return fmt.Sprintf("node%d_%s", layer, run) }

// complete fills in the defaults, each layer parameter one a layer. The error is a
// *local.OptionError.
func (o *Options) complete() error {
	mirror := local.Options{Tokenizer: o.Tokenizer, ChunkSizes: o.ChunkSizes}
	if err := mirror.Complete(); err != nil {
		return err
	}
	o.Tokenizer, o.ChunkSizes = mirror.Tokenizer, mirror.ChunkSizes
	layers := len(o.ChunkSizes)
	var err error
	if o.RecallThreshold, err = perLayer("recall_threshold", o.RecallThreshold, defaultRecall, layers, func(v float64) bool { return v >= 0 && v <= 1 }, "between 0 and 1"); err != nil {
		return err
	}
	if o.MaxPredictions, err = perLayer("max_predictions", o.MaxPredictions, defaultPredictions, layers, func(v int) bool { return v >= 1 && v <= 10000 }, "between 1 and 10,000"); err != nil {
		return err
	}
	if o.SortSymbols, err = perLayer("sort_symbols", o.SortSymbols, true, layers, func(bool) bool { return true }, ""); err != nil {
		return err
	}
	o.CaptureMetadata = slices.Clone(o.CaptureMetadata)
	slices.Sort(o.CaptureMetadata)
	for i, layer := range o.CaptureMetadata {
		switch {
		case layer < 0 || layer >= layers:
			return &local.OptionError{Option: "capture_metadata", Reason: fmt.Sprintf("%d: the layers are 0 to %d", layer, layers-1)}
		case i > 0 && layer == o.CaptureMetadata[i-1]:
			return &local.OptionError{Option: "capture_metadata", Reason: fmt.Sprintf("layer %d is given twice", layer)}
		}
	}
	if o.URL == "" {
		o.URL = DefaultURL
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return &local.OptionError{Option: "kato_url", Reason: "not an http or https address without a query"}
	}
	o.URL = strings.TrimRight(o.URL, "/")
	o.Waits.complete()
	if o.Say == nil {
		o.Say = func(string) {}
	}
	return nil
}

// perLayer returns a value for each layer: those given, the one given, or the
// default.
func perLayer[T any](option string, given []T, byDefault T, layers int, possible func(T) bool, limits string) ([]T, error) {
	if given == nil {
		given = []T{byDefault}
	}
	if len(given) != 1 && len(given) != layers {
		return nil, &local.OptionError{Option: option, Reason: fmt.Sprintf("%d values for %d layers: give one, or one a layer", len(given), layers)}
	}
	out := make([]T, layers)
	for i := range out {
		out[i] = given[min(i, len(given)-1)]
		if !possible(out[i]) {
			return nil, &local.OptionError{Option: option, Reason: fmt.Sprintf("%v is not %s", out[i], limits)}
		}
	}
	return out, nil
}

// MaxWorkers is how many workers a server bears at so many layers.
func MaxWorkers(layers int) int { return MaxConnections / layers }
