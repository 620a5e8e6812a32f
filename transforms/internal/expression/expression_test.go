package expression

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
)

// A column of the row that all tests use, with its type and value.
type column struct {
	name  string
	typ   pipeline.Type
	value pipeline.Value
}

func str(s string) pipeline.Value { return pipeline.StringValue(s) }

var columns = []column{
	{"s", pipeline.String, str("  Ünïcode Text ")},
	{"email", pipeline.String, str("Ada@Example.COM")},
	{"empty", pipeline.String, str("")},
	{"digits", pipeline.String, str(" 42 ")},
	{"money", pipeline.String, str("12,50")},
	{"day_text", pipeline.String, str("31.12.2023")},
	{"i", pipeline.Int, pipeline.IntValue(7)},
	{"big", pipeline.Int, pipeline.IntValue(math.MaxInt64)},
	{"odd", pipeline.Int, pipeline.IntValue(1<<53 + 1)},
	{"least", pipeline.Int, pipeline.IntValue(math.MinInt64)},
	{"dec", pipeline.Decimal, pipeline.DecimalValue("1234567890123456789.10")},
	{"price", pipeline.Decimal, pipeline.DecimalValue("0.10")},
	{"f", pipeline.Float, pipeline.FloatValue(0.1)},
	{"huge", pipeline.Float, pipeline.FloatValue(math.MaxFloat64)},
	{"nan", pipeline.Float, pipeline.FloatValue(math.NaN())},
	{"inf", pipeline.Float, pipeline.FloatValue(math.Inf(1))},
	{"yes", pipeline.Bool, pipeline.BoolValue(true)},
	{"no", pipeline.Bool, pipeline.BoolValue(false)},
	{"d", pipeline.Date, pipeline.DateValue(19722)}, // 2023-12-31
	{"t", pipeline.Time, pipeline.TimeValue(time.Date(2024, 2, 29, 13, 45, 59, 0, time.UTC))},
	{"j", pipeline.JSON, pipeline.JSONValue(`{"a":1}`)},
	{"any_int", pipeline.Null, pipeline.IntValue(5)},
	{"any_text", pipeline.Null, str("five")},
	{"null_s", pipeline.String, pipeline.Value{}},
	{"null_i", pipeline.Int, pipeline.Value{}},
	{"null_b", pipeline.Bool, pipeline.Value{}},
	{"null_d", pipeline.Date, pipeline.Value{}},
	{"null_f", pipeline.Float, pipeline.Value{}},
	{"First name", pipeline.String, str("Ada")},
	{"lower", pipeline.String, str("a column named like a function")},
}

func row() (*pipeline.Schema, []pipeline.Value) {
	s := &pipeline.Schema{}
	var values []pipeline.Value
	for _, c := range columns {
		s.Fields = append(s.Fields, pipeline.Field{Name: c.name, Type: c.typ})
		values = append(values, c.value)
	}
	return s, append(values, pipeline.Value{})[:len(values)]
}

