package kato

import (
	"context"

	"ckptledger/trainer"
	"ckptledger/trainer/local"
)

// A key names a pattern of a layer.
type key struct {
	layer int
	name  string
}

func keyOf(p *local.Part) key { return key{p.Layer, p.Name} }

// A book keeps account of what the server has learned and the mirror has not:
// together they say how often the server must have learned a pattern.
type book map[key]*account

// An account is of one pattern.
type account struct {
	learned uint64 // by workers, of samples that are not settled yet
	credit  uint64 // before this attempt, of samples that were under way then: not to be sent again

	// held is closed when the worker that sends the pattern lets go of it. One
	// sends at a time, so that a lost answer leaves but two possible counts.
	held chan struct{}
}

// of returns the account of a pattern.
func (b book) of(k key) *account {
	a := b[k]
	if a == nil {
		a = &account{}
		b[k] = a
	}
	return a
}

// settle takes notice that the mirror has learned a pattern once more.
func (b book) settle(k key) {
	b.of(k).learned--
	b.drop(k)
}

// drop forgets an account in which nothing stands.
func (b book) drop(k key) {
	if a := b[k]; a != nil && *a == (account{}) {
		delete(b, k)
	}
}

// hold waits until nobody else sends the pattern. Where it is known to be learned
// already it takes the credit instead, and nothing is to be sent.
func (l *Learner) hold(ctx context.Context, k key) (credited bool, err error) {
	for {
		l.mu.Lock()
		a := l.book.of(k)
		held := a.held
		switch {
		case a.credit > 0:
			a.credit--
			a.learned++
			l.mu.Unlock()
			return true, nil
		case held == nil:
			a.held = make(chan struct{})
			l.mu.Unlock()
			return false, nil
		}
		l.mu.Unlock()
		if err := wait(ctx, held); err != nil {
			return false, err
		}
	}
}

// wait waits for another worker. Meanwhile the pulse rests: that one's beats.
func wait(ctx context.Context, held <-chan struct{}) error {
	defer rest(ctx)()
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-held:
		return nil
	}
}

// release lets others send the pattern, which was learned or not.
func (l *Learner) release(k key, learned bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.book.of(k)
	if learned {
		a.learned++
	}
	close(a.held)
	a.held = nil
	l.book.drop(k)
}

// reserve takes the credit of the first parts of a sample that is to be skipped,
// before others can: those behind a part that another sample took would be
// nobody's, and the server know more than anybody counts.
func (l *Learner) reserve(s *trainer.Sample) {
	for _, p := range l.splitter.Split(s.Text).Parts[s.Learned:] {
		if !l.takeCredit(keyOf(&p)) {
			return
		}
		l.reserved[s.Row]++
	}
}

// reservedFor returns how many parts of a sample are reserved for it.
func (l *Learner) reservedFor(row int64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer delete(l.reserved, row)
	return l.reserved[row]
}

// takeCredit takes the credit of a pattern that is not to be sent whatever it is.
func (l *Learner) takeCredit(k key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.book[k]
	if a == nil || a.credit == 0 {
		return false
	}
	a.credit--
	a.learned++
	return true
}
