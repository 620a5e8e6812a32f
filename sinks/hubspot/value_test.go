package hubspot

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

func definitionOf(typ, fieldType string, options ...string) crm.PropertyDefinition {
	d := crm.PropertyDefinition{Name: "p", Type: typ, FieldType: fieldType}
	for _, o := range options {
		d.Options = append(d.Options, crm.Option{Label: "Label " + o, Value: o})
	}
	return d
}

// TestEncode proves how each type of value is written to each type of property, and what is refused.
func TestEncode(t *testing.T) {
	at := time.Date(2026, 11, 20, 9, 30, 0, 123_456_000, time.UTC)
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	text := definitionOf("string", "text")
	num := definitionOf("number", "number")
	truth := definitionOf("bool", "booleancheckbox")
	day := definitionOf("date", "date")
	instant := definitionOf("datetime", "date")
	one := definitionOf("enumeration", "select", "A", "B", "Blue")
	many := definitionOf("enumeration", "checkbox", "A", "B")
	external := definitionOf("enumeration", "select")
	external.ExternalOptions = true
	s := pipeline.StringValue
	for _, test := range []struct {
		name string
		def  crm.PropertyDefinition
		in   pipeline.Value
		want string
		code string
	}{
		{"text", text, s("Åse "), "Åse ", ""},
		{"empty text clears", num, s(""), "", ""},
		{"nul is left out", text, s("a\x00b"), "ab", ""},
		{"not utf-8", text, s("a\xff"), "", "bad_text"},
		{"as long as may be", text, s(strings.Repeat("é", 65_536)), strings.Repeat("é", 65_536), ""},
		{"too long", text, s(strings.Repeat("é", 65_537)), "", "too_long"},
		{"int in text", text, pipeline.IntValue(-7), "-7", ""},
		{"float in text", text, pipeline.FloatValue(1e21), "1000000000000000000000", ""},
		{"json in text", text, pipeline.JSONValue(`{"a":1}`), `{"a":1}`, ""},
		{"date in text", text, pipeline.DateValue(1), "1970-01-02", ""},
		{"phone", definitionOf("phone_number", "phonenumber"), s("+47 22 00"), "+47 22 00", ""},
		{"int", num, pipeline.IntValue(math.MinInt64), "-9223372036854775808", ""},
		{"decimal is exact", num, pipeline.DecimalValue("12345678901234567890.120"), "12345678901234567890.120", ""},
		{"float without exponent", num, pipeline.FloatValue(1e-7), "0.0000001", ""},
		{"two signs", num, s("+-5"), "", "bad_number"},
		{"nan", num, pipeline.FloatValue(math.NaN()), "", "bad_number"},
		{"infinity", num, pipeline.FloatValue(math.Inf(1)), "", "bad_number"},
		{"number in text", num, s(" +12.50 "), "12.50", ""},
		{"bare point", num, s("-.5"), "-0.5", ""},
		{"exponent", num, s("1e3"), "", "bad_number"},
		{"thousands", num, s("1,000"), "", "bad_number"},
		{"two points", num, s("1.2.3"), "", "bad_number"},
		{"numeric nan", num, pipeline.DecimalValue("NaN"), "", "bad_number"},
		{"bool as number", num, pipeline.BoolValue(true), "", "bad_number"},
		{"bool", truth, pipeline.BoolValue(true), "true", ""},
		{"bool in text", truth, s("FALSE"), "false", ""},
		{"yes", truth, s("yes"), "", "bad_bool"},
		{"one", truth, pipeline.IntValue(1), "", "bad_bool"},
		{"date", day, pipeline.DateValue(20_777), "2026-11-20", ""},
		{"midnight", day, pipeline.TimeValue(midnight), "2026-11-20", ""},
		{"not midnight", day, pipeline.TimeValue(at), "", "bad_date"},
		{"date in text to date", day, s("2026-11-20"), "2026-11-20", ""},
		{"no such day", day, s("2026-02-30"), "", "bad_date"},
		{"american date", day, s("11/20/2026"), "", "bad_date"},
		{"year 10000", day, pipeline.DateValue(3_000_000), "", "bad_date"},
		{"instant", instant, pipeline.TimeValue(at), "2026-11-20T09:30:00.123Z", ""},
		{"date to instant", instant, pipeline.DateValue(20_777), "2026-11-20T00:00:00.000Z", ""},
		{"offset", instant, s("2026-11-20T10:30:00+01:00"), "2026-11-20T09:30:00.000Z", ""},
		{"no offset", instant, s("2026-11-20T10:30:00"), "", "bad_datetime"},
		{"epoch seconds", instant, pipeline.IntValue(1_763_629_200), "", "bad_datetime"},
		{"epoch milliseconds", instant, pipeline.IntValue(1_763_629_200_123), "2025-11-20T09:00:00.123Z", ""},
		{"epoch milliseconds in text", instant, s(" 1763629200123 "), "2025-11-20T09:00:00.123Z", ""},
		{"epoch milliseconds before 1970", instant, pipeline.IntValue(-1_763_629_200_000), "1914-02-11T15:00:00.000Z", ""},
		{"numeric epoch milliseconds", instant, pipeline.DecimalValue("1763629200123"), "2025-11-20T09:00:00.123Z", ""},
		{"epoch with a fraction", instant, pipeline.DecimalValue("1763629200123.5"), "", "bad_datetime"},
		{"epoch microseconds", instant, pipeline.IntValue(1_763_629_200_123_456), "", "bad_datetime"},
		{"epoch out of all bounds", instant, pipeline.IntValue(math.MaxInt64), "", "bad_datetime"},
		{"epoch zero", instant, pipeline.IntValue(0), "", "bad_datetime"},
		{"epoch midnight", day, pipeline.IntValue(1_763_596_800_000), "2025-11-20", ""},
		{"epoch midnight in text", day, s("1763596800000"), "2025-11-20", ""},
		{"epoch midnight before 1970", day, pipeline.IntValue(-1_763_596_800_000), "1914-02-12", ""},
		{"epoch not at midnight", day, pipeline.IntValue(1_763_596_800_001), "", "bad_date"},
		{"epoch seconds at midnight", day, s("1763596800"), "", "bad_date"},
		{"date without hyphens", day, s("20261120"), "", "bad_date"},
		{"epoch after the year 9999", day, pipeline.IntValue(253_402_300_800_000), "", "bad_date"},
		{"option", one, s("A"), "A", ""},
		{"other case", one, s("a"), "", "bad_option"},
		{"label", one, s("Label A"), "", "bad_option"},
		{"external option", external, s("41629779"), "41629779", ""},
		{"options", many, s("A;B"), "A;B", ""},
		{"options appended", many, s(";B"), ";B", ""},
		{"options in json", many, pipeline.JSONValue(`["B","A"]`), "B;A", ""},
		{"unknown among options", many, s("A;C"), "", "bad_option"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProperty(test.def, false)
			var b strings.Builder
			got, err := p.encode(&b, test.in)
			var code string
			if e, ok := errors.AsType[*pipeline.RowError](err); ok {
				code = e.Code
			}
			if got != test.want || code != test.code {
				t.Fatalf("got %.80q, code %q (%v); want %.80q, code %q", got, code, err, test.want, test.code)
			}
			if err != nil {
				return
			}
			if again, err := p.encode(&b, pipeline.StringValue(got)); again != got || err != nil {
				t.Errorf("encoded again: %q, %v; want the same", again, err)
			}
		})
	}
}

