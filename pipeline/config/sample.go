package config

import (
	"context"
	"iter"
	"slices"

	"sluice/pipeline"
)

// A sample is a source that has the rows of a test.
type sample struct {
	fields []pipeline.Field
	batch  pipeline.Batch
}

var _ pipeline.SourceConfig = (*sample)(nil)

// sample makes a source of rows. Its columns are those that the pipeline reads, or where that isn't known those of the rows.
func (d *decoder) sample(p *Pipeline, t *Test, rows []Row) *sample {
	if p.Source.Config == nil {
		return nil
	}
	s := &sample{}
	known, ok := p.columns()
	for _, name := range known {
		s.fields = append(s.fields, pipeline.Field{Name: name})
	}
	for _, row := range rows {
		for _, c := range row.Cells {
			switch at := s.index(c.Name); {
			case at >= 0:
			case ok:
				d.unknownColumn(c, known)
			default:
				s.fields = append(s.fields, pipeline.Field{Name: c.Name})
			}
		}
	}
	reader, isText := p.Source.Config.(pipeline.TextSource)
	for i := range s.fields {
		f := &s.fields[i]
		if isText {
			f.Type = reader.ColumnType(f.Name)
		} else {
			f.Type = d.columnType(f.Name, t.Types, rows)
		}
	}
	for _, row := range rows {
		d.fill(s, reader, row)
	}
	return s
}

func (s *sample) index(name string) int {
	return slices.IndexFunc(s.fields, func(f pipeline.Field) bool { return f.Name == name })
}

// columnType returns the type of a column: the one that is given, or else the one of its values.
func (d *decoder) columnType(name string, types map[string]string, rows []Row) pipeline.Type {
	if t, ok := pipeline.ParseType(types[name]); ok {
		return t
	}
	found, line := pipeline.Null, 0
	for _, row := range rows {
		c, ok := row.Get(name)
		switch wider := max(found, c.Type); { // of numbers, each type holds the values of those before it
		case !ok || c.Type == pipeline.Null || c.Type == found:
		case found == pipeline.Null:
			found, line = c.Type, row.Line
		case min(found, c.Type) >= pipeline.Int && wider <= pipeline.Float:
			found = wider
		default:
			d.mixed(c, found, line)
			return pipeline.String // of which every value is one: nothing more is to be said
		}
	}
	return found
}

// fill adds a row to a sample.
func (d *decoder) fill(s *sample, reader pipeline.TextSource, row Row) {
	place := pipeline.Place{Name: d.file, Line: int64(row.Line)}
	values := make([]pipeline.Value, len(s.fields))
	for _, c := range row.Cells {
		at := s.index(c.Name)
		if at < 0 || c.Type == pipeline.Null {
			continue
		}
		if reader == nil {
			v, ok := pipeline.ParseText(s.fields[at].Type, c.Text)
			if !ok {
				d.misfit(c, s.fields[at].Type)
			}
			values[at] = v
			continue
		}
		v, err := reader.ReadText(c.Name, c.Text)
		if err != nil {
			s.batch.Rejects = append(s.batch.Rejects, pipeline.Reject{Place: place, Stage: "source", Code: err.Code, Err: err.Err})
			return
		}
		values[at] = v
	}
	s.batch.Rows = append(s.batch.Rows, pipeline.Row{Place: place, Values: values})
}

// Open returns the sample.
func (s *sample) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return s, nil }

// Schema returns the columns.
func (s *sample) Schema() *pipeline.Schema { return &pipeline.Schema{Fields: s.fields} }

// Batches yields all rows.
func (s *sample) Batches(context.Context, pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		batch := s.batch
		batch.Rows = slices.Clone(batch.Rows)
		for i := range batch.Rows {
			batch.Rows[i].Values = slices.Clone(batch.Rows[i].Values)
		}
		yield(batch, nil)
	}
}

// Close does nothing.
func (s *sample) Close() error { return nil }
