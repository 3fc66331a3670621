package trainer_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ckptledger/ledger"
	"ckptledger/stream"
	"ckptledger/trainer"
)

// A server counts how often it was told to learn what.
type server struct {
	mu      sync.Mutex
	learned map[string]int
	before  func() error // called before a part is learned, and may be nil
	after   func() error // likewise after it: then the answer is lost
}

func (s *server) learn(part string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		if err := s.before(); err != nil {
			return err
		}
	}
	s.learned[part]++
	if s.after != nil {
		return s.after()
	}
	return nil
}

// partsOf are what a row teaches a server. Rows have parts in common, but for what
// the server rejects.
func partsOf(row int64) []string {
	var parts []string
	for i := range 1 + row%4 {
		parts = append(parts, fmt.Sprint((row*7+i)%40))
	}
	if n := poisoned(row); n >= 0 {
		parts[n] = fmt.Sprint("poison ", row)
	}
	return parts
}

// poisoned says which part of a row the server rejects, if any.
func poisoned(row int64) int {
	if n := row % 3; row%11 == 7 && n <= row%4 {
		return int(n)
	}
	return -1
}

var (
	errRejected = errors.New("rejected")
	errLost     = errors.New("the answer is lost")
)

// mirrored is a learner whose model lies on a server.
type mirrored struct {
	server *server

	mu     sync.Mutex
	mirror map[string]int
	credit map[string]int
	cured  bool // nothing is rejected any more
}

func newMirrored(s *server) *mirrored {
	return &mirrored{server: s, mirror: map[string]int{}, credit: map[string]int{}}
}

var _ trainer.Remote = (*mirrored)(nil)

func (l *mirrored) Config() ledger.Config { return ledger.Config{"learner": "mirrored"} }
func (l *mirrored) Fixed() []string       { return nil }
func (l *mirrored) Close() error          { return nil }

type remoteWork struct {
	row           int64
	from, learned int
	err           error
}

func (l *mirrored) Learn(ctx context.Context, s trainer.Sample) error {
	w, err := l.Work(ctx, s)
	if err != nil {
		return err
	}
	return l.Settle(ctx, w)
}

func (l *mirrored) NewWorker() (trainer.Worker, error) { return l, nil }

func (l *mirrored) take(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.credit[part] == 0 {
		return false
	}
	l.credit[part]--
	return true
}

func (l *mirrored) Work(ctx context.Context, s trainer.Sample) (trainer.Work, error) {
	w := &remoteWork{row: s.Row, from: s.Learned, learned: s.Learned}
	parts := partsOf(s.Row)
	for w.learned < len(parts) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := parts[w.learned]
		if s.Skip && !l.take(part) {
			break
		} else if !s.Skip && !l.take(part) {
			if w.learned == poisoned(s.Row) && !l.cured {
				w.err = errRejected
				return w, nil
			}
			if err := l.server.learn(part); err != nil {
				return nil, err
			}
		}
		w.learned++
	}
	if s.Skip {
		w.err = errRejected
	}
	return w, nil
}

func (l *mirrored) Settle(_ context.Context, work trainer.Work) error {
	w := work.(*remoteWork)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, part := range partsOf(w.row)[w.from:w.learned] {
		l.mirror[part]++
	}
	if w.err != nil {
		return &trainer.SampleError{Row: w.row, Learned: w.learned, Err: w.err}
	}
	return nil
}

func (l *mirrored) Replay(s trainer.Sample, upTo int) error {
	parts := partsOf(s.Row)
	if upTo < 0 {
		upTo = len(parts)
	}
	for _, part := range parts[s.Learned:upTo] {
		l.mirror[part]++
	}
	return nil
}

func (l *mirrored) Reconcile(_ context.Context, begun []trainer.Sample) error {
	demand := map[string]int{}
	for _, s := range begun {
		for _, part := range partsOf(s.Row)[s.Learned:] {
			demand[part]++
		}
	}
	for part, n := range l.server.learned {
		excess := n - l.mirror[part]
		if excess < 0 || excess > demand[part] {
			return fmt.Errorf("part %s: learned %d times, %d here and %d under way", part, n, l.mirror[part], demand[part])
		}
		l.credit[part] = excess
	}
	return nil
}

func (l *mirrored) Capture() (trainer.Capture, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	model := maps.Clone(l.mirror)
	return writeFunc(func(ctx context.Context, store trainer.ObjectStore, _ bool) (trainer.State, error) {
		o, err := store.PutObject(ctx, "mirror", func(w io.Writer) error { return json.NewEncoder(w).Encode(model) })
		return trainer.State{Objects: []ledger.Object{o}, ModelDigest: fmt.Sprint(model)}, err
	}), nil
}

