package ledger

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// leaseBlock is the size of the progress block at the start of a lease file: a
// sector, so that it is written whole.
const leaseBlock = 512

// Progress is what a live trainer says about itself, at most once a second, in
// its run's lease file.
type Progress struct {
	Run     RunID     `json:"run"`
	Attempt uint64    `json:"attempt"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Beat    uint64    `json:"beat"` // counts up with each write, also when nothing moves
	// Unlocked says that the writer took the run over, and that the one it took it
	// from has not let go of the lock yet: then the lock proves nothing.
	Unlocked bool      `json:"unlocked,omitempty"`
	Time     time.Time `json:"time"`
	Moved    time.Time `json:"moved"` // when the position last moved
	Counters
	Rate float64 `json:"rate"` // samples a second, of late
}

// Lease is the right of this process to train a run, for as long as it is not
// released. The lock on its file is the proof; who is killed loses it.
type Lease struct {
	run  RunID
	f    *os.File
	held bool // false after a take-over, while the old holder still has the lock
	took bool // it was taken over

	attempt uint64 // the run's newest when the lease was got; 0 for a new run
}

func (l *Ledger) leasePath(id RunID) string { return filepath.Join(l.leaseDir(), string(id)) }

// LeaseOptions say what to do when another process holds the lease.
type LeaseOptions struct {
	Wait     time.Duration           // how long to wait for it
	OnWait   func(*HeldError)        // called once, when waiting begins
	Watch    time.Duration           // how long a holder is watched where the lock is no proof; 0 is 3 s
	OnWatch  func(p Progress)        // called once, when watching begins
	TakeOver bool                    // take it from its holder, whose next commit is refused; one that does not notice within Watch keeps the lock meanwhile
	poll     func() <-chan time.Time // for tests
}

// Acquire takes the run's lease. A live holder is a *HeldError. Where the lock
// proves nothing, a holder is alive if its progress moves while we watch.
func (l *Ledger) Acquire(ctx context.Context, id RunID, opts LeaseOptions) (*Lease, error) {
	if opts.Watch == 0 {
		opts.Watch = 3 * time.Second
	}
	if opts.poll == nil {
		opts.poll = func() <-chan time.Time { return time.After(25 * time.Millisecond) }
	}
	// A copy of a ledger may have left its empty folders behind.
	if err := os.MkdirAll(l.leaseDir(), 0o755); err != nil {
		return nil, fmt.Errorf("create leases: %w", err)
	}
	f, err := os.OpenFile(l.leasePath(id), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lease: %w", err)
	}
	deadline := time.Now().Add(opts.Wait)
	waiting, fenced := false, false
	var after uint64 // the attempt that the fence made
	for {
		attempt, err := l.tryAcquire(ctx, f, id, opts)
		var inUse *HeldError
		switch {
		case err == nil:
			le := &Lease{run: id, f: f, held: true, took: fenced, attempt: attempt}
			// From here on others are to be told of us, not of the attempt before.
			_ = le.write(Progress{Run: id, Attempt: attempt + 1, Host: hostName(), PID: os.Getpid(), Started: l.now().UTC(), Time: l.now().UTC(), Moved: l.now().UTC()})
			return le, nil
		case !errors.As(err, &inUse):
			f.Close()
			return nil, err
		case opts.TakeOver && !fenced:
			if attempt, err = l.fence(ctx, id); err != nil {
				f.Close()
				return nil, err
			}
			after = attempt
			fenced, waiting, deadline = true, true, time.Now().Add(opts.Watch)
		case fenced && !time.Now().Before(deadline):
			return &Lease{run: id, f: f, took: true, attempt: after}, nil
		case !time.Now().Before(deadline):
			f.Close()
			return nil, err
		}
		if !waiting && opts.OnWait != nil {
			opts.OnWait(inUse)
		}
		waiting = true
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-opts.poll():
		}
	}
}

// tryAcquire locks the file or says who has it. A reader that looks whether the
// lease is held holds the shared lock for a moment, which is not holding it.
func (l *Ledger) tryAcquire(ctx context.Context, f *os.File, id RunID, opts LeaseOptions) (attempt uint64, err error) {
	const looks = 40 // a reader that stays for so many of them is taken for a holder
	for look := 1; ; look++ {
		ok, err := tryLock(f, true)
		if err != nil {
			return 0, err
		}
		if ok {
			break
		}
		if ok, err = tryLock(f, false); err != nil {
			return 0, err
		}
		if !ok || look == looks {
			_ = unlock(f)
			return 0, l.heldError(id, readProgress(f))
		}
		if err := unlock(f); err != nil {
			return 0, err
		}
		if look > 3 {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-opts.poll():
			}
		}
	}
	e, err := l.Entry(ctx, id)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoLedger) {
		return 0, nil // a new run: its record comes after its lease
	}
	if err == nil && e.Head.Open && l.lockIsNoProof(e.Head, readProgress(f)) && l.moves(ctx, f, e.Head.Attempt, opts) {
		err = l.heldError(id, readProgress(f))
	}
	if err != nil {
		_ = unlock(f)
		return 0, err
	}
	return e.Head.Attempt, nil
}

// fence makes the run's newest attempt one that nobody is, so that its holder
// commits nothing more from here on. The number is not used again.
func (l *Ledger) fence(ctx context.Context, id RunID) (attempt uint64, err error) {
	err = l.db.update(ctx, func(t *tx) error {
		h, err := t.head(id)
		if err != nil {
			return err
		}
		h.Attempt++
		attempt = h.Attempt
		return t.putJSON(bHeads, runKey(id), &h)
	})
	return attempt, err
}

func (l *Ledger) heldError(id RunID, p Progress) *HeldError {
	e := &HeldError{Run: id, Holder: p}
	if !p.Started.IsZero() {
		e.Age = max(0, l.now().Sub(p.Started))
	}
	return e
}

// lockIsNoProof reports whether a run's attempt may be alive although its lease
// is free: on a filesystem that keeps locks from other machines, and in the
// moment after a take-over.
func (l *Ledger) lockIsNoProof(h Head, p Progress) bool {
	return l.remote && away(h.Host, h.Boot) || p.Attempt == h.Attempt && p.Unlocked
}

// moves watches the progress block of an attempt whose lease is free.
func (l *Ledger) moves(ctx context.Context, f *os.File, attempt uint64, opts LeaseOptions) bool {
	first := readProgress(f)
	if first.Attempt != attempt {
		return false
	}
	if opts.OnWatch != nil {
		opts.OnWatch(first)
	}
	for end := time.Now().Add(opts.Watch); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return true
		case <-opts.poll():
		}
		if readProgress(f).Beat != first.Beat {
			return true
		}
	}
	return false
}

// Release gives the lease up.
func (le *Lease) Release() error { return le.f.Close() }

// write puts the block in place. After a take-over it first tries again for the
// lock, which is free once the old holder has noticed.
func (le *Lease) write(p Progress) error {
	if !le.held {
		ok, err := tryLock(le.f, true)
		if err != nil {
			return err
		}
		le.held = ok
	}
	p.Unlocked = !le.held
	block, err := encodeProgress(p)
	if err != nil {
		return err
	}
	_, err = le.f.WriteAt(block, 0)
	return err
}

// encodeProgress lays out the block: length of the JSON (2 bytes), the JSON,
// zeros, and in the last 4 bytes the CRC-32C of all before.
func encodeProgress(p Progress) ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if len(b) > leaseBlock-6 {
		return nil, fmt.Errorf("%w: progress of %d bytes does not fit its block", ErrRule, len(b))
	}
	block := make([]byte, leaseBlock)
	binary.BigEndian.PutUint16(block, uint16(len(b)))
	copy(block[2:], b)
	binary.BigEndian.PutUint32(block[leaseBlock-4:], crc32.Checksum(block[:leaseBlock-4], castagnoli))
	return block, nil
}

// readProgress returns what the block says, the zero Progress where nothing
// readable stands yet.
func readProgress(f *os.File) Progress {
	var block [leaseBlock]byte
	if _, err := f.ReadAt(block[:], 0); err != nil {
		return Progress{}
	}
	p, _ := decodeProgress(block[:])
	return p
}

func decodeProgress(block []byte) (Progress, bool) {
	if len(block) != leaseBlock || binary.BigEndian.Uint32(block[leaseBlock-4:]) != crc32.Checksum(block[:leaseBlock-4], castagnoli) {
		return Progress{}, false
	}
	n := int(binary.BigEndian.Uint16(block))
	if n > leaseBlock-6 {
		return Progress{}, false
	}
	var p Progress
	if err := json.Unmarshal(block[2:2+n], &p); err != nil {
		return Progress{}, false
	}
	return p, true
}

// Live is what a look at a lease file shows.
type Live struct {
	Held     bool // a live process holds the lock
	Progress Progress
}

// Probe looks at the run's lease without disturbing its holder.
func (l *Ledger) Probe(id RunID) (Live, error) {
	f, err := os.Open(l.leasePath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Live{}, nil
	}
	if err != nil {
		return Live{}, err
	}
	defer f.Close() // which lets go of the lock
	free, err := tryLock(f, false)
	if err != nil {
		return Live{}, err
	}
	return Live{Held: !free, Progress: readProgress(f)}, nil
}
