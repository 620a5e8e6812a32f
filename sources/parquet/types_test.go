package parquet

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

func int96(day uint32, nanos uint64) (v parquet.Int96) {
	binary.LittleEndian.PutUint64(v[:8], nanos)
	binary.LittleEndian.PutUint32(v[8:], day)
	return v
}

var types = parquet.Types

// Every physical and logical type becomes the value that the package comment promises.
func TestTypes(t *testing.T) {
	noon := time.Date(2024, 2, 29, 12, 34, 56, 789012345, time.UTC)
	micros := schema.NewTimestampLogicalType(true, schema.TimeUnitMicros)
	for _, test := range []struct {
		name    string
		logical schema.LogicalType
		typ     parquet.Type
		size    int
		values  any
		want    []string
	}{
		{"bool", nil, types.Boolean, -1, []bool{true, false}, []string{"bool:true", "bool:false"}},
		{"int32", nil, types.Int32, -1, []int32{math.MinInt32, 7}, []string{"int:-2147483648", "int:7"}},
		{"int8", schema.NewIntLogicalType(8, true), types.Int32, -1, []int32{-128, 127}, []string{"int:-128", "int:127"}},
		{"uint32", schema.NewIntLogicalType(32, false), types.Int32, -1, []int32{-1, 7}, []string{"int:4294967295", "int:7"}},
		{"int64", nil, types.Int64, -1, []int64{math.MinInt64, 7}, []string{"int:-9223372036854775808", "int:7"}},
		{"uint64", schema.NewIntLogicalType(64, false), types.Int64, -1, []int64{-1, 7}, []string{"decimal:18446744073709551615", "int:7"}},
		{"float", nil, types.Float, -1, []float32{0.1, 1 << 24, 3.4e38, -2}, []string{"float:0.1", "float:1.6777216e+07", "float:3.4e+38", "float:-2"}},
		{"double", nil, types.Double, -1, []float64{0.1, math.Inf(1)}, []string{"float:0.1", "float:+Inf"}},
		{"float16", schema.Float16LogicalType{}, types.FixedLenByteArray, 2, []string{"\x66\x2e", "\x00\xc0", "\x01\x00", "\xff\x7b"}, []string{"float:0.1", "float:-2", "float:6e-08", "float:65500"}},
		{"decimal32", schema.NewDecimalLogicalType(9, 2), types.Int32, -1, []int32{-5, 12345, 0, 100}, []string{"decimal:-0.05", "decimal:123.45", "decimal:0.00", "decimal:1.00"}},
		{"decimal64", schema.NewDecimalLogicalType(18, 0), types.Int64, -1, []int64{math.MinInt64}, []string{"decimal:-9223372036854775808"}},
		{"decimal of fixed length", schema.NewDecimalLogicalType(38, 10), types.FixedLenByteArray, 16, []string{
			"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
			"\x4b\x3b\x4c\xa8\x5a\x86\xc4\x7a\x09\x8a\x22\x3f\xff\xff\xff\xff",
			"\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
			[]string{"decimal:-0.0000000001", "decimal:9999999999999999999999999999.9999999999", "decimal:-17014118346046923173168730371.5884105728"}},
		{"decimal of bytes", schema.NewDecimalLogicalType(60, 3), types.ByteArray, -1, []string{"\x00", "\xfb\x2e", "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
			[]string{"decimal:0.000", "decimal:-1.234", "decimal:340282366920938463463374607431768211.456", "decimal:-340282366920938463463374607431768211.456"}},
		{"string", schema.StringLogicalType{}, types.ByteArray, -1, []string{"", "Jesús \"Chuy\" 😀"}, []string{"string:", "string:Jesús \"Chuy\" 😀"}},
		{"enum", schema.EnumLogicalType{}, types.ByteArray, -1, []string{"RED"}, []string{"string:RED"}},
		{"json", schema.JSONLogicalType{}, types.ByteArray, -1, []string{`{"a":[1]}`}, []string{`json:{"a":[1]}`}},
		{"bson", schema.BSONLogicalType{}, types.ByteArray, -1, []string{"\x05\x00\x00\x00\x00"}, []string{"string:BQAAAAA="}},
		{"bytes", nil, types.ByteArray, -1, []string{"\xff\x00"}, []string{"string:/wA="}},
		{"fixed bytes", nil, types.FixedLenByteArray, 3, []string{"abc"}, []string{"string:YWJj"}},
		{"uuid", schema.UUIDLogicalType{}, types.FixedLenByteArray, 16, []string{"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"}, []string{"string:00112233-4455-6677-8899-aabbccddeeff"}},
		{"interval", schema.IntervalLogicalType{}, types.FixedLenByteArray, 12, []string{"\x0e\x00\x00\x00\x03\x00\x00\x00\xdc\x05\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}, []string{"string:P14M3DT1.500S", "string:PT0S"}},
		{"date", schema.DateLogicalType{}, types.Int32, -1, []int32{0, -1, 2932896}, []string{"date:1970-01-01", "date:1969-12-31", "date:9999-12-31"}},
		{"time in ms", schema.NewTimeLogicalType(true, schema.TimeUnitMillis), types.Int32, -1, []int32{0, 86399999}, []string{"string:00:00:00.000000", "string:23:59:59.999000"}},
		{"time in us", schema.NewTimeLogicalType(false, schema.TimeUnitMicros), types.Int64, -1, []int64{45296000001}, []string{"string:12:34:56.000001"}},
		{"time in ns", schema.NewTimeLogicalType(true, schema.TimeUnitNanos), types.Int64, -1, []int64{1}, []string{"string:00:00:00.000000001"}},
		{"timestamp in ms", schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), types.Int64, -1, []int64{noon.UnixMilli(), -1}, []string{"time:2024-02-29T12:34:56.789Z", "time:1969-12-31T23:59:59.999Z"}},
		{"timestamp in us", micros, types.Int64, -1, []int64{noon.UnixMicro()}, []string{"time:2024-02-29T12:34:56.789012Z"}},
		{"timestamp in ns", schema.NewTimestampLogicalType(true, schema.TimeUnitNanos), types.Int64, -1, []int64{noon.UnixNano(), -1}, []string{"time:2024-02-29T12:34:56.789012Z", "time:1969-12-31T23:59:59.999999Z"}},
		{"local timestamp", schema.NewTimestampLogicalType(false, schema.TimeUnitMicros), types.Int64, -1, []int64{noon.UnixMicro()}, []string{"time:2024-02-29T12:34:56.789012Z"}},
		{"int96", nil, types.Int96, -1, []parquet.Int96{int96(2440588, 1000), int96(2440587, 86399999999999)}, []string{"time:1970-01-01T00:00:00.000001Z", "time:1969-12-31T23:59:59.999999Z"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := field("c", required, test.logical, test.typ, test.size)
			tb := table{fields: schema.FieldList{f}, groups: [][]data{{{values: test.values}}}}
			if diff := cmp.Diff(test.want, readColumn(t, tb.save(t, "t.parquet"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A column that is declared by the older annotations alone is read like one with a logical type.
func TestConvertedTypes(t *testing.T) {
	old := func(name string, typ parquet.Type, c schema.ConvertedType, precision, scale int) schema.Node {
		return schema.MustPrimitive(schema.NewPrimitiveNodeConverted(name, required, typ, c, -1, precision, scale, -1))
	}
	c := schema.ConvertedTypes
	tb := table{
		fields: schema.FieldList{
			old("utf8", types.ByteArray, c.UTF8, 0, 0),
			old("decimal", types.Int32, c.Decimal, 5, 2),
			old("date", types.Int32, c.Date, 0, 0),
			old("ms", types.Int64, c.TimestampMillis, 0, 0),
			old("uint64", types.Int64, c.Uint64, 0, 0),
		},
		groups: [][]data{{{values: []string{"x"}}, {values: []int32{123}}, {values: []int32{1}}, {values: []int64{1}}, {values: []int64{-2}}}},
	}
	rows, _, err := readRows(t.Context(), open(t, nil, tb.save(t, "t.parquet")), nil)
	must(t, err)
	want := [][]string{{"string:x", "decimal:1.23", "date:1970-01-02", "time:1970-01-01T00:00:00.001Z", "decimal:18446744073709551614"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

// A value that can't be represented refuses its row, names column and value, and the reading goes on.
func TestRejects(t *testing.T) {
	big := make([]byte, maxValue+1)
	for _, test := range []struct {
		name    string
		logical schema.LogicalType
		typ     parquet.Type
		values  any // bad, good
		reject  string
		good    string
	}{
		{"utf8", schema.StringLogicalType{}, types.ByteArray, []string{"a\xff", "b"}, `bad_utf8: column "c": "a\xff" is not UTF-8 text`, "string:b"},
		{"json", schema.JSONLogicalType{}, types.ByteArray, []string{"{", "{}"}, `bad_json: column "c": "{" is not a JSON document`, "json:{}"},
		{"large", schema.StringLogicalType{}, types.ByteArray, []string{string(big), "b"}, `value_too_large: column "c": a value of 16777217 bytes is larger than the 16777216 that are supported`, "string:b"},
		{"date", schema.DateLogicalType{}, types.Int32, []int32{math.MaxInt32, 0}, `bad_date: column "c": a date 2147483647 days from 1970-01-01 is not in the years 1 to 9999`, "date:1970-01-01"},
		{"time", schema.NewTimeLogicalType(true, schema.TimeUnitMillis), types.Int32, []int32{86400000, 0}, `bad_time: column "c": 86400000 is not a time of day`, "string:00:00:00.000000"},
		{"timestamp", schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), types.Int64, []int64{math.MaxInt64, 0}, `bad_time: column "c": a time 9223372036854775807 milliseconds from 1970-01-01 is not in the years 1 to 9999`, "time:1970-01-01T00:00:00Z"},
		{"int96", nil, types.Int96, []parquet.Int96{int96(math.MaxUint32, 0), int96(2440588, 0)}, `bad_time: column "c": a time 4292526707 days and 0 nanoseconds from 1970-01-01 is not in the years 1 to 9999`, "time:1970-01-01T00:00:00Z"},
		{"decimal", schema.NewDecimalLogicalType(10, 2), types.ByteArray, []string{"", "\x01"}, `bad_decimal: column "c": a decimal has no bytes`, "decimal:0.01"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tb := table{fields: schema.FieldList{field("c", required, test.logical, test.typ, -1)}, groups: [][]data{{{values: test.values}}}}
			rows, rejects, err := readRows(t.Context(), open(t, nil, tb.save(t, "t.parquet")), nil)
			must(t, err)
			if diff := cmp.Diff([]string{"t.parquet:1 source " + test.reject}, rejects); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([][]string{{test.good}}, rows); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The option binary says how undeclared bytes are written; it leaves declared ones alone.
func TestBinary(t *testing.T) {
	tb := table{
		fields: schema.FieldList{field("raw", required, nil, types.ByteArray, -1), stringField("text", required)},
		groups: [][]data{{{values: []string{"abc"}}, {values: []string{"abc"}}}},
	}
	path := tb.save(t, "t.parquet")
	for enc, want := range map[string]string{encodeBase64: "string:YWJj", encodeHex: "string:616263", encodeText: "string:abc"} {
		src, err := (&Config{Path: []string{path}, Binary: enc}).Open(t.Context(), noEnv)
		must(t, err)
		rows, _, err := readRows(t.Context(), src, nil)
		must(t, err)
		if diff := cmp.Diff([][]string{{want, "string:abc"}}, rows); diff != "" {
			t.Errorf("%s: %s", enc, diff)
		}
	}
}
