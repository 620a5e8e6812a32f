package pipeline

import (
	"math"
	"strconv"
	"time"
	"unsafe"
)

// A Type is the type of a Value, and of a Field of a Schema. The union is closed: what a
// source reads that fits none of these is a reject, never a silent cast.
type Type uint8

// The types of values.
const (
	Null    Type = iota // no value
	Bool                // true or false
	Int                 // a 64-bit signed integer
	Decimal             // an exact decimal number, kept as its text; numeric never becomes a float
	Float               // a 64-bit floating-point number
	String              // UTF-8 text
	Date                // a calendar day without a time zone
	Time                // an instant
	JSON                // a JSON document, as text
	Ref                 // the unresolved key of a record elsewhere; see Field.Lookup
)

var typeNames = [...]string{"null", "bool", "int", "decimal", "float", "string", "date", "time", "json", "ref"}

// String returns the type's name as pipelines.yaml spells it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// ParseType returns the type that a column may be declared to have, by its name.
func ParseType(name string) (Type, bool) {
	for t := Bool; t <= JSON; t++ {
		if typeNames[t] == name {
			return t, true
		}
	}
	return Null, false
}

// A Value is one cell of a row: a type, and a number or a text. The zero Value is null.
// A Value needs no allocation of its own. It holds on to its text: that of a row's value is valid as long as the row is.
//
// It is three words, since most of what a row costs is to move its values: a text and a number share one of them. Two values
// aren't compared with ==, which would tell whether their texts lie in one place, but with Equal.
type Value struct {
	_    [0]func()
	data *byte  // the first byte of the text
	bits uint64 // the number, or the length of the text
	typ  Type
}

func textValue(t Type, text string) Value {
	return Value{typ: t, data: unsafe.StringData(text), bits: uint64(len(text))}
}

// isText tells whether values of the type have a text.
func (t Type) isText() bool { return 1<<t&(1<<String|1<<Decimal|1<<JSON|1<<Ref) != 0 }

// Constructors of values, one a type.

// BoolValue returns a Bool.
func BoolValue(b bool) Value {
	if b {
		return Value{typ: Bool, bits: 1}
	}
	return Value{typ: Bool}
}

// IntValue returns an Int.
func IntValue(n int64) Value { return Value{typ: Int, bits: uint64(n)} }

// DecimalValue returns a Decimal with the given text: digits, an optional sign and at most one point.
func DecimalValue(text string) Value { return textValue(Decimal, text) }

// FloatValue returns a Float.
func FloatValue(f float64) Value { return Value{typ: Float, bits: math.Float64bits(f)} }

// StringValue returns a String.
func StringValue(s string) Value { return textValue(String, s) }

// DateValue returns a Date: the number of days since 1970-01-01.
func DateValue(days int64) Value { return Value{typ: Date, bits: uint64(days)} }

// TimeValue returns an instant with microsecond precision, from year 1 to 9999 and beyond.
func TimeValue(t time.Time) Value { return Value{typ: Time, bits: uint64(t.UnixMicro())} }

// JSONValue returns a JSON document given as text.
func JSONValue(text string) Value { return textValue(JSON, text) }

// RefValue returns a Ref: the key of a record whose id isn't known yet.
func RefValue(key string) Value { return textValue(Ref, key) }

// Type returns the value's type; Null for the zero Value.
func (v Value) Type() Type { return v.typ }

// Equal tells whether two values are of one type, and the same.
func (v Value) Equal(other Value) bool {
	return v.typ == other.typ && v.bits == other.bits && v.Text() == other.Text()
}

// IsNull tells whether there is no value.
func (v Value) IsNull() bool { return v.typ == Null }

// Bool returns the value of a Bool.
func (v Value) Bool() bool { return v.bits != 0 }

// Int returns the value of an Int, or the days since 1970-01-01 of a Date.
func (v Value) Int() int64 { return int64(v.bits) }

// Float returns the value of a Float.
func (v Value) Float() float64 { return math.Float64frombits(v.bits) }

// Text returns the text of a Decimal, String, JSON or Ref, without allocating; "" for other types.
func (v Value) Text() string {
	if !v.typ.isText() {
		return ""
	}
	return unsafe.String(v.data, v.bits)
}

// Time returns the instant of a Time, or midnight UTC of a Date.
func (v Value) Time() time.Time {
	if v.typ == Date {
		return time.Unix(int64(v.bits)*86400, 0).UTC()
	}
	return time.UnixMicro(int64(v.bits)).UTC()
}

// String returns the value as text: "" for null, RFC 3339 for instants, YYYY-MM-DD for dates.
func (v Value) String() string {
	if v.typ.isText() {
		return v.Text()
	}
	return string(v.Append(nil))
}

// Append appends what String returns to b.
func (v Value) Append(b []byte) []byte {
	switch v.typ {
	case Null:
		return b
	case Bool:
		return strconv.AppendBool(b, v.bits != 0)
	case Int:
		return strconv.AppendInt(b, int64(v.bits), 10)
	case Float:
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64)
	case Date:
		return appendDate(b, int64(v.bits))
	case Time:
		return appendTime(b, int64(v.bits))
	default:
		return append(b, v.Text()...)
	}
}
