package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
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

// scalarLeaf finds a column whose values can be handed out as JSON.
func scalarLeaf(p *parquet.File, path, name string) (*parquet.Column, error) {
	c, err := leaf(p, path, name)
	if err != nil {
		return nil, err
	}
	if converter(c) == nil {
		return nil, &ColumnError{Path: path, Column: name, Reason: "type " + c.Type().String() + " is not supported", Have: leafNames(p)}
	}
	return c, nil
}

// converter returns what writes a value of the column as JSON: numbers and
// booleans as they are, dates and times in UTC as RFC 3339 has them, strings,
// and other bytes as base64. What JSON cannot say, NaN and infinities, is null.
// It returns nil for decimals, fixed-length bytes and the like.
func converter(c *parquet.Column) func(parquet.Value) []byte {
	switch c.Type().Kind() {
	case parquet.Boolean:
		return func(v parquet.Value) []byte { return strconv.AppendBool(nil, v.Boolean()) }
	case parquet.Float:
		return func(v parquet.Value) []byte { return jsonFloat(float64(v.Float()), 32) }
	case parquet.Double:
		return func(v parquet.Value) []byte { return jsonFloat(v.Double(), 64) }
	case parquet.ByteArray:
		switch logicalType(c).(type) {
		case *pq.StringType, *pq.EnumType:
			return func(v parquet.Value) []byte { return jsonString(string(v.ByteArray())) }
		case *pq.JsonType:
			return func(v parquet.Value) []byte {
				if json.Valid(v.ByteArray()) {
					return append([]byte(nil), v.ByteArray()...)
				}
				return jsonString(string(v.ByteArray()))
			}
		case nil:
			return func(v parquet.Value) []byte {
				return jsonString(base64.StdEncoding.EncodeToString(v.ByteArray()))
			}
		}
	case parquet.Int32, parquet.Int64:
		return intConverter(c.Type().Kind(), logicalType(c))
	}
	return nil
}

// intConverter is converter for columns of integers and what is kept as such.
func intConverter(kind parquet.Kind, logical any) func(parquet.Value) []byte {
	number := func(v parquet.Value) int64 { return v.Int64() }
	if kind == parquet.Int32 {
		number = func(v parquet.Value) int64 { return int64(v.Int32()) }
	}
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
		return func(v parquet.Value) []byte {
			return jsonString(time.Unix(86400*number(v), 0).UTC().Format(time.DateOnly))
		}
	case *pq.TimestampType:
		at := time.UnixMilli
		switch l.Unit.Value.(type) {
		case *pq.MicroSeconds:
			at = time.UnixMicro
		case *pq.NanoSeconds:
			at = func(n int64) time.Time { return time.Unix(0, n) }
		}
		return func(v parquet.Value) []byte { return jsonString(at(number(v)).UTC().Format(time.RFC3339Nano)) }
	}
	return nil
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