// TestValues proves what expressions evaluate to: "type text", or null, and that the type known before is the value's.
func TestValues(t *testing.T) {
	schema, values := row()
	tests := map[string]string{
		// literals and columns
		`1`: "int 1", `-1`: "int -1", `0x10`: "int 16", `1_000`: "int 1000", `"a"`: "string a", `'b'`: "string b", `true`: "bool true", `nil`: "null",
		`1.10`: "decimal 1.10", `0.1234567890123456789012345`: "decimal 0.1234567890123456789012345", `1e3`: "decimal 1000", `.5`: "decimal 0.5",
		`i`: "int 7", `column("First name")`: "string Ada", `lower`: "string a column named like a function", `d`: "date 2023-12-31",
		// nulls
		`lower(null_s)`: "null", `null_s + "x"`: "null", `"x" + null_s`: "null", `null_i > 3`: "null", `null_i + 1`: "null", `-null_i`: "null",
		`null_s == null_s`: "null", `null_s != ""`: "null", `null_s == nil`: "bool true", `null_s != nil`: "bool false", `nil == s`: "bool false",
		`null_s in ["a"]`: "null", `"a" in ["b", null_s]`: "null", `"a" in ["a", null_s]`: "bool true", `i not in [1, 2]`: "bool true", `i in [1, 7.0]`: "bool true",
		`null_b and false`: "bool false", `null_b and true`: "null", `null_b or true`: "bool true", `null_b or false`: "null", `not null_b`: "null",
		`false and null_b`: "bool false", `true and null_b`: "null", `true or null_b`: "bool true", `false or null_b`: "null", `yes and not no`: "bool true",
		`null_b ? 1 : 2`: "int 2", `no ? nil : 2`: "int 2", `yes ? nil : 2`: "null", `if yes { 1 } else { 2 }`: "int 1",
		`null_s ?? "x"`: "string x", `null_s ?? null_s ?? "y"`: "string y",
		`coalesce(null_s, empty, "x")`: "string ", `nullif(empty, "")`: "null", `nullif(i, 8)`: "int 7", `nullif(null_i, 8)`: "null",
		`null_s contains "a"`: "null", `null_d + 1`: "null", `year(null_d)`: "null", `round(null_f, 2)`: "null", `int(null_s)`: "null", `concat("a", null_s)`: "null",
		`concat_ws("-", "a", null_s, 1, d)`: "string a-1-2023-12-31", `concat_ws(null_s, "a")`: "null",
		// text
		`lower(trim(s))`: "string ünïcode text", `upper(email)`: "string ADA@EXAMPLE.COM", `email | lower()`: "string ada@example.com",
		`length(trim(s))`: "int 12", `trim("xxaxx", "x")`: "string a", `ltrim(" a ")`: "string a ", `rtrim(" a ")`: "string  a",
		`substr("Ünïc", 2)`: "string nïc", `substr("Ünïc", 2, 2)`: "string nï", `substr("ab", 9)`: "string ", `substr("ab", 1, 0)`: "string ",
		`left("Ünï", 2)`: "string Ün", `right("Ünï", 2)`: "string nï", `right("a", 5)`: "string a", `left("a", -1)`: "string ", `lpad("7", 3, "0")`: "string 007", `lpad("ü", 4, "ab")`: "string abaü",
		`replace("a-b-c", "-", "")`: "string abc", `replace("ab", "", "x")`: "string ab", `regexp_replace("a1b22", "[0-9]+", "<$0>")`: "string a<1>b<22>",
		`regexp_extract(email, "@(.*)$")`: "string Example.COM", `regexp_extract(email, "^[A-Z]")`: "string A", `regexp_extract(email, "^#")`: "null",
		`split_part("a,b,c", ",", 2)`: "string b", `split_part("a,b,c", ",", -1)`: "string c", `split_part("a", ",", 2)`: "string ", `split_part("a", "", 1)`: "string a",
		`starts_with(email, "Ada")`: "bool true", `ends_with(email, "x")`: "bool false", `email startsWith "Ada" and email endsWith "COM"`: "bool true",
		`email matches "(?i)^ada@"`: "bool true", `email not matches "^x"`: "bool true", `email contains "@"`: "bool true", `j contains "a"`: "bool true", `length(j)`: "int 7",
		`"a" + "b" + "c"`: "string abc", `concat("a", 1, 0.50, true, d)`: "string a10.50true2023-12-31", `"b" > "a"`: "bool true",
		`sha256("a")`: "string ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
		// numbers
		`i + 1`: "int 8", `i * -2`: "int -14", `i % 4`: "int 3", `-i % 4`: "int -3", `i / 2`: "decimal 3.5", `1 / 3`: "decimal 0.33333333333333333333", `-2 / 3`: "decimal -0.66666666666666666667", `6 / 3`: "decimal 2",
		`dec + 1`: "decimal 1234567890123456790.10", `dec * 1.1`: "decimal 1358024679135802468.010", `price + price + price`: "decimal 0.30", `dec - dec`: "decimal 0.00", `-dec`: "decimal -1234567890123456789.10",
		`price == 0.1`: "bool true", `price == 0.1000`: "bool true", `dec > 1234567890123456789`: "bool true", `dec > 1234567890123456789.1`: "bool false", `big > 9223372036854775806`: "bool true", `odd == 9007199254740992`: "bool false",
		`f == 0.1`: "bool true", `f < price`: "bool false", `f + 1`: "float 1.1", `f * 2.5`: "float 0.25", `odd > f`: "bool true", `big == float(big)`: "bool false", `f + float(price)`: "float 0.2",
		`round(2.345, 2)`: "decimal 2.35", `round(-2.345, 2)`: "decimal -2.35", `round(2.5)`: "decimal 3", `round(1234, -2)`: "int 1200", `round(1250.5, -2)`: "decimal 1300", `round(f, 3)`: "float 0.1", `round(1.5, 3)`: "decimal 1.500", `round(-0.4)`: "decimal 0",
		`floor(-1.5)`: "decimal -2", `ceil(-1.5)`: "decimal -1", `ceil(1.01)`: "decimal 2", `floor(f)`: "float 0", `abs(-7)`: "int 7", `abs(-0.10)`: "decimal 0.10", `abs(f)`: "float 0.1",
		`any_int + 1`: "int 6", `any_int > 4`: "bool true", `any_text + "!"`: "string five!",
		`big - 1 + 1`: "int 9223372036854775807", `least + 1`: "int -9223372036854775807", `decimal(big) + 1`: "decimal 9223372036854775808",
		`1 < i < 10`: "bool true", `1 == 1.0`: "bool true",
		// conversions
		`int(digits)`: "int 42", `int(7.00)`: "int 7", `int(yes)`: "int 1", `decimal(" 1.50 ")`: "decimal 1.50", `decimal(f)`: "decimal 0.1", `float("1e3")`: "float 1000", `float(dec)`: "float 1.2345678901234568e+18",
		`string(dec)`: "string 1234567890123456789.10", `string(t)`: "string 2024-02-29T13:45:59Z", `bool("Yes")`: "bool true", `bool(0)`: "bool false",
		`date("2024-02-29")`: "date 2024-02-29", `date(t)`: "date 2024-02-29", `time(d)`: "time 2023-12-31T00:00:00Z", `time("2024-01-02T03:04:05+01:00")`: "time 2024-01-02T02:04:05Z", `time("2024-01-02 03:04:05")`: "time 2024-01-02T03:04:05Z",
		`time(" 2024-01-02T03:04:05.5 ")`: "time 2024-01-02T03:04:05.5Z", `time("2024-01-02")`: "time 2024-01-02T00:00:00Z", `decimal(" +01.50 ")`: "decimal 1.50",
		// parts of JSON
		`json_get(j, "a")`: "int 1", `json_get(j, "b")`: "null", `json_get(j, "a.b")`: "null", `json_get(j, "a") + 1`: "int 2", `json_get(null_s, "a")`: "null",
		`json_get('{"x": [{"y": 1.50}, "z", true, null, 1e3, 12345678901234567890, {"k": [1]}]}', "x.0.y")`: "decimal 1.50",
		`json_get('{"x": [{"y": 1.50}, "z", true, null, 1e3, 12345678901234567890, {"k": [1]}]}', "x.1")`:   "string z",
		`json_get('["a", true, null, 1e3, 12345678901234567890, {"k": [1.0]}]', "1")`:                       "bool true",
		`json_get('["a", true, null, 1e3, 12345678901234567890, {"k": [1.0]}]', "2")`:                       "null",
		`json_get('["a", true, null, 1e3, 12345678901234567890, {"k": [1.0]}]', "3")`:                       "float 1000",
		`json_get('["a", true, null, 1e3, 12345678901234567890, {"k": [1.0]}]', "4")`:                       "decimal 12345678901234567890",
		`json_get('["a", true, null, 1e3, 12345678901234567890, {"k": [1.0]}]', "5")`:                       `json {"k":[1.0]}`,
		`json_get('["a"]', "-1")`: "null", `json_get('["a"]', "9")`: "null",
		// dates
		`d < date("2024-01-01")`: "bool true", `d == time(d)`: "bool true", `t > d`: "bool true", `d + 1`: "date 2024-01-01", `d - 365`: "date 2022-12-31", `d - date("2023-01-01")`: "int 364",
		`to_date(day_text, "DD.MM.YYYY")`: "date 2023-12-31", `to_date("1/2/24", "M/D/YY")`: "date 2024-01-02", `to_date("5 March 1999", "D Month YYYY")`: "date 1999-03-05", `to_time("20240102 030405", "YYYYMMDD HH24MISS")`: "time 2024-01-02T03:04:05Z",
		`format_date(d, "DD.MM.YYYY")`: "string 31.12.2023", `date_trunc("month", d)`: "date 2023-12-01", `date_trunc("week", d)`: "date 2023-12-25", `date_trunc("quarter", t)`: "time 2024-01-01T00:00:00Z", `date_trunc("hour", t)`: "time 2024-02-29T13:00:00Z",
		`year(t) * 100 + month(t)`: "int 202402", `day(d)`: "int 31", `date("1969-12-31")`: "date 1969-12-31", `date(time("1969-12-31T23:00:00Z"))`: "date 1969-12-31",
	}
	for source, want := range tests {
		p, err := Compile(source, schema)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if err := Check(source); err != nil {
			t.Errorf("%s, without a schema: %v", source, err)
		}
		v, err := p.Eval(values)
		got := strings.TrimSuffix(v.Type().String()+" "+v.String(), " ")
		if v.IsNull() {
			got = "null"
		}
		if err != nil || got != strings.TrimSuffix(want, " ") {
			t.Errorf("%s = %s, %v; want %s", source, got, err, want)
		}
		if !v.IsNull() && p.Type() != pipeline.Null && p.Type() != v.Type() {
			t.Errorf("%s: type %s was announced, got %s", source, p.Type(), v.Type())
		}
	}
}