func (l *mirrored) Restore(ctx context.Context, store trainer.ObjectReader, objects []ledger.Object) (string, error) {
	for _, o := range objects {
		if err := store.GetObject(ctx, o, func(r io.Reader) error { return json.NewDecoder(r).Decode(&l.mirror) }); err != nil {
			return "", err
		}
	}
	return fmt.Sprint(l.mirror), nil
}

// catchUp brings a restored learner to the run's mark.
func catchUp(t testing.TB, l *ledger.Ledger, s *ledger.Session, src source, learner *mirrored) (*trainer.Standing, error) {
	t.Helper()
	ctx := context.Background()
	mark, err := l.Mark(ctx, s.Run().ID)
	if err != nil {
		t.Fatal(err)
	}
	last := s.Last()
	errored, err := l.Errored(ctx, s.Run().ID, last.Seq)
	if err != nil {
		t.Fatal(err)
	}
	return trainer.CatchUp(ctx, trainer.Behind{
		Learner: learner, Mark: mark, Reader: &reader{source: src, next: last.Row}, Cursor: cursor(t, s), Counters: last.Counters, Errored: errored,
		OpenAt: func(_ context.Context, row int64) (stream.Reader, error) { return &reader{source: src, next: row}, nil },
	})
}

// TestRemote ends attempts in every way at random moments, has rows retried and
// skipped, and finds at the end that the server has learned each part of each row
// once.
func TestRemote(t *testing.T) {
	was := *trainer.MarkEvery
	*trainer.MarkEvery = time.Millisecond
	defer func() { *trainer.MarkEvery = was }()
	fewer(t, 20, 5)
	src := mixed(150)
	want := map[string]int{} // in the end
	for _, row := range src.trained(150) {
		for _, part := range partsOf(row) {
			want[part]++
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		l := newLedger(t)
		srv := &server{learned: map[string]int{}}
		learner := newMirrored(srv)
		session := begin(t, l, learner)
		id := session.Run().ID
		start := &trainer.Standing{Reader: &reader{source: src}}
		for attempt := 1; ; attempt++ {
			last := attempt > 6
			ending := "none"
			if !last {
				ending = rapid.SampledFrom([]string{"stop", "lost before", "lost after", "killed"}).Draw(rt, "ending")
			}
			stop := make(chan struct{})
			srv.before, srv.after = ends(ending, rapid.IntRange(0, 60).Draw(rt, "after"), stop, func() {
				// Nothing of the attempt is recorded from here on.
				lease, err := l.Acquire(ctx, id, takeOver)
				if err != nil {
					rt.Errorf("take over: %v", err)
					return
				}
				lease.Release()
			})
			learner.cured = last || rapid.Bool().Draw(rt, "cured")
			o := options(t, session, src, learner, trainer.Options{
				Workers: rapid.SampledFrom([]int{0, 1, 3, 8}).Draw(rt, "workers"), Stop: stop, Start: start,
				Interval: trainer.Interval{Samples: int64(rapid.IntRange(5, 60).Draw(rt, "interval"))},
				Retry:    start.Retrying,
				OpenAt:   func(_ context.Context, row int64) (stream.Reader, error) { return &reader{source: src, next: row}, nil },
			})
			if last || rapid.Bool().Draw(rt, "retry") {
				o.Retry = start.All
			}
			if !last && rapid.Bool().Draw(rt, "skip") {
				o.Skip = &start.Counters.Row
				if n := len(start.Retrying); n > 0 {
					o.Skip = &start.Retrying[rapid.IntRange(0, n-1).Draw(rt, "skipped")].Row
				}
			}
			res, err := trainer.Run(ctx, o)
			session.Close()
			srv.before, srv.after = nil, nil
			rt.Logf("attempt %d, %s: %s at row %d, %v", attempt, ending, res.Reason, res.Counters.Row, err)
			if ending == "none" {
				if res.Reason != ledger.Exhausted {
					rt.Fatalf("ended %s: %v", res.Reason, err)
				}
				break
			}
			learner = newMirrored(srv)
			session = proceed(t, l, id, learner, ledger.LeaseOptions{})
			if start, err = catchUp(t, l, session, src, learner); err != nil {
				rt.Fatalf("catch up: %v", err)
			}
		}
		if diff := cmp.Diff(want, srv.learned); diff != "" {
			rt.Fatalf("the server: %s", diff)
		}
		if diff := cmp.Diff(want, learner.mirror); diff != "" {
			rt.Fatalf("the mirror: %s", diff)
		}
		head := entry(t, l, id).Head
		if diff := cmp.Diff(src.counters(150), head.Counters); diff != "" {
			rt.Fatalf("counters: %s", diff)
		}
		errored, err := l.Errored(ctx, id, head.Seq)
		if err != nil || len(errored) != int(head.Errored) {
			rt.Fatalf("%d rows errored of %d, %v", len(errored), head.Errored, err)
		}
	})
}

