package parquet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// synthetic returns a file with rows like those of a customer table.
func synthetic(t testing.TB, rows, groupRows int) []byte {
	tb := table{
		fields: schema.FieldList{
			intField("id", required), stringField("email", required), stringField("company", optional), stringField("stage", required),
			field("amount", optional, nil, types.Double, -1), field("active", required, nil, types.Boolean, -1),
			field("born", optional, schema.DateLogicalType{}, types.Int32, -1),
			field("updated", required, schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), types.Int64, -1),
		},
		props: []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Snappy)},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for first := 0; first < rows; first += groupRows {
		tb.groups = append(tb.groups, syntheticGroup(random, first, min(groupRows, rows-first)))
	}
	return tb.encode(t)
}

func syntheticGroup(random *rand.Rand, first, n int) []data {
	var ids, updated []int64
	var emails, companies, stages []string
	var amounts []float64
	var active []bool
	var born []int32
	var defs []int16
	for i := range n {
		id := int64(first + i)
		ids, updated = append(ids, id), append(updated, 1_700_000_000_000_000+random.Int64N(1e15))
		emails = append(emails, fmt.Sprintf("person.%d@example%d.com", id, random.IntN(1e6)))
		stages, active = append(stages, []string{"lead", "customer", "lost"}[random.IntN(3)]), append(active, id%3 == 0)
		def := int16(min(1, random.IntN(10)))
		if defs = append(defs, def); def == 1 {
			companies = append(companies, fmt.Sprintf("Company %d", random.IntN(10_000)))
			amounts, born = append(amounts, float64(random.IntN(1e7))/100), append(born, int32(random.IntN(20_000)))
		}
	}
	return []data{{values: ids}, {values: emails}, {companies, defs, nil}, {values: stages}, {amounts, defs, nil}, {values: active}, {born, defs, nil}, {values: updated}}
}

// BenchmarkRead reads a file as typed rows.
func BenchmarkRead(b *testing.B) {
	const rows = 200_000
	path := filepath.Join(b.TempDir(), "t.parquet")
	must(b, os.WriteFile(path, synthetic(b, rows, rows), 0o600))
	b.Run("source", func(b *testing.B) {
		for b.Loop() {
			n := 0
			for batch, err := range open(b, nil, path).Batches(b.Context(), nil) {
				must(b, err)
				n += len(batch.Rows)
			}
			if n != rows {
				b.Fatal(n)
			}
		}
		perRow(b, rows)
	})
	b.Run("projected", func(b *testing.B) {
		for b.Loop() {
			for _, err := range open(b, []string{"id", "updated"}, path).Batches(b.Context(), nil) {
				must(b, err)
			}
		}
		perRow(b, rows)
	})
	b.Run("bare", func(b *testing.B) { // Arrow's column readers alone: no rows, no copies of texts
		for b.Loop() {
			if n := bareRead(b, path); n != rows*8 {
				b.Fatal(n)
			}
		}
		perRow(b, rows)
	})
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}

func bareRead(b *testing.B, path string) (levels int64) {
	r, err := file.OpenParquetFile(path, false)
	must(b, err)
	defer r.Close()
	defs := make([]int16, 1024)
	for g := range r.NumRowGroups() {
		group := r.RowGroup(g)
		for i := range group.NumColumns() {
			c, err := group.Column(i)
			must(b, err)
			levels += bareColumn(c, defs)
		}
	}
	return levels
}

func bareColumn(c file.ColumnChunkReader, defs []int16) (levels int64) {
	switch c := c.(type) {
	case *file.BooleanColumnChunkReader:
		return drain(c, make([]bool, 1024), defs)
	case *file.Int32ColumnChunkReader:
		return drain(c, make([]int32, 1024), defs)
	case *file.Int64ColumnChunkReader:
		return drain(c, make([]int64, 1024), defs)
	case *file.Float64ColumnChunkReader:
		return drain(c, make([]float64, 1024), defs)
	case *file.ByteArrayColumnChunkReader:
		return drain(c, make([]parquet.ByteArray, 1024), defs)
	}
	return 0
}

func drain[T any](c typedChunk[T], values []T, defs []int16) (levels int64) {
	for {
		n, _, err := c.ReadBatchInPage(1024, values, defs, nil)
		if n == 0 || err != nil {
			return levels
		}
		levels += n
	}
}
