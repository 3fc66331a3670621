package cmd

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
)

var katoSamples = flag.Int("kato-samples", 2000, "how many samples the tests train on a KATO server that fails all the time")

// katoTarget is how far the crash tests of kato go.
func katoTarget() int {
	if testing.Short() {
		return min(*katoSamples, 300)
	}
	return *katoSamples
}

// breaking are the options of a server on which everything fails that can: it
// restarts every 500 requests, refuses connections for a while then, and about one
// request in 50 is refused, cut off, or learned and not answered; some hang, which
// costs the most time.
func breaking(seed uint64) katotest.Options {
	quick := katotest.Sometimes(seed, 50,
		katotest.Fault{Status: 503}, katotest.Fault{Status: 502}, katotest.Fault{Status: 502, Processed: true}, katotest.Fault{Status: 504},
		katotest.Fault{Cut: true}, katotest.Fault{Cut: true, Processed: true}, katotest.Fault{Torn: true})
	slow := katotest.Sometimes(seed+1, 500, katotest.Fault{Hang: true}, katotest.Fault{Hang: true, Processed: true})
	return katotest.Options{
		RestartEvery: 500, Down: 20 * time.Millisecond, Visible: 5 * time.Millisecond,
		Fault: func(q katotest.Request) katotest.Fault {
			if f := slow(q); f.Hang {
				return f
			}
			return quick(q)
		},
	}
}

// TestKatoFaults trains on a server that fails all the time, and finds it to know
// what it would know if nothing had happened.
func TestKatoFaults(t *testing.T) {
	t.Parallel() // most of the time it waits
	for _, c := range []struct{ layers, workers, samples int }{
		{3, 8, katoTarget()}, // of 30 connections, 24
		{4, 4, katoTarget() / 5},
	} {
		t.Run(fmt.Sprintf("%d layers, %d workers", c.layers, c.workers), func(t *testing.T) {
			r := newKato(t, c.layers, breaking(1))
			got := r.trainer(0, append(samples(c.samples), "--workers", fmt.Sprint(c.workers), "--checkpoint-interval", "200")...)
			r.checkDone(c.samples)
			if r.Restarts() == 0 || !strings.Contains(got.stderr, "The server was away for ") {
				t.Errorf("the server restarted %d times; said:\n%s", r.Restarts(), got.stderr)
			}
			if r.Peak() > kato.MaxConnections {
				t.Errorf("%d connections at once", r.Peak())
			}
			t.Logf("%d restarts, %v", r.Restarts(), r.AllRequests())
		})
	}
}

// TestKatoKill kills the trainers of such a server at random moments, again and
// again, and finds nothing learned twice and nothing left out.
func TestKatoKill(t *testing.T) {
	t.Parallel()
	enough := 20
	if testing.Short() {
		enough = 5
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := newKato(t, 3, breaking(seed))
	target := katoTarget()
	line := append(samples(target), "--workers", "8", "--checkpoint-interval", fmt.Sprint(target/10))

	places := map[string]bool{} // at which trainers went on
	check := func() {
		t.Helper()
		checkSound(t, r.dir, r.checkDone(target).Run)
	}
	for kills, try := 0, 0; kills < enough; try++ {
		if try > 10*enough {
			t.Fatalf("only %d of %d processes lived long enough to be killed", kills, try)
		}
		c := program(r.dir, "trainer", r.line(line...)...)
		got, died := killAfter(t, c, "Training sample", time.Duration(random.IntN(500))*time.Millisecond)
		places[wentOn.FindString(got.stderr)] = true
		if died {
			kills++
			continue
		}
		check() // it reached the target: the next one to kill begins anew
		r.dir = t.TempDir()
	}
	r.trainer(0, line...)
	check()
	if len(places) < enough/2 {
		t.Errorf("after %d kills trainers went on at only %d places: they came too early to find anything", enough, len(places))
	}
	t.Logf("%d restarts, went on at %d places, %v", r.Restarts(), len(places), r.AllRequests())
}

// wentOn is what a trainer says of where it goes on.
var wentOn = regexp.MustCompile(`starting from [^,]*`)