// TestRemoteAtTheEnd holds that where the data ended nothing is said to be under
// way: a resume, for another pass, need not ask a server for it.
func TestRemoteAtTheEnd(t *testing.T) {
	for _, workers := range []int{0, 3} {
		l, src := newLedger(t), mixed(50)
		learner := newMirrored(&server{learned: map[string]int{}})
		session := begin(t, l, learner)
		start := &trainer.Standing{Reader: &reader{source: src}, Reach: 60} // an attempt before was killed near the end
		res, err := trainer.Run(t.Context(), options(t, session, src, learner, trainer.Options{Workers: workers, Start: start}))
		if err != nil || res.Reason != ledger.Exhausted {
			t.Fatalf("ended %s: %v", res.Reason, err)
		}
		mark, err := l.Mark(t.Context(), session.Run().ID)
		if err != nil || mark.Row != 50 || mark.Reach != 50 {
			t.Errorf("%d workers: the mark is at row %d and reaches to %d, %v", workers, mark.Row, mark.Reach, err)
		}
		session.Close()
	}
}

// ends returns what is done before and after parts are learned, so that an attempt
// ends after so many.
func ends(how string, after int, stop chan struct{}, kill func()) (before, behind func() error) {
	var once sync.Once
	count := 0
	late := func(do func() error) func() error {
		return func() error {
			if count++; count <= after {
				return nil
			}
			return do()
		}
	}
	lost := func() error { return errLost }
	switch how {
	case "stop":
		return late(func() error { once.Do(func() { close(stop) }); return nil }), nil
	case "killed":
		return late(func() error { once.Do(kill); return errLost }), nil
	case "lost before":
		return late(lost), nil
	case "lost after":
		return nil, late(lost)
	}
	return nil, nil
}

// fewer has a property tried so many times, with -short less, unless the command
// line says how often: each is a ledger on disk, whose commits are synced.
func fewer(t *testing.T, times, short int) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	was := checks.Value.String()
	if was != checks.DefValue {
		return
	}
	if testing.Short() {
		times = short
	}
	if err := checks.Value.Set(strconv.Itoa(times)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := checks.Value.Set(was); err != nil {
			t.Error(err)
		}
	})
}

// A trainer whose run is taken over gives up what it has under way, however long
// its samples take, and sends nothing more.
func TestRemoteTakenOver(t *testing.T) {
	was := *trainer.MarkEvery
	*trainer.MarkEvery = time.Millisecond
	defer func() { *trainer.MarkEvery = was }()
	for _, workers := range []int{0, 3} {
		l := newLedger(t)
		learner := &hanging{mirrored: newMirrored(&server{learned: map[string]int{}}), hangs: make(chan struct{}, 10)}
		session := begin(t, l, learner)
		src := mixed(150)
		go func() {
			<-learner.hangs
			lease, err := l.Acquire(context.Background(), session.Run().ID, takeOver)
			if err != nil {
				t.Errorf("take over: %v", err)
				return
			}
			lease.Release()
		}()
		o := options(t, session, src, learner, trainer.Options{Workers: workers, Start: &trainer.Standing{Reader: &reader{source: src}}})
		res, err := trainer.Run(context.Background(), o)
		if res.Reason != ledger.Failed || !errors.Is(err, ledger.ErrLeaseLost) {
			t.Errorf("%d workers: ended %s: %v", workers, res.Reason, err)
		}
		session.Close()
	}
}

// hanging is a learner whose server does not answer.
type hanging struct {
	*mirrored
	hangs chan struct{}
}

func (l *hanging) NewWorker() (trainer.Worker, error) { return l, nil }

func (l *hanging) Work(ctx context.Context, s trainer.Sample) (trainer.Work, error) {
	l.hangs <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (l *hanging) Learn(ctx context.Context, s trainer.Sample) error {
	_, err := l.Work(ctx, s)
	return err
}
