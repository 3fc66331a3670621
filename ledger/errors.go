package ledger

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrNoLedger is returned by Open when the folder holds no ledger.
	ErrNoLedger = errors.New("no ledger here")

	// ErrForeign is returned when ledger.db is a file of another make.
	ErrForeign = errors.New("not a ledger database")

	// ErrBusy is returned when another process kept the database locked for
	// longer than the caller would wait.
	ErrBusy = errors.New("the ledger is locked by another process")

	// ErrDamaged is wrapped by every error that says that bytes are not those
	// that were written: checksums, missing or changed objects, a short file.
	ErrDamaged = errors.New("damaged")

	// ErrNotFound is wrapped when a run, a snapshot or a name does not exist.
	ErrNotFound = errors.New("not found")

	// ErrAmbiguous is wrapped when a short name means several runs.
	ErrAmbiguous = errors.New("ambiguous")

	// ErrLeaseLost is returned by a Session whose run has a newer attempt, or a
	// newest snapshot other than the one the Session continued from. Nothing was
	// written, and nothing more can be.
	ErrLeaseLost = errors.New("another trainer has taken over this run, or moved it on")

	// ErrNotFirst is returned by BeginFirst when another run of the same dataset
	// and config is there already.
	ErrNotFirst = errors.New("there is a run of this dataset and configuration")

	// ErrNameTaken is wrapped when a run's name belongs to another run or is a
	// dataset's key.
	ErrNameTaken = errors.New("name is taken")

	// ErrRule is wrapped when a record would break a rule that every record
	// keeps, such as row = trained + errored + filtered.
	ErrRule = errors.New("not allowed")
)

// HeldError says that a live process holds the run's lease.
type HeldError struct {
	Run    RunID
	Holder Progress      // what the holder wrote last; zero if it wrote nothing yet
	Age    time.Duration // since the holder's attempt began, by this machine's clock
}

func (e *HeldError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("run %s is in use by another trainer", e.Run.Short())
	}
	return fmt.Sprintf("run %s is in use by pid %d on %s, for %s", e.Run.Short(), e.Holder.PID, e.Holder.Host, e.Age.Round(time.Second))
}

// MissingError says that objects a snapshot was to name are not in the store,
// or are not of the length they were written with. Nothing was committed.
type MissingError struct{ Objects []Object }

func (e *MissingError) Error() string {
	names := make([]string, len(e.Objects))
	for i, o := range e.Objects {
		names[i] = o.Name + " " + o.SHA256[:min(12, len(o.SHA256))]
	}
	return "state objects missing: " + strings.Join(names, ", ")
}

func (e *MissingError) Unwrap() error { return ErrDamaged }

// AmbiguousError carries the runs that a short name means.
type AmbiguousError struct {
	Ref  string
	Runs []RunID
}

func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.Runs))
	for i, r := range e.Runs {
		names[i] = string(r)
	}
	return fmt.Sprintf("%q means several runs: %s", e.Ref, strings.Join(names, ", "))
}

func (e *AmbiguousError) Unwrap() error { return ErrAmbiguous }
