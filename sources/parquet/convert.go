package parquet

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"sluice/pipeline"
)

// A conversion makes values of what a column stores. Its error is a refusal of the row.
type conversion[T any] struct {
	typ pipeline.Type
	of  func(a *arena, v T) (pipeline.Value, error)
}

// typeOf returns the type of a leaf's values.
func typeOf(n *schema.PrimitiveNode, enc string) pipeline.Type {
	switch n.PhysicalType() {
	case parquet.Types.Boolean:
		return boolean(n).typ
	case parquet.Types.Int32:
		return int32s(n).typ
	case parquet.Types.Int64:
		return int64s(n).typ
	case parquet.Types.Int96:
		return int96s(n).typ
	case parquet.Types.Float, parquet.Types.Double:
		return pipeline.Float
	default:
		return bytesOf(n, enc).typ
	}
}

func isNull(n *schema.PrimitiveNode) bool {
	_, ok := n.LogicalType().(schema.NullLogicalType)
	return ok
}

func boolean(n *schema.PrimitiveNode) conversion[bool] {
	if isNull(n) {
		return nothing[bool]()
	}
	return conversion[bool]{pipeline.Bool, func(_ *arena, v bool) (pipeline.Value, error) {
		return pipeline.BoolValue(v), nil
	}}
}

// nothing is the conversion of a column that is declared to hold nulls only.
func nothing[T any]() conversion[T] {
	return conversion[T]{pipeline.Null, func(*arena, T) (pipeline.Value, error) { return pipeline.Value{}, nil }}
}

func int32s(n *schema.PrimitiveNode) conversion[int32] {
	switch t := n.LogicalType().(type) {
	case schema.NullLogicalType:
		return nothing[int32]()
	case schema.DateLogicalType:
		return conversion[int32]{pipeline.Date, func(_ *arena, v int32) (pipeline.Value, error) { return date(int64(v)) }}
	case schema.TimeLogicalType:
		return conversion[int32]{pipeline.String, func(a *arena, v int32) (pipeline.Value, error) {
			return timeOfDay(a, int64(v), schema.TimeUnitMillis)
		}}
	case schema.DecimalLogicalType:
		scale := int(t.Scale())
		return conversion[int32]{pipeline.Decimal, func(a *arena, v int32) (pipeline.Value, error) {
			return smallDecimal(a, int64(v), scale), nil
		}}
	case schema.IntLogicalType:
		if !t.IsSigned() {
			return conversion[int32]{pipeline.Int, func(_ *arena, v int32) (pipeline.Value, error) {
				return pipeline.IntValue(int64(uint32(v))), nil
			}}
		}
	}
	return conversion[int32]{pipeline.Int, func(_ *arena, v int32) (pipeline.Value, error) {
		return pipeline.IntValue(int64(v)), nil
	}}
}

func int64s(n *schema.PrimitiveNode) conversion[int64] {
	switch t := n.LogicalType().(type) {
	case schema.NullLogicalType:
		return nothing[int64]()
	case schema.TimestampLogicalType:
		unit := t.TimeUnit()
		return conversion[int64]{pipeline.Time, func(_ *arena, v int64) (pipeline.Value, error) { return instant(v, unit) }}
	case schema.TimeLogicalType:
		unit := t.TimeUnit()
		return conversion[int64]{pipeline.String, func(a *arena, v int64) (pipeline.Value, error) { return timeOfDay(a, v, unit) }}
	case schema.DecimalLogicalType:
		scale := int(t.Scale())
		return conversion[int64]{pipeline.Decimal, func(a *arena, v int64) (pipeline.Value, error) {
			return smallDecimal(a, v, scale), nil
		}}
	case schema.IntLogicalType:
		if !t.IsSigned() {
			return conversion[int64]{pipeline.Null, unsigned} // int or decimal, value by value
		}
	}
	return conversion[int64]{pipeline.Int, func(_ *arena, v int64) (pipeline.Value, error) {
		return pipeline.IntValue(v), nil
	}}
}

func unsigned(a *arena, v int64) (pipeline.Value, error) {
	if v >= 0 {
		return pipeline.IntValue(v), nil
	}
	a.scratch = strconv.AppendUint(a.scratch[:0], uint64(v), 10)
	return pipeline.DecimalValue(a.add(a.scratch)), nil
}

// The days and the microseconds that a date or a time can have: the years 1 to 9999.
var (
	firstDay   = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
	lastDay    = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix() / 86400
	firstMicro = firstDay * 86400e6
	lastMicro  = (lastDay+1)*86400e6 - 1
)

func date(days int64) (pipeline.Value, error) {
	if days < firstDay || days > lastDay {
		return pipeline.Value{}, pipeline.Rejectf("bad_date", "a date %d days from 1970-01-01 is not in the years 1 to 9999", days)
	}
	return pipeline.DateValue(days), nil
}

func instant(v int64, unit schema.TimeUnitType) (pipeline.Value, error) {
	micros := v
	switch unit {
	case schema.TimeUnitMillis:
		if v > math.MaxInt64/1000 || v < math.MinInt64/1000 {
			return badTime(v, unit)
		}
		micros = v * 1000
	case schema.TimeUnitNanos:
		micros = floorDiv(v, 1000)
	}
	if micros < firstMicro || micros > lastMicro {
		return badTime(v, unit)
	}
	return pipeline.TimeValue(time.UnixMicro(micros)), nil
}

