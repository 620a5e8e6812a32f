package filter

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"sluice/pipeline"
)

var schema = &pipeline.Schema{Fields: []pipeline.Field{
	{Name: "id", Type: pipeline.String}, {Name: "n", Type: pipeline.Int}, {Name: "any", Type: pipeline.Null},
}}

// TestFilter proves which rows are kept, and which are rejected, because the expression has no value for them.
func TestFilter(t *testing.T) {
	str, num := pipeline.StringValue, pipeline.IntValue
	rows := func() []pipeline.Row {
		return []pipeline.Row{
			{Key: "a", Values: []pipeline.Value{str("x"), num(1), pipeline.BoolValue(true)}},
			{Key: "b", Values: []pipeline.Value{str(""), num(2), pipeline.BoolValue(false)}},
			{Key: "c", Values: []pipeline.Value{{}, {}, {}}},
			{Key: "d", Values: []pipeline.Value{str("y"), num(0), num(1)}},
		}
	}
	for expression, want := range map[string]string{
		`id != ""`:              "ad",
		`id != "" or id == nil`: "acd",
		`n >= 1`:                "ab",
		`true`:                  "abcd",
		`nil`:                   "",
		`any`:                   "a, rejected d",
		`6 / n > 3`:             "a, rejected d",
		`column("id") == "y"`:   "d",
	} {
		c := Kind.New().(*Config)
		if err := c.SetShorthand(expression); err != nil {
			t.Fatal(err)
		}
		opened, err := c.Open(t.Context(), pipeline.Env{}, schema)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		got, refused := "", ""
		kept, err := opened.Apply(t.Context(), rows(), func(row pipeline.Row, err error) {
			if e, ok := errors.AsType[*pipeline.RowError](err); !ok || e.Code != "expression" {
				t.Errorf("%s: rejected with %v", expression, err)
			}
			refused += ", rejected " + row.Key
		})
		for _, row := range kept {
			got += row.Key
		}
		if got += refused; got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", expression, got, err, want)
		}
		if opened.Schema() != schema || fmt.Sprint(opened) != "filter" {
			t.Errorf("%s: schema %v of %v", expression, opened.Schema(), opened)
		}
	}
}

// TestOpenErrors proves that an expression that is no condition is found before a row moves.
func TestOpenErrors(t *testing.T) {
	for expression, want := range map[string]string{
		`id`:       `expression: expected an expression that is true or false, this one is of type string`,
		`n + 1`:    `expression: expected an expression that is true or false, this one is of type int`,
		`idd == 1`: `expression: character 1: unknown column "idd"`,
		`id ==`:    `expression: character 5: unexpected token EOF`,
	} {
		_, err := (&Config{Expression: expression}).Open(t.Context(), pipeline.Env{}, schema)
		if f, ok := errors.AsType[*pipeline.FieldError](err); !ok || f.Error() != want {
			t.Errorf("%s: got %v, want %s", expression, err, want)
		}
	}
	if new(Config).SetShorthand("") == nil {
		t.Error("an empty filter")
	}
}

// TestColumns proves that a source can know which columns a filter reads.
func TestColumns(t *testing.T) {
	names, ok := (&Config{Expression: `lower(id) == "x" and n > 1`}).Columns()
	if !ok || !slices.Equal(names, []string{"id", "n"}) {
		t.Errorf("got %q, %v", names, ok)
	}
}
