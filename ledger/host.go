package ledger

import (
	"os"
	"runtime"
	"strings"
	"sync"
)

var hostName = sync.OnceValue(func() string {
	h, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	if len(h) > 64 { // as much as a progress block has room for
		h = h[:64]
	}
	return h
})

// bootID tells one boot of a machine from the next, where the system has such
// an id.
var bootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
})

// away reports whether a process of that host and boot is on another machine than
// this one: two machines may have one name.
func away(host, boot string) bool {
	return host != hostName() || boot != "" && bootID() != "" && boot != bootID()
}

// identify fills in what an attempt says about its process.
func (a *Attempt) identify() {
	a.Host, a.PID, a.Boot = hostName(), os.Getpid(), bootID()
	a.Go, a.Platform, a.CPUs = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH, runtime.GOMAXPROCS(0)
}
