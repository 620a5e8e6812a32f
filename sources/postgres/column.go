package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/jackc/pgx/v5"

	"sluice/pipeline"
)

// A column is one column of what is read: how to ask for it, and how to understand what comes.
type column struct {
	name     string
	oid      uint32 // of its type; of a domain's base type
	typ      pipeline.Type
	nullable bool   // unless it is known not to be
	expr     string // what is selected
	format   int16  // textFormat or binaryFormat
	plain    bool   // the text is the value, a String
	value    func(text string) (pipeline.Value, *pipeline.RowError)
	write    func(text string) string // as Postgres reads it; cells in textFormat are so already
}

const (
	textFormat   = pgx.TextFormatCode
	binaryFormat = pgx.BinaryFormatCode
)

// Types that are read as something else than text. Their object ids are part of Postgres's protocol.
const (
	boolOID        = 16
	int8OID        = 20
	int2OID        = 21
	int4OID        = 23
	oidOID         = 26
	jsonOID        = 114
	float4OID      = 700
	float8OID      = 701
	moneyOID       = 790
	bpcharOID      = 1042
	dateOID        = 1082
	timestampOID   = 1114
	timestamptzOID = 1184
	intervalOID    = 1186
	numericOID     = 1700
	jsonbOID       = 3802
)

// clocks names the types that a lag can be taken from.
var clocks = map[uint32]string{dateOID: "date", timestampOID: "timestamp", timestamptzOID: "timestamptz"}

// clock tells whether the column's values are times.
func (c column) clock() bool { return clocks[c.oid] != "" }

// ref is the column in a statement. The qualifier keeps it from meaning what is selected under the same name.
func (c column) ref() string { return "t." + pgx.Identifier{c.name}.Sanitize() }

// newColumn returns a column of a type. Integers and times come in binary, which is cheap to decode; everything else
// comes as text, which Postgres writes for every type there is, and shortest and exact for numbers.
func newColumn(name string, oid uint32, array bool) column {
	c := column{name: name, oid: oid, nullable: true, format: textFormat, write: strings.Clone}
	c.expr = c.ref()
	switch oid {
	case boolOID:
		c.typ, c.value = pipeline.Bool, boolean
	case int2OID, int4OID, int8OID, oidOID:
		c.typ, c.value, c.format = pipeline.Int, integer, binaryFormat
		c.write = func(text string) string { return strconv.FormatInt(bigEndian(text), 10) }
		if oid == oidOID {
			c.expr += "::int8" // because it is unsigned
		}
	case float4OID, float8OID:
		c.typ, c.value = pipeline.Float, float
	case numericOID, moneyOID:
		c.typ, c.value = pipeline.Decimal, decimal
		if oid == moneyOID {
			c.expr += "::numeric"
		}
	case dateOID:
		c.typ, c.value, c.write, c.format = pipeline.Date, date, writeDate, binaryFormat
	case timestampOID, timestamptzOID:
		c.typ, c.value, c.write, c.format = pipeline.Time, instant, writeInstant, binaryFormat
	case jsonOID, jsonbOID:
		c.typ, c.value = pipeline.JSON, document
	case bpcharOID:
		c.typ, c.value = pipeline.String, padded
	default:
		c.typ, c.value, c.plain = pipeline.String, str, true
		if array {
			c.typ, c.value, c.plain = pipeline.JSON, document, false
			c.expr = "to_json(" + c.ref() + ")"
		}
	}
	return c
}

func reject(code, format string, args ...any) *pipeline.RowError {
	return &pipeline.RowError{Code: code, Err: fmt.Errorf(format, args...)}
}

func boolean(text string) (pipeline.Value, *pipeline.RowError) {
	return pipeline.BoolValue(text == "t"), nil
}

func document(text string) (pipeline.Value, *pipeline.RowError) {
	return pipeline.JSONValue(text), nil
}

