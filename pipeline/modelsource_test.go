package pipeline_test

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"unsafe"

	"sluice/pipeline"
)

// A sliceSource yields rows of three columns (id, name, parent) from memory. Its position is the number of rows read.
type sliceSource struct {
	rows  [][3]string
	batch int
}

func (s *sliceSource) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return s, nil }
func (s *sliceSource) Close() error                                                { return nil }
func (s *sliceSource) Schema() *pipeline.Schema {
	return &pipeline.Schema{Fields: []pipeline.Field{{Name: "id", Type: pipeline.String}, {Name: "name", Type: pipeline.String}, {Name: "parent", Type: pipeline.String}}}
}

func (s *sliceSource) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		at, _ := strconv.Atoi(string(from))
		slab := make([]pipeline.Value, 3*s.batch) // reused, as sources do
		for at < len(s.rows) {
			if ctx.Err() != nil {
				yield(pipeline.Batch{}, ctx.Err())
				return
			}
			var b pipeline.Batch
			var texts lent
			for ; at < len(s.rows) && len(b.Rows) < s.batch; at++ {
				v := slab[3*len(b.Rows):][:3:3]
				for i, cell := range s.rows[at] {
					if v[i] = (pipeline.Value{}); cell != "" {
						v[i] = pipeline.StringValue(texts.lend(cell))
					}
				}
				b.Rows = append(b.Rows, pipeline.Row{Place: pipeline.Place{Name: "rows", Line: int64(at + 1)}, Values: v})
			}
			b.End = pipeline.Position(strconv.Itoa(at))
			more := yield(b, nil)
			if texts.takeBack(); !more {
				return
			}
		}
	}
}

// A lent is the texts of a batch, whose memory is used for something else once the next batch is asked for.
type lent [][]byte

func (l *lent) lend(text string) string {
	b := []byte(text)
	*l = append(*l, b)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (l *lent) takeBack() {
	for _, b := range *l {
		for i := range b {
			b[i] = '#'
		}
	}
}

// mapped sends the name as a property, and turns the parent into a link.
type mapped struct{ schema *pipeline.Schema }

func (mapped) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	return mapped{in.With(pipeline.Field{Name: "name", Type: pipeline.String, Role: pipeline.Property},
		pipeline.Field{Name: "parent", Type: pipeline.Ref, Role: pipeline.Link, Lookup: &pipeline.Lookup{Object: "things", Property: "id", Missing: pipeline.MissingPark}})}, nil
}
func (m mapped) Schema() *pipeline.Schema { return m.schema }
func (m mapped) Leave() []pipeline.Copied { return []pipeline.Copied{{Field: 3, Of: 1}} }
func (m mapped) Apply(_ context.Context, rows []pipeline.Row, reject func(pipeline.Row, error)) ([]pipeline.Row, error) {
	kept := rows[:0]
	for _, row := range rows {
		switch row.Values[1].Text() {
		case "drop":
			continue
		case "bad":
			reject(row, pipeline.Rejectf("bad_name", "the name is bad"))
			continue
		}
		parent := pipeline.Value{}
		if !row.Values[2].IsNull() {
			parent = pipeline.RefValue(row.Values[2].Text())
		}
		row.Values = append(slices.Clone(row.Values), pipeline.StringValue("left out"), parent)
		kept = append(kept, row)
	}
	return kept, nil
}
