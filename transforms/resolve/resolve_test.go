package resolve

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

var schema = &pipeline.Schema{Fields: []pipeline.Field{
	{Name: "parent", Type: pipeline.String}, {Name: "owner", Type: pipeline.Int}, {Name: "score", Type: pipeline.Float},
}}

// TestResolve proves what is added to rows: the key of the other record, or a null where there is none.
func TestResolve(t *testing.T) {
	c := &Config{
		"up":    {Object: "companies", By: map[string]string{"domain": "parent"}, MaxAge: time.Hour},
		"boss":  {Object: "contacts", By: map[string]string{"hs_object_id": "owner"}, Missing: "reject"},
		"group": {Object: "companies", By: map[string]string{"number": "score"}, Missing: "skip"},
	}
	opened, err := c.Open(t.Context(), pipeline.Env{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	want := []pipeline.Field{
		{Name: "boss", Type: pipeline.Ref, Role: pipeline.Link, Lookup: &pipeline.Lookup{Object: "contacts", Property: "hs_object_id", Missing: pipeline.MissingReject}},
		{Name: "group", Type: pipeline.Ref, Role: pipeline.Link, Lookup: &pipeline.Lookup{Object: "companies", Property: "number", Missing: pipeline.MissingSkip}},
		{Name: "up", Type: pipeline.Ref, Role: pipeline.Link, Lookup: &pipeline.Lookup{Object: "companies", Property: "domain", Missing: pipeline.MissingPark, MaxAge: time.Hour}},
	}
	if diff := cmp.Diff(want, opened.Schema().Fields[3:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	none, ref := pipeline.Value{}, pipeline.RefValue
	tests := []struct{ in, want []pipeline.Value }{
		{[]pipeline.Value{pipeline.StringValue("x.com"), pipeline.IntValue(7), pipeline.FloatValue(1e6)}, []pipeline.Value{ref("7"), ref("1000000"), ref("x.com")}},
		{[]pipeline.Value{pipeline.StringValue(""), none, none}, []pipeline.Value{none, none, none}},
		{[]pipeline.Value{none, pipeline.IntValue(0), pipeline.FloatValue(0.5)}, []pipeline.Value{ref("0"), ref("0.5"), none}},
	}
	for room := range 4 { // with and without room for the links
		var rows []pipeline.Row
		for _, test := range tests {
			rows = append(rows, pipeline.Row{Values: append(make([]pipeline.Value, 0, len(test.in)+room), test.in...)})
		}
		rows, err = opened.Apply(t.Context(), rows, func(_ pipeline.Row, err error) { t.Error(err) })
		if err != nil || len(rows) != len(tests) {
			t.Fatal(len(rows), err)
		}
		for i, test := range tests {
			if !slices.EqualFunc(rows[i].Values, slices.Concat(test.in, test.want), pipeline.Value.Equal) {
				t.Errorf("row %d: got %v, want %v", i, rows[i].Values[3:], test.want)
			}
		}
	}
	if fmt.Sprint(opened) != "resolve" {
		t.Errorf("named %v", opened)
	}
	if names, ok := c.Columns(); !ok || !slices.Equal(names, []string{"owner", "parent", "score"}) {
		t.Errorf("columns %q, %v", names, ok)
	}
}

// TestOpenErrors proves that all that is wrong is said at once, each with its option.
func TestOpenErrors(t *testing.T) {
	by := map[string]string{"domain": "parent"}
	in := schema.With(pipeline.Field{Name: "old", Role: pipeline.Link})
	for name, test := range map[string]struct {
		config Config
		want   []string
	}{
		"nothing": {Config{}, []string{"names no link"}},
		"parts": {Config{"a": {Object: "companies"}, "b": {By: by, Missing: "drop"}, "c": {Object: "x", By: map[string]string{"a": "b", "c": "d"}}}, []string{
			"a.by: expected one unique property with the column that holds its value, found 0",
			"b.object: is empty", `b.missing: unknown policy "drop": expected park, skip or reject`, "c.by: expected one unique property"}},
		"age": {Config{"a": {Object: "x", By: by, MaxAge: -1}, "b": {Object: "x", By: by, Missing: "skip", MaxAge: 1}}, []string{
			"a.max_age: -1ns is negative", "b.max_age: no link is parked with missing: skip"}},
		"empty":   {Config{"a": {Object: "x", By: map[string]string{"": ""}}}, []string{"a.by: expected a property and a column"}},
		"columns": {Config{"a": {Object: "x", By: map[string]string{"domain": "parrent"}}, "old": {Object: "x", By: by}}, []string{`a.by.domain: unknown column "parrent"`, `old: link "old" is added by an earlier resolve already`}},
	} {
		_, err := test.config.Open(t.Context(), pipeline.Env{}, in)
		if err == nil {
			t.Errorf("%s: opened", name)
			continue
		}
		list := err.(interface{ Unwrap() []error }).Unwrap()
		if len(list) != len(test.want) {
			t.Errorf("%s: got %v, want %d errors", name, err, len(test.want))
			continue
		}
		for i, err := range list {
			if _, ok := errors.AsType[*pipeline.FieldError](err); !ok || !strings.HasPrefix(err.Error(), test.want[i]) {
				t.Errorf("%s: got %v, want %s", name, err, test.want[i])
			}
		}
	}
}