// padded reads a char(n): the spaces at its end are the type's and not the value's.
func padded(text string) (pipeline.Value, *pipeline.RowError) {
	return str(strings.TrimRight(text, " "))
}

func str(text string) (pipeline.Value, *pipeline.RowError) {
	return pipeline.StringValue(text), nil
}

// checkUTF8 refuses what a database in the encoding SQL_ASCII may hold. Postgres answers for all others.
func checkUTF8(text string) *pipeline.RowError {
	if utf8.ValidString(text) {
		return nil
	}
	return reject("bad_utf8", "%s is not UTF-8: mend it, or use convert_from in a query", pipeline.Quote(text))
}

// bigEndian returns the integer that binary cells of 2, 4 or 8 bytes hold.
func bigEndian(text string) int64 {
	b := unsafe.Slice(unsafe.StringData(text), len(text))
	switch len(b) {
	case 8:
		return int64(binary.BigEndian.Uint64(b))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	}
	return int64(int16(binary.BigEndian.Uint16(b)))
}

func integer(text string) (pipeline.Value, *pipeline.RowError) {
	return pipeline.IntValue(bigEndian(text)), nil
}

// float reads the shortest text that stands for the number. A real goes through its own shortest text, so that 0.15
// doesn't become 0.15000000596046448.
func float(text string) (pipeline.Value, *pipeline.RowError) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return pipeline.Value{}, notFinite(text)
	}
	return pipeline.FloatValue(f), nil
}

func decimal(text string) (pipeline.Value, *pipeline.RowError) {
	if last := len(text) - 1; last < 0 || text[last] > '9' { // NaN, Infinity or -Infinity
		return pipeline.Value{}, notFinite(text)
	}
	return pipeline.DecimalValue(text), nil
}

func notFinite(text string) *pipeline.RowError {
	return reject("bad_number", "%q is not a finite number: to read it as null, use nullif in a query", text)
}

// Postgres counts days and microseconds from the year 2000.
const (
	epochDays   = 10_957
	epochMicros = epochDays * 86_400 * 1_000_000
)

func date(text string) (pipeline.Value, *pipeline.RowError) {
	days := bigEndian(text)
	if days == math.MaxInt32 || days == math.MinInt32 {
		return pipeline.Value{}, endless(writeDate(text))
	}
	return pipeline.DateValue(days + epochDays), nil
}

// instant reads a time. One without a zone is taken as UTC.
func instant(text string) (pipeline.Value, *pipeline.RowError) {
	micros := bigEndian(text)
	if micros > math.MaxInt64-epochMicros || micros == math.MinInt64 {
		return pipeline.Value{}, endless(writeInstant(text))
	}
	return pipeline.TimeValue(time.UnixMicro(micros + epochMicros)), nil
}

func endless(text string) *pipeline.RowError {
	return reject("bad_date", "%q is not a date: to read it as null, use nullif in a query", text)
}

func writeDate(text string) string {
	switch days := bigEndian(text); days {
	case math.MaxInt32:
		return "infinity"
	case math.MinInt32:
		return "-infinity"
	default:
		return writeTime(time.Unix((days+epochDays)*86_400, 0), "")
	}
}

func writeInstant(text string) string {
	switch micros := bigEndian(text); micros {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	default:
		// Not time.UnixMicro: counted from 1970, the last years that Postgres knows don't fit.
		return writeTime(time.Unix(micros/1_000_000+epochDays*86_400, micros%1_000_000*1_000), " 15:04:05.000000")
	}
}

// writeTime writes a day, and what layout adds to it, with the year as Postgres reads it: there is no year 0.
func writeTime(t time.Time, layout string) string {
	t = t.UTC()
	year, era := t.Year(), ""
	if year <= 0 {
		year, era = 1-year, " BC"
	}
	if layout != "" {
		era = "+00" + era
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, t.Month(), t.Day()) + t.Format(layout) + era
}
