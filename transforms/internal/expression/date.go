package expression

import (
	"fmt"
	"strings"
	"time"

	"sluice/pipeline"
)

// formats are the parts of a date format, as SQL spells them, and as the time package does. The longer ones come first.
var formats = []struct{ sql, layout string }{
	{"YYYY", "2006"}, {"Month", "January"}, {"HH24", "15"}, {"HH12", "03"}, {"Day", "Monday"}, {"Mon", "Jan"}, {"YY", "06"},
	{"MM", "01"}, {"DD", "02"}, {"HH", "15"}, {"MI", "04"}, {"SS", "05"}, {"US", "000000"}, {"MS", "000"}, {"AM", "PM"}, {"PM", "PM"},
	{"TZ", "Z07:00"}, {"Dy", "Mon"}, {"D", "2"}, {"M", "1"},
}

// layout translates a date format.
func layout(n node) (string, error) {
	if !n.constant || n.value.Type() != pipeline.String {
		return "", failure(n.at, "", "a format must be a text in quotes, such as 'DD.MM.YYYY'")
	}
	var b strings.Builder
	format := n.value.Text()
next:
	for format != "" {
		for _, f := range formats {
			if rest, ok := strings.CutPrefix(format, f.sql); ok {
				b.WriteString(f.layout)
				format = rest
				continue next
			}
		}
		c := format[0]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' && c != 'T' || c >= 'a' && c <= 'z' {
			return "", failure(n.at, "parts of a format: YYYY YY MM M Mon Month DD D Dy Day HH24 HH12 MI SS MS US AM TZ",
				"%s isn't a part of a date format", pipeline.Quote(format[:1]))
		}
		b.WriteByte(c)
		format = format[1:]
	}
	return b.String(), nil
}

// prepareParse makes to_date and to_time.
func prepareParse(make func(time.Time) (pipeline.Value, error)) func([]node) (func([]pipeline.Value) (pipeline.Value, error), error) {
	return func(args []node) (func([]pipeline.Value) (pipeline.Value, error), error) {
		spelling, err := layout(args[1])
		if err != nil {
			return nil, err
		}
		format := args[1].value.Text()
		return func(args []pipeline.Value) (pipeline.Value, error) {
			t, err := time.Parse(spelling, strings.TrimSpace(args[0].Text()))
			if err != nil {
				return null, fmt.Errorf("%s isn't written as %s", quote(args[0]), format)
			}
			return make(t)
		}, nil
	}
}

func instant(t time.Time) (pipeline.Value, error) { return pipeline.TimeValue(t), nil }

// prepareFormat makes format_date.
func prepareFormat(args []node) (func([]pipeline.Value) (pipeline.Value, error), error) {
	spelling, err := layout(args[1])
	if err != nil {
		return nil, err
	}
	return func(args []pipeline.Value) (pipeline.Value, error) {
		return pipeline.StringValue(args[0].Time().Format(spelling)), nil
	}, nil
}

// dateTrunc cuts a date or a time down to the start of its year, month, …, in UTC.
func dateTrunc(args []pipeline.Value) (pipeline.Value, error) {
	t := args[1].Time()
	y, m, d := t.Date()
	switch unit := strings.ToLower(args[0].Text()); unit {
	case "year":
		t = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
	case "quarter":
		t = time.Date(y, (m-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	case "month":
		t = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	case "week":
		t = time.Date(y, m, d-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	case "day":
		t = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case "hour":
		t = t.Truncate(time.Hour)
	case "minute":
		t = t.Truncate(time.Minute)
	case "second":
		t = t.Truncate(time.Second)
	default:
		return null, fmt.Errorf("unknown unit %s: expected year, quarter, month, week, day, hour, minute or second", pipeline.Quote(unit))
	}
	if args[1].Type() == pipeline.Date {
		return day(t)
	}
	return pipeline.TimeValue(t), nil
}

func partFunction(part func(time.Time) int) *function {
	return &function{params: "d", typ: gives(pipeline.Int), call: func(args []pipeline.Value) (pipeline.Value, error) {
		return pipeline.IntValue(int64(part(args[0].Time()))), nil
	}}
}
