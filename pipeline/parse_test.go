package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/pipeline"
)

// TestParseText proves which spellings a type has, and that nothing else is taken for one.
func TestParseText(t *testing.T) {
	for _, test := range []struct {
		typ     pipeline.Type
		spelled map[string]string // by text, what Value.String says
		refused []string
	}{
		{pipeline.Bool, map[string]string{"TRUE": "true", "t": "true", "Yes": "true", "y": "true", "on": "true", " 1\t": "true",
			"False": "false", "F": "false", "no": "false", "N": "false", "off": "false", "0": "false"}, []string{"", "2", "maybe", "01"}},
		{pipeline.Int, map[string]string{"-9223372036854775808": "-9223372036854775808", "+7": "7", " 007\n": "7"},
			[]string{"", "9223372036854775808", "1.0", "1e3", "0x1f", "1_000", "1 2", "--1"}},
		{pipeline.Decimal, map[string]string{"+001.50": "+001.50", " .5": ".5", "5.": "5.", "-0": "-0", strings.Repeat("9", 2000): strings.Repeat("9", 2000)},
			[]string{"", ".", "-", "+-5", "1e5", "1,5", "1.2.3", "1 2", "٣", "0x1"}},
		{pipeline.Float, map[string]string{"6e23": "6e+23", " -.5 ": "-0.5", "1E-2": "0.01", "0.1": "0.1"},
			[]string{"", "NaN", "Inf", "-infinity", "0x1p4", "1e999", "1_0", "e", "1,5"}},
		{pipeline.String, map[string]string{"": "", " x ": " x "}, nil},
		{pipeline.Date, map[string]string{"0001-01-01": "0001-01-01", " 2024-02-29 ": "2024-02-29", "9999-12-31": "9999-12-31"},
			[]string{"", "0000-12-31", "2023-02-29", "31.12.2026", "2026-1-2", "10000-01-01", "2026-09-30T00:00:00Z"}},
		{pipeline.Time, map[string]string{"2026-01-02T03:04:05.123456789+01:00": "2026-01-02T02:04:05.123456Z", "2026-01-02 03:04:05.5-03": "2026-01-02T06:04:05.5Z",
			"2026-01-02 03:04:05Z": "2026-01-02T03:04:05Z", " 2026-01-02T03:04:05+02 ": "2026-01-02T01:04:05Z"},
			[]string{"", "2026-01-02", "2026-01-02 03:04:05", "2026-01-02T03:04:05", "03:04:05Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"}},
		{pipeline.JSON, map[string]string{` {"a": [1]}`: ` {"a": [1]}`, "null": "null"}, []string{"", "{", "1 2", "NaN"}},
		{pipeline.Null, nil, []string{"", "null"}},
		{pipeline.Ref, nil, []string{"", "x"}},
	} {
		for text, want := range test.spelled {
			if v, ok := pipeline.ParseText(test.typ, text); !ok || v.Type() != test.typ || v.String() != want {
				t.Errorf("ParseText(%s, %q) = %s %q, %t; want %q", test.typ, text, v.Type(), v, ok, want)
			}
		}
		for _, text := range test.refused {
			if v, ok := pipeline.ParseText(test.typ, text); ok {
				t.Errorf("ParseText(%s, %q) = %q, want none", test.typ, text, v)
			}
		}
	}
}

// TestParseTextReadsWhatValuesWrite proves that a value's text spells the value, whatever it is.
func TestParseTextReadsWhatValuesWrite(t *testing.T) {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999e3, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		for _, v := range []pipeline.Value{
			pipeline.BoolValue(rapid.Bool().Draw(t, "bool")),
			pipeline.IntValue(rapid.Int64().Draw(t, "int")),
			pipeline.DecimalValue(rapid.StringMatching(`[+-]?[0-9]{1,30}(\.[0-9]{0,30})?`).Draw(t, "decimal")),
			pipeline.FloatValue(rapid.Float64().Draw(t, "float")),
			pipeline.StringValue(rapid.String().Draw(t, "string")),
			pipeline.DateValue(rapid.Int64Range(first.Unix()/86400, last.Unix()/86400).Draw(t, "date")),
			pipeline.TimeValue(time.UnixMicro(rapid.Int64Range(first.UnixMicro(), last.UnixMicro()).Draw(t, "time"))),
		} {
			if got, ok := pipeline.ParseText(v.Type(), v.String()); !ok || !got.Equal(v) {
				t.Fatalf("ParseText(%s, %q) = %q, %t", v.Type(), v, got, ok)
			}
		}
	})
}

// TestParseDuration proves that weeks and days can be written before what Go reads, and that nothing overflows.
func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "0": 0, "-5m": -5 * time.Minute, "7d": 168 * time.Hour, "2w": 336 * time.Hour,
		"1w1d1h": 193 * time.Hour, "1d0.5h": 24*time.Hour + 30*time.Minute, "0d": 0, "9999d": 9999 * 24 * time.Hour,
	} {
		if got, err := pipeline.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "7", "d", "-1d", "1d-1h", "1d+1h", "1d1w", "1.5d", "99999d", "9999d2562047h", "1h1d", "7 d", "7days", "soon"} {
		if got, err := pipeline.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}
