package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"ckptledger/cmd/internal/cmdline"
	"ckptledger/cmd/internal/human"
	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/stream/hub"
)

// source is an opened source and, once it is identified, what the ledger records
// of it.
type source struct {
	stream.Source
	dataset string
	notices *notices
	hashing *progress // what identify shows
	seeking *progress // what Open shows
	cache   *lateCache
	print   stream.Fingerprint
	record  ledger.Source
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

// openSource opens a source and identifies it.
func openSource(ctx context.Context, n *notices, cache stream.FileCache, spec stream.Spec) (*source, error) {
	src, err := lookAt(ctx, n, spec)
	if err != nil {
		return nil, err
	}
	return src, src.identify(ctx, cache)
}

// lookAt opens a source, which makes sure that it can be read.
func lookAt(ctx context.Context, n *notices, spec stream.Spec) (*source, error) {
	s := &source{
		dataset: spec.Dataset, notices: n, cache: new(lateCache),
		hashing: &progress{w: n.w, what: "Reading the data once to know it again"}, seeking: newSeeking(n.w),
	}
	var err error
	s.Source, err = stream.Open(ctx, spec, stream.Options{Cache: s.cache, Progress: s.hashing.update, Seek: s.seeking.update, Hub: hubClient(n)})
	if err != nil {
		return nil, sourceError(err)
	}
	return s, nil
}

// identify takes the fingerprint, saying how far it is where that takes long.
func (s *source) identify(ctx context.Context, cache stream.FileCache) error {
	s.cache.FileCache = cache
	fp, err := s.Fingerprint(ctx)
	s.hashing.finish()
	if err != nil {
		return fmt.Errorf("fingerprint %s: %w", s.dataset, err)
	}
	detail, err := json.Marshal(fp)
	if err != nil {
		return fmt.Errorf("encode fingerprint: %w", err)
	}
	s.print, s.record = fp, ledger.Source{Digest: fp.Digest, Label: s.Info().Label, Detail: detail}
	return nil
}

// lateCache is the ledger's cache, once there is a ledger.
type lateCache struct{ stream.FileCache }

func (c *lateCache) Get(key string) ([]byte, bool) {
	if c.FileCache == nil {
		return nil, false
	}
	return c.FileCache.Get(key)
}

func (c *lateCache) Put(key string, value []byte) {
	if c.FileCache != nil {
		c.FileCache.Put(key, value)
	}
}

// sourceError tells what is wrongly asked for from what is wrong.
func sourceError(err error) error {
	var unknown *stream.UnknownDatasetError
	var unavailable *stream.UnavailableError
	var key *stream.KeyError
	var column *stream.ColumnError
	var format *stream.FormatError
	var missing *hub.NotFoundError
	var name *hub.NameError
	var status *hub.StatusError
	var changed *stream.ChangedError
	switch {
	case errors.As(err, &unknown):
		return &cmdline.UsageError{Message: err.Error(), Try: human.Quote("trainer", "run", unknown.Dataset, "--data", "FILE")}
	case errors.As(err, &unavailable):
		return &cmdline.UsageError{Message: err.Error(), Try: human.Quote("trainer", "run", unavailable.Dataset.Key, "--data", "FILE")}
	case errors.As(err, &column), errors.As(err, &format), errors.As(err, &key), errors.As(err, &missing), errors.As(err, &name),
		errors.Is(err, stream.ErrNoColumns), errors.Is(err, stream.ErrNoData), errors.Is(err, fs.ErrNotExist):
		return &cmdline.UsageError{Message: err.Error(), Err: err}
	case errors.As(err, &changed):
		return &cmdline.ExitError{Code: cmdline.DataChanged, Err: err}
	case errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone):
		return &cmdline.UsageError{Message: err.Error(), Err: err}
	}
	return err
}

// unreachable reports whether an error says nothing of the data that a run has
// read, but only that nobody could be asked for it. Local files there are, or not.
func unreachable(was *stream.Fingerprint, err error) bool {
	var usage *cmdline.UsageError
	var status *hub.StatusError
	if errors.As(err, &status) {
		switch status.Status {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
			return false // as an address of the web whose signature was not kept
		}
	}
	return errors.Is(err, context.Canceled) || (was.Hub != nil || was.Kind == "web") && !errors.As(err, &usage)
}

// checkRevision refuses a revision of the hub for data that lies elsewhere.
func checkRevision(revision string, data []string) error {
	if revision != "" && len(data) > 0 {
		return cmdline.Usagef("@%s has no effect with --data: it names a revision on the hub, which --data is read instead of; leave out one of them", revision)
	}
	return nil
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
