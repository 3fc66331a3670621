package kato

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Who waits for another to send a pattern is not stalled: the other would be.
func TestHoldIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		k := key{0, "PTRN|x"}
		if credited, err := l.hold(t.Context(), k); credited || err != nil {
			t.Fatal(credited, err)
		}
		go func() {
			time.Sleep(10 * l.options.Waits.Stall)
			l.release(k, true)
		}()
		ctx, done := newPulse(1, l.options.Waits.Stall).begin(t.Context(), 7)
		defer done()
		if credited, err := l.hold(ctx, k); credited || err != nil {
			t.Fatal(credited, err)
		}
		time.Sleep(l.options.Waits.Stall + time.Second) // without an answer to itself
		if err := ended(ctx); err == nil {
			t.Error("it does not stall any more")
		}
		l.release(k, false)
	})
}

// Waiting ends with the context, and leaves nothing behind.
func TestHoldEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		k := key{0, "PTRN|x"}
		if _, err := l.hold(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := l.hold(ctx, k); err != context.Canceled {
			t.Fatal(err)
		}
		l.release(k, true)
		if a := l.book[k]; *a != (account{learned: 1}) {
			t.Errorf("%+v", a)
		}
		l.book.settle(k)
		if len(l.book) != 0 {
			t.Errorf("%d accounts", len(l.book))
		}
	})
}
