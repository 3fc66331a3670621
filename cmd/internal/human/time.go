package human

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Duration writes how long something took, in the two units that matter:
// "350 µs", "4 ms", "1.2 s", "12 s", "1m05s", "3h12m", "9d21h".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-max(d, -math.MaxInt64))
	}
	// Every bound is the last value that is not rounded up to the next unit.
	switch {
	case d == 0:
		return "0 ms"
	case d < 999500*time.Nanosecond:
		return fmt.Sprintf("%d µs", max(1, d.Round(time.Microsecond).Microseconds()))
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 59500*time.Millisecond:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour-500*time.Millisecond:
		s := int64(d.Round(time.Second) / time.Second)
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case d < day-30*time.Second:
		m := int64(d.Round(time.Minute) / time.Minute)
		return fmt.Sprintf("%dh%02dm", m/60, m%60)
	default:
		h := int64(d.Round(time.Hour) / time.Hour)
		return fmt.Sprintf("%dd%02dh", h/24, h%24)
	}
}

// Exact writes a duration without rounding and without the units that are
// zero, as people type it: "5m", "2d12h", "1h30m", "1.5s". ParseDuration reads
// it back.
func Exact(d time.Duration) string {
	if d <= 0 {
		return d.String()
	}
	var b strings.Builder
	if d >= day {
		fmt.Fprintf(&b, "%dd", d/day)
		d %= day
	}
	if d >= time.Hour {
		fmt.Fprintf(&b, "%dh", d/time.Hour)
		d %= time.Hour
	}
	if d >= time.Minute {
		fmt.Fprintf(&b, "%dm", d/time.Minute)
		d %= time.Minute
	}
	if d > 0 {
		b.WriteString(d.String())
	}
	return b.String()
}

// ParseDuration reads a duration of zero or more: what [time.ParseDuration]
// reads, and days before it: "7d", "2d12h", "5m", "1h30m". The number must have
// a unit, also when it is 0.
func ParseDuration(s string) (time.Duration, error) {
	bad := func(why string) (time.Duration, error) {
		return 0, fmt.Errorf("%q is not a duration: %s (write 90s, 5m, 1h30m or 7d)", s, why)
	}
	var days time.Duration
	rest := s
	if number, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(number, 10, 63)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return bad("days are a whole number")
		}
		if err != nil || n > uint64(math.MaxInt64/day) {
			return bad("too long")
		}
		days, rest = time.Duration(n)*day, after
		if rest == "" {
			return days, nil
		}
	}
	if strings.Trim(rest, "0123456789.") == "" && rest != "" {
		return bad("it has no unit")
	}
	d, err := time.ParseDuration(rest)
	switch {
	case err != nil:
		return bad("unknown form")
	case d < 0 || strings.HasPrefix(rest, "-"):
		return bad("it is negative")
	case days > math.MaxInt64-d:
		return bad("too long")
	}
	return days + d, nil
}

// Clock writes a duration as a clock shows it, 00:00, 12:34, 1:02:03, dropping
// fractions of a second. A negative one is 00:00.
func Clock(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// Span writes how long something lasts or has lasted, in whole units of the
// largest one that fits: "76 days", "4 minutes", "1 second". The sign is
// dropped.
func Span(d time.Duration) string {
	d = max(d, -max(d, -math.MaxInt64))
	n, unit := int64(d/time.Second), "second"
	switch {
	case d >= 2*365*day:
		n, unit = int64(d/(365*day)), "year"
	case d >= 2*day:
		n, unit = int64(d/day), "day"
	case d >= time.Hour:
		n, unit = int64(d/time.Hour), "hour"
	case d >= time.Minute:
		n, unit = int64(d/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return Count(n) + " " + unit
}

// Ago writes when t was, seen from now: "just now" within five seconds,
// "4 minutes ago", and "in 3 minutes" where two clocks disagree. The zero time
// is "at an unknown time".
func Ago(now, t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	switch d := now.Sub(t); {
	case d <= -5*time.Second:
		return "in " + Span(d)
	case d < 5*time.Second:
		return "just now"
	default:
		return Span(d) + " ago"
	}
}
