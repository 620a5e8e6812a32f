package csv

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"sluice/pipeline"
)

// A parser reads a value of one type; ok is false where the text isn't one.
type parser func(text string) (v pipeline.Value, ok bool)

// parserOf returns the parser of a type; nil for text, which is taken as it is.
func parserOf(t pipeline.Type) parser {
	switch t {
	case pipeline.Bool:
		return trimmed(parseBool)
	case pipeline.Int:
		return trimmed(parseInt)
	case pipeline.Decimal:
		return trimmed(parseDecimal)
	case pipeline.Float:
		return trimmed(parseFloat)
	case pipeline.Date:
		return trimmed(parseDate)
	case pipeline.Time:
		return trimmed(parseTime)
	case pipeline.JSON:
		return parseJSON
	}
	return nil
}

// expected says what a value of the type looks like.
func expected(t pipeline.Type) string {
	switch t {
	case pipeline.Bool:
		return "true or false, t or f, yes or no, 1 or 0"
	case pipeline.Int:
		return "a whole number of at most 64 bits"
	case pipeline.Decimal:
		return "a decimal number, such as -1234.50"
	case pipeline.Float:
		return "a number, such as 1.5 or 6e23"
	case pipeline.Date:
		return "a date, such as 2026-09-30"
	case pipeline.Time:
		return "an instant with its time zone, such as 2026-09-30T12:00:00Z or 2026-09-30 12:00:00+02:00"
	}
	return "a JSON document"
}

// trimmed allows blanks around a value.
func trimmed(p parser) parser {
	return func(text string) (pipeline.Value, bool) { return p(strings.Trim(text, " \t")) }
}

func parseBool(s string) (pipeline.Value, bool) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "1":
		return pipeline.BoolValue(true), true
	case "false", "f", "no", "0":
		return pipeline.BoolValue(false), true
	}
	return pipeline.Value{}, false
}

func parseInt(s string) (pipeline.Value, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return pipeline.IntValue(n), err == nil
}

func parseDecimal(s string) (pipeline.Value, bool) {
	digits := strings.TrimLeft(s, "+-")
	whole, part, _ := strings.Cut(digits, ".")
	ok := len(s)-len(digits) <= 1 && len(whole)+len(part) > 0 && onlyOf(whole+part, "0123456789")
	return pipeline.DecimalValue(s), ok
}

// parseFloat takes no infinity, no NaN and no hexadecimal number, all of which strconv does.
func parseFloat(s string) (pipeline.Value, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return pipeline.FloatValue(f), err == nil && onlyOf(s, "0123456789+-.eE")
}

func onlyOf(s, chars string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return !strings.ContainsRune(chars, c) }) < 0
}

func parseDate(s string) (pipeline.Value, bool) {
	t, err := time.Parse(time.DateOnly, s)
	return pipeline.DateValue(t.Unix() / 86400), err == nil
}

// instants are the ways to write an instant: that of RFC 3339, and those of databases.
var instants = [...]string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02T15:04:05Z07"}

func parseTime(s string) (pipeline.Value, bool) {
	for _, layout := range instants {
		if t, err := time.Parse(layout, s); err == nil {
			return pipeline.TimeValue(t), true
		}
	}
	return pipeline.Value{}, false
}

func parseJSON(s string) (pipeline.Value, bool) {
	return pipeline.JSONValue(s), json.Valid([]byte(s))
}
