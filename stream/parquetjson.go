package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// nullSum is the hash of a null: not that of any text that is likely.
var nullSum = sha256.Sum256([]byte("\x00null"))

// others returns the columns beside the text, as JSON.
func (t *parquetRows) others(ctx context.Context) (map[string]json.RawMessage, error) {
	m := make(map[string]json.RawMessage, len(t.columns))
	for i, c := range t.columns {
		v, err := c.next(ctx)
		if err != nil {
			return nil, err
		}
		m[t.names[i]] = json.RawMessage("null")
		if !v.IsNull() {
			m[t.names[i]] = t.convert[i](v)
		}
	}
	return m, nil
}

// converter returns what writes a value of the column as JSON: numbers and
// booleans as they are, decimals with all their digits, dates and times as
// RFC 3339 has them, in UTC and ending in Z, without the Z where the file gives
// them no zone, strings, and other bytes as base64. What JSON cannot say, NaN and
// infinities, is null. It returns nil for UUIDs, intervals and the like.
func converter(p *parquet.File, c *parquet.Column) func(parquet.Value) []byte {
	logical := logicalType(p, c)
	if l, ok := logical.(*pq.DecimalType); ok {
		return decimalConverter(c.Type().Kind(), l)
	}
	if _, ok := logical.(*pq.NullType); ok { // a column of nulls has no other type
		return func(parquet.Value) []byte { return []byte("null") }
	}
	switch c.Type().Kind() {
	case parquet.Boolean:
		return func(v parquet.Value) []byte { return strconv.AppendBool(nil, v.Boolean()) }
	case parquet.Float:
		return func(v parquet.Value) []byte { return jsonFloat(float64(v.Float()), 32) }
	case parquet.Double:
		return func(v parquet.Value) []byte { return jsonFloat(v.Double(), 64) }
	case parquet.Int32, parquet.Int64:
		return intConverter(c.Type().Kind(), logical)
	case parquet.Int96:
		return func(v parquet.Value) []byte { return jsonTime(int96Time(v.Int96()), localTime) }
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return bytesConverter(logical)
	}
	return nil
}

// bytesConverter is converter for columns of bytes.
func bytesConverter(logical any) func(parquet.Value) []byte {
	switch logical.(type) {
	case *pq.StringType, *pq.EnumType:
		return func(v parquet.Value) []byte { return jsonString(string(v.ByteArray())) }
	case *pq.JsonType:
		return func(v parquet.Value) []byte {
			if json.Valid(v.ByteArray()) {
				return append([]byte(nil), v.ByteArray()...)
			}
			return jsonString(string(v.ByteArray()))
		}
	case *pq.Float16Type:
		return func(v parquet.Value) []byte {
			b := v.ByteArray()
			if len(b) != 2 { // the schema of a damaged file may say so
				return []byte("null")
			}
			return jsonFloat(float16(binary.LittleEndian.Uint16(b)), 32)
		}
	case nil:
		return func(v parquet.Value) []byte {
			return jsonString(base64.StdEncoding.EncodeToString(v.ByteArray()))
		}
	}
	return nil
}

// intConverter is converter for columns of integers and what is kept as such.
func intConverter(kind parquet.Kind, logical any) func(parquet.Value) []byte {
	number := integer(kind)
	signed := func(v parquet.Value) []byte { return strconv.AppendInt(nil, number(v), 10) }
	switch l := logical.(type) {
	case nil:
		return signed
	case *pq.IntType:
		if l.IsSigned {
			return signed
		}
		if kind == parquet.Int32 {
			return func(v parquet.Value) []byte { return strconv.AppendUint(nil, uint64(v.Uint32()), 10) }
		}
		return func(v parquet.Value) []byte { return strconv.AppendUint(nil, v.Uint64(), 10) }
	case *pq.DateType:
		return func(v parquet.Value) []byte { return jsonTime(time.Unix(86400*number(v), 0), time.DateOnly) }
	case *pq.TimeType:
		at := since(l.Unit)
		return func(v parquet.Value) []byte { return jsonTime(at(number(v)), timeOfDay) }
	case *pq.TimestampType:
		at, layout := since(l.Unit), localTime
		if l.IsAdjustedToUTC {
			layout = time.RFC3339Nano
		}
		return func(v parquet.Value) []byte { return jsonTime(at(number(v)), layout) }
	}
	return nil
}

// integer returns what reads a value of a column of integers.
func integer(kind parquet.Kind) func(parquet.Value) int64 {
	if kind == parquet.Int32 {
		return func(v parquet.Value) int64 { return int64(v.Int32()) }
	}
	return func(v parquet.Value) int64 { return v.Int64() }
}

func jsonFloat(f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null")
	}
	return strconv.AppendFloat(nil, f, 'g', -1, bits)
}

// jsonString quotes a string; bytes that are not UTF-8 become U+FFFD.
func jsonString(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // cannot be: s is a string
		return []byte("null")
	}
	return bytes.TrimSpace(b.Bytes())
}
