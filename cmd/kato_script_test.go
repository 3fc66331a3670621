package cmd

import (
	"fmt"
	"slices"

	"ckptledger/trainer/kato/katotest"

	"github.com/rogpeppe/go-internal/testscript"
)

// katoKey is under what a script's KATO server is kept among its values.
type katoKey struct{}

type scriptKato struct{ *katotest.Server }

// cmdKato is the script's command for a KATO server of its own.
//
//	kato start                  starts it, or again: KATO_URL is its address
//	kato stop                   stops it: connections are refused
//	kato wipe                   forgets all that was learned
//	kato learn NODE SYMBOL…     learns a pattern, as another writer does
//	kato reject SYMBOL…         answers 422 to what observes one of these from now on; none: to nothing
//	kato refuse KIND            answers 507 to requests of a kind from now on
//	kato knows NODE N           a node has learned N patterns; several times is one
//	kato finalized NODE N       a node was finalized N times
//	kato requests KIND N        there were N requests of a kind
func cmdKato(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: kato VERB …")
	}
	k := ts.Value(katoKey{}).(*scriptKato)
	verb, args := args[0], args[1:]
	if verb == "start" && k.Server == nil {
		var err error
		k.Server, err = katotest.New(katotest.Options{})
		ts.Check(err)
		ts.Defer(k.Close)
		ts.Setenv("KATO_URL", k.URL)
		return
	}
	fault := func(f func(katotest.Request) katotest.Fault) { k.Change(func(o *katotest.Options) { o.Fault = f }) }
	count := func(what string, got int) {
		if want := args[len(args)-1]; fmt.Sprint(got) != want {
			ts.Fatalf("%s: %d, want %s", what, got, want)
		}
	}
	least, ok := map[string]int{"start": 0, "stop": 0, "wipe": 0, "learn": 3, "reject": 0, "refuse": 1, "knows": 2, "finalized": 2, "requests": 2}[verb]
	if !ok || len(args) < least {
		ts.Fatalf("kato %s: unknown, or too few arguments", verb)
	}
	switch verb {
	case "start":
		ts.Check(k.Start())
	case "stop":
		k.Stop()
	case "wipe":
		k.Wipe()
	case "learn":
		ts.Logf("%s", k.Learn(args[0], args[1:]...))
	case "reject":
		fault(func(r katotest.Request) katotest.Fault {
			if slices.ContainsFunc(args, func(symbol string) bool { return slices.Contains(r.Symbols, symbol) }) {
				return katotest.Fault{Status: 422}
			}
			return katotest.Fault{}
		})
	case "refuse":
		fault(func(r katotest.Request) katotest.Fault {
			if string(r.Kind) == args[0] {
				return katotest.Fault{Status: 507}
			}
			return katotest.Fault{}
		})
	case "knows":
		count("patterns of "+args[0], len(k.Frequencies(args[0])))
	case "finalized":
		count("finalized "+args[0], k.Finalized(args[0]))
	case "requests":
		count("requests "+args[0], k.Requests(katotest.Kind(args[0])))
	}
}