// TestColumns proves that the columns of an expression are known without a schema.
func TestColumns(t *testing.T) {
	for source, want := range map[string][]string{
		`lower(email) + lower + (b ?? c)`:   {"b", "c", "email", "lower"},
		`x in [1, y] ? column("a b") : nil`: {"a b", "x", "y"},
		`1 + 2`:                             nil,
	} {
		got, ok := Columns(source)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", source, got, ok, want)
		}
	}
	if _, ok := Columns("a +"); ok {
		t.Error("columns of what isn't an expression")
	}
}

// TestExactDecimals proves arithmetic on decimals by its inverses.
func TestExactDecimals(t *testing.T) {
	for _, pair := range [][2]string{{"0.1", "0.2"}, {"-99999999999999999999.99", "0.01"}, {"123456789.123456789", "-987654321.000000001"}, {"0", "-0.5"}} {
		a, b := pipeline.DecimalValue(pair[0]), pipeline.DecimalValue(pair[1])
		sum, err := arithmetic("+", a, b, false)
		if err != nil {
			t.Fatal(err)
		}
		back, err := arithmetic("-", sum, b, false)
		if n, _ := compareNumbers(back, a); n != 0 || err != nil {
			t.Errorf("%s + %s - %s = %s, %v", a, b, b, back, err)
		}
		product, err := arithmetic("*", a, b, false)
		if err != nil {
			t.Fatal(err)
		}
		back, err = arithmetic("/", product, b, false)
		if n, _ := compareNumbers(back, a); n != 0 || err != nil {
			t.Errorf("%s * %s / %s = %s, %v", a, b, b, back, err)
		}
	}
	x := strings.Repeat("9", 600)
	if _, err := arithmetic("*", pipeline.DecimalValue(x), pipeline.DecimalValue(x), false); err == nil {
		t.Error("a product of 1,200 digits")
	}
}

// BenchmarkEval measures what an expression costs for each row.
func BenchmarkEval(b *testing.B) {
	schema, values := row()
	for name, source := range map[string]string{
		"column": `email`,
		"text":   `lower(trim(email)) + "|" + email + " " + s`,
		"filter": `email in ["a", "b"] or i > 100 and price > 0.05`,
		"money":  `round(price * 1.19, 2)`,
	} {
		b.Run(name, func(b *testing.B) {
			p, err := Compile(source, schema)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Eval(values); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
