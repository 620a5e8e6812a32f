package parquet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"sluice/pipeline"
	"sluice/sources/sourcetest"
)

var noEnv = pipeline.Env{}

func TestMain(m *testing.M) {
	if path := os.Getenv(readAloneEnv); path != "" {
		readAlone(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// mixed returns a table with flat and nested columns, nulls, and now and then a row that can't be represented.
func mixed(groups ...int) table {
	tb := table{fields: schema.FieldList{
		intField("id", required),
		stringField("name", optional),
		list3("tags", optional, stringField("element", optional)),
		groupOf("place", optional, nil, intField("x", optional), list3("lines", required, stringField("element", required))),
	}}
	row := 0
	for _, n := range groups {
		var ids, xs []int64
		var names, tags, lines []string
		var ddefs, tdefs, treps, xdefs, ldefs, lreps []int16
		for range n {
			ids = append(ids, int64(row))
			switch {
			case row%700 == 13:
				names, ddefs = append(names, "\xff"), append(ddefs, 1)
			case row%5 == 0:
				ddefs = append(ddefs, 0)
			default:
				names, ddefs = append(names, fmt.Sprintf("name %d", row%300)), append(ddefs, 1)
			}
			if row%4 < 2 {
				tdefs, treps = append(tdefs, int16(row%4)), append(treps, 0)
			} else {
				for i := range row % 7 {
					tags = append(tags, fmt.Sprint("tag ", row, i))
					tdefs, treps = append(tdefs, 3), append(treps, int16(min(i, 1)))
				}
				if row%7 == 0 {
					tdefs, treps = append(tdefs, 2), append(treps, 0)
				}
			}
			if row%3 == 0 {
				xdefs, ldefs, lreps = append(xdefs, 0), append(ldefs, 0), append(lreps, 0)
			} else {
				xs, xdefs = append(xs, int64(row)), append(xdefs, 2)
				lines, ldefs, lreps = append(lines, "l1", "l2"), append(ldefs, 2, 2), append(lreps, 0, 1)
			}
			row++
		}
		tb.groups = append(tb.groups, []data{
			{ids, nil, nil}, {names, ddefs, nil}, {tags, tdefs, treps}, {xs, xdefs, nil}, {lines, ldefs, lreps},
		})
	}
	return tb
}

func conform(t *testing.T, needed []string, paths ...string) {
	sourcetest.Run(t, func(ctx context.Context) (pipeline.Source, error) {
		return (&Config{Path: paths, Binary: encodeBase64}).Open(ctx, pipeline.Env{Needed: needed})
	})
}

// The source keeps the promises of pipeline.Source whatever the layout of its files is.
func TestConformance(t *testing.T) {
	t.Run("legislators", func(t *testing.T) { conform(t, nil, filepath.Join(congress, "legislators.parquet")) })
	t.Run("one row group", func(t *testing.T) { conform(t, nil, mixed(2500).save(t, "t.parquet")) })
	t.Run("row groups", func(t *testing.T) { conform(t, nil, mixed(1, 0, 1500, 300, 0, 900).save(t, "t.parquet")) })
	t.Run("files", func(t *testing.T) {
		conform(t, nil, mixed(700, 700).save(t, "a.parquet"), mixed(0).save(t, "b.parquet"), mixed(1000).save(t, "c.parquet"))
	})
	t.Run("small pages", func(t *testing.T) {
		for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
			tb := mixed(2500)
			tb.props = []parquet.WriterProperty{parquet.WithDataPageSize(100), parquet.WithBatchSize(7), parquet.WithDataPageVersion(version)}
			conform(t, nil, tb.save(t, "t.parquet"))
		}
	})
	t.Run("projection", func(t *testing.T) { conform(t, []string{"tags", "absent"}, mixed(2500).save(t, "t.parquet")) })
}

// What is read doesn't depend on how it was written: codecs, versions of pages, encodings, and sizes of pages.
func TestLayouts(t *testing.T) {
	plain := mixed(300, 2000)
	want, wantRejects, err := readRows(t.Context(), open(t, nil, plain.save(t, "t.parquet")), nil)
	must(t, err)
	if len(want) != 2296 || len(wantRejects) != 4 {
		t.Fatalf("%d rows and %d rejects", len(want), len(wantRejects))
	}
	c := compress.Codecs
	for _, codec := range []compress.Compression{c.Uncompressed, c.Snappy, c.Gzip, c.Brotli, c.Zstd, c.Lz4Raw} {
		for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
			for _, dictionary := range []bool{true, false} {
				t.Run(fmt.Sprint(codec, version, dictionary), func(t *testing.T) {
					tb := plain
					tb.props = []parquet.WriterProperty{
						parquet.WithCompression(codec), parquet.WithDataPageVersion(version), parquet.WithDictionaryDefault(dictionary),
						parquet.WithDataPageSize(4000), parquet.WithBatchSize(100),
					}
					sameRows(t, tb, want, wantRejects)
				})
			}
		}
	}
}

// Every encoding that the format has for a type is read.
func TestEncodings(t *testing.T) {
	plain := mixed(300, 2000)
	want, wantRejects, err := readRows(t.Context(), open(t, nil, plain.save(t, "t.parquet")), nil)
	must(t, err)
	e := parquet.Encodings
	for _, test := range []struct{ ints, texts parquet.Encoding }{
		{e.DeltaBinaryPacked, e.DeltaByteArray}, {e.ByteStreamSplit, e.DeltaLengthByteArray}, {e.Plain, e.Plain},
	} {
		t.Run(fmt.Sprint(test.ints, test.texts), func(t *testing.T) {
			tb := plain
			tb.props = []parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithEncoding(test.texts),
				parquet.WithEncodingFor("id", test.ints), parquet.WithEncodingFor("place.x", test.ints)}
			sameRows(t, tb, want, wantRejects)
		})
	}
}

func sameRows(t *testing.T, tb table, want [][]string, wantRejects []string) {
	t.Helper()
	rows, rejects, err := readRows(t.Context(), open(t, nil, tb.save(t, "t.parquet")), nil)
	must(t, err)
	if reflect.DeepEqual(rows, want) && slices.Equal(rejects, wantRejects) {
		return // told in a small part of the time that cmp takes
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantRejects, rejects); diff != "" {
		t.Error(diff)
	}
}

// Batches are full across row groups and files; large values make them smaller, and none larger than a row needs.
func TestBatchSizes(t *testing.T) {
	src := open(t, nil, mixed(600, 600).save(t, "a.parquet"), mixed(900).save(t, "b.parquet"))
	if diff := cmp.Diff([]int{1024, 1024, 52}, batchSizes(t, src)); diff != "" {
		t.Error(diff)
	}
	large := strings.Repeat("x", batchBytes/4)
	tb := table{fields: schema.FieldList{stringField("c", required)}, groups: [][]data{{{values: []string{large, large, large, large, large, "y", large}}}}}
	if diff := cmp.Diff([]int{4, 3}, batchSizes(t, open(t, nil, tb.save(t, "t.parquet")))); diff != "" {
		t.Error(diff)
	}
}

func batchSizes(t *testing.T, src pipeline.Source) (sizes []int) {
	for b, err := range src.Batches(t.Context(), nil) {
		must(t, err)
		sizes = append(sizes, len(b.Rows)+len(b.Rejects))
	}
	return sizes
}
