package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"ckptledger/ledger"
	"ckptledger/stream"
)

// Options are what a run works with. Session, Reader, Cursor and Learner must be
// set.
type Options struct {
	Session *ledger.Session // begun; Run ends its attempt and leaves closing it to the caller
	Reader  stream.Reader   // opened at Cursor; the caller closes it
	Cursor  stream.Cursor   // where the Reader is; the zero Cursor is the start
	// Start is where CatchUp brought a Remote learner, whose Reader and Cursor then
	// stand for those above. Nil is the session's newest snapshot.
	Start    *Standing
	Learner  Learner // restored to what the session continues from
	Target   int64   // samples, trained and errored, from the dataset's start; 0 is to the end
	Interval Interval
	// Workers is how many goroutines learn; the Learner then has to be a
	// ParallelLearner. 0 is one, which learns row by row.
	Workers int
	// MaxErrors is how many rows of this attempt may be errored: with one more the
	// run fails, by a *MaxErrorsError. 0 is any number.
	MaxErrors int64
	// Retry are rows that are errored so far, in their order: they are learned once
	// more before anything else, also where the target is reached. OpenAt then opens
	// another Reader of the source, at any row before the Cursor.
	Retry  []ledger.ErroredRow
	OpenAt func(ctx context.Context, row int64) (stream.Reader, error)
	// Skip is a row that is not learned if it is a sample, but errored by
	// ErrSkipped; also one of Retry. Nil is none.
	Skip *int64
	// Stop asks for the end when it is closed: the sample in hand is finished or
	// given up, a snapshot committed. Nil is never.
	Stop <-chan struct{}
	// Events receives what happens. Nil is nobody.
	Events func(Event)
	// EndWait is how long, at the end of the run, a commit waits for a ledger
	// that others have locked, in steps of the ledger's LockTimeout. Zero is 60 s.
	// Writing what was captured is never cut short.
	EndWait time.Duration
}

// Result is how a run's attempt ended.
type Result struct {
	Reason   ledger.Reason
	Counters ledger.Counters // where it stands; Newest says what of it is committed
	Newest   ledger.Snapshot // Seq 0 if the run has none
	Samples  int64           // trained and errored in this attempt
	Took     time.Duration
}

// NotRecordedError says that training got further than what could be committed.
type NotRecordedError struct {
	Newest ledger.Snapshot // the newest that is committed
	At     ledger.Counters // where training stood
	Err    error
}

func (e *NotRecordedError) Error() string {
	switch {
	case e.At == e.Newest.Counters:
		return fmt.Sprintf("the end of the attempt was not recorded: %v", e.Err)
	case e.Newest.Seq == 0:
		return fmt.Sprintf("nothing was recorded of the %d samples trained: %v", e.At.Samples(), e.Err)
	}
	return fmt.Sprintf("samples after %d (snapshot %d), up to %d, were not recorded: %v", e.Newest.Samples(), e.Newest.Seq, e.At.Samples(), e.Err)
}

func (e *NotRecordedError) Unwrap() error { return e.Err }

// A MaxErrorsError says that more rows were errored in an attempt than are borne.
type MaxErrorsError struct {
	Max  int64             // Options.MaxErrors
	Last ledger.ErroredRow // the one too many
}

func (e *MaxErrorsError) Error() string {
	return fmt.Sprintf("more than %d rows errored in this attempt; the last is row %d: %s", e.Max, e.Last.Row, e.Last.Reason)
}

// A LearnError says that a sample could not be learned, and that the run ends before
// it.
type LearnError struct {
	Row   int64
	Again bool // it was errored before, and tried again
	Err   error
}

func (e *LearnError) Error() string {
	again := ""
	if e.Again {
		again = " again"
	}
	return fmt.Sprintf("learn row %d%s: %v", e.Row, again, e.Err)
}

// Unwrap returns the cause.
func (e *LearnError) Unwrap() error { return e.Err }

