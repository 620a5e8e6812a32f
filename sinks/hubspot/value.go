package hubspot

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/pipeline"
)

// maxText is the number of characters that a property of type string holds (API.md section 8.1).
const maxText = 65_536

// A valueError says why a value doesn't fit a property; the caller adds the property and the value.
type valueError struct {
	code     string
	expected string
}

// Error returns what was expected.
func (e *valueError) Error() string { return e.expected }

func misfit(code, format string, args ...any) error {
	return &valueError{code: code, expected: fmt.Sprintf(format, args...)}
}

// encode returns v as HubSpot takes it for the property. Texts that need no change are returned as they are, others
// are built in text, which all values of a batch share.
//
// An empty text is an explicit empty value: it is sent, and clears the property. A null is the caller's to leave out
// or to clear with. What encode returns is accepted by encode again, with the same result.
func (p *property) encode(text *strings.Builder, v pipeline.Value) (string, error) {
	if v.Type() == pipeline.String && v.Text() == "" {
		return "", nil
	}
	s, err := p.convert(text, v)
	if err == nil {
		return s, nil
	}
	e := err.(*valueError)
	return "", pipeline.Rejectf(e.code, "property %q: %s doesn't fit: %s", p.name, pipeline.Quote(v.String()), e.expected)
}

func (p *property) convert(text *strings.Builder, v pipeline.Value) (string, error) {
	if p.translate != nil {
		return p.translated(text, v)
	}
	switch p.kind {
	case kindNumber:
		return number(text, v)
	case kindBool:
		return boolean(v)
	case kindDate:
		return date(text, v)
	case kindDatetime:
		return datetime(text, v)
	case kindOption:
		return p.option(text, v)
	case kindOptions:
		return p.optionList(text, v)
	}
	return plain(text, v)
}

// plain returns v as text, for properties that hold text. NUL characters are left out, as HubSpot may refuse them.
func plain(text *strings.Builder, v pipeline.Value) (string, error) {
	s := v.Text()
	switch v.Type() {
	case pipeline.String, pipeline.JSON, pipeline.Decimal:
	case pipeline.Float:
		return float(text, v.Float())
	default:
		var b [40]byte
		s = cut(text, v.Append(b[:0]))
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	if !utf8.ValidString(s) {
		return "", misfit("bad_text", "it isn't valid UTF-8")
	}
	if len(s) > maxText && utf8.RuneCountInString(s) > maxText {
		return "", misfit("too_long", "it has %d characters, HubSpot takes %d", utf8.RuneCountInString(s), maxText)
	}
	return s, nil
}

// cut appends b to text and returns the part of text that holds it.
func cut(text *strings.Builder, b []byte) string {
	if len(b) == 0 {
		return ""
	}
	start := text.Len()
	text.Write(b)
	return text.String()[start:]
}

const numberExpected = "expected a number such as -1234.5, without exponent and thousands separators"

// number returns v in plain decimal notation, with every digit it has.
func number(text *strings.Builder, v pipeline.Value) (string, error) {
	switch v.Type() {
	case pipeline.Int:
		var b [20]byte
		return cut(text, strconv.AppendInt(b[:0], v.Int(), 10)), nil
	case pipeline.Float:
		return float(text, v.Float())
	case pipeline.Decimal, pipeline.String, pipeline.JSON:
		if s, ok := decimal(v.Text()); ok {
			return s, nil
		}
	}
	return "", misfit("bad_number", numberExpected)
}

func float(text *strings.Builder, f float64) (string, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", misfit("bad_number", "expected a finite number")
	}
	var b [400]byte
	return cut(text, strconv.AppendFloat(b[:0], f, 'f', -1, 64)), nil
}

// decimal returns s with a digit on each side of its point and without a plus sign; false if it isn't a decimal number.
func decimal(s string) (string, bool) {
	v, ok := pipeline.ParseText(pipeline.Decimal, s)
	if !ok {
		return "", false
	}
	s = strings.TrimPrefix(v.Text(), "+")
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if point && (whole == "" || fraction == "") {
		sign := s[:len(s)-len(digits)]
		if whole == "" {
			return sign + "0." + fraction, true
		}
		return sign + whole, true
	}
	return s, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func boolean(v pipeline.Value) (string, error) {
	switch v.Type() {
	case pipeline.Bool:
		return v.String(), nil
	case pipeline.String, pipeline.JSON:
		switch s := strings.TrimSpace(v.Text()); {
		case strings.EqualFold(s, "true"):
			return "true", nil
		case strings.EqualFold(s, "false"):
			return "false", nil
		}
	}
	return "", misfit("bad_bool", "expected true or false")
}
