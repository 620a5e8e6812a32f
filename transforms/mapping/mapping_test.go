package mapping

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/config"
)

var (
	schema = &pipeline.Schema{Fields: []pipeline.Field{
		{Name: "id", Type: pipeline.String}, {Name: "title", Type: pipeline.String}, {Name: "amount", Type: pipeline.Decimal},
		{Name: "n", Type: pipeline.Int}, {Name: "born", Type: pipeline.String}, {Name: "any", Type: pipeline.Null},
	}}
	none = pipeline.Value{}
)

func str(s string) pipeline.Value { return pipeline.StringValue(s) }

func ptr(s string) *string { return &s }

// apply maps one row with the property p, and returns its value or why the row was rejected.
func apply(t *testing.T, f Field, row ...pipeline.Value) (pipeline.Field, pipeline.Value, error) {
	t.Helper()
	c := &Config{"p": f}
	opened, err := c.Open(t.Context(), pipeline.Env{}, schema)
	if err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	for len(row) < len(schema.Fields) {
		row = append(row, none)
	}
	var refused error
	rows, err := opened.Apply(t.Context(), []pipeline.Row{{Values: row}}, func(_ pipeline.Row, err error) { refused = err })
	if err != nil {
		t.Fatal(err)
	}
	field := opened.Schema().Fields[len(schema.Fields)]
	if refused != nil {
		return field, none, refused
	}
	if len(rows) != 1 || !slices.EqualFunc(rows[0].Values[:len(row)], row, pipeline.Value.Equal) {
		t.Fatalf("the columns are gone: %v", rows)
	}
	return field, rows[0].Values[len(row)], nil
}

// TestProperty proves what each way of writing a property makes of a row.
func TestProperty(t *testing.T) {
	roles := map[string]string{"Chair": "Chair", "Chairman": "Chair", "2": "two"}
	tests := []struct {
		name  string
		field Field
		row   []pipeline.Value
		typ   pipeline.Type
		want  pipeline.Value
	}{
		{"column", Field{From: "n"}, []pipeline.Value{none, none, none, pipeline.IntValue(3)}, pipeline.Int, pipeline.IntValue(3)},
		{"null", Field{From: "n"}, nil, pipeline.Int, none},
		{"expression", Field{Expr: `title + "!"`}, []pipeline.Value{none, str("a")}, pipeline.String, str("a!")},
		{"fixed", Field{Value: ptr("x")}, nil, pipeline.String, str("x")},
		{"fixed number", Field{Value: ptr("7"), Type: "int"}, nil, pipeline.Int, pipeline.IntValue(7)},
		{"fixed empty", Field{Value: ptr("")}, nil, pipeline.String, str("")},
		{"values", Field{From: "title", Values: roles}, []pipeline.Value{none, str("Chairman")}, pipeline.String, str("Chair")},
		{"values not listed", Field{From: "title", Values: roles}, []pipeline.Value{none, str("chairman")}, pipeline.String, none},
		{"values null", Field{From: "title", Values: roles}, nil, pipeline.String, none},
		{"values of a number", Field{From: "n", Values: roles}, []pipeline.Value{none, none, none, pipeline.IntValue(2)}, pipeline.String, str("two")},
		{"values not listed, default", Field{From: "title", Values: roles, Default: ptr("Member")}, []pipeline.Value{none, str("x")}, pipeline.String, str("Member")},
		{"values then type", Field{From: "title", Values: map[string]string{"one": "1"}, Type: "int"}, []pipeline.Value{none, str("one")}, pipeline.Int, pipeline.IntValue(1)},
		{"default", Field{From: "n", Default: ptr("0")}, nil, pipeline.Int, pipeline.IntValue(0)},
		{"default of any type", Field{From: "any", Default: ptr("0")}, nil, pipeline.Null, str("0")},
		{"default not needed", Field{From: "title", Default: ptr("x")}, []pipeline.Value{none, str("")}, pipeline.String, str("")},
		{"type", Field{From: "born", Type: "date"}, []pipeline.Value{none, none, none, none, str("1970-01-02")}, pipeline.Date, pipeline.DateValue(1)},
		{"type of an expression", Field{Expr: `title`, Type: "decimal"}, []pipeline.Value{none, str(" 1.50 ")}, pipeline.Decimal, pipeline.DecimalValue("1.50")},
		{"required", Field{From: "id", Null: "reject"}, []pipeline.Value{str("")}, pipeline.String, str("")},
		{"exact", Field{From: "amount"}, []pipeline.Value{none, none, pipeline.DecimalValue("12345678901234567890.10")}, pipeline.Decimal, pipeline.DecimalValue("12345678901234567890.10")},
	}
	for _, test := range tests {
		field, got, err := apply(t, test.field, test.row...)
		if err != nil || !got.Equal(test.want) || field.Type != test.typ || field.Role != pipeline.Property || field.Clear {
			t.Errorf("%s: got %s %q (field %+v), %v; want %s %q", test.name, got.Type(), got, field, err, test.typ, test.want)
		}
	}
	if field, _, _ := apply(t, Field{From: "id", Null: "clear"}); !field.Clear {
		t.Error("null: clear isn't in the schema")
	}
	for f, want := range map[*Field]string{
		{From: "id"}: "[] false",
		{From: "id", Values: map[string]string{"1": "b", "2": "a"}, Default: ptr("c")}: "[a b c] false",
		{Value: ptr("x")}: "[x] true",
		{From: "id", Default: ptr("1"), Type: "int"}: "[] false",
	} {
		if field, _, _ := apply(t, *f); fmt.Sprint(field.Fixed, field.Constant) != want {
			t.Errorf("%+v: %+v", f, field)
		}
	}
	for f, want := range map[*Field]pipeline.Field{
		{From: "id", When: "always", Owner: "sluice"}: {},
		{From: "id", When: "empty"}:                   {IfEmpty: true},
		{Value: ptr("lead"), When: "empty"}:           {IfEmpty: true},
		{From: "id", Owner: "shared"}:                 {Shared: true},
	} {
		if field, _, _ := apply(t, *f); field.IfEmpty != want.IfEmpty || field.Shared != want.Shared {
			t.Errorf("%+v: %+v", f, field)
		}
	}
}