// Run trains until the target, the end of the source, a stop or an error, and ends
// the session's attempt with a snapshot. The error is nil for the reasons
// completed, exhausted and interrupted. Whatever the workers, a snapshot holds
// exactly the rows before its position.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.EndWait == 0 {
		o.EndWait = time.Minute
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	r := &run{Options: o, started: time.Now(), tell: serialize(o.Events)}
	r.now = o.Session.Last().Counters
	r.saved, r.savedAt = r.now, r.started
	if s := o.Start; s != nil {
		r.now, r.errored, r.Reader, r.Cursor = s.Counters, slices.Clone(s.Errored), s.Reader, s.Cursor
	}
	r.from = r.now
	r.pulse.set(r.now)
	r.saver = startSaver(o.Session, r.tell, o.EndWait)
	if err := r.startMarks(ctx, cancel); err != nil {
		return Result{}, errors.Join(err, r.saver.close())
	}
	teller, _ := o.Learner.(Teller)
	stopHeart := (&heart{session: o.Session, pulse: &r.pulse, target: o.Target, learner: teller, tell: r.tell}).start()

	end, runErr := r.train(ctx)
	if cause := context.Cause(ctx); cause != nil && errors.Is(runErr, context.Canceled) { // it says why
		end, runErr = failed(fmt.Errorf("train row %d: %w", r.now.Row, cause))
	}
	r.stopMarks()
	saveErr := r.finish(end)
	stopHeart() // beats until all is recorded: on some file systems they alone are the sign of life
	if saveErr != nil && !errors.Is(saveErr, ledger.ErrLeaseLost) {
		// The snapshot could not be recorded; that the attempt failed perhaps can.
		endCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(o.EndWait, 5*time.Second))
		_ = o.Session.End(endCtx, ledger.End{Reason: ledger.Failed, Error: saveErr.Error()})
		cancel()
	}

	res := Result{Reason: end.Reason, Counters: r.now, Newest: o.Session.Last(), Samples: r.now.Samples() - r.from.Samples(), Took: time.Since(r.started)}
	if saveErr != nil {
		res.Reason = ledger.Failed
		return res, errors.Join(&NotRecordedError{Newest: res.Newest, At: r.now, Err: saveErr}, runErr)
	}
	return res, runErr
}

// run is the state of one call of Run. Only the training goroutine touches it,
// but for the pulse.
type run struct {
	Options
	tell    func(Event)
	saver   *saver
	marker  *marker // nil but for a Remote learner
	pulse   pulse
	started time.Time

	from    ledger.Counters // at the start of this attempt
	now     ledger.Counters
	last    stream.LastRow      // the last row consumed
	errored []ledger.ErroredRow // since the last capture
	errors  int64               // rows errored in this attempt
	lastErr ledger.ErroredRow
	saved   ledger.Counters // at the last capture
	savedAt time.Time
}

// train reads and learns until there is a reason to end.
func (r *run) train(ctx context.Context) (ledger.End, error) {
	readCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	var stopped atomic.Bool
	go func() {
		select {
		case <-r.Stop:
			stopped.Store(true)
			cancel()
		case <-readCtx.Done():
		}
		r.saver.hurry() // training may be waiting for room in its queue
	}()
	r.last.Resume(r.Cursor)
	if r.marker != nil && r.Session.Last().Seq == 0 {
		// What the server learns from here on counts: a resume needs something to go
		// on from, however soon this attempt is killed.
		if err := r.capture(ledger.Periodic, nil); err != nil {
			return failed(fmt.Errorf("take snapshot: %w", err))
		}
	}
	if err := r.retry(readCtx); err != nil {
		if gaveUp(err, &stopped) {
			return ledger.End{Reason: ledger.Interrupted}, nil
		}
		return failed(err)
	}
	if r.Workers > 0 {
		return r.trainParallel(ctx, readCtx, &stopped)
	}
	for {
		if end := r.ended(&stopped); end != nil {
			return *end, nil
		}
		row, err := r.Reader.Next(readCtx)
		if err != nil {
			return r.broken(err, &stopped)
		}
		err = r.consume(row, func() error {
			s, err := r.sample(row, r.now.Samples(), 0)
			if err != nil {
				return err
			}
			return r.Learner.Learn(readCtx, s)
		})
		switch {
		case gaveUp(err, &stopped):
			return ledger.End{Reason: ledger.Interrupted}, nil
		case err != nil:
			return failed(err)
		}
	}
}

// ended returns how training ends before it reads another row, nil if it does
// not.
func (r *run) ended(stopped *atomic.Bool) *ledger.End {
	switch {
	case r.reached():
		return &ledger.End{Reason: ledger.Completed}
	case stopped.Load():
		return &ledger.End{Reason: ledger.Interrupted}
	case r.saver.failed() != nil:
		return &ledger.End{Reason: ledger.Failed} // finish returns what failed
	}
	return nil
}

func (r *run) reached() bool { return r.Target > 0 && r.now.Samples() >= r.Target }

// broken returns how training ends where no row could be read.
func (r *run) broken(err error, stopped *atomic.Bool) (ledger.End, error) {
	switch {
	case err == io.EOF: // itself: what wraps it says that reading broke off
		return ledger.End{Reason: ledger.Exhausted}, nil
	case stopped.Load():
		return ledger.End{Reason: ledger.Interrupted}, nil
	}
	return failed(fmt.Errorf("read row %d: %w", r.now.Row, err))
}

