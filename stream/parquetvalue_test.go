package stream

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	pq "github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"
)

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		bytes []byte
		scale int
		want  string
	}{
		{nil, 0, "0"},
		{nil, 2, "0.00"},
		{[]byte{0}, 0, "0"},
		{[]byte{0xFF}, 2, "-0.01"},
		{[]byte{0x80}, 0, "-128"},
		{[]byte{0x80, 0x00}, 5, "-0.32768"},
		{[]byte{0x00, 0xFF}, 1, "25.5"},
		{[]byte{0x30, 0x39}, 2, "123.45"},
		{[]byte{0xCF, 0xC7}, 3, "-12.345"},
	} {
		if got := string(jsonDecimal(bigInt(c.bytes), c.scale)); got != c.want {
			t.Errorf("% x with scale %d is %s, want %s", c.bytes, c.scale, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n, scale := rapid.Int64().Draw(t, "n"), rapid.IntRange(0, maxScale).Draw(t, "scale")
		got, ok := new(big.Rat).SetString(string(jsonDecimal(big.NewInt(n), scale)))
		want := new(big.Rat).SetFrac(big.NewInt(n), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestFloat16(t *testing.T) {
	for bits, want := range map[uint16]float64{
		0x0000: 0, 0x0001: math.Ldexp(1, -24), 0x03FF: math.Ldexp(1023, -24), 0x0400: math.Ldexp(1, -14),
		0x3C00: 1, 0xC000: -2, 0x3555: 0.333251953125, 0x7BFF: 65504, 0x7C00: math.Inf(1), 0xFC00: math.Inf(-1),
	} {
		if got := float16(bits); got != want {
			t.Errorf("%04x is %v, want %v", bits, got, want)
		}
	}
	if got := string(bytesConverter(&pq.Float16Type{})(parquet.FixedLenByteArrayValue([]byte{1}))); got != "null" {
		t.Errorf("one byte is %s", got)
	}
	if got := float16(0x7E00); !math.IsNaN(got) {
		t.Errorf("not a number is %v", got)
	}
}

func TestInt96(t *testing.T) {
	for _, c := range []struct {
		value deprecated.Int96
		want  string
	}{
		{deprecated.Int96{0, 0, 2440588}, "1970-01-01T00:00:00"},
		{deprecated.Int96{1, 0, 2440587}, "1969-12-31T00:00:00.000000001"},
		{deprecated.Int96{0, 1, 2460437}, "2024-05-06T00:00:04.294967296"},
	} {
		if got := int96Time(c.value).UTC().Format(localTime); got != c.want {
			t.Errorf("%v is %s, want %s", c.value, got, c.want)
		}
	}
}

// TestParquetTimes writes times in a zone with a Z, and those in none without.
func TestParquetTimes(t *testing.T) {
	type row struct {
		Text  string        `parquet:"text"`
		UTC   time.Time     `parquet:"utc,timestamp(millisecond)"`
		Local int64         `parquet:"local,timestamp(microsecond:local)"`
		Day   time.Duration `parquet:"day,time(nanosecond)"`
		Price int64         `parquet:"price,decimal(3:18)"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	at := time.Date(2024, 5, 6, 7, 8, 9, 250_000_000, time.UTC)
	if _, err := w.Write([]row{{"a text that is long enough", at, at.UnixMicro(), 90*time.Minute + 7, -1005}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src := openData(t, Spec{Data: []string{write(t, t.TempDir()+"/a.parquet", b.Bytes())}, Columns: []string{"utc", "local", "day", "price"}})
	r, err := src.Open(context.Background(), Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := r.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"utc": `"2024-05-06T07:08:09.25Z"`, "local": `"2024-05-06T07:08:09.25"`, "day": `"01:30:00.000000007"`, "price": `-1.005`,
	} {
		if string(got.Columns[name]) != want {
			t.Errorf("%s is %s, want %s", name, got.Columns[name], want)
		}
	}
}

// TestParquetNameOfTwo has a column with a dot in its name, and one that dots
// name.
func TestParquetNameOfTwo(t *testing.T) {
	type inner struct {
		B string `parquet:"b"`
		C string `parquet:"c"`
	}
	type row struct {
		A   inner  `parquet:"a"`
		Dot string `parquet:"a.b"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	if _, err := w.Write([]row{{inner{"the first of two", "only one has this name"}, "the second of two"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Data: []string{write(t, t.TempDir()+"/a.parquet", b.Bytes())}, TextField: "a.b"}
	var column *ColumnError
	if _, err := Open(context.Background(), spec, Options{}); !errors.As(err, &column) || column.Reason != "is the name of two columns" {
		t.Errorf("a.b: %v", err)
	}
	spec.TextField = "a.c"
	if got := readN(t, openData(t, spec), Cursor{}, 1); got[0].Text != "only one has this name" {
		t.Errorf("a.c: %+v", got[0])
	}
}
