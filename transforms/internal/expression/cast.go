package expression

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sluice/pipeline"
)

// Cast converts a value to a type; null stays null. The text of an error says what the value isn't.
func Cast(t pipeline.Type, v pipeline.Value) (pipeline.Value, error) {
	if v.IsNull() || v.Type() == t {
		return v, nil
	}
	switch t {
	case pipeline.String:
		return text(v.String())
	case pipeline.Int:
		return toInt(v)
	case pipeline.Decimal:
		return toDecimal(v)
	case pipeline.Float:
		return toFloat(v)
	case pipeline.Bool:
		return toBool(v)
	case pipeline.Date:
		return toDate(v)
	case pipeline.Time:
		return toTime(v)
	}
	return null, fmt.Errorf("nothing can be converted to %s", t)
}

func castFunction(t pipeline.Type) *function {
	return &function{params: "a", typ: gives(t), call: func(args []pipeline.Value) (pipeline.Value, error) { return Cast(t, args[0]) }}
}

func isnt(v pipeline.Value, what, expected string) error {
	return fmt.Errorf("%s %s is no %s: expected %s", v.Type(), quote(v), what, expected)
}

// toInt converts what is a whole number already: round and floor make one of what isn't.
func toInt(v pipeline.Value) (pipeline.Value, error) {
	wrong := isntInt
	switch v.Type() {
	case pipeline.String:
		if n, err := strconv.ParseInt(strings.TrimSpace(v.Text()), 10, 64); err == nil {
			return pipeline.IntValue(n), nil
		}
	case pipeline.Bool:
		return pipeline.IntValue(int64(btoi(v.Bool()))), nil
	case pipeline.Decimal, pipeline.Float:
		d, err := decimalOf(v)
		if err != nil {
			return null, err
		}
		if d = trimmed(d); d.scale == 0 && d.coefficient.IsInt64() {
			return pipeline.IntValue(d.coefficient.Int64()), nil
		}
		return null, fmt.Errorf("%s %s is no whole number of 64 bits: write int(round(x))", v.Type(), quote(v))
	}
	return null, wrong(v)
}

func isntInt(v pipeline.Value) error { return isnt(v, "whole number", "digits such as -12") }

func toDecimal(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.String:
		if d, ok := parseDecimal(strings.TrimSpace(v.Text())); ok {
			return d.value(), nil
		}
	case pipeline.Int, pipeline.Float:
		d, err := decimalOf(v)
		if err != nil {
			return null, err
		}
		return d.value(), nil
	}
	return null, isnt(v, "decimal number", "digits such as -12.50")
}

// toFloat rounds to the nearest float: it is asked for.
func toFloat(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.String, pipeline.Decimal:
		s := strings.TrimSpace(v.Text())
		f, err := strconv.ParseFloat(s, 64)
		if err == nil && strings.Trim(s, "+-.eE0123456789") == "" && !math.IsInf(f, 0) {
			return pipeline.FloatValue(f), nil
		}
	case pipeline.Int:
		return pipeline.FloatValue(float64(v.Int())), nil
	}
	return null, isnt(v, "number", "a number such as -12.5 or 1e3")
}

func toBool(v pipeline.Value) (pipeline.Value, error) {
	switch strings.ToLower(strings.TrimSpace(v.String())) {
	case "true", "t", "yes", "y", "on", "1":
		return pipeline.BoolValue(true), nil
	case "false", "f", "no", "n", "off", "0":
		return pipeline.BoolValue(false), nil
	}
	return null, isnt(v, "truth value", "true or false, yes or no, 1 or 0")
}

// day returns the date of an instant in UTC.
func day(t time.Time) (pipeline.Value, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return null, errors.New("the year isn't between 1 and 9999")
	}
	seconds := t.UTC().Unix()
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return pipeline.DateValue(days), nil
}

// toDate takes the day in UTC of an instant.
func toDate(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.Time:
		return day(v.Time())
	case pipeline.String:
		if t, err := time.Parse(time.DateOnly, strings.TrimSpace(v.Text())); err == nil {
			return day(t)
		}
	}
	return null, isnt(v, "date", "YYYY-MM-DD; other spellings are read by to_date(x, format)")
}

// instants are the spellings of instants that need no format. Without an offset they are in UTC.
var instants = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", time.DateOnly}

func toTime(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.Date:
		return pipeline.TimeValue(v.Time()), nil
	case pipeline.String:
		for _, layout := range instants {
			if t, err := time.Parse(layout, strings.TrimSpace(v.Text())); err == nil {
				return pipeline.TimeValue(t), nil
			}
		}
	}
	return null, isnt(v, "time", "2006-01-02T15:04:05Z; other spellings are read by to_time(x, format)")
}
