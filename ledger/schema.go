package ledger

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// The buckets and their keys. Run ids are their 26 characters, numbers are 8
// bytes, big-endian.
var (
	bMeta      = []byte("meta")      // "schema", "commits"
	bRuns      = []byte("runs")      // run -> Run
	bHeads     = []byte("heads")     // run -> Head
	bNames     = []byte("names")     // name -> run
	bKeys      = []byte("keys")      // dataset 0 config hash 0 run -> nothing
	bAttempts  = []byte("attempts")  // run number -> Attempt
	bSnapshots = []byte("snapshots") // run seq -> Snapshot
	bErrored   = []byte("errored")   // run seq -> rows that errored since the snapshot before
	bRecent    = []byte("recent")    // Head.Touched -> run
	bObjects   = []byte("objects")   // SHA-256 (32 bytes) -> references, bytes (8 each)
	bFiles     = []byte("files")     // what is known of local data files, by the source's own key
	// Ledgers that were made before there were these get each with the first record.
	bMarks = []byte("marks") // run -> Mark
	bTrash = []byte("trash") // run -> when it was moved there; such a run is in neither keys nor recent
)

var buckets = [][]byte{bMeta, bRuns, bHeads, bNames, bKeys, bAttempts, bSnapshots, bErrored, bRecent, bObjects, bFiles, bMarks, bTrash}

// grows are the buckets whose keys come in order, run by run or altogether, so
// that their pages may be filled.
var grows = map[string]bool{"attempts": true, "snapshots": true, "errored": true, "recent": true}

var keyCommits = []byte("commits")

func runKey(id RunID) []byte { return []byte(id) }

func numberKey(id RunID, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(id), n)
}

func datasetPrefix(dataset string) []byte { return append([]byte(dataset), 0) }

func indexKey(r *Run) []byte {
	k := append(datasetPrefix(r.Dataset), r.ConfigHash...)
	return append(append(k, 0), r.ID...)
}

// indexRun is the run of a key of bKeys.
func indexRun(k []byte) (RunID, error) {
	if len(k) < 26 {
		return "", fmt.Errorf("index key %q: %w", k, ErrDamaged)
	}
	return RunID(k[len(k)-26:]), nil
}

func (t *tx) getJSON(bucket, key []byte, v any) (bool, error) {
	b, err := t.get(bucket, key)
	if err != nil || b == nil {
		return false, err
	}
	return true, decode(bucket, key, b, v)
}

func decode(bucket, key, value []byte, v any) error {
	if err := json.Unmarshal(value, v); err != nil {
		return fmt.Errorf("record %s %q: %w: %w", bucket, key, ErrDamaged, err)
	}
	return nil
}

func (t *tx) putJSON(bucket, key []byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record %s: %w", bucket, err)
	}
	return t.put(bucket, key, b)
}

func (t *tx) run(id RunID) (Run, error) {
	var r Run
	ok, err := t.getJSON(bRuns, runKey(id), &r)
	if err == nil && !ok {
		err = fmt.Errorf("run %s: %w", id, ErrNotFound)
	}
	return r, err
}

func (t *tx) head(id RunID) (Head, error) {
	var h Head
	ok, err := t.getJSON(bHeads, runKey(id), &h)
	if err == nil && !ok {
		err = fmt.Errorf("head of run %s: %w", id, ErrNotFound)
	}
	return h, err
}

func (t *tx) entry(id RunID) (Entry, error) {
	r, err := t.run(id)
	if err != nil {
		return Entry{}, err
	}
	h, err := t.head(id)
	return Entry{Run: r, Head: h}, err
}

func (t *tx) snapshot(id RunID, seq uint64) (Snapshot, error) {
	var s Snapshot
	ok, err := t.getJSON(bSnapshots, numberKey(id, seq), &s)
	if err == nil && !ok {
		err = fmt.Errorf("snapshot %d of run %s: %w", seq, id, ErrNotFound)
	}
	return s, err
}

// nextCommit counts one more commit of the whole ledger.
func (t *tx) nextCommit() (uint64, error) {
	v, err := t.get(bMeta, keyCommits)
	if err != nil {
		return 0, err
	}
	n := uint64(1)
	if len(v) == 8 {
		n += binary.BigEndian.Uint64(v)
	}
	return n, t.put(bMeta, keyCommits, be64(n))
}

// hasBucket reports whether there is a bucket that older ledgers do not have.
func (t *tx) hasBucket(name []byte) bool { return t.b.Bucket(name) != nil }

// makeBucket makes such a bucket where there is none.
func (t *tx) makeBucket(name []byte) error {
	if _, err := t.b.CreateBucketIfNotExists(name); err != nil {
		return fmt.Errorf("create bucket %s: %w", name, err)
	}
	return nil
}

// touch writes a head and moves its run to the front of the recent ones.
func (t *tx) touch(id RunID, h *Head) (uint64, error) {
	n, err := t.nextCommit()
	if err != nil {
		return 0, err
	}
	if h.Touched != 0 {
		if err := t.delete(bRecent, be64(h.Touched)); err != nil {
			return 0, err
		}
	}
	h.Touched = n
	return n, t.put(bRecent, be64(n), []byte(id))
}

// refer counts one more reference to each object and returns the bytes of those
// that had none.
func (t *tx) refer(objects []Object) (added int64, err error) {
	for _, o := range objects {
		key, err := o.key()
		if err != nil {
			return 0, err
		}
		v, err := t.get(bObjects, key)
		if err != nil {
			return 0, err
		}
		var refs uint64
		if len(v) == 16 {
			refs = binary.BigEndian.Uint64(v)
		}
		if refs == 0 {
			added += o.Bytes
		}
		if err := t.put(bObjects, key, append(be64(refs+1), be64(uint64(o.Bytes))...)); err != nil {
			return 0, err
		}
	}
	return added, nil
}