// TestRejects proves which rows are refused, and what is said.
func TestRejects(t *testing.T) {
	tests := []struct {
		field      Field
		title      pipeline.Value
		code, want string
	}{
		{Field{From: "title", Null: "reject"}, none, "required_missing", `property "p" is required (column "title"), but null: fill it in, or give a default`},
		{Field{From: "title", Null: "reject", Values: map[string]string{"a": "b"}}, str("x"), "required_missing", `property "p" is required (column "title"), but "x" isn't listed in its values: add it, or give a default`},
		{Field{Expr: `nullif(title, "x")`, Null: "reject"}, str("x"), "required_missing", `property "p" is required, but null: fill it in, or give a default`},
		{Field{From: "title", Type: "int"}, str("12,5"), "bad_int", `property "p" (column "title"): string "12,5" isn't a whole number of at most 64 bits, such as -12`},
		{Field{Expr: `1 + int(title)`}, str("x"), "expression", `property "p": expression "1 + int(title)", character 5: string "x" isn't a whole number of at most 64 bits, such as -12`},
	}
	for _, test := range tests {
		_, _, err := apply(t, test.field, none, test.title)
		rejected, ok := errors.AsType[*pipeline.RowError](err)
		if !ok || rejected.Code != test.code || err.Error() != test.want {
			t.Errorf("%+v:\n got %v\nwant %s", test.field, err, test.want)
		}
	}
}

