package kato

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"ckptledger/trainer"
)

const (
	// compared is how many patterns are compared beside those of the samples that
	// were under way.
	compared = 1000

	// tolerated is one in how many patterns may be missing: a server that crashes
	// hides for good what it counted and did not come to store.
	tolerated = 100

	// comparing is how many requests compare at a time.
	comparing = 8

	// shown is how many differences are named.
	shown = 5
)

// A claim is what a pattern of the server is compared with.
type claim struct {
	key
	want   uint64 // as the mirror has it
	demand uint64 // how often more it may have been learned
	got    uint64
}

// Reconcile implements trainer.Remote. The error is a *ForeignError where the
// server's knowledge cannot be that of this run.
func (l *Learner) Reconcile(ctx context.Context, begun []trainer.Sample) error {
	if _, err := l.Connect(ctx); err != nil {
		return err
	}
	if l.tally != nil {
		return nil
	}
	claims, err := l.claims(begun)
	if err != nil {
		return err
	}
	if len(begun) > 0 { // what a killed trainer sent last may not be seen yet
		if err := l.client.sleep(ctx, l.options.Waits.Visible); err != nil {
			return err
		}
	}
	if err := l.ask(ctx, claims); err != nil {
		return err
	}
	// Neither may what was learned just before the attempt before ended.
	if late := slices.DeleteFunc(slices.Clone(claims), func(c *claim) bool { return c.got >= c.want }); len(late) > 0 {
		if err := l.client.sleep(ctx, l.options.Waits.Visible); err != nil {
			return err
		}
		if err := l.ask(ctx, late); err != nil {
			return err
		}
	}
	if err := l.judge(claims, len(begun)); err != nil {
		return err
	}
	for i := range begun {
		if begun[i].Skip {
			l.reserve(&begun[i])
		}
	}
	return nil
}

// claims lists the patterns to compare: those of samples that were begun, and some
// of all others.
func (l *Learner) claims(begun []trainer.Sample) ([]*claim, error) {
	var claims []*claim
	byKey := map[key]*claim{}
	splitter := l.mirror.NewSplitter()
	for i := range begun {
		split := splitter.Split(begun[i].Text)
		frequencies := l.mirror.Frequencies(split)
		for part := begun[i].Learned; part < len(split.Parts); part++ {
			k := keyOf(&split.Parts[part])
			if byKey[k] == nil {
				byKey[k] = &claim{key: k, want: frequencies[part]}
				claims = append(claims, byKey[k])
			}
			byKey[k].demand++
		}
	}
	others, err := l.mirror.Pick(compared, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	if err != nil {
		return nil, fmt.Errorf("pick patterns: %w", err)
	}
	for _, p := range others {
		if k := (key{p.Layer, p.Name()}); byKey[k] == nil {
			claims = append(claims, &claim{key: k, want: p.Frequency})
		}
	}
	return claims, nil
}

// ask gets the server's frequencies.
func (l *Learner) ask(ctx context.Context, claims []*claim) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for share := range min(comparing, len(claims)) {
		all.Go(func() {
			for i := share; i < len(claims); i += comparing {
				c := claims[i]
				n, _, err := l.client.frequency(ctx, l.node(c.layer), c.name)
				if err != nil {
					cancel(fmt.Errorf("compare with the server: %w", err))
					return
				}
				c.got = uint64(n)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// judge decides whether the server is the one this run has trained, and credits
// what it has learned of the samples that were begun.
func (l *Learner) judge(claims []*claim, begun int) error {
	var higher, lower []Difference
	known, credited, open := 0, uint64(0), uint64(0)
	for _, c := range claims {
		d := Difference{l.node(c.layer), c.name, c.want, c.got}
		if c.want > 0 {
			known++
		}
		open += c.demand
		switch {
		case c.got > c.want+c.demand:
			higher = append(higher, d)
		case c.got < c.want:
			lower = append(lower, d)
		case c.got > c.want:
			l.book.of(c.key).credit = c.got - c.want
			credited += c.got - c.want
		}
	}
	switch {
	case len(higher) > 0:
		return l.foreign(true, len(claims), higher)
	case len(lower)*tolerated > known:
		return l.foreign(false, known, lower)
	}
	if len(claims) > 0 {
		fewer := ""
		if len(lower) > 0 {
			fewer = fmt.Sprintf(" (%d of them are missing, or learned less often than here: up to one in %d may be)", len(lower), tolerated)
		}
		l.options.Say(fmt.Sprintf("Compared with the server: %s%s, %s", counted(len(claims), "pattern"), fewer, underWay(begun, credited, open)))
	}
	return nil
}

func underWay(samples int, credited, open uint64) string {
	if samples == 0 {
		return "no sample was under way"
	}
	return fmt.Sprintf("%s may have been under way, %d of %s learned", counted(samples, "sample"), credited, counted(open, "pattern"))
}

// foreign says that the server's knowledge is not this run's.
func (l *Learner) foreign(higher bool, compared int, differs []Difference) error {
	e := &ForeignError{URL: l.client.base.String(), Higher: higher, Compared: compared, Count: len(differs)}
	for layer := range l.options.ChunkSizes {
		e.Nodes = append(e.Nodes, l.node(layer))
	}
	e.Differs = slices.Clone(differs[:min(shown, len(differs))])
	return e
}
