package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/cmd/internal/term"
	"ckptledger/ledger"
	"ckptledger/stream"
)

// source is an opened source and what the ledger records of it.
type source struct {
	stream.Source
	print  stream.Fingerprint
	record ledger.Source
}

// openSource opens a source and takes its fingerprint, saying how far it is
// where that takes long.
func openSource(ctx context.Context, w io.Writer, cache stream.FileCache, spec stream.Spec) (*source, error) {
	hashing := &hashProgress{w: w, began: time.Now()}
	src, err := stream.Open(ctx, spec, stream.Options{Cache: cache, Progress: hashing.update})
	if err != nil {
		return nil, sourceError(err)
	}
	fp, err := src.Fingerprint(ctx)
	hashing.finish()
	if err != nil {
		return nil, fmt.Errorf("fingerprint %s: %w", spec.Dataset, err)
	}
	detail, err := json.Marshal(fp)
	if err != nil {
		return nil, fmt.Errorf("encode fingerprint: %w", err)
	}
	return &source{src, fp, ledger.Source{Digest: fp.Digest, Label: src.Info().Label, Detail: detail}}, nil
}

// sourceError tells what is wrongly asked for from what is wrong.
func sourceError(err error) error {
	var unknown *stream.UnknownDatasetError
	var column *stream.ColumnError
	var format *stream.FormatError
	switch {
	case errors.As(err, &unknown):
		return &cmdline.UsageError{Message: err.Error(), Try: human.Quote("trainer", "run", unknown.Dataset, "--data", "FILE")}
	case errors.As(err, &column), errors.As(err, &format), errors.Is(err, stream.ErrNoColumns), errors.Is(err, stream.ErrNoData), errors.Is(err, fs.ErrNotExist):
		return cmdline.Usagef("%v", err)
	}
	return err
}

// recorded is the fingerprint that a run was begun with.
func recorded(s ledger.Source) (stream.Fingerprint, error) {
	var fp stream.Fingerprint
	if err := json.Unmarshal(s.Detail, &fp); err != nil {
		return fp, fmt.Errorf("recorded source: %w: %w", ledger.ErrDamaged, err)
	}
	return fp, nil
}

// textField is the column that a run of this config reads.
func textField(c ledger.Config) string {
	name, _ := c["text_field"].(string)
	return name
}

// checkTextField refuses --text-field for rows that have no columns.
func checkTextField(src stream.Source, given ledger.Config) error {
	if _, ok := given["text_field"]; ok && !src.Info().HasFields {
		return noTextField(src.Info().Format)
	}
	return nil
}

func noTextField(format string) error {
	return cmdline.Usagef("--text-field has no effect on %s: it needs JSONL or Parquet (--data FILE)", format)
}

// hashProgress says every few seconds how far reading for a fingerprint is.
type hashProgress struct {
	w     io.Writer
	began time.Time
	said  time.Time
	shown bool
}

func (h *hashProgress) update(done, total int64) {
	now := time.Now()
	if now.Sub(h.began) < 2*time.Second || now.Sub(h.said) < 2*time.Second {
		return
	}
	h.said = now
	line := fmt.Sprintf("Reading the data once to know it again: %s of %s", human.Bytes(done), human.Bytes(total))
	if term.Interactive(h.w) {
		fmt.Fprintf(h.w, "\r%s\x1b[K", line)
		h.shown = true
		return
	}
	fmt.Fprintln(h.w, line)
}

func (h *hashProgress) finish() {
	if h.shown {
		fmt.Fprint(h.w, "\r\x1b[K")
	}
}
