package expression

import (
	"errors"
	"fmt"
	"github.com/google/go-cmp/cmp"
	"sluice/pipeline"
	"strings"
	"testing"
)

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
		`int(money)`:               `character 1: string "12,50" isn't a whole number of at most 64 bits, such as -12`,
		`decimal(money)`:           `character 1: string "12,50" isn't a decimal number, such as -1234.50`,
		`float("NaN")`:             `character 1: string "NaN" isn't a number, such as 1.5 or 6e23`,
		`int(1.5)`:                 `character 1: decimal "1.5" is no whole number of 64 bits: write int(round(x))`,
		`int(huge)`:                `character 1: float "1.7976931348623157e+308" is no whole number of 64 bits: write int(round(x))`,
		`bool("maybe")`:            `character 1: string "maybe" isn't true or false, yes or no, 1 or 0`,
		`date(day_text)`:           `character 1: string "31.12.2023" isn't a date, such as 2026-09-30; other spellings are read by to_date(x, format)`,
		`date("2023-02-29")`:       `character 1: string "2023-02-29" isn't a date, such as 2026-09-30; other spellings are read by to_date(x, format)`,
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
		`i = 3`:                          `character 3: unexpected token Operator("=") (to compare, write ==)`,
		`i > 3 AND i < 9`:                `character 7: unexpected token Identifier("AND") (write and, in small letters)`,
		`s is nil`:                       `character 3: unexpected token Identifier("is") (to ask for a null, write x == nil or x != nil)`,
		`s LIKE "a%"`:                    `character 3: unexpected token Identifier("LIKE") (write contains, starts_with(x, y), ends_with(x, y) or matches)`,
		`s IN ("a", "b")`:                `character 3: unexpected token Identifier("IN") (write in, and the list as ["a", "b"])`,
		`"ü" + emial`:                    `character 7: unknown column "emial" (did you mean "email"?)`,
		`lowr(s)`:                        `character 1: unknown function "lowr" (did you mean "lower"?)`,
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
		`lower()`:                        `character 1: lower takes 1 argument, not 0`,
		`substr(s)`:                      `character 1: substr takes 2 to 3 arguments, not 1`,
		`coalesce(s)`:                    `character 1: coalesce takes at least 2 arguments, not 1`,
		`s matches "("`:                  "character 11: error parsing regexp: missing closing ): `(`",
		`s matches email`:                `character 11: a regular expression must be a text in quotes`,
		`to_date(s, "Q YYYY")`:           `character 12: "Q" isn't a part of a date format`,
		`column(s)`:                      `character 1: column takes the name of a column in quotes, such as column("First name")`,
		`column("Frist name")`:           `character 1: unknown column "Frist name" (did you mean "First name"?)`,
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

// TestCheck proves that what is wrong whatever columns there are is found without them, and nothing else is.
func TestCheck(t *testing.T) {
	for source, want := range map[string]string{
		`lower(`:                `character 6: unexpected token EOF`,
		`lowr(s)`:               `character 1: unknown function "lowr"`,
		`substr(s)`:             `character 1: substr takes 2 to 3 arguments, not 1`,
		`s matches "("`:         "character 11: error parsing regexp: missing closing ): `(`",
		`column(s)`:             `character 1: column takes the name of a column in quotes, such as column("First name")`,
		`"a" > 1`:               `character 5: string can't be compared with int`,
		`nobody`:                "",
		`column("No body")`:     "",
		`lower(n) + n`:          "",
		`n > 3 and d > date(d)`: "",
	} {
		got := ""
		if err := Check(source); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}