func badTime(v int64, unit schema.TimeUnitType) (pipeline.Value, error) {
	name := map[schema.TimeUnitType]string{schema.TimeUnitMillis: "milli", schema.TimeUnitMicros: "micro", schema.TimeUnitNanos: "nano"}[unit]
	return pipeline.Value{}, pipeline.Rejectf("bad_time", "a time %d %sseconds from 1970-01-01 is not in the years 1 to 9999", v, name)
}

func floorDiv(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}

// int96s reads the time stamps of old writers: nanoseconds within a day, and a Julian day.
func int96s(n *schema.PrimitiveNode) conversion[parquet.Int96] {
	if isNull(n) {
		return nothing[parquet.Int96]()
	}
	return conversion[parquet.Int96]{pipeline.Time, func(_ *arena, v parquet.Int96) (pipeline.Value, error) {
		const julianEpoch = 2440588 // 1970-01-01
		nanos := binary.LittleEndian.Uint64(v[:8])
		day := int64(binary.LittleEndian.Uint32(v[8:])) - julianEpoch
		if day < firstDay || day > lastDay || nanos >= 86400e9 {
			return pipeline.Value{}, pipeline.Rejectf("bad_time", "a time %d days and %d nanoseconds from 1970-01-01 is not in the years 1 to 9999", day, nanos)
		}
		return pipeline.TimeValue(time.UnixMicro(day*86400e6 + int64(nanos/1000))), nil
	}}
}

func timeOfDay(a *arena, v int64, unit schema.TimeUnitType) (pipeline.Value, error) {
	layout, nanos := "15:04:05.000000", int64(1)
	switch unit {
	case schema.TimeUnitMillis:
		nanos = 1e6
	case schema.TimeUnitMicros:
		nanos = 1e3
	case schema.TimeUnitNanos:
		layout = "15:04:05.000000000"
	}
	if v < 0 || v >= 86400e9/nanos {
		return pipeline.Value{}, pipeline.Rejectf("bad_time", "%d is not a time of day", v)
	}
	a.scratch = time.Unix(0, v*nanos).UTC().AppendFormat(a.scratch[:0], layout)
	return pipeline.StringValue(a.add(a.scratch)), nil
}

// float32s gives the number that a person would write: 0.1 stays 0.1 and doesn't become 0.10000000149011612.
func float32s(n *schema.PrimitiveNode) conversion[float32] {
	if isNull(n) {
		return nothing[float32]()
	}
	return conversion[float32]{pipeline.Float, func(a *arena, v float32) (pipeline.Value, error) {
		f := float64(v)
		if f == math.Trunc(f) && math.Abs(f) < 1<<24 || f != f {
			return pipeline.FloatValue(f), nil
		}
		a.scratch = strconv.AppendFloat(a.scratch[:0], f, 'g', -1, 32)
		f, err := strconv.ParseFloat(string(a.scratch), 64)
		return pipeline.FloatValue(f), err
	}}
}

func float64s(n *schema.PrimitiveNode) conversion[float64] {
	if isNull(n) {
		return nothing[float64]()
	}
	return conversion[float64]{pipeline.Float, func(_ *arena, v float64) (pipeline.Value, error) {
		return pipeline.FloatValue(v), nil
	}}
}

// halfFloat gives the shortest number that the half-precision float v, of two bytes, is nearest to.
func halfFloat(v []byte) float64 {
	h := binary.LittleEndian.Uint16(v)
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	exact := math.Ldexp(fraction, -24)
	switch {
	case exponent == 0x1f && fraction != 0:
		return math.NaN()
	case exponent == 0x1f:
		exact = math.Inf(1)
	case exponent > 0:
		exact = math.Ldexp(1024+fraction, exponent-25)
	}
	if h&0x8000 != 0 {
		exact = -exact
	}
	step := math.Ldexp(1, max(exponent, 1)-25) // to the next half-precision float
	for digits := 1; digits <= 5; digits++ {
		f, err := strconv.ParseFloat(strconv.FormatFloat(exact, 'g', digits, 64), 64)
		if err == nil && math.Abs(f-exact) < step/2 {
			return f
		}
	}
	return exact
}

// smallDecimal returns v / 10^scale.
func smallDecimal(a *arena, v int64, scale int) pipeline.Value {
	magnitude := uint64(v)
	if v < 0 {
		magnitude = -magnitude
	}
	var digits [20]byte
	a.scratch = appendScaled(a.scratch[:0], v < 0, strconv.AppendUint(digits[:0], magnitude, 10), scale)
	return pipeline.DecimalValue(a.add(a.scratch))
}

// appendScaled appends digits / 10^scale as a decimal.
func appendScaled(b []byte, negative bool, digits []byte, scale int) []byte {
	if negative {
		b = append(b, '-')
	}
	whole := len(digits) - scale
	switch {
	case scale == 0:
		return append(b, digits...)
	case whole > 0:
		b = append(append(b, digits[:whole]...), '.')
		return append(b, digits[whole:]...)
	}
	b = append(b, "0."...)
	for ; whole < 0; whole++ {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// wide returns a big-endian two's complement number of at most 16 bytes as sign and magnitude.
func wide(b []byte) (negative bool, hi, lo uint64) {
	negative = len(b) > 0 && b[0]&0x80 != 0
	if negative {
		hi, lo = math.MaxUint64, math.MaxUint64
	}
	for _, c := range b {
		hi, lo = hi<<8|lo>>56, lo<<8|uint64(c)
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return negative, hi, lo
}
