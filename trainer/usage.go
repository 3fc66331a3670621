package trainer

import (
	"maps"
	"runtime"
	"syscall"
)

// withUsage adds what the process used to a learner's metrics: samples_per_second
// in this attempt, peak_memory_bytes and cpu_seconds of this process.
func withUsage(metrics map[string]float64, rate float64) map[string]float64 {
	out := make(map[string]float64, len(metrics)+3)
	maps.Copy(out, metrics)
	out["samples_per_second"] = rate
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err == nil {
		out["cpu_seconds"] = seconds(ru.Utime) + seconds(ru.Stime)
		out["peak_memory_bytes"] = float64(ru.Maxrss) * maxrssUnit()
	}
	return out
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// maxrssUnit is the unit of ru_maxrss: bytes on macOS, KiB elsewhere.
func maxrssUnit() float64 {
	if runtime.GOOS == "darwin" {
		return 1
	}
	return 1024
}
