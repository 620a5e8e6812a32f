package parquet

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// oneColumn returns a table with the given integers.
func oneColumn(values ...int64) table {
	return table{fields: schema.FieldList{intField("n", required)}, groups: [][]data{{{values: values}}}}
}

// Paths, globs and lists name files in a stable order, each once; what matches nothing is told by name.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"b.parquet", "a.parquet", "c [1].parquet"} {
		must(t, os.WriteFile(filepath.Join(dir, name), oneColumn(int64(i)).encode(t), 0o600))
	}
	for _, test := range []struct {
		path []string
		want []string
		err  string
	}{
		{[]string{"b.parquet"}, []string{"int:0"}, ""},
		{[]string{"*.parquet"}, []string{"int:1", "int:0", "int:2"}, ""},
		{[]string{"b.parquet", "*.parquet"}, []string{"int:0", "int:1", "int:2"}, ""},
		{[]string{"c [1].parquet"}, []string{"int:2"}, ""},
		{[]string{"b.parquet", "x*.parquet"}, nil, `path.1: "` + dir + `/x*.parquet" matches no file`},
		{[]string{"a[.parquet"}, nil, `path: "` + dir + `/a[.parquet" isn't a pattern: syntax error in pattern`},
		{[]string{"x.parquet"}, nil, `path: the file "` + dir + `/x.parquet" doesn't exist`},
		{nil, nil, "path: names no file"},
	} {
		c := Kind.New().(*Config)
		for _, p := range test.path {
			c.Path = append(c.Path, filepath.Join(dir, p))
		}
		src, err := c.Open(t.Context(), noEnv)
		if test.err != "" {
			if f, ok := errors.AsType[*pipeline.FieldError](err); !ok || f.Error() != test.err {
				t.Errorf("%q: got %v, want %s", test.path, err, test.err)
			}
			continue
		}
		must(t, err)
		rows, _, err := readRows(t.Context(), src, nil)
		must(t, err)
		var got []string
		for _, r := range rows {
			got = append(got, r[0])
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: %s", test.path, diff)
		}
	}
}

// A source may be written as its path alone, and a misspelt option is told.
func TestConfig(t *testing.T) {
	c := Kind.New().(*Config)
	must(t, c.SetShorthand("x.parquet"))
	if diff := cmp.Diff(&Config{Path: []string{"x.parquet"}, Binary: "base64"}, c); diff != "" {
		t.Error(diff)
	}
	c.Binary = "base46"
	_, err := c.Open(t.Context(), noEnv)
	if f, ok := errors.AsType[*pipeline.FieldError](err); !ok || f.Path != "binary" || f.Hint == "" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Config{Path: []string{oneColumn(1).save(t, "t.parquet")}, Binary: "hex"}).Open(ctx, noEnv); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Only needed columns are read; damage to the others does no harm.
func TestProjection(t *testing.T) {
	tb := table{
		fields: schema.FieldList{intField("a", required), list3("b", required, intField("element", required)), stringField("c", required), intField("d", required)},
		groups: [][]data{{{values: []int64{1}}, {[]int64{1}, []int16{1}, []int16{0}}, {values: []string{"x"}}, {values: []int64{4}}}},
	}
	content := tb.encode(t)
	for i := 4; i < 60; i++ {
		content[i] = 0xff // the pages of a
	}
	path := save(t, "t.parquet", content)
	src := open(t, []string{"d", "c", "nowhere"}, path)
	if diff := cmp.Diff([]string{"c", "d"}, src.Schema().Names(pipeline.Column)); diff != "" {
		t.Error(diff)
	}
	rows, _, err := readRows(t.Context(), src, nil)
	must(t, err)
	if diff := cmp.Diff([][]string{{"string:x", "int:4"}}, rows); diff != "" {
		t.Error(diff)
	}
	if _, _, err := readRows(t.Context(), open(t, nil, path), nil); err == nil || !strings.Contains(err.Error(), `row group 1: column "a"`) {
		t.Errorf("got %v", err)
	}
	rows, _, err = readRows(t.Context(), open(t, []string{}, path), nil)
	must(t, err)
	if diff := cmp.Diff([][]string{nil}, rows); diff != "" {
		t.Errorf("no column needed: %s", diff)
	}
}

// Files have the same columns, in whatever order; anything else is told with both files.
func TestColumnsOfFiles(t *testing.T) {
	two := func(a, b schema.Node, va, vb any) table {
		return table{fields: schema.FieldList{a, b}, groups: [][]data{{{values: va}, {values: vb}}}}
	}
	a, b := intField("a", required), stringField("b", required)
	first := two(a, b, []int64{1}, []string{"x"}).save(t, "first.parquet")
	swapped := two(b, a, []string{"y"}, []int64{2}).save(t, "swapped.parquet")
	rows, _, err := readRows(t.Context(), open(t, nil, first, swapped), nil)
	must(t, err)
	if diff := cmp.Diff([][]string{{"int:1", "string:x"}, {"int:2", "string:y"}}, rows); diff != "" {
		t.Error(diff)
	}
	other := two(stringField("a", required), intField("c", required), []string{"y"}, []int64{2}).save(t, "other.parquet")
	twice := two(a, intField("a", required), []int64{1}, []int64{1}).save(t, "twice.parquet")
	for _, test := range []struct {
		needed []string
		second string
		want   string
	}{
		{nil, other, `other.parquet: the column "a" has the type string, but int in ` + first},
		{[]string{"b"}, other, `other.parquet: the column "b" is missing, which ` + first + ` has`},
		{[]string{"c"}, other, `other.parquet: the column "c" is not in ` + first},
		{nil, twice, `twice.parquet: the column "a" is there twice`},
	} {
		_, err := (&Config{Path: []string{first, test.second}, Binary: encodeHex}).Open(t.Context(), pipeline.Env{Needed: test.needed})
		if err == nil || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// A file without rows, without row groups or without columns is no error.
func TestNothingToRead(t *testing.T) {
	for name, tb := range map[string]table{
		"no rows":       oneColumn(),
		"no row groups": {fields: schema.FieldList{intField("n", required)}},
		"no columns":    {},
	} {
		src := open(t, nil, tb.save(t, "t.parquet"))
		if rows, rejects, err := readRows(t.Context(), src, nil); len(rows)+len(rejects) > 0 || err != nil {
			t.Errorf("%s: %v, %v, %v", name, rows, rejects, err)
		}
	}
}
