package human

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseInterval reads how often to checkpoint: every so many samples, every so
// much time, or both, as "1000", "5m" or "1000,5m". The part that is not given
// is 0, which means never by it; both cannot be 0.
func ParseInterval(s string) (samples int64, every time.Duration, err error) {
	bad := func(format string, args ...any) (int64, time.Duration, error) {
		return 0, 0, fmt.Errorf("%q is not an interval: %s (write 1000, 5m or 1000,5m)", s, fmt.Sprintf(format, args...))
	}
	var haveSamples, haveTime bool
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			return bad("a part is empty")
		}
		if strings.Trim(part, "0123456789") == "" {
			if haveSamples {
				return bad("it has two counts of samples; thousands take no comma")
			}
			haveSamples = true
			samples, err = strconv.ParseInt(part, 10, 64)
			if errors.Is(err, strconv.ErrRange) {
				return bad("%s samples are too many", part)
			}
			continue
		}
		if haveTime {
			return bad("it has two durations")
		}
		haveTime = true
		if every, err = ParseDuration(part); err != nil {
			return bad("%q is neither a count of samples nor a duration", part)
		}
	}
	if samples == 0 && every == 0 {
		return bad("it would never checkpoint")
	}
	return samples, every, nil
}

// Interval writes what ParseInterval read as words: "1,000 or 5m".
func Interval(samples int64, every time.Duration) string {
	switch {
	case samples > 0 && every > 0:
		return Count(samples) + " or " + Exact(every)
	case every > 0:
		return Exact(every)
	default:
		return Count(samples)
	}
}
