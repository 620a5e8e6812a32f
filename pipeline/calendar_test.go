package pipeline_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/pipeline"
)

// TestCalendar proves that days and instants are written as package time writes them, in every year that there is.
func TestCalendar(t *testing.T) {
	date := func(days int64) {
		if got, want := pipeline.DateValue(days).String(), time.Unix(days*86_400, 0).UTC().Format(time.DateOnly); got != want {
			t.Fatalf("day %d: %q, want %q", days, got, want)
		}
	}
	instant := func(micros int64) {
		at := time.UnixMicro(micros)
		if got, want := pipeline.TimeValue(at).String(), at.UTC().Format(time.RFC3339Nano); got != want {
			t.Fatalf("microsecond %d: %q, want %q", micros, got, want)
		}
	}
	for days := int64(-135_500); days < 11_000; days++ { // 400 years, after which all comes again
		date(days)
	}
	const day, first, last = 86_400 * 1_000_000, -719_162, 2_932_896
	for _, days := range []int64{first - 1, first, last, last + 1} {
		date(days)
	}
	for _, edge := range []int64{0, first * day, (last + 1) * day, math.MaxInt64 - day, math.MinInt64 + day} {
		for _, off := range []int64{-1_000_000, -1, 0, 1, 10, 100_000, 123_450} {
			instant(edge + off)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		date(rapid.Int64Range(first-400, last+400).Draw(t, "days"))
		instant(rapid.OneOf(rapid.Int64(), rapid.Int64Range((first-40)*day, (last+40)*day)).Draw(t, "micros"))
	})
}
