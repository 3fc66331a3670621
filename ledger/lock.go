package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// courtesy is how long a reader lets a writer go first.
const courtesy = 200 * time.Millisecond

// lockFile takes the lock of a file of the ledger's folder, exclusive or shared,
// and waits until the deadline for it.
//
// Among readers that come and go there may never be a moment without one. So
// who waits holds the lock of the folder meanwhile, a writer alone and readers
// together: readers that come later queue behind the writer. That lock is
// courtesy and protects nothing; where folders cannot be locked, as on NFS, it
// is left out, and a reader behind a writer that gets nowhere goes on.
func lockFile(ctx context.Context, f *os.File, exclusive bool, deadline time.Time) error {
	if folder, err := os.Open(filepath.Dir(f.Name())); err == nil {
		defer folder.Close()
		turn := time.Now().Add(courtesy)
		if exclusive { // who waits behind a stopped process must not wait for ever
			turn = turn.Add(4 * courtesy)
		}
		if deadline.Before(turn) {
			turn = deadline
		}
		_ = waitLock(ctx, folder, exclusive, turn)
	}
	return waitLock(ctx, f, exclusive, deadline)
}

// waitLock tries for a lock until the deadline, every millisecond at first:
// bbolt, which looks every 50 ms, would seldom find it free.
func waitLock(ctx context.Context, f *os.File, exclusive bool, deadline time.Time) error {
	pause := time.Millisecond
	for {
		ok, err := tryLock(f, exclusive)
		if err != nil || ok {
			return err
		}
		if !time.Now().Before(deadline) {
			return ErrBusy
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		if pause < 8*time.Millisecond {
			pause += pause / 4
		}
	}
}

// tryLock takes the lock if nobody's is in the way.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

func unlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// syncDir makes the folder's entries durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
