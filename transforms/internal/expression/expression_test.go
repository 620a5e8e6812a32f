package expression

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// A column of the row that all tests use, with its type and value.
type column struct {
	name  string
	typ   pipeline.Type
	value pipeline.Value
}

func text2(s string) pipeline.Value { return pipeline.StringValue(s) }

var columns = []column{
	{"s", pipeline.String, text2("  Ünïcode Text ")},
	{"email", pipeline.String, text2("Ada@Example.COM")},
	{"empty", pipeline.String, text2("")},
	{"digits", pipeline.String, text2(" 42 ")},
	{"money", pipeline.String, text2("12,50")},
	{"day_text", pipeline.String, text2("31.12.2023")},
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
	{"any_text", pipeline.Null, text2("five")},
	{"null_s", pipeline.String, pipeline.Value{}},
	{"null_i", pipeline.Int, pipeline.Value{}},
	{"null_b", pipeline.Bool, pipeline.Value{}},
	{"null_d", pipeline.Date, pipeline.Value{}},
	{"null_f", pipeline.Float, pipeline.Value{}},
	{"First name", pipeline.String, text2("Ada")},
	{"lower", pipeline.String, text2("a column named like a function")},
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

// TestRowErrors proves that what has no exact value is an error of the row, with its place in the expression.
func TestRowErrors(t *testing.T) {
	schema, values := row()
	for source, want := range map[string]string{
		`big + 1`:                  `character 5: 9223372036854775807 + 1 doesn't fit into 64 bits: write decimal(x)`,
		`1 + big * 2`:              `character 9: 9223372036854775807 * 2 doesn't fit into 64 bits: write decimal(x)`,
		`least - 1`:                `character 7: -9223372036854775808 - 1 doesn't fit into 64 bits: write decimal(x)`,
		`-least`:                   `character 1: 0 - -9223372036854775808 doesn't fit into 64 bits: write decimal(x)`,
		`least * -1`:               `character 7: -9223372036854775808 * -1 doesn't fit into 64 bits: write decimal(x)`,
		`abs(least)`:               `character 1: 0 - -9223372036854775808 doesn't fit into 64 bits: write decimal(x)`,
		`i / 0`:                    `character 3: division by zero`,
		`i % (i - 7)`:              `character 3: division by zero`,
		`price / (price - 0.1)`:    `character 7: division by zero`,
		`f / 0`:                    `character 3: division by zero`,
		`huge * 10`:                `character 6: 1.7976931348623157e+308 * 10 is no finite number`,
		`inf - inf`:                `character 5: +Inf - +Inf is no finite number`,
		`nan`:                      `character 1: NaN is no finite number`,
		`nan > 1`:                  `character 5: NaN is no finite number`,
		`nan == nan`:               `character 5: NaN is no finite number`,
		`odd + f`:                  `character 5: 9007199254740993 has more digits than a float keeps: convert one of them, as with decimal(x) or float(x)`,
		`any_int + any_text`:       `character 9: + needs numbers, found int "5" and string "five"`,
		`any_int > any_text`:       `character 9: int "5" can't be compared with string "five": convert one of them, as with int(x), decimal(x), date(x) or string(x)`,
		`any_int and yes`:          `character 1: expected true or false, found int "5"`,
		`any_int contains "a"`:     `character 9: contains needs text, found int "5"`,
		`lower(any_int)`:           `character 7: expected text, found int "5"`,
		`int(money)`:               `character 1: string "12,50" is no whole number: expected digits such as -12`,
		`decimal(money)`:           `character 1: string "12,50" is no decimal number: expected digits such as -12.50`,
		`float("NaN")`:             `character 1: string "NaN" is no number: expected a number such as -12.5 or 1e3`,
		`int(1.5)`:                 `character 1: decimal "1.5" is no whole number of 64 bits: write int(round(x))`,
		`int(huge)`:                `character 1: float "1.7976931348623157e+308" is no whole number of 64 bits: write int(round(x))`,
		`bool("maybe")`:            `character 1: string "maybe" is no truth value: expected true or false, yes or no, 1 or 0`,
		`date(day_text)`:           `character 1: string "31.12.2023" is no date: expected YYYY-MM-DD; other spellings are read by to_date(x, format)`,
		`date("2023-02-29")`:       `character 1: string "2023-02-29" is no date: expected YYYY-MM-DD; other spellings are read by to_date(x, format)`,
		`to_date(s, "YYYY-MM-DD")`: `character 1: "  Ünïcode Text " isn't written as YYYY-MM-DD`,
		`substr(s, 0)`:             `character 1: substr counts characters from 1: found 0 and 1048576`,
		`split_part(s, " ", 0)`:    `character 1: split_part counts parts from 1, or from -1 at the end: found 0`,
		`lpad(s, 99999999)`:        `character 1: the result is longer than 1048576 bytes`,
		`date_trunc("century", d)`: `character 1: unknown unit "century": expected year, quarter, month, week, day, hour, minute or second`,
		`d + big`:                  `character 3: 2023-12-31 + 9223372036854775807 days is too far`,
		`json_get("{", "a")`:       `character 1: "{" is no JSON document: unexpected EOF`,
		`json_get("1 2", "a")`:     `character 1: "1 2" is no JSON document: more follows its end`,
		`round(1.5, 1000)`:         `character 1: round takes from -100 to 100 places, not 1000`,
		`replace(lpad("", 1000000, "x"), "x", "yyyyyyyy")`: `character 1: the result is longer than 1048576 bytes`,
	} {
		p, err := Compile(source, schema)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		v, err := p.Eval(values)
		rejected, ok := errors.AsType[*pipeline.RowError](err)
		if !ok || rejected.Code != "expression" || !v.IsNull() {
			t.Errorf("%s = %s, %v; want an error of the row", source, v, err)
			continue
		}
		if diff := cmp.Diff(fmt.Sprintf("expression %q, %s", source, want), err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", source, diff)
		}
	}
}

// TestCompileErrors proves that what can be seen to be wrong is, before a row moves, with its place.
func TestCompileErrors(t *testing.T) {
	schema, _ := row()
	for source, want := range map[string]string{
		``:                               `character 1: unexpected token EOF`,
		`i +`:                            `character 3: unexpected token EOF`,
		`"ü" + emial`:                    `character 7: unknown column "emial" (did you mean email?)`,
		`lowr(s)`:                        `character 1: unknown function "lowr" (did you mean lower?)`,
		`now()`:                          `character 1: now isn't available: its value changes from run to run, so that every row would be written again and again (use a column, such as one that the source computes)`,
		`map([1], {# + 1})`:              `character 1: unknown function "map"`,
		`let x = 1; x`:                   `character 5: let isn't supported in expressions`,
		`1; 2`:                           `character 1: a sequence isn't supported in expressions`,
		`j.a`:                            `character 3: access to members isn't supported in expressions`,
		`s[1:2]`:                         `character 2: slicing isn't supported in expressions`,
		`[1]`:                            `character 1: a list outside of in isn't supported in expressions`,
		`1..3`:                           `character 2: operator .. isn't supported`,
		`2 ** 3`:                         `character 3: operator ** isn't supported`,
		`s > 1`:                          `character 3: string can't be compared with int (convert one of them, as with int(x), decimal(x), date(x) or string(x))`,
		`i in ["a"]`:                     `character 7: int can't be compared with string`,
		`i in s`:                         `character 3: in needs a list, such as [1, 2]`,
		`d > "2024-01-01"`:               `character 3: date can't be compared with string`,
		`s + 1`:                          `character 3: + doesn't go with string and int`,
		`price * f`:                      `character 7: a decimal and a float don't mix, since digits would get lost: convert one of them, as with decimal(x) or float(x)`,
		`price % 2`:                      `character 7: % doesn't go with decimal and int`,
		`-s`:                             `character 2: - needs a number, not string`,
		`not i`:                          `character 5: not needs true or false, not int`,
		`yes && s`:                       `character 8: && needs true or false, not string`,
		`s ? 1 : 2`:                      `character 1: the condition needs true or false, not string`,
		`s > nil`:                        `character 3: nothing is > nil: ask x == nil or x != nil`,
		`lower(i)`:                       `character 7: lower needs text here, not int (write string(x))`,
		`lower()`:                        `character 1: lower takes 1 arguments, not 0`,
		`substr(s)`:                      `character 1: substr takes 2 to 3 arguments, not 1`,
		`coalesce(s)`:                    `character 1: coalesce takes at least 2 arguments, not 1`,
		`s matches "("`:                  "character 11: error parsing regexp: missing closing ): `(`",
		`s matches email`:                `character 11: a regular expression must be a text in quotes`,
		`to_date(s, "Q YYYY")`:           `character 12: "Q" isn't a part of a date format`,
		`column(s)`:                      `character 1: column takes the name of a column in quotes, such as column("First name")`,
		`column("Frist name")`:           `character 1: unknown column "Frist name" (did you mean First name?)`,
		`9223372036854775808`:            `character 19: invalid integer literal`,
		strings.Repeat("x", 20000):       `character 1: the expression is longer than 16384 bytes`,
		strings.Repeat("1+", 5000) + "1": `character 2002: compilation failed: expression exceeds maximum allowed nodes`,
	} {
		_, err := Compile(source, schema)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%.40s: got %v, want an Error", source, err)
			continue
		}
		got := e.Error()
		if e.Hint != "" {
			got += " (" + e.Hint + ")"
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%.40s:\n got %s\nwant %s", source, got, want)
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

// FuzzExpression proves that no expression makes the compiler or the evaluation panic, and that values have the type
// that was announced.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{`lower(trim(s)) + "|" + email`, `i in [1, 2.5] and not (f > 1)`, `round(dec * 1.1, 2)`, `to_date(day_text, "DD.MM.YYYY") + 1`, `-9223372036854775807 - 1`, `nil ?? nil`, `{"a": 1}`, `if yes {1} else {2}`, `::lower(s)`, `s?.a`, `b"x"`} {
		f.Add(seed)
	}
	schema, values := row()
	f.Fuzz(func(t *testing.T, source string) {
		p, err := Compile(source, schema)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Column < 1 || e.Column > len([]rune(source))+1 {
				t.Errorf("%q: error %v outside of the expression", source, err)
			}
			return
		}
		v, err := p.Eval(values)
		if err == nil && !v.IsNull() && p.Type() != pipeline.Null && p.Type() != v.Type() {
			t.Errorf("%q: announced %s, got %s", source, p.Type(), v.Type())
		}
	})
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
