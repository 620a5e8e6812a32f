package parquet

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
)

func groupOf(name string, rep parquet.Repetition, logical schema.LogicalType, fields ...schema.Node) schema.Node {
	if logical == nil {
		return schema.MustGroup(schema.NewGroupNode(name, rep, fields, -1))
	}
	return schema.MustGroup(schema.NewGroupNodeLogical(name, rep, fields, logical, -1))
}

var (
	list = schema.ListLogicalType{}
	dict = schema.MapLogicalType{}
)

// list3 is a list in today's form of three levels.
func list3(name string, rep parquet.Repetition, element schema.Node) schema.Node {
	return groupOf(name, rep, list, groupOf("list", repeated, nil, element))
}

// nestedColumns are columns as they are stored, and what is read of them.
var nestedColumns = []struct {
	name string
	node schema.Node
	data []data
	want []string
}{
	{
		"list", list3("c", optional, stringField("element", optional)),
		[]data{{[]string{"a", "b\n\"\\\x01é"}, []int16{0, 1, 3, 2, 3}, []int16{0, 0, 0, 1, 1}}},
		[]string{"null", "json:[]", `json:["a",null,"b\n\"\\\u0001é"]`},
	},
	{
		"required list of required", list3("c", required, intField("element", required)),
		[]data{{[]int64{1, 2}, []int16{1, 1, 0}, []int16{0, 1, 0}}},
		[]string{"json:[1,2]", "json:[]"},
	},
	{
		"list of two levels", groupOf("c", optional, list, intField("array", repeated)),
		[]data{{[]int64{1, 2}, []int16{0, 1, 2, 2}, []int16{0, 0, 0, 1}}},
		[]string{"null", "json:[]", "json:[1,2]"},
	},
	{
		"list of two levels of structs", groupOf("c", required, list, groupOf("c_tuple", repeated, nil, intField("x", optional))),
		[]data{{[]int64{1}, []int16{2, 1, 0}, []int16{0, 1, 0}}},
		[]string{`json:[{"x":1},{"x":null}]`, "json:[]"},
	},
	{
		"repeated field without a list", intField("c", repeated),
		[]data{{[]int64{1, 2}, []int16{0, 1, 1}, []int16{0, 0, 1}}},
		[]string{"json:[]", "json:[1,2]"},
	},
	{
		"list of lists", list3("c", optional, list3("element", optional, intField("element", optional))),
		[]data{{[]int64{1, 2, 3}, []int16{5, 4, 5, 3, 2, 5, 1, 0}, []int16{0, 2, 2, 1, 1, 1, 0, 0}}},
		[]string{"json:[[1,null,2],[],null,[3]]", "json:[]", "null"},
	},
	{
		"struct", groupOf("c", optional, nil, intField("x", optional), stringField("y z", required)),
		[]data{{[]int64{1}, []int16{2, 1, 0}, nil}, {[]string{"a", "b"}, []int16{1, 1, 0}, nil}},
		[]string{`json:{"x":1,"y z":"a"}`, `json:{"x":null,"y z":"b"}`, "null"},
	},
	{
		"map", groupOf("c", optional, dict, groupOf("key_value", repeated, nil, stringField("key", required), intField("value", optional))),
		[]data{{[]string{"a", "b"}, []int16{2, 2, 1, 0}, []int16{0, 1, 0, 0}}, {[]int64{1}, []int16{3, 2, 1, 0}, []int16{0, 1, 0, 0}}},
		[]string{`json:{"a":1,"b":null}`, "json:{}", "null"},
	},
	{
		"map with integer keys", groupOf("c", required, dict, groupOf("map", repeated, nil, intField("key", required), list3("value", required, intField("element", required)))),
		[]data{{[]int64{7, 8}, []int16{1, 1}, []int16{0, 1}}, {[]int64{1, 2}, []int16{2, 2, 1}, []int16{0, 2, 1}}},
		[]string{`json:{"7":[1,2],"8":[]}`},
	},
	{
		"map with keys of JSON", groupOf("c", required, dict, groupOf("map", repeated, nil, field("key", required, schema.JSONLogicalType{}, types.ByteArray, -1), intField("value", required))),
		[]data{{[]string{`{"a":1}`, `"b"`}, []int16{1, 1}, []int16{0, 1}}, {[]int64{1, 2}, []int16{1, 1}, []int16{0, 1}}},
		[]string{`json:{"{\"a\":1}":1,"b":2}`},
	},
	{
		"map with nested keys", groupOf("c", required, dict, groupOf("map", repeated, nil, groupOf("key", required, nil, intField("a", required)), intField("value", required))),
		[]data{{[]int64{7}, []int16{1, 0}, []int16{0, 0}}, {[]int64{1}, []int16{1, 0}, []int16{0, 0}}},
		[]string{`json:[{"key":{"a":7},"value":1}]`, "json:[]"},
	},
	{
		"list of structs with a list", list3("c", required, groupOf("element", required, nil, stringField("n", required), list3("l", optional, intField("element", required)))),
		[]data{
			{[]string{"a", "b", "c"}, []int16{1, 1, 0, 1}, []int16{0, 1, 0, 0}},
			{[]int64{1, 2, 3}, []int16{3, 3, 1, 0, 3}, []int16{0, 2, 1, 0, 0}},
		},
		[]string{`json:[{"n":"a","l":[1,2]},{"n":"b","l":null}]`, "json:[]", `json:[{"n":"c","l":[3]}]`},
	},
	{
		"types in JSON", groupOf("c", required, nil,
			field("d", required, schema.NewDecimalLogicalType(9, 2), types.Int32, -1),
			field("t", required, schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), types.Int64, -1),
			field("day", required, schema.DateLogicalType{}, types.Int32, -1),
			field("j", required, schema.JSONLogicalType{}, types.ByteArray, -1),
			field("b", required, nil, types.Boolean, -1),
			field("f", required, nil, types.Double, -1)),
		[]data{{values: []int32{-5}}, {values: []int64{0}}, {values: []int32{0}}, {values: []string{`{"k":[]}`}}, {values: []bool{true}}, {values: []float64{1.5}}},
		[]string{`json:{"d":-0.05,"t":"1970-01-01T00:00:00Z","day":"1970-01-01","j":{"k":[]},"b":true,"f":1.5}`},
	},
}

