package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/pipeline/config"
)

// Random files, made of what the options of kinds say of themselves and written in every way that YAML has, are valid if
// the program accepts them. Of those that it accepts there are enough to prove something.
func TestAcceptedFilesAreValid(t *testing.T) {
	s := compileSchema(t)
	references := config.References(kinds)
	tried, accepted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(references).Draw(t, "kind")
		w := writer{t}
		options := w.options(r.Options)
		if r.Shorthand && w.chance(4) {
			options = w.scalar("text", nil)
		}
		file := fileWith(r.Part, r.Name+": "+options)
		tried++
		if _, problems := parseFile(file); len(problems) > 0 {
			return
		}
		accepted++
		if err := check(s, []byte(file)); err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
	})
	if tried == 0 || accepted*10 < tried {
		t.Errorf("of %d files %d are accepted", tried, accepted)
	}
}

// A writer writes options as people may.
type writer struct{ *rapid.T }

// chance is true once in n times.
func (w writer) chance(n int) bool { return rapid.IntRange(1, n).Draw(w.T, "chance") == 1 }

// options writes a map with what must be in it, some of what may, and now and then something that mustn't.
func (w writer) options(list []config.Option) string {
	var entries []string
	for _, o := range list {
		switch {
		case o.Name == "*":
			for i := range rapid.IntRange(1, 2).Draw(w.T, "entries") {
				entries = append(entries, fmt.Sprintf("name%d: %s", i, w.value(o)))
			}
		case o.Name == "connection" && !w.chance(10):
			entries = append(entries, "connection: "+rapid.SampledFrom([]string{"crm", "warehouse", "'crm'"}).Draw(w.T, "connection"))
		case o.Required && !w.chance(20), !o.Required && w.chance(4):
			entries = append(entries, o.Name+": "+w.value(o))
		}
	}
	if w.chance(30) {
		entries = append(entries, "nonsense: 1")
	}
	return "{ " + strings.Join(entries, ", ") + " }"
}

// value writes the value of an option.
func (w writer) value(o config.Option) string {
	element, isList := strings.CutPrefix(o.Type, "list of ")
	element, isMap := strings.CutPrefix(element, "map to ")
	one := func() string {
		switch {
		case element == "map" && (!o.Shorthand || !w.chance(2)):
			return w.options(o.Options)
		case element == "map":
			return w.scalar(rapid.SampledFrom([]string{"share", "quota"}).Draw(w.T, "shorthand"), nil)
		}
		return w.scalar(element, o.Values)
	}
	switch {
	case isMap:
		return "{ " + rapid.SampledFrom([]string{"a", "1", "null", "true", "'x y'"}).Draw(w.T, "name") + ": " + one() + " }"
	case isList && w.chance(2):
		return "[ " + one() + ", " + one() + " ]"
	case isList && w.chance(10):
		return "[]"
	}
	return one()
}

// yamlScalars are ways to write scalars of a type; most of them are right.
var yamlScalars = map[string][]string{
	"text":          {"email", "'quoted'", `"${TEXT}"`, "5", "-1.50", "true", "no", "2026-11-28", "0x1F", ".nan", "1e400", "''", "~x", "null", "a: b"},
	"share":         {"10%", "0.1", "'0.1'", "1", "100 %", "+.5", "1e-1", "'${SHARE:-5%}'", "0x1p-2", "many", "true", "-0"},
	"quota":         {"5%", "200", "'200'", "' 7 '", "0.1", "'-0'", "-5", "100 %", "'${QUOTA:-5%}'", "some", "1e2"},
	"true or false": {"true", "false", "'${HEADER}'", `"${NO:-true}"`, "True", "yes", "'true'", "1"},
	"whole number":  {"5", "+7", "08", "010", "1_000", "1.0", "1e2", "'${N:-3}'", "'5'", "99999999999999999999", "0x10"},
	"number":        {"0.5", ".5", "+.5", "1.", "1e-3", "01.5", "'${N:-0.3}'", "'1'", ".inf", "1_0.5"},
	"duration":      {"5m", "1h30m", "7d", "1d12h", "1.5d", "-1d", "0", "0d", "2w", "1w2d3h", "1d0", "1d-2h", "0w0s", "+0", "-0", "'0'", "1.5h", ".5s", "'${D:-5m}'", "10µs", "5", "5 m", "1d", "0.0", "00"},
}

// scalar writes a scalar of a type.
func (w writer) scalar(typ string, values []string) string {
	if values != nil && !w.chance(5) {
		one := rapid.SampledFrom(values).Draw(w.T, "value")
		return rapid.SampledFrom([]string{one, strconv.Quote(one), `"${V:-` + one + `}"`}).Draw(w.T, "spelling")
	}
	return rapid.SampledFrom(yamlScalars[typ]).Draw(w.T, "spelling")
}
