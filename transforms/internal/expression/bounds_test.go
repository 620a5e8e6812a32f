package expression

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"sluice/pipeline"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestBombs proves that neither an expression nor a row's text makes an evaluation take memory without a bound: the
// result is a text of at most a MiB, or an error.
func TestBombs(t *testing.T) {
	schema, values := row()
	const mega = 1 << 20
	long := func(part string, n int) string { return strings.Repeat(part, n/len(part)) }
	for _, test := range []struct {
		name, source, s, email string
		bad                    bool
	}{
		{"references to a group, without number", `regexp_replace(s, "(.*)", email)`, long("x", mega), long("$1", mega), true},
		{"references by name", `regexp_replace(s, "(?P<a>.*)", email)`, long("x", mega), long("${a}", mega), true},
		{"a long text for each match", `regexp_replace(s, "x", email)`, long("x", mega), long("y", mega), true},
		{"a long text at each empty match", `regexp_replace(s, "", email)`, long("x", mega), long("y", mega), true},
		{"a text at each empty match", `regexp_replace(s, "", "yyyyyyyyyyyyyyyy")`, long("x", mega), "", true},
		{"a text that is too long for a pattern", `regexp_replace(s, "", "y")`, long("x", 16*mega), "", true},
		{"the same, taken apart", `regexp_extract(s, "(x)*")`, long("x", 16*mega), "", true},
		{"parts", `split_part(s, "x", 5)`, long("x", 16*mega), "", true},
		{"replaced", `replace(s, "x", email)`, long("x", mega), long("y", mega), true},
		{"padded", `lpad(s, 1000000, email)`, "", long("ö", 16*mega), true},
		{"joined", `concat_ws(s, email, email, email)`, long("x", 16*mega), long("y", mega), true},
		{"doubled again and again", long(`concat(`, 40*7) + `s` + long(`, s)`, 40*4), long("x", 100_000), "", true},
		{"decimals", `decimal(s) * decimal(s)`, long("9", 1000), "", true},
		{"an exponent", `decimal(s)`, "1e999999999", "", true},
		{"nested JSON", `json_get(s, "a")`, long("[", 16*mega), "", true},
		{"changed", `regexp_replace(s, "x", "y")`, long("x", mega), "", false},
		{"exchanged", `regexp_replace(s, "(a)(b)", "$2$1")`, long("ab", mega), "", false},
	} {
		values[0], values[1] = pipeline.StringValue(test.s), pipeline.StringValue(test.email)
		p, err := Compile(test.source, schema)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var v pipeline.Value
		if n := allocated(func() { v, err = p.Eval(values) }); n > most {
			t.Errorf("%s: %d MiB allocated", test.name, n>>20)
		}
		if (err != nil) != test.bad || len(v.Text()) > maxText {
			t.Errorf("%s: %d bytes, %v", test.name, len(v.Text()), err)
		}
	}
}

// FuzzExpression proves that no expression, on no text, makes the compiler or the evaluation panic or take memory
// without a bound; that an error is inside of the expression; that what compiles passes Check; and that values have the type
// that was announced, and are the same each time.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{`lower(trim(s)) + "|" + email`, `i in [1, 2.5] and not (f > 1)`, `round(dec * 1.1, 2)`, `to_date(day_text, "DD.MM.YYYY") + 1`,
		`-9223372036854775807 - 1`, `nil ?? nil`, `{"a": 1}`, `if yes {1} else {2}`, `::lower(s)`, `s?.a`, `b"x"`, `regexp_replace(s, "(.)", s)`,
		`decimal(s) / 3`, `date(s)`, `json_get(s, "a.0")`, `s matches "^a+$"`, `split_part(s, ",", -1)`, `lpad(s, 9, s)`, `format_date(t, s)`, `int(s) % i`} {
		f.Add(seed, "12.5,$1")
	}
	schema, _ := row()
	f.Fuzz(func(t *testing.T, source, value string) {
		_, values := row()
		values[0] = pipeline.StringValue(value)
		var p *Program
		var err error
		n := allocated(func() { p, err = Compile(source, schema) })
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Column < 1 || e.Column > len([]rune(source))+1 {
				t.Errorf("%q: error %v outside of the expression", source, err)
			}
			return
		}
		if err := Check(source); err != nil {
			t.Errorf("%q: compiles, but %v", source, err)
		}
		var v pipeline.Value
		n = max(n, allocated(func() { v, err = p.Eval(values) }))
		if n > most || len(v.Text()) > maxText+len(value) {
			t.Errorf("%q: %d MiB allocated, %d bytes of text", source, n>>20, len(v.Text()))
		}
		if err == nil && !v.IsNull() && p.Type() != pipeline.Null && p.Type() != v.Type() {
			t.Errorf("%q: announced %s, got %s", source, p.Type(), v.Type())
		}
		again, err2 := p.Eval(values)
		if (err == nil) != (err2 == nil) || again.Type() != v.Type() || again.String() != v.String() {
			t.Errorf("%q: %v, %v; then %v, %v", source, v, err, again, err2)
		}
	})
}
