package parquet

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"sluice/pipeline"
)

// bytesOf returns the conversion of byte arrays, of fixed length or not. enc is how those are written that aren't
// declared to be anything.
func bytesOf(n *schema.PrimitiveNode, enc string) conversion[[]byte] {
	switch t := n.LogicalType().(type) {
	case schema.NullLogicalType:
		return nothing[[]byte]()
	case schema.StringLogicalType, schema.EnumLogicalType:
		return conversion[[]byte]{pipeline.String, text}
	case schema.JSONLogicalType:
		return conversion[[]byte]{pipeline.JSON, document}
	case schema.DecimalLogicalType:
		scale := int(t.Scale())
		return conversion[[]byte]{pipeline.Decimal, func(a *arena, v []byte) (pipeline.Value, error) {
			return bigDecimal(a, v, scale)
		}}
	case schema.UUIDLogicalType:
		return conversion[[]byte]{pipeline.String, uuid}
	case schema.IntervalLogicalType:
		return conversion[[]byte]{pipeline.String, interval}
	case schema.Float16LogicalType:
		return conversion[[]byte]{pipeline.Float, float16s}
	}
	switch {
	case enc == encodeText:
		return conversion[[]byte]{pipeline.String, text}
	case enc == encodeHex:
		return conversion[[]byte]{pipeline.String, inHex}
	}
	return conversion[[]byte]{pipeline.String, inBase64}
}

func checkSize(v []byte) error {
	if len(v) > maxValue {
		return pipeline.Rejectf("value_too_large", "a value of %d bytes is larger than the %d that are supported", len(v), maxValue)
	}
	return nil
}

func text(a *arena, v []byte) (pipeline.Value, error) {
	if err := checkSize(v); err != nil {
		return pipeline.Value{}, err
	}
	if !utf8.Valid(v) {
		return pipeline.Value{}, pipeline.Rejectf("bad_utf8", "%s is not UTF-8 text", pipeline.Quote(string(v)))
	}
	return pipeline.StringValue(a.add(v)), nil
}

func document(a *arena, v []byte) (pipeline.Value, error) {
	if err := checkSize(v); err != nil {
		return pipeline.Value{}, err
	}
	if !utf8.Valid(v) || !json.Valid(v) {
		return pipeline.Value{}, pipeline.Rejectf("bad_json", "%s is not a JSON document", pipeline.Quote(string(v)))
	}
	return pipeline.JSONValue(a.add(v)), nil
}

func inBase64(a *arena, v []byte) (pipeline.Value, error) {
	if err := checkSize(v); err != nil {
		return pipeline.Value{}, err
	}
	a.scratch = base64.StdEncoding.AppendEncode(a.scratch[:0], v)
	return pipeline.StringValue(a.add(a.scratch)), nil
}

func inHex(a *arena, v []byte) (pipeline.Value, error) {
	if err := checkSize(v); err != nil {
		return pipeline.Value{}, err
	}
	a.scratch = hex.AppendEncode(a.scratch[:0], v)
	return pipeline.StringValue(a.add(a.scratch)), nil
}

// bigDecimal returns a big-endian two's complement number, divided by 10^scale.
func bigDecimal(a *arena, v []byte, scale int) (pipeline.Value, error) {
	const largest = 512 // bytes: more than a thousand digits
	switch {
	case len(v) == 0:
		return pipeline.Value{}, pipeline.Rejectf("bad_decimal", "a decimal has no bytes")
	case len(v) > largest:
		return pipeline.Value{}, pipeline.Rejectf("bad_decimal", "a decimal of %d bytes is larger than the %d that are supported", len(v), largest)
	case len(v) <= 16:
		if negative, hi, lo := wide(v); hi == 0 {
			var digits [20]byte
			a.scratch = appendScaled(a.scratch[:0], negative, strconv.AppendUint(digits[:0], lo, 10), scale)
			return pipeline.DecimalValue(a.add(a.scratch)), nil
		}
	}
	n := new(big.Int).SetBytes(v)
	if v[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	negative := n.Sign() < 0
	a.scratch = appendScaled(a.scratch[:0], negative, n.Abs(n).Append(nil, 10), scale)
	return pipeline.DecimalValue(a.add(a.scratch)), nil
}

func uuid(a *arena, v []byte) (pipeline.Value, error) {
	if len(v) != 16 {
		return pipeline.Value{}, pipeline.Rejectf("bad_uuid", "a UUID has %d bytes, want 16", len(v))
	}
	b := a.scratch[:0]
	for i, part := range [][]byte{v[:4], v[4:6], v[6:8], v[8:10], v[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	a.scratch = b
	return pipeline.StringValue(a.add(b)), nil
}

// interval returns months, days and milliseconds as an ISO 8601 duration.
func interval(a *arena, v []byte) (pipeline.Value, error) {
	if len(v) != 12 {
		return pipeline.Value{}, pipeline.Rejectf("bad_interval", "an interval has %d bytes, want 12", len(v))
	}
	months, days, millis := binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[4:]), binary.LittleEndian.Uint32(v[8:])
	b := append(a.scratch[:0], 'P')
	if months > 0 {
		b = append(strconv.AppendUint(b, uint64(months), 10), 'M')
	}
	if days > 0 {
		b = append(strconv.AppendUint(b, uint64(days), 10), 'D')
	}
	if millis > 0 || len(b) == 1 {
		b = strconv.AppendUint(append(b, 'T'), uint64(millis/1000), 10)
		if rest := millis % 1000; rest > 0 {
			b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
		}
		b = append(b, 'S')
	}
	a.scratch = b
	return pipeline.StringValue(a.add(b)), nil
}

func float16s(_ *arena, v []byte) (pipeline.Value, error) {
	if len(v) != 2 {
		return pipeline.Value{}, pipeline.Rejectf("bad_float", "a float16 has %d bytes, want 2", len(v))
	}
	return pipeline.FloatValue(halfFloat(v)), nil
}

// byteArrays adapts a conversion of bytes to Arrow's types of them.
func byteArrays[T parquet.ByteArray | parquet.FixedLenByteArray](c conversion[[]byte]) conversion[T] {
	return conversion[T]{c.typ, func(a *arena, v T) (pipeline.Value, error) { return c.of(a, []byte(v)) }}
}
