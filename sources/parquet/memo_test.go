package parquet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What is read doesn't depend on whether values are entries of a dictionary: not where texts are empty, damaged or null,
// nor where a dictionary is large, is given up within a column chunk, or is another one in the next row group.
func TestDictionary(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fields := schema.FieldList{stringField("s", optional), field("b", required, nil, parquet.Types.ByteArray, -1)}
		limit := rapid.SampledFrom([]int64{1 << 20, 2000}).Draw(rt, "dictionary bytes")
		var groups [][]data
		for range rapid.IntRange(1, 3).Draw(rt, "row groups") {
			distinct := rapid.SampledFrom([]int{1, 3, 300, mostEntries - 1, mostEntries + 1}).Draw(rt, "entries")
			seed := rapid.IntRange(0, 1000).Draw(rt, "seed")
			groups = append(groups, repeating(rapid.IntRange(1, 6000).Draw(rt, "rows"), distinct, seed))
		}
		read := func(dictionary bool) string {
			tb := table{fields: fields, groups: groups, props: []parquet.WriterProperty{
				parquet.WithDictionaryDefault(dictionary), parquet.WithDictionaryPageSizeLimit(limit), parquet.WithDataPageSize(4000)}}
			rows, rejects, err := readRows(t.Context(), open(t, nil, tb.save(t, "t.parquet")), nil)
			return fmt.Sprint(rows, rejects, err)
		}
		if diff := cmp.Diff(read(false), read(true)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// repeating returns rows of few distinct texts: some are empty, one in eleven isn't UTF-8, and of the first column every
// seventh is null.
func repeating(rows, distinct, seed int) []data {
	var texts, all []string
	var defs []int16
	for i := range rows {
		n := (i*7919 + seed) % distinct
		text := strings.Repeat(fmt.Sprint(seed+n, "é"), n%4)
		if n%11 == 5 {
			text += "\xff"
		}
		all = append(all, text)
		if i%7 == 3 {
			defs = append(defs, 0)
			continue
		}
		texts, defs = append(texts, text), append(defs, 1)
	}
	return []data{{texts, defs, nil}, {values: all}}
}
