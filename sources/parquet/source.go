package parquet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"slices"

	"sluice/pipeline"
)

// A source reads files one after the other. It keeps none of them open between readings.
type source struct {
	schema *pipeline.Schema
	files  []known
	binary string
}

// A known is a file whose footer has been read.
type known struct {
	path   string
	digest digest  // of the file
	chain  digest  // of this file and of all before it
	groups []int64 // rows of each row group
}

// add reads the footer of the file at path, whose columns must be those of the files before. needed limits the columns.
func (s *source) add(path string, needed []string) error {
	in, err := openInput(path)
	if err != nil {
		return err
	}
	defer in.close()
	columns, err := columnsOf(in.meta.Schema.Root(), s.binary)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	fields := make([]pipeline.Field, 0, len(columns))
	for _, c := range columns {
		if needed == nil || slices.Contains(needed, c.field.Name) {
			fields = append(fields, c.field)
		}
	}
	if s.schema == nil {
		s.schema = &pipeline.Schema{Fields: fields}
	} else if err := s.agree(path, fields); err != nil {
		return err
	}
	k := known{path: path, digest: in.digest}
	var before []byte
	if len(s.files) > 0 {
		before = s.files[len(s.files)-1].chain[:]
	}
	k.chain = sha256.Sum256(append(slices.Clone(before), k.digest[:]...))
	for _, g := range in.meta.RowGroups {
		k.groups = append(k.groups, g.NumRows)
	}
	s.files = append(s.files, k)
	return nil
}

// agree returns an error unless fields are those of the first file, in whatever order.
func (s *source) agree(path string, fields []pipeline.Field) error {
	first := s.files[0].path
	for _, want := range s.schema.Fields {
		i := slices.IndexFunc(fields, func(f pipeline.Field) bool { return f.Name == want.Name })
		if i < 0 {
			return fmt.Errorf("%s: the column %q is missing, which %s has", path, want.Name, first)
		}
		if got := fields[i].Type; got != want.Type {
			return fmt.Errorf("%s: the column %q has the type %s, but %s in %s", path, want.Name, got, want.Type, first)
		}
	}
	for _, f := range fields {
		if s.schema.Index(pipeline.Column, f.Name) < 0 {
			return fmt.Errorf("%s: the column %q is not in %s", path, f.Name, first)
		}
	}
	return nil
}

// Schema returns the columns of the first file, in its order.
func (s *source) Schema() *pipeline.Schema { return s.schema }

// Close does nothing: files are open only while they are read.
func (s *source) Close() error { return nil }

// Batches yields the rows of all files.
func (s *source) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		r, err := s.start(from)
		if err != nil {
			yield(pipeline.Batch{}, err)
			return
		}
		defer r.close()
		for {
			if err := ctx.Err(); err != nil {
				yield(pipeline.Batch{}, err)
				return
			}
			b, err := r.batch(ctx)
			if len(b.Rows)+len(b.Rejects) > 0 && !yield(b, nil) {
				return
			}
			if err != nil {
				if err != io.EOF {
					yield(pipeline.Batch{}, err)
				}
				return
			}
		}
	}
}
