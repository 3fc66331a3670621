package kato

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"ckptledger/ledger"
	"ckptledger/trainer"
	"ckptledger/trainer/local"
)

// A tally stands in for the mirror where there is none: it counts what was learned,
// and knows no pattern of it.
type tally struct{ layers []layerTally }

// layerTally is of one layer.
type layerTally struct {
	Observations uint64    `json:"observations"`
	Sum          [4]uint64 `json:"sum"` // of the names' SHA-1, lowest word first, modulo 2^256
}

func newTally(layers int) *tally { return &tally{make([]layerTally, layers)} }

var errName = errors.New("not the name of a pattern")

// learn counts parts of a sample.
func (t *tally) learn(parts []local.Part) error {
	for i := range parts {
		name, ok := strings.CutPrefix(parts[i].Name, "PTRN|")
		sum, err := hex.DecodeString(name)
		if !ok || err != nil || len(sum) != 20 {
			return fmt.Errorf("%w: %q", errName, parts[i].Name)
		}
		l := &t.layers[parts[i].Layer]
		l.Observations++
		words := [4]uint64{binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:]), uint64(binary.LittleEndian.Uint32(sum[16:]))}
		var carry uint64
		for w := range l.Sum {
			l.Sum[w], carry = bits.Add64(l.Sum[w], words[w], carry)
		}
	}
	return nil
}

// tallyFormat is the number of the state object's format.
const tallyFormat = 1

// tallyState is the state object: JSON, and just so.
type tallyState struct {
	Format int          `json:"format"`
	Layers []layerTally `json:"layers"`
}

// maxTally is more than an object has, in bytes.
const maxTally = 64 << 10

func (t *tally) restore(ctx context.Context, store trainer.ObjectReader, objects []ledger.Object) (string, error) {
	if len(objects) != 1 {
		return "", fmt.Errorf("%d objects instead of one: %w", len(objects), local.ErrState)
	}
	var s tallyState
	err := store.GetObject(ctx, objects[0], func(r io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(r, maxTally))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("%w: %w", local.ErrState, err)
		}
		var again bytes.Buffer
		if err := s.write(&again); err != nil || !bytes.Equal(b, again.Bytes()) {
			return fmt.Errorf("%w: not as it is written", local.ErrState)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("restore %s: %w", objects[0].Name, err)
	case s.Format != tallyFormat || len(s.Layers) != len(t.layers):
		return "", fmt.Errorf("format %d with %d layers: %w", s.Format, len(s.Layers), local.ErrState)
	}
	t.layers = s.Layers
	return t.digest(), nil
}

func (s tallyState) write(w io.Writer) error { return json.NewEncoder(w).Encode(s) }

func (t *tally) capture() trainer.Capture {
	return &tallyCapture{tally{append([]layerTally(nil), t.layers...)}}
}

type tallyCapture struct{ tally }

// Write implements trainer.Capture.
func (c *tallyCapture) Write(ctx context.Context, store trainer.ObjectStore, _ bool) (trainer.State, error) {
	o, err := store.PutObject(ctx, "tally", tallyState{tallyFormat, c.layers}.write)
	if err != nil {
		return trainer.State{}, fmt.Errorf("save tally: %w", err)
	}
	metrics := map[string]float64{}
	for i := range c.layers {
		metrics[fmt.Sprintf("layer%d.observations", i)] = float64(c.layers[i].Observations)
	}
	return trainer.State{Objects: []ledger.Object{o}, ModelDigest: c.digest(), Metrics: metrics}, nil
}

// tallyLabel begins the text that a tally's digest is the SHA-256 of; after it come,
// as 64-bit little-endian numbers, each layer's observations and sum.
const tallyLabel = "ckptledger kato tally 1\n"

// digest is equal for patterns learned equally often in all, however they came
// about.
func (t *tally) digest() string {
	b := []byte(tallyLabel)
	for i := range t.layers {
		b = binary.LittleEndian.AppendUint64(b, t.layers[i].Observations)
		for _, word := range t.layers[i].Sum {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