// TestEncodeMessage proves that an error names the property, the value and what was expected, nearest options first.
func TestEncodeMessage(t *testing.T) {
	p := newProperty(definitionOf("enumeration", "select", "red", "green", "blue"), false)
	var b strings.Builder
	_, err := p.encode(&b, pipeline.StringValue("gren"))
	want := `property "p": "gren" doesn't fit: expected "green", "red" or "blue"`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestEncodeEpoch proves that a number which is no date is told to be seconds, or what instant it is.
func TestEncodeEpoch(t *testing.T) {
	for in, want := range map[string]string{
		"1763596800":    "doesn't fit: it is too small for milliseconds since 1970: multiply seconds by 1000, or send a date YYYY-MM-DD",
		"1763629200000": "doesn't fit: as milliseconds since 1970 it is 2025-11-20T09:00:00.000Z, and a date must be at 00:00 UTC",
	} {
		p := newProperty(definitionOf("date", "date"), false)
		var b strings.Builder
		if _, err := p.encode(&b, pipeline.StringValue(in)); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got  %v\nwant … %s", in, err, want)
		}
	}
}

// TestTranslate proves that labels and addresses become values, and that values pass as they are.
func TestTranslate(t *testing.T) {
	p := newProperty(definitionOf("enumeration", "checkbox", "A", "B"), false)
	p.vocabulary(p.wanted, p.unknown)
	p.learn("label a", "A")
	p.learn("label b", "B")
	p.learn("b", "A")
	p.labels, p.wanted, p.unknown = []string{"Label A", "Label B"}, "option's label", "bad_option"
	var b strings.Builder
	for in, want := range map[string]string{"Label A;label b": "A;B", "A": "A", "Label C": "", "B": ""} {
		got, err := p.encode(&b, pipeline.StringValue(in))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
}

// TestTranslateExactly proves that of labels which differ only by case the equal one counts, and that a label of several
// options is refused, with what to write instead.
func TestTranslateExactly(t *testing.T) {
	p := newProperty(definitionOf("enumeration", "select"), false)
	p.vocabulary("option's label", "bad_option")
	for _, o := range [][2]string{{"Gold", "g1"}, {"gold", "g2"}, {"Tin", "t1"}, {"Tin", "t2"}, {"Lead", "l1"}, {"Lead", "l1"}} {
		p.learn(o[0], o[1])
	}
	var b strings.Builder
	for in, want := range map[string]string{"Gold": "g1", "gold": "g2", "GOLD": "", "Tin": "", "lead": "l1"} {
		got, err := p.encode(&b, pipeline.StringValue(in))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	_, err := p.encode(&b, pipeline.StringValue("tin"))
	if want := `it is the option's label of several: write one of their values instead, "t1" or "t2"`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant … %s", err, want)
	}
}

// TestDecimal proves that any decimal number keeps its digits, and that folding it gives one form for one number.
func TestDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-+]?[0-9]{1,30}(\.[0-9]{0,30})?`).Draw(t, "number")
		got, ok := decimal(text)
		if !ok {
			t.Fatalf("%q isn't taken", text)
		}
		if diff := cmp.Diff(foldNumber(text), foldNumber(got)); diff != "" {
			t.Fatalf("%q became %q: %s", text, got, diff)
		}
		if foldNumber(text+"0") != foldNumber(text) && strings.Contains(text, ".") {
			t.Fatalf("%q and %q differ", text, text+"0")
		}
	})
}

// FuzzEncode proves that no text makes encoding panic, or gives a text that HubSpot can't hold.
func FuzzEncode(f *testing.F) {
	f.Add("2026-11-20", uint8(3))
	f.Add("-1.5", uint8(1))
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		p := property{name: "p", kind: kind(which % 7)}
		var b strings.Builder
		got, err := p.encode(&b, pipeline.StringValue(text))
		if err == nil && strings.Contains(got, "\x00") {
			t.Errorf("%q has a NUL", got)
		}
	})
}
