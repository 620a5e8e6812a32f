package pipeline_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"sluice/pipeline"
	"sluice/transforms/mapping"
)

// personColumns are columns like those of a customer table, and their properties in the order of their names.
var personColumns = []struct {
	column, property string
	typ              pipeline.Type
}{
	{"amount", "amount", pipeline.Decimal}, {"born", "born", pipeline.Date}, {"city", "city", pipeline.String}, {"company", "company", pipeline.String},
	{"created", "created", pipeline.Time}, {"email", "email", pipeline.String}, {"first", "firstname", pipeline.String}, {"id", "ident", pipeline.Int},
	{"last", "lastname", pipeline.String}, {"notes", "notes", pipeline.String}, {"phone", "phone", pipeline.String}, {"score", "score", pipeline.Int},
	{"stage", "stage", pipeline.String}, {"updated", "updated", pipeline.Time}, {"domain", "website", pipeline.String},
}

// personRows is a source of one batch of rows, again and again.
type personRows struct{ batch pipeline.Batch }

func (s *personRows) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return s, nil }
func (s *personRows) Close() error                                                { return nil }
func (s *personRows) Batches(context.Context, pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) { yield(s.batch, nil) }
}
func (s *personRows) Schema() *pipeline.Schema {
	schema := &pipeline.Schema{}
	for _, c := range personColumns {
		schema.Fields = append(schema.Fields, pipeline.Field{Name: c.column, Type: c.typ})
	}
	return schema
}

// unlinked is a sink that knows no links.
type unlinked struct{ pipeline.Sink }

func (u unlinked) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return u, nil
}

func newPersonRows() *personRows {
	s, first := &personRows{}, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range pipeline.BatchRows {
		str := func(format string, n int) pipeline.Value { return pipeline.StringValue(fmt.Sprintf(format, i%n)) }
		s.batch.Rows = append(s.batch.Rows, pipeline.Row{Values: []pipeline.Value{
			pipeline.DecimalValue(fmt.Sprintf("%d.%02d", i, i%100)), pipeline.DateValue(int64(19000 - i)), str("Springfield %d", 50), str("Company %d, Inc.", 499),
			pipeline.TimeValue(first.Add(time.Duration(i) * time.Minute)), str("person%d@example.com", 1<<20), str("First%d", 1013), pipeline.IntValue(int64(i)),
			str("Last%d", 2011), str("Said \"call me\" in week %d, about the renewal", 52), str("+1 555 %07d", 1<<20), pipeline.IntValue(int64(i % 1000)),
			str("stage-%d", 7), pipeline.TimeValue(first.Add(time.Duration(i) * time.Second)), str("example%d.com", 977),
		}})
	}
	return s
}

// openPersons opens a pipeline that maps each column of the rows to a property.
func openPersons(t testing.TB, source *personRows) *pipeline.Pipeline {
	config := mapping.Config{}
	for _, c := range personColumns {
		config[c.property] = mapping.Field{From: c.column}
	}
	p, err := pipeline.Open(t.Context(), pipeline.Definition{Name: "p", Key: []string{"id"}, Source: source,
		Transforms: []pipeline.TransformConfig{&config}, Sink: unlinked{newModelCRM(1, nil)}}, pipeline.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestUnchangedRowsCostNoMemory proves that a batch of unchanged rows allocates less than a hundredth of its rows.
func TestUnchangedRowsCostNoMemory(t *testing.T) {
	source := newPersonRows()
	rows, original := make([]pipeline.Row, len(source.batch.Rows)), source.batch.Rows
	copy(rows, original)
	scan := openPersons(t, source).Scanning(t.Context(), pipeline.Batch{Rows: rows})
	allocations := testing.AllocsPerRun(100, func() {
		copy(rows, original)
		if _, err := scan(pipeline.Batch{Rows: rows}); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > float64(len(rows))/100 {
		t.Errorf("a batch of %d rows allocates %v times", len(rows), allocations)
	}
}

// BenchmarkTransformAndHash takes rows of 15 columns from the source's values to the hash of what would be sent, and to the
// word that they are unchanged. It compares that with the same plan on map[string]any, up to the hash, as a program does it
// that thinks in maps (of-maps: the share of its time).
func BenchmarkTransformAndHash(b *testing.B) {
	source := newPersonRows()
	rows, original := make([]pipeline.Row, len(source.batch.Rows)), source.batch.Rows
	copy(rows, original)
	scan := openPersons(b, source).Scanning(b.Context(), pipeline.Batch{Rows: rows})
	var perRow [2]float64
	b.Run("plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			copy(rows, original)
			if _, err := scan(pipeline.Batch{Rows: rows}); err != nil {
				b.Fatal(err)
			}
		}
		perRow[0] = float64(b.Elapsed().Nanoseconds()) / float64(b.N*len(rows))
		b.ReportMetric(perRow[0], "ns/row")
	})
	maps := asMaps(original)
	b.Run("maps", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, row := range maps {
				hashMap(row)
			}
		}
		perRow[1] = float64(b.Elapsed().Nanoseconds()) / float64(b.N*len(rows))
		b.ReportMetric(perRow[1], "ns/row")
		b.ReportMetric(perRow[0]/perRow[1], "of-maps")
	})
}

func asMaps(rows []pipeline.Row) (list []map[string]any) {
	for _, row := range rows {
		m := map[string]any{}
		for i, c := range personColumns {
			switch v := row.Values[i]; c.typ {
			case pipeline.Int:
				m[c.column] = v.Int()
			case pipeline.Date, pipeline.Time:
				m[c.column] = v.Time()
			default:
				m[c.column] = v.Text()
			}
		}
		list = append(list, m)
	}
	return list
}

// hashMap does to a map what the plan does to a row.
func hashMap(row map[string]any) xxh3.Uint128 {
	out := map[string]any{}
	for _, c := range personColumns {
		out[c.property] = row[c.column]
	}
	names := make([]string, 0, len(out))
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	var b []byte
	for _, name := range names {
		text := ""
		switch v := out[name].(type) {
		case string:
			text = v
		case time.Time:
			text = v.Format(time.RFC3339Nano)
		default:
			text = fmt.Sprint(v)
		}
		b = binary.LittleEndian.AppendUint32(append(b, 1), uint32(len(text)))
		b = append(b, text...)
	}
	return xxh3.Hash128(b)
}
