package ledger

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockFile takes the file's lock, exclusive or shared, and waits until the
// deadline for it. bbolt looks every 50 ms; among readers that come and go a
// writer that looks so seldom may wait for minutes, so it is done here, every
// millisecond at first.
func lockFile(ctx context.Context, f *os.File, exclusive bool, deadline time.Time) error {
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
