package stream

import (
	"flag"
	"os"
	"testing"
)

// TestMain has properties tried less often with -short, as under the race detector.
func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); testing.Short() && checks.Value.String() == checks.DefValue {
		checks.Value.Set("20")
	}
	os.Exit(m.Run())
}
