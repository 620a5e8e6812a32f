package parquet

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// lastPosition returns the position after the last row of files.
func lastPosition(t *testing.T, paths ...string) (p pipeline.Position) {
	for b, err := range open(t, nil, paths...).Batches(t.Context(), nil) {
		must(t, err)
		p = b.End
	}
	return p
}

// A position holds where the files that it covers are the same, wherever they are and whatever has been added behind
// them; otherwise it is stale.
func TestStalePositions(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, values ...int64) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, oneColumn(values...).encode(t), 0o600))
		return path
	}
	a, b := write("a", 1, 2), write("b", 3)
	p := lastPosition(t, a, b)
	resume := func(paths ...string) ([][]string, error) {
		rows, _, err := readRows(t.Context(), open(t, nil, paths...), p)
		return rows, err
	}
	if rows, err := resume(a, b); err != nil || len(rows) > 0 {
		t.Errorf("the same files: %v, %v", rows, err)
	}
	rows, err := resume(a, b, write("c", 4))
	must(t, err)
	if diff := cmp.Diff([][]string{{"int:4"}}, rows); diff != "" {
		t.Errorf("a file more: %s", diff)
	}
	for name, paths := range map[string][]string{
		"a file less":      {a},
		"another order":    {b, a},
		"a file before":    {write("0", 1), a, b},
		"a changed file":   {write("a2", 1, 7), b},
		"the last changed": {a, write("b2", 8)},
	} {
		if _, err := resume(paths...); !errors.Is(err, pipeline.ErrStalePosition) {
			t.Errorf("%s: got %v, want a stale position", name, err)
		}
	}
}

// A position that points nowhere is stale, whoever made it.
func TestForgedPositions(t *testing.T) {
	path := oneColumn(1, 2, 3).save(t, "t.parquet")
	src := open(t, nil, path)
	good := string(lastPosition(t, path))
	for _, edit := range [][2]string{
		{`"file":0`, `"file":1`}, {`"file":0`, `"file":-1`}, {`"group":1`, `"group":-1`}, {`"group":1`, `"group":2`},
		{`"row":0`, `"row":1`}, {`"row":0`, `"row":-1`}, {`"group":1,"row":0`, `"group":0,"row":4`}, {`"files":"`, `"files":"0`},
	} {
		forged := strings.Replace(good, edit[0], edit[1], 1)
		if forged == good {
			t.Fatalf("%s has no %s", good, edit[0])
		}
		if _, _, err := readRows(t.Context(), src, pipeline.Position(forged)); !errors.Is(err, pipeline.ErrStalePosition) {
			t.Errorf("%s: got %v, want a stale position", forged, err)
		}
	}
}

// A file that is replaced after the source was opened is an error, not a mixture of both.
func TestReplacedFile(t *testing.T) {
	path := oneColumn(1, 2).save(t, "t.parquet")
	src := open(t, nil, path)
	must(t, os.WriteFile(path, oneColumn(3, 4).encode(t), 0o600))
	rows, _, err := readRows(t.Context(), src, nil)
	if len(rows) > 0 || err == nil || !strings.Contains(err.Error(), "was replaced while it was being read") {
		t.Errorf("got %v, %v", rows, err)
	}
}

// Reading on from any row gives the rows from there, whatever the pages and their encodings are.
func TestResumeAnywhere(t *testing.T) {
	e := parquet.Encodings
	for name, props := range map[string][]parquet.WriterProperty{
		"dictionary": nil,
		"plain":      {parquet.WithDictionaryDefault(false)},
		"deltas": {parquet.WithDictionaryDefault(false), parquet.WithEncoding(e.DeltaByteArray), parquet.WithDataPageVersion(parquet.DataPageV2),
			parquet.WithEncodingFor("id", e.DeltaBinaryPacked), parquet.WithEncodingFor("place.x", e.DeltaBinaryPacked)},
	} {
		t.Run(name, func(t *testing.T) {
			tb := mixed(40, 260)
			tb.props = append(props, parquet.WithDataPageSize(200), parquet.WithBatchSize(11))
			src := open(t, nil, tb.save(t, "t.parquet")).(*source)
			all, _, err := readRows(t.Context(), src, nil)
			must(t, err)
			const refused = 1 // row 13
			for row := int64(14); row < 260; row += 3 {
				rows, _, err := readRows(t.Context(), src, src.position(mark{Group: 1, Row: row}))
				must(t, err)
				if diff := cmp.Diff(all[40+row-refused:], rows); diff != "" {
					t.Fatalf("from row %d: %s", row, diff)
				}
			}
		})
	}
}

// FuzzPosition proves that what is no position is stale, and that one that isn't gives the rows from some row on: none is
// skipped behind it, and none comes twice.
func FuzzPosition(f *testing.F) {
	paths := []string{mixed(3, 0, 5).save(f, "a.parquet"), mixed(4).save(f, "b.parquet")}
	opened, err := (&Config{Path: paths, Binary: encodeBase64}).Open(f.Context(), noEnv)
	must(f, err)
	src := opened.(*source)
	all, _, err := readRows(f.Context(), src, nil)
	must(f, err)
	for file, groups := range [][]int{{3, 0, 5}, {4}} {
		for group := range len(groups) + 2 {
			for _, row := range []int64{0, 1, 3, 4, 5, 6, -1, 1 << 62} {
				f.Add(string(src.position(mark{File: file, Group: group, Row: row})))
			}
		}
	}
	for _, text := range []string{"", "null", "{}", "[]", `{"file":-1}`, `{"row":1e99}`, `{"file":0,"file":1}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, _, err := readRows(t.Context(), src, pipeline.Position(text))
		switch {
		case err != nil && (!errors.Is(err, pipeline.ErrStalePosition) || len(rows) > 0):
			t.Errorf("%q: %d rows, then %v", text, len(rows), err)
		case err == nil && (len(rows) > len(all) || cmp.Diff(all[len(all)-len(rows):], rows) != "" && len(rows) > 0):
			t.Errorf("%q: %q, which isn't the rest of %q", text, rows, all)
		}
	})
}
