package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/ledger"
	"ckptledger/stream"
)

// source is an opened source and what the ledger records of it.
type source struct {
	stream.Source
	print   stream.Fingerprint
	record  ledger.Source
	seeking *progress // what its Open shows
}

// Open is the source's, and says how far it is where that takes long.
func (s *source) Open(ctx context.Context, c stream.Cursor) (stream.Reader, error) {
	defer s.seeking.finish()
	return s.Source.Open(ctx, c)
}

// cost is what it takes to go on at a cursor.
func (s *source) cost(c stream.Cursor) stream.Cost {
	if s, ok := s.Source.(stream.Coster); ok {
		return s.Cost(c)
	}
	return stream.Cost{}
}

// openSource opens a source and takes its fingerprint, saying how far it is
// where that takes long.
func openSource(ctx context.Context, w io.Writer, cache stream.FileCache, spec stream.Spec) (*source, error) {
	hashing := &progress{w: w, what: "Reading the data once to know it again"}
	seeking := newSeeking(w)
	src, err := stream.Open(ctx, spec, stream.Options{Cache: cache, Progress: hashing.update, Seek: seeking.update})
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
	return &source{src, fp, ledger.Source{Digest: fp.Digest, Label: src.Info().Label, Detail: detail}, seeking}, nil
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
