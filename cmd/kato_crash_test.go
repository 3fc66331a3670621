package cmd

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ckptledger/trainer/kato"
	"ckptledger/trainer/kato/katotest"
)

const gateSamples = 2000

var katoSamples = flag.Int("kato-samples", gateSamples, "how many samples TestKatoFaults and TestKatoKill train; for 20000 they take minutes")

// breaking are the options of a server on which everything fails that can: it
// restarts every 500 requests, refuses connections for a while then, and about one
// request in 50 is refused, cut off, or learned and not answered; some hang, which
// costs the most time.
func breaking(seed uint64) katotest.Options {
	quick := katotest.Sometimes(seed, 50,
		katotest.Fault{Status: 503}, katotest.Fault{Status: 502}, katotest.Fault{Status: 502, Processed: true}, katotest.Fault{Status: 504},
		katotest.Fault{Cut: true}, katotest.Fault{Cut: true, Processed: true}, katotest.Fault{Torn: true})
	slow := katotest.Sometimes(seed+1, 700, katotest.Fault{Hang: true}, katotest.Fault{Hang: true, Processed: true})
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
	target := unlessShort(*katoSamples, 200)
	for _, c := range []struct{ layers, workers, samples int }{
		{3, 8, target}, // of 30 connections, 24
		{4, 4, target / 5},
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
	enough, target := unlessShort(20, 4), unlessShort(*katoSamples, 200)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := newKato(t, 3, breaking(seed))
	line := append(samples(target), "--workers", "8", "--checkpoint-interval", fmt.Sprint(target/10))

	places := map[string]bool{} // at which trainers went on
	check := func() {
		t.Helper()
		checkSound(t, r.dir, r.checkDone(target).Run)
	}
	for kills := 0; kills < enough; {
		var due <-chan struct{}
		if kills%4 == 3 { // also while it starts
			due = after(time.Duration(random.IntN(400)) * time.Millisecond)
		} else { // a sample takes about 18 requests: all kills together take about one run
			due = r.observes(random.IntN(30 * target / enough))
		}
		p := r.start(line...)
		select {
		case <-due:
		case <-p.done:
		}
		_ = p.Process.Kill()
		<-p.done
		r.settled()
		places[wentOn.FindString(p.said.String())] = true
		switch code := p.ProcessState.ExitCode(); code {
		case -1:
			kills++
		case 0:
			check()
			r.dir = t.TempDir() // the next one to kill begins anew
		default:
			t.Fatalf("exit code %d\n%s", code, p.said.String())
		}
	}
	r.trainer(0, line...)
	check()
	if len(places) < enough/3 {
		t.Errorf("after %d kills trainers went on at only %d places: they came too early to find anything", enough, len(places))
	}
	t.Logf("%d restarts, went on at %d places, %v", r.Restarts(), len(places), r.AllRequests())
}

// settled waits until the server is done with what a trainer that is gone has sent:
// real ones are restarted later than it takes.
func (r *katoRig) settled() {
	r.t.Helper()
	if !waitUntil(30*time.Second, func() bool { return r.Connections() == 0 }) {
		r.t.Errorf("%d connections of a trainer that is gone", r.Connections())
	}
}

// observes tells when the server has come to so many more requests to observe.
func (r *katoRig) observes(n int) <-chan struct{} {
	due := make(chan struct{})
	var once sync.Once
	n += r.Requests(katotest.Observe)
	r.Change(func(o *katotest.Options) {
		inner := o.Fault
		o.Fault = func(q katotest.Request) katotest.Fault {
			if q.Kind == katotest.Observe && q.N >= n {
				once.Do(func() { close(due) })
			}
			return inner(q)
		}
	})
	return due
}

// after tells when so long has passed.
func after(d time.Duration) <-chan struct{} {
	due := make(chan struct{})
	time.AfterFunc(d, func() { close(due) })
	return due
}

// wentOn is what a trainer says of where it goes on.
var wentOn = regexp.MustCompile(`starting from [^,]*`)
