package pipeline_test

import (
	"testing"

	"sluice/pipeline"
)

func TestParseText(t *testing.T) {
	for _, test := range []struct {
		typ        pipeline.Type
		text, want string // want "" means that the text spells none
	}{
		{pipeline.Bool, " Yes ", "true"}, {pipeline.Bool, "off", "false"}, {pipeline.Bool, "maybe", ""},
		{pipeline.Int, "-12", "-12"}, {pipeline.Int, "9223372036854775807", "9223372036854775807"}, {pipeline.Int, "9223372036854775808", ""}, {pipeline.Int, "1.0", ""},
		{pipeline.Decimal, "+001.50", "+001.50"}, {pipeline.Decimal, ".5", ".5"}, {pipeline.Decimal, "1e3", ""}, {pipeline.Decimal, "1.2.3", ""}, {pipeline.Decimal, "-", ""},
		{pipeline.Float, "6e23", "6e+23"}, {pipeline.Float, "NaN", ""}, {pipeline.Float, "Inf", ""}, {pipeline.Float, "0x1p3", ""}, {pipeline.Float, "1e999", ""},
		{pipeline.Date, "2024-02-29", "2024-02-29"}, {pipeline.Date, "2023-02-29", ""}, {pipeline.Date, "0000-01-01", ""}, {pipeline.Date, "0001-01-01", "0001-01-01"},
		{pipeline.Time, "2026-09-30 12:00:00.5+02", "2026-09-30T10:00:00.5Z"}, {pipeline.Time, "2026-09-30 12:00:00", ""}, {pipeline.Time, "9999-12-31T23:59:59-01:00", ""},
		{pipeline.JSON, ` {"a": 1}`, ` {"a": 1}`}, {pipeline.JSON, "{", ""},
		{pipeline.String, " x ", " x "}, {pipeline.Null, "x", ""}, {pipeline.Ref, "x", ""},
	} {
		v, ok := pipeline.ParseText(test.typ, test.text)
		if ok != (test.want != "") || ok && (v.String() != test.want || v.Type() != test.typ) {
			t.Errorf("ParseText(%s, %q) = %s %q, %v; want %q", test.typ, test.text, v.Type(), v, ok, test.want)
		}
	}
}
