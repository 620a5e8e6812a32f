package expression

import (
	"errors"
	"fmt"
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

// isnt says that v can't be converted to a type. A hint says what else there is.
func isnt(v pipeline.Value, t pipeline.Type, hint string) error {
	return fmt.Errorf("%s %s isn't %s%s", v.Type(), quote(v), pipeline.Expected(t), hint)
}

// toInt converts what is a whole number already: round and floor make one of what isn't.
func toInt(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.String:
		if n, ok := pipeline.ParseText(pipeline.Int, v.Text()); ok {
			return n, nil
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
	return null, isnt(v, pipeline.Int, "")
}

func toDecimal(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.String:
		if d, ok := parseDecimal(v.Text()); ok {
			return d.value(), nil
		}
	case pipeline.Int, pipeline.Float:
		d, err := decimalOf(v)
		if err != nil {
			return null, err
		}
		return d.value(), nil
	}
	return null, isnt(v, pipeline.Decimal, "")
}

// toFloat rounds to the nearest float: it is asked for.
func toFloat(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.String, pipeline.Decimal:
		if f, ok := pipeline.ParseText(pipeline.Float, v.Text()); ok {
			return f, nil
		}
	case pipeline.Int:
		return pipeline.FloatValue(float64(v.Int())), nil
	}
	return null, isnt(v, pipeline.Float, "")
}

func toBool(v pipeline.Value) (pipeline.Value, error) {
	if b, ok := pipeline.ParseText(pipeline.Bool, v.String()); ok {
		return b, nil
	}
	return null, isnt(v, pipeline.Bool, "")
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
		if d, ok := pipeline.ParseText(pipeline.Date, v.Text()); ok {
			return d, nil
		}
	}
	return null, isnt(v, pipeline.Date, "; other spellings are read by to_date(x, format)")
}

// toTime takes midnight UTC of a date. An instant without an offset is in UTC.
func toTime(v pipeline.Value) (pipeline.Value, error) {
	switch v.Type() {
	case pipeline.Date:
		return pipeline.TimeValue(v.Time()), nil
	case pipeline.String:
		text := strings.TrimSpace(v.Text())
		for _, offset := range []string{"", "Z"} {
			if t, ok := pipeline.ParseText(pipeline.Time, text+offset); ok {
				return t, nil
			}
		}
		if d, ok := pipeline.ParseText(pipeline.Date, text); ok {
			return pipeline.TimeValue(d.Time()), nil
		}
	}
	return null, isnt(v, pipeline.Time, "; other spellings are read by to_time(x, format)")
}