// TestSchema proves that properties come in the order of their names, after what was there, and that a rejected row
// doesn't disturb the others.
func TestSchema(t *testing.T) {
	c := &Config{"b": {From: "id"}, "a": {From: "title", Null: "reject"}, "c": {Value: ptr("x")}}
	opened, err := c.Open(t.Context(), pipeline.Env{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	if got := opened.Schema().Names(pipeline.Property); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("properties %q", got)
	}
	if fmt.Sprint(opened) != "map" {
		t.Errorf("named %v", opened)
	}
	for room := range 4 { // with and without room for the properties
		var rows []pipeline.Row
		for i := range 4 {
			values := make([]pipeline.Value, len(schema.Fields), len(schema.Fields)+room)
			values[0] = str(fmt.Sprint(i))
			if i != 1 {
				values[1] = str("t" + fmt.Sprint(i))
			}
			rows = append(rows, pipeline.Row{Key: fmt.Sprint(i), Values: values})
		}
		var refused []string
		rows, err = opened.Apply(context.Background(), rows, func(row pipeline.Row, _ error) { refused = append(refused, row.Key+row.Values[0].Text()) })
		if err != nil || !slices.Equal(refused, []string{"11"}) || len(rows) != 3 {
			t.Fatalf("rejected %q, kept %v, %v", refused, rows, err)
		}
		for i, key := range []string{"0", "2", "3"} {
			v := rows[i].Values
			if rows[i].Key != key || !v[6].Equal(str("t"+key)) || !v[7].Equal(str(key)) || !v[8].Equal(str("x")) || len(v) != 9 {
				t.Errorf("row %s: %v", key, v)
			}
		}
	}
}

// TestOpenErrors proves that all that is wrong is said at once, with the option and a hint.
func TestOpenErrors(t *testing.T) {
	tests := map[string]struct {
		config Config
		want   string
	}{
		"nothing":  {Config{}, "names no property"},
		"columns":  {Config{"a": {From: "titel"}, "b": {Expr: "lower(idd)"}}, `a.from: unknown column "titel" (did you mean "title"?)|b.expr: character 7: unknown column "idd" (did you mean "id"?)`},
		"two":      {Config{"a": {From: "id", Expr: "id"}, "b": {}}, `a: expected one of from, expr and value, found 2 of them|b: expected one of from, expr and value, found 0 of them`},
		"owners":   {Config{"a": {From: "id", When: "never"}, "b": {From: "id", Owner: "hubspot"}}, `a.when: unknown policy "never": expected always or empty|b.owner: unknown owner "hubspot": expected sluice or shared`},
		"policies": {Config{"a": {From: "id", Null: "drop"}, "b": {From: "id", Type: "json"}, "c": {From: "id", Type: "money"}}, `a.null: unknown policy "drop"|b.type: unknown type "json"|c.type: unknown type "money"`},
		"fixed":    {Config{"a": {Value: ptr("x"), Null: "clear"}, "b": {From: "id", Values: map[string]string{}}}, `a: value is the same in every row|b.values: translates nothing`},
		"default":  {Config{"a": {From: "n", Default: ptr("none")}, "b": {Value: ptr("x"), Type: "date"}}, `a.default: string "none" isn't a whole number|b.value: string "x" isn't a date`},
		"twice":    {Config{"old": {From: "id"}}, `old: property "old" is mapped by an earlier map already`},
		"name":     {Config{" a": {From: "id"}}, ` a: " a" is no name of a property`},
	}
	in := schema.With(pipeline.Field{Name: "old", Role: pipeline.Property})
	for name, test := range tests {
		_, err := test.config.Open(t.Context(), pipeline.Env{}, in)
		if err == nil {
			t.Errorf("%s: opened", name)
			continue
		}
		got := err.(interface{ Unwrap() []error }).Unwrap()
		want := strings.Split(test.want, "|")
		for i, err := range got {
			text := err.Error()
			if f, ok := errors.AsType[*pipeline.FieldError](err); !ok {
				t.Errorf("%s: %v belongs to no option", name, err)
			} else if f.Hint != "" {
				text += " (" + f.Hint + ")"
			}
			if i >= len(want) || !strings.HasPrefix(text, want[i]) {
				t.Errorf("%s: got %s, want %q", name, text, want)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d errors, want %d", name, len(got), len(want))
		}
	}
}

// TestFile proves that a file says all of it, and that errors find their way back to it.
func TestFile(t *testing.T) {
	const file = `version: 1
pipelines:
  p:
    source: { none: {} }
    key: id
    transforms:
      - map:
          id: id
          role: { from: title, values: { Chair: Chair, Ranking Member: Ranking Member }, null: skip }
          phone: { expr: 'trim(jurisdiction ?? "")', default: "" }
    sink: { none: {} }
`
	kinds := pipeline.Kinds{
		Sources:    []pipeline.Kind[pipeline.SourceConfig]{{Name: "none", New: func() pipeline.SourceConfig { return &nothing{} }}},
		Transforms: []pipeline.Kind[pipeline.TransformConfig]{Kind},
		Sinks:      []pipeline.Kind[pipeline.SinkConfig]{{Name: "none", New: func() pipeline.SinkConfig { return &noSink{} }}},
	}
	spec, diags := config.Parse("f", []byte(file), kinds, nil)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	c := spec.Pipelines[0].Transforms[0].Config.(*Config)
	want := &Config{"id": {From: "id"}, "role": {From: "title", Null: "skip", Values: map[string]string{"Chair": "Chair", "Ranking Member": "Ranking Member"}},
		"phone": {Expr: `trim(jurisdiction ?? "")`, Default: ptr("")}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if names, ok := c.Columns(); !ok || !slices.Equal(names, []string{"id", "jurisdiction", "title"}) {
		t.Errorf("columns %q, %v", names, ok)
	}
	_, err := c.Open(t.Context(), pipeline.Env{}, schema)
	got := spec.Locate(&pipeline.StageError{Pipeline: "p", Stage: "transforms", Index: 0, Err: err})
	if got.Error() != `f:10:26: pipelines.p.transforms[0].map.phone.expr: character 6: unknown column "jurisdiction"` {
		t.Error(got)
	}
	wrong := strings.Replace(file, "from: title,", "from: title, expr: title,", 1)
	if _, diags := config.Parse("f", []byte(wrong), kinds, nil); len(diags) != 1 || diags[0].Line != 9 {
		t.Errorf("got %v", diags)
	}
}

type nothing struct{}

func (*nothing) Open(context.Context, pipeline.Env) (pipeline.Source, error) {
	return nil, errors.New("nothing to open")
}

type noSink struct{}

func (*noSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return nil, errors.New("nothing to open")
}

// BenchmarkApply measures a batch of 1,024 rows with five properties: columns only, and with expressions.
func BenchmarkApply(b *testing.B) {
	for name, c := range map[string]*Config{
		"columns":     {"a": {From: "id"}, "b": {From: "title"}, "c": {From: "amount"}, "d": {From: "n"}, "e": {From: "born"}},
		"expressions": {"a": {Expr: "lower(trim(id))"}, "b": {Expr: `title ?? "none"`}, "c": {Expr: "round(amount * 1.19, 2)"}, "d": {Expr: "n + 1"}, "e": {From: "born", Type: "date"}},
	} {
		b.Run(name, func(b *testing.B) {
			opened, err := c.Open(b.Context(), pipeline.Env{}, schema)
			if err != nil {
				b.Fatal(err)
			}
			values := []pipeline.Value{str(" ID "), str("Chair"), pipeline.DecimalValue("12.50"), pipeline.IntValue(1), str("2024-02-29"), none}
			rows := make([]pipeline.Row, pipeline.BatchRows)
			slab := make([]pipeline.Value, len(rows)*(len(values)+len(*c)))
			b.ReportAllocs()
			for b.Loop() {
				for i := range rows {
					room := slab[i*(len(values)+len(*c)):][: len(values)+len(*c) : len(values)+len(*c)]
					rows[i].Values = room[:copy(room, values)]
				}
				if _, err := opened.Apply(b.Context(), rows, func(_ pipeline.Row, err error) { b.Fatal(err) }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(rows))/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
