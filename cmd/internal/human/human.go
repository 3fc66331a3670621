// Package human turns numbers, times and names into the words that people read
// and type, and back: counts, sizes, durations, ages, checkpoint intervals
// and shell commands.
//
// It has no types. What is printed is for people: programs get the raw values
// from --json. Only [Exact] and [ParseDuration], and [Quote] and the shell, are
// inverse to each other; everything else rounds.
package human

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Count writes n with commas between thousands: 20,000.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Bytes writes a size in decimal units with one decimal, as disks are sold:
// 0 B, 999 B, 1.2 MB.
func Bytes(n int64) string {
	const units = "kMGTPE"
	if n > -1000 && n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n)/1000, 0
	// 999,950 would be rounded to "1000.0 kB": compare what will be printed.
	for math.Abs(v) >= 999.95 && unit < len(units)-1 {
		v /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", v, units[unit])
}

// Rate writes how fast samples go by, always with three digits or so: "4,012
// samples/s", "2.66 samples/s", and below one a second the other way round, as
// "9.81 s/sample". What is not known (zero, negative, not a number) is
// "? samples/s".
func Rate(perSecond float64) string {
	switch {
	case !(perSecond > 0) || math.IsInf(perSecond, 0):
		return "? samples/s"
	case perSecond < 1:
		return significant(1/perSecond) + " s/sample"
	default:
		return significant(perSecond) + " samples/s"
	}
}

// significant writes a v of at least 1 with the decimals that its size allows.
func significant(v float64) string {
	switch {
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v < math.MaxInt64:
		return Count(int64(math.Round(v)))
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}

// ShortHash returns the first 12 characters of a hash in hex.
func ShortHash(hash string) string {
	return hash[:min(12, len(hash))]
}
