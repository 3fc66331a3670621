package stream

import (
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	pq "github.com/parquet-go/parquet-go/format"
)

// Layouts of times that are in no zone.
const (
	localTime = "2006-01-02T15:04:05.999999999"
	timeOfDay = "15:04:05.999999999"
)

// since returns what makes a time of a count of units since 1970.
func since(unit pq.TimeUnit) func(int64) time.Time {
	switch unit.Value.(type) {
	case *pq.MicroSeconds:
		return time.UnixMicro
	case *pq.NanoSeconds:
		return func(n int64) time.Time { return time.Unix(0, n) }
	}
	return time.UnixMilli
}

// int96Time returns the time that older writers keep in 12 bytes: nanoseconds
// of a day, and the day in the Julian count.
func int96Time(v deprecated.Int96) time.Time {
	const day1970 = 2440588
	return time.Unix(86400*(int64(v[2])-day1970), int64(uint64(v[1])<<32|uint64(v[0])))
}

func jsonTime(t time.Time, layout string) []byte { return jsonString(t.UTC().Format(layout)) }

// maxScale is how many digits behind the point a decimal may have: those of the
// widest that writers know, which has 256 bits.
const maxScale = 76

// decimalConverter is converter for columns of decimals.
func decimalConverter(kind parquet.Kind, l *pq.DecimalType) func(parquet.Value) []byte {
	scale := int(l.Scale)
	if scale < 0 || scale > maxScale {
		return nil
	}
	if kind == parquet.Int32 || kind == parquet.Int64 {
		number := integer(kind)
		return func(v parquet.Value) []byte { return jsonDecimal(big.NewInt(number(v)), scale) }
	}
	return func(v parquet.Value) []byte { return jsonDecimal(bigInt(v.ByteArray()), scale) }
}

// bigInt returns the integer that b is in two's complement, big-endian.
func bigInt(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// jsonDecimal writes n with its last scale digits behind the point.
func jsonDecimal(n *big.Int, scale int) []byte {
	digits := new(big.Int).Abs(n).String()
	if pad := scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	var text []byte
	if n.Sign() < 0 {
		text = append(text, '-')
	}
	point := len(digits) - scale
	text = append(text, digits[:point]...)
	if scale > 0 {
		text = append(append(text, '.'), digits[point:]...)
	}
	return text
}

// float16 returns the number that has these bits in IEEE 754 half precision.
func float16(bits uint16) float64 {
	exponent, fraction := int(bits>>10&0x1F), float64(bits&0x3FF)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 0x1F:
		if f = math.Inf(1); fraction > 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 == 1 {
		return -f
	}
	return f
}
