package trainer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// Data that is changed under a running trainer is not recorded as what the run
// reads: training fails at the next snapshot, and keeps the one before.
func TestDataChangedWhileTraining(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.txt")
	rows := ""
	for range 100 {
		rows += "a row that is long enough to be a sample\n"
	}
	if err := os.WriteFile(path, []byte(rows), 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := stream.Open(context.Background(), stream.Spec{Dataset: "rows", Data: []string{path}}, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := src.Open(context.Background(), stream.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	model := newLocal(t)
	session := begin(t, newLedger(t), model)
	defer session.Close()
	o := options(t, session, nil, model, trainer.Options{Reader: reader, Interval: trainer.Interval{Samples: 10}, Target: 50})
	seen := 0
	o.Reader = readerFunc{reader, func() {
		if seen++; seen == 25 {
			if err := os.WriteFile(path, []byte("B"+rows[1:]), 0o644); err != nil {
				t.Error(err)
			}
		}
	}}
	res, err := trainer.Run(context.Background(), o)
	var changed *stream.ChangedError
	if !errors.As(err, &changed) || res.Reason != ledger.Failed {
		t.Fatalf("ended %s: %v", res.Reason, err)
	}
	if res.Newest.Samples() != 20 {
		t.Errorf("the newest snapshot is at %d samples, want 20", res.Newest.Samples())
	}
}

// readerFunc calls before each row.
type readerFunc struct {
	stream.Reader
	before func()
}

func (r readerFunc) Next(ctx context.Context) (*stream.Row, error) {
	r.before()
	return r.Reader.Next(ctx)
}

func (r readerFunc) Check() error { return r.Reader.(stream.Checker).Check() }