// Nested columns become JSON documents; null, empty and absent are told apart at every level.
func TestNested(t *testing.T) {
	for _, test := range nestedColumns {
		for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
			t.Run(test.name, func(t *testing.T) {
				tb := table{fields: schema.FieldList{test.node}, groups: [][]data{test.data}}
				tb.props = append(tb.props, parquet.WithDataPageVersion(version))
				got := readColumn(t, tb.save(t, "t.parquet"))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
				for _, doc := range got {
					if text, ok := strings.CutPrefix(doc, "json:"); ok && !json.Valid([]byte(text)) {
						t.Errorf("not JSON: %s", text)
					}
				}
			})
		}
	}
}

// A fault deep within a nested value refuses that row alone.
func TestNestedRejects(t *testing.T) {
	node := list3("c", required, field("element", required, nil, types.Double, -1))
	tb := table{fields: schema.FieldList{node}, groups: [][]data{{
		{[]float64{1, 2, math.NaN(), 3}, []int16{1, 1, 1, 1}, []int16{0, 0, 1, 0}},
	}}}
	rows, rejects, err := readRows(t.Context(), open(t, nil, tb.save(t, "t.parquet")), nil)
	must(t, err)
	if diff := cmp.Diff([][]string{{"json:[1]"}, {"json:[3]"}}, rows); diff != "" {
		t.Error(diff)
	}
	want := []string{`t.parquet:2 source bad_float: column "c": a number that isn't finite has no place in JSON`}
	if diff := cmp.Diff(want, rejects); diff != "" {
		t.Error(diff)
	}
}

// A row with more elements than are supported is refused, and the rows after it are read.
func TestNestedTooLarge(t *testing.T) {
	n := maxElements + 10
	defs, reps := make([]int16, n), make([]int16, n)
	for i := 1; i < n; i++ {
		defs[i], reps[i] = 1, 1
	}
	defs[0], defs[n-1], reps[n-1] = 1, 0, 0
	tb := table{
		fields: schema.FieldList{list3("c", required, intField("element", optional))},
		groups: [][]data{{{[]int64{}, defs, reps}}},
	}
	rows, rejects, err := readRows(t.Context(), open(t, nil, tb.save(t, "t.parquet")), nil)
	must(t, err)
	if len(rejects) != 1 || !strings.Contains(rejects[0], "t.parquet:1 source value_too_large") {
		t.Errorf("rejects: %q", rejects)
	}
	if diff := cmp.Diff([][]string{{"json:[]"}}, rows); diff != "" {
		t.Error(diff)
	}
}

// Leaves of one column whose levels contradict each other are damage, not a wrong document.
func TestNestedContradictions(t *testing.T) {
	pair := groupOf("element", required, nil, intField("a", required), intField("b", optional))
	for _, test := range []struct {
		name string
		node schema.Node
		data []data
	}{
		{"fewer elements", list3("c", optional, pair), []data{{[]int64{1, 2}, []int16{2, 2}, []int16{0, 1}}, {[]int64{1}, []int16{3}, []int16{0}}}},
		{"more elements", list3("c", optional, pair), []data{{[]int64{1}, []int16{2}, []int16{0}}, {[]int64{1, 2}, []int16{3, 3}, []int16{0, 1}}}},
		{"null against a value", list3("c", optional, pair), []data{{[]int64{}, []int16{0}, []int16{0}}, {[]int64{1}, []int16{3}, []int16{0}}}},
		{"value against null", list3("c", optional, pair), []data{{[]int64{1}, []int16{2}, []int16{0}}, {[]int64{}, []int16{0}, []int16{0}}}},
		{"no first row", list3("c", optional, intField("element", required)), []data{{[]int64{1, 2}, []int16{2, 2}, []int16{1, 0}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tb := table{fields: schema.FieldList{test.node}, groups: [][]data{test.data}}
			_, _, err := readRows(t.Context(), open(t, nil, tb.save(t, "t.parquet")), nil)
			if !errors.Is(err, errLevels) {
				t.Errorf("got %v, want %v", err, errLevels)
			}
		})
	}
}