// gaveUp reports whether a sample was left unlearned because training is to stop.
func gaveUp(err error, stopped *atomic.Bool) bool {
	return stopped.Load() && errors.Is(err, context.Canceled)
}

func failed(err error) (ledger.End, error) {
	return ledger.End{Reason: ledger.Failed, Error: err.Error()}, err
}

// consume counts the next row, has it learned if it is a sample, and takes a
// snapshot behind it if one is due.
func (r *run) consume(row *stream.Row, learn func() error) error {
	if row.At.Row != r.now.Row { // a reader opened elsewhere would train rows twice, or never
		return fmt.Errorf("read row %d: got row %d", r.now.Row, row.At.Row)
	}
	if err := r.count(row, learn); err != nil {
		return &LearnError{Row: row.At.Row, Err: err}
	}
	if r.MaxErrors > 0 && r.errors > r.MaxErrors {
		return &MaxErrorsError{Max: r.MaxErrors, Last: r.lastErr}
	}
	if r.Interval.due(r.saved, r.now, time.Since(r.savedAt)) && !r.reached() {
		if err := r.capture(ledger.Periodic, nil); err != nil {
			return fmt.Errorf("take snapshot: %w", err)
		}
	}
	return nil
}

// count counts a row, and has it learned if it is a sample.
func (r *run) count(row *stream.Row, learn func() error) error {
	var failed *ledger.ErroredRow // by the learner
	switch row.Kind {
	case stream.Filtered:
		r.now.Filtered++
	case stream.Errored:
		r.err(ledger.ErroredRow{Row: row.At.Row, Reason: row.Reason})
	default:
		err := learn()
		var sampleErr *SampleError
		switch {
		case err == nil:
			r.now.Trained++
		case errors.As(err, &sampleErr):
			failed = &ledger.ErroredRow{Row: row.At.Row, Reason: err.Error(), Learned: sampleErr.Learned}
			r.err(*failed)
		default:
			return err
		}
	}
	r.now.Row++
	r.last.Set(row)
	r.pulse.set(r.now)
	return r.mark(failed)
}

// sample returns a row as the learner gets it, or the error of one that is skipped
// and that it need not know of.
func (r *run) sample(row *stream.Row, number int64, learned int) (Sample, error) {
	s := Sample{Row: row.At.Row, Number: number, Text: row.Text, Learned: learned}
	if s.Skip = r.Skip != nil && *r.Skip == s.Row; s.Skip {
		if _, ok := r.Learner.(Remote); !ok {
			return s, &SampleError{Row: s.Row, Learned: learned, Err: ErrSkipped}
		}
	}
	return s, nil
}

func (r *run) err(e ledger.ErroredRow) {
	r.now.Errored++
	r.errors++
	r.lastErr = e
	if len(r.errored) < ledger.MaxErroredRows {
		r.errored = append(r.errored, e)
	}
}

// capture freezes state and position together and hands them to the saver.
func (r *run) capture(kind ledger.Kind, end *ledger.End) error {
	// What was read of files that are not any more what the run is recorded to
	// read must not be recorded.
	if err := check(r.Reader); err != nil {
		return err
	}
	position, err := json.Marshal(r.last.Cursor())
	if err != nil {
		return fmt.Errorf("encode position: %w", err)
	}
	c, err := r.Learner.Capture()
	if err != nil {
		return err
	}
	committed := func() {}
	if r.marker != nil {
		committed = r.marker.captured()
	}
	r.saver.save(job{capture: c, kind: kind, counters: r.now, position: position, errored: r.errored, rate: r.rate(), elapsed: r.Session.Elapsed(), end: end, committed: committed})
	r.errored = nil
	r.saved, r.savedAt = r.now, time.Now()
	return nil
}

// moved reports whether there is something to record since the last capture.
func (r *run) moved() bool { return r.now != r.saved || len(r.errored) > 0 }

// finish takes the last snapshot, if anything moved since the one before, and waits until all is committed.
func (r *run) finish(end ledger.End) error {
	kind := ledger.Emergency
	if end.Reason == ledger.Completed || end.Reason == ledger.Exhausted {
		kind = ledger.Final
	}
	if !r.moved() {
		r.saver.save(job{end: &end, counters: r.now})
	} else if err := r.capture(kind, &end); err != nil {
		r.saver.save(job{end: &ledger.End{Reason: ledger.Failed, Error: err.Error()}, counters: r.now})
		return errors.Join(err, r.saver.close())
	}
	return r.saver.close()
}

// rate is the attempt's samples a second so far.
func (r *run) rate() float64 {
	s := time.Since(r.started).Seconds()
	if s <= 0 {
		return 0
	}
	return float64(r.now.Samples()-r.from.Samples()) / s
}
