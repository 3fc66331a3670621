package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"go.etcd.io/bbolt"
)

// dump returns every record, by bucket and key.
func dump(l *Ledger) (map[string]string, error) {
	all := map[string]string{}
	err := l.db.view(context.Background(), func(t *tx) error {
		for _, bucket := range buckets {
			var last []byte
			err := t.ascend(bucket, nil, nil, func(k, v []byte) error {
				if bytes.Compare(k, last) <= 0 {
					return fmt.Errorf("bucket %s: key %q is not in order: %w", bucket, k, ErrDamaged)
				}
				last = bytes.Clone(k)
				all[string(bucket)+"\x00"+string(k)] = string(v)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// problems checks all that a ledger promises of its records and objects, and
// returns everything that is wrong.
func problems(l *Ledger) []error {
	c := checker{l: l, refs: map[string]uint64{}, bytes: map[string]int64{}}
	err := l.db.view(context.Background(), func(t *tx) error { c.check(t); return nil })
	if err != nil {
		c.errs = append(c.errs, err)
	}
	return c.errs
}

type checker struct {
	l     *Ledger
	errs  []error
	refs  map[string]uint64 // references found in snapshots, by SHA-256
	bytes map[string]int64
	state int64 // sum of all heads' StateBytes
}

func (c *checker) failf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) must(err error) {
	if err != nil {
		c.errs = append(c.errs, err)
	}
}

func (c *checker) check(t *tx) {
	for err := range t.b.Check() {
		c.failf("pages: %w", err)
	}
	known := 0
	c.must(t.b.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		known++
		if !slices.ContainsFunc(buckets, func(b []byte) bool { return bytes.Equal(b, name) }) {
			c.failf("bucket %s is unknown", name)
		}
		return nil
	}))
	if known != len(buckets) {
		c.failf("%d buckets, not %d", known, len(buckets))
	}
	counts := map[string]int{}
	for _, bucket := range buckets {
		c.must(t.ascend(bucket, nil, nil, func(_, _ []byte) error { counts[string(bucket)]++; return nil }))
	}
	named := 0
	c.must(t.ascend(bRuns, nil, nil, func(k, _ []byte) error {
		e, err := t.entry(RunID(k))
		if err != nil {
			return err
		}
		if e.Name != "" {
			named++
		}
		c.run(t, e)
		return nil
	}))
	n, there := counts["runs"], counts["runs"]-counts["trash"]
	if counts["heads"] != n || counts["keys"] != there || counts["recent"] != there || counts["names"] != named {
		c.failf("%d runs (%d with names, %d in the trash), but %d heads, %d keys, %d recent, %d names", n, named, counts["trash"], counts["heads"], counts["keys"], counts["recent"], counts["names"])
	}
	c.objects(t)
}

func (c *checker) run(t *tx, e Entry) {
	h := e.Head
	hash, err := e.Config.Hash()
	c.must(err)
	if hash != e.ConfigHash {
		c.failf("run %s: config hash %s, not %s", e.ID, e.ConfigHash, hash)
	}
	_, trashed, err := t.trashed(e.ID)
	c.must(err)
	for _, index := range []struct {
		bucket, key, want []byte
		absent            bool
	}{
		{bRecent, be64(h.Touched), []byte(e.ID), trashed}, {bKeys, indexKey(&e.Run), nil, trashed}, {bNames, []byte(e.Name), []byte(e.ID), false},
	} {
		if len(index.key) == 0 {
			continue
		}
		v, err := t.get(index.bucket, index.key)
		c.must(err)
		if (v == nil) != index.absent || !index.absent && !bytes.Equal(v, index.want) {
			c.failf("run %s: %s %q is %q", e.ID, index.bucket, index.key, v)
		}
	}
	v, err := t.get(bMeta, keyCommits)
	c.must(err)
	if len(v) != 8 || binary.BigEndian.Uint64(v) < h.Touched {
		c.failf("run %s: touched at %d, after the last commit %x", e.ID, h.Touched, v)
	}

	var newest Attempt
	c.must(t.ascend(bAttempts, runKey(e.ID), nil, func(k, v []byte) error {
		newest = Attempt{}
		if err := decode(bAttempts, k, v, &newest); err != nil {
			return err
		}
		if !bytes.Equal(k, numberKey(e.ID, newest.Number)) {
			c.failf("run %s: attempt %d stands at %x", e.ID, newest.Number, k)
		}
		return nil
	}))
	// A take-over that went no further leaves a number without an attempt.
	if newest.Number == 0 || h.Attempt < newest.Number || h.Open != newest.Ended.IsZero() || h.Reason != newest.Reason || h.LastError != newest.Error || h.Host != newest.Host || h.PID != newest.PID {
		c.failf("run %s: the head does not fit attempt %d: %+v", e.ID, newest.Number, h)
	}

	var last Snapshot
	var count int64
	c.must(t.ascend(bSnapshots, runKey(e.ID), nil, func(k, v []byte) error {
		var s Snapshot
		if err := decode(bSnapshots, k, v, &s); err != nil {
			return err
		}
		count++
		var errored []ErroredRow
		if _, err := t.getJSON(bErrored, k, &errored); err != nil {
			return err
		}
		c.snapshot(&e, &last, &s, errored)
		if !bytes.Equal(k, numberKey(e.ID, s.Seq)) {
			c.failf("run %s: snapshot %d stands at %x", e.ID, s.Seq, k)
		}
		last = s
		return nil
	}))
	if h.SnapshotCount != count || h.Seq != last.Seq || h.Hash != last.Hash || h.Counters != last.Counters || h.Kind != last.Kind ||
		h.Commit != last.Commit || !h.Time.Equal(last.Time) || h.ModelDigest != last.ModelDigest || h.RestoreBytes != last.StateBytes() {
		c.failf("run %s: the head is not that of its newest snapshot %d: %+v", e.ID, last.Seq, h)
	}
	c.state += h.StateBytes
}

func (c *checker) snapshot(e *Entry, last, s *Snapshot, errored []ErroredRow) {
	c.must(s.CheckHash())
	c.must(s.check())
	prev := last.Hash
	if last.Seq == 0 && e.ForkedFrom != nil {
		prev = e.ForkedFrom.Hash
	}
	trained := int64(0) // after all
	for _, r := range errored {
		if r.Trained {
			trained++
		}
	}
	switch {
	case s.Prev != prev:
		c.failf("run %s: snapshot %d follows %q, not %q", e.ID, s.Seq, s.Prev, prev)
	case s.Run != e.ID || s.Dataset != e.Dataset || s.ConfigHash != e.ConfigHash || s.Source != e.Source.Digest:
		c.failf("run %s: snapshot %d is of another run", e.ID, s.Seq)
	case s.Seq != last.Seq+1 || s.Commit <= last.Commit || s.Attempt < last.Attempt || s.Elapsed < last.Elapsed:
		c.failf("run %s: snapshot %d goes back behind %d", e.ID, s.Seq, last.Seq)
	case s.Row < last.Row || s.Samples() < last.Samples() || s.Trained < last.Trained || s.Errored < last.Errored-trained || s.Filtered < last.Filtered,
		last.Seq > 0 && s.Counters == last.Counters && len(errored) == 0:
		c.failf("run %s: snapshot %d counts %+v after %+v", e.ID, s.Seq, s.Counters, last.Counters)
	}
	for _, o := range s.Objects {
		c.refs[o.SHA256]++
		c.bytes[o.SHA256] = o.Bytes
	}
}

func (c *checker) objects(t *tx) {
	found, total := 0, int64(0)
	c.must(t.ascend(bObjects, nil, nil, func(k, v []byte) error {
		found++
		name := hex.EncodeToString(k)
		if len(v) != 16 || binary.BigEndian.Uint64(v) != c.refs[name] || int64(binary.BigEndian.Uint64(v[8:])) != c.bytes[name] {
			c.failf("object %s: %x, but %d references and %d bytes", name, v, c.refs[name], c.bytes[name])
		}
		total += c.bytes[name]
		path, err := c.l.objectPath(Object{SHA256: name})
		c.must(err)
		b, err := os.ReadFile(path)
		c.must(err)
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != name || int64(len(b)) != c.bytes[name] {
			c.failf("object %s: the file is not its content", name)
		}
		return nil
	}))
	if found != len(c.refs) {
		c.failf("%d objects are counted, %d are named", found, len(c.refs))
	}
	if total != c.state {
		c.failf("heads say %d bytes of state, the objects have %d", c.state, total)
	}
}
