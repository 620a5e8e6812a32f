package pipeline

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseText returns the value of a type that a text spells; false if it spells none. Blanks around it don't count. What
// the spellings are:
//
//   - Bool: true, t, yes, y, on or 1, and false, f, no, n, off or 0, in upper or lower case
//   - Int: digits with an optional sign, from -2^63 to 2^63-1
//   - Decimal: digits with an optional sign and at most one point, as many as there are; the text is kept as it is
//   - Float: a decimal number with an optional exponent, in the range of 64 bits; the nearest float. There is no
//     infinity, no NaN and no hexadecimal number
//   - Date: YYYY-MM-DD, in the years 1 to 9999
//   - Time: an instant of RFC 3339, whose T may be a blank and whose offset may be hours alone; in UTC it is in the
//     years 1 to 9999. Parts finer than a microsecond are cut off
//   - JSON: a document; the text is kept as it is, with its blanks
//   - String: every text, as it is
//
// No text spells a Null or a Ref. The value holds on to text.
func ParseText(t Type, text string) (Value, bool) {
	switch t {
	case String:
		return StringValue(text), true
	case JSON:
		return JSONValue(text), json.Valid([]byte(text))
	}
	text = strings.TrimSpace(text)
	switch t {
	case Bool:
		return parseBool(text)
	case Int:
		n, err := strconv.ParseInt(text, 10, 64)
		return IntValue(n), err == nil
	case Decimal:
		return DecimalValue(text), isDecimal(text)
	case Float:
		f, err := strconv.ParseFloat(text, 64)
		return FloatValue(f), err == nil && onlyOf(text, "0123456789+-.eE")
	case Date:
		day, err := time.Parse(time.DateOnly, text)
		return DateValue(day.Unix() / 86400), err == nil && day.Year() >= 1
	case Time:
		return parseTime(text)
	}
	return Value{}, false
}

// Expected says what ParseText takes for a type, for messages: the usual spellings.
func Expected(t Type) string {
	switch t {
	case Bool:
		return "true or false, yes or no, 1 or 0"
	case Int:
		return "a whole number of at most 64 bits, such as -12"
	case Decimal:
		return "a decimal number, such as -1234.50"
	case Float:
		return "a number, such as 1.5 or 6e23"
	case String:
		return "a text"
	case Date:
		return "a date, such as 2026-09-30"
	case Time:
		return "an instant with its time zone, such as 2026-09-30T12:00:00Z or 2026-09-30 12:00:00+02:00"
	case JSON:
		return "a JSON document"
	}
	return "nothing"
}

func parseBool(text string) (Value, bool) {
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "on", "1":
		return BoolValue(true), true
	case "false", "f", "no", "n", "off", "0":
		return BoolValue(false), true
	}
	return Value{}, false
}

func isDecimal(text string) bool {
	digits := strings.TrimLeft(text, "+-")
	whole, fraction, _ := strings.Cut(digits, ".")
	return len(text)-len(digits) <= 1 && len(whole)+len(fraction) > 0 && onlyOf(whole, "0123456789") && onlyOf(fraction, "0123456789")
}

func onlyOf(text, chars string) bool { return strings.Trim(text, chars) == "" }

// instants are the ways to write an instant: that of RFC 3339, and those of databases.
var instants = [...]string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02T15:04:05Z07"}

func parseTime(text string) (Value, bool) {
	for _, layout := range instants {
		if t, err := time.Parse(layout, text); err == nil {
			year := t.UTC().Year()
			return TimeValue(t), year >= 1 && year <= 9999
		}
	}
	return Value{}, false
}

// days are the units that time.ParseDuration doesn't have. With so few digits nothing overflows.
var days = regexp.MustCompile(`^(?:(\d{1,3})w)?(?:(\d{1,4})d)?`)

// ParseDuration returns the duration that a text spells: as time.ParseDuration has it, such as 90s or 1h30m, and with the
// units d for 24 hours and w for 7 days before it, such as 7d or 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	m := days.FindStringSubmatch(text)
	w, _ := strconv.Atoi(m[1]) // 0 where there is none
	d, _ := strconv.Atoi(m[2])
	long := time.Duration(7*w+d) * 24 * time.Hour
	rest := text[len(m[0]):]
	if rest == "" && m[0] != "" {
		return long, nil
	}
	short, err := time.ParseDuration(rest)
	if err != nil || m[0] != "" && (onlyOf(rest[:1], "+-") || long+short < long) {
		return 0, fmt.Errorf("%s is no duration: expected one such as 90s, 1h30m or 7d", Quote(text))
	}
	return long + short, nil
}
