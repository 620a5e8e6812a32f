package hubspot

import (
	"strconv"
	"strings"
	"time"

	"sluice/pipeline"
)

// date returns v as YYYY-MM-DD. An instant is a date only at midnight UTC, as HubSpot demands it (API.md section 8.1).
func date(text *strings.Builder, v pipeline.Value) (string, error) {
	t, day := v.Time(), false
	switch v.Type() {
	case pipeline.Date:
		day = true
	case pipeline.Time:
		day = isMidnight(t)
	case pipeline.String:
		t, day = parseDay(v.Text())
	}
	if n, ok := wholeNumber(v); ok {
		var err error
		if t, err = epoch("bad_date", n); err != nil {
			return "", err
		}
		if !isMidnight(t) {
			return "", misfit("bad_date", "as milliseconds since 1970 it is %s, and a date must be at 00:00 UTC", t.Format(isoMillis))
		}
	} else if !day {
		return "", misfit("bad_date", "expected a date YYYY-MM-DD, or an instant at 00:00 UTC")
	}
	return format(text, t, "bad_date", time.DateOnly)
}

// format returns t in a layout of HubSpot's, which has four digits for a year.
func format(text *strings.Builder, t time.Time, code, layout string) (string, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return "", misfit(code, "expected a year from 1 to 9999")
	}
	var b [32]byte
	return cut(text, t.AppendFormat(b[:0], layout)), nil
}

func parseDay(s string) (time.Time, bool) {
	if day, ok := pipeline.ParseText(pipeline.Date, s); ok {
		return day.Time(), true
	}
	instant, ok := pipeline.ParseText(pipeline.Time, s)
	return instant.Time(), ok && isMidnight(instant.Time())
}

func isMidnight(t time.Time) bool { return t.Equal(t.UTC().Truncate(24 * time.Hour)) }

// isoMillis is how HubSpot writes instants: it keeps milliseconds.
const isoMillis = "2006-01-02T15:04:05.000Z"

// datetime returns v as an instant in UTC with milliseconds; finer parts are cut off.
func datetime(text *strings.Builder, v pipeline.Value) (string, error) {
	t, ok := v.Time(), false
	switch v.Type() {
	case pipeline.Date, pipeline.Time:
		ok = true
	case pipeline.String:
		t, ok = parseInstant(v.Text())
	}
	if n, number := wholeNumber(v); number {
		var err error
		if t, err = epoch("bad_datetime", n); err != nil {
			return "", err
		}
	} else if !ok {
		return "", misfit("bad_datetime", "expected an instant such as 2026-11-20T09:00:00Z, with its offset, or a date YYYY-MM-DD")
	}
	return format(text, t, "bad_datetime", isoMillis)
}

// wholeNumber returns a number without fraction, be it written as text.
func wholeNumber(v pipeline.Value) (int64, bool) {
	switch v.Type() {
	case pipeline.Int:
		return v.Int(), true
	case pipeline.Decimal, pipeline.String:
		s := strings.TrimSpace(v.Text())
		if !isDigits(strings.TrimPrefix(s, "-")) { // an error of ParseInt costs more than all else of a date
			return 0, false
		}
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// epoch returns the instant that a number of milliseconds since 1970 stands for. Seconds are told by their size: taken for
// milliseconds they would silently be a day in the first months of 1970 (API.md section 8.1), which therefore can't be
// written as a number. So can't a date without hyphens, such as 20261120, be taken for one.
func epoch(code string, n int64) (time.Time, error) {
	const least = 10_000_000_000 // seconds until the year 2286
	if -least < n && n < least {
		return time.Time{}, misfit(code, "it is too small for milliseconds since 1970: multiply seconds by 1000, or send a date YYYY-MM-DD")
	}
	return time.UnixMilli(n).UTC(), nil
}

// parseMillis reads milliseconds since 1970, as HubSpot answers instants at times.
func parseMillis(s string) (time.Time, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(n), err == nil
}

func parseInstant(s string) (time.Time, bool) {
	v, ok := pipeline.ParseText(pipeline.Time, s)
	if !ok {
		v, ok = pipeline.ParseText(pipeline.Date, s)
	}
	return v.Time(), ok
}
