package parquet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"sluice/pipeline"
)

// A data is what one leaf of one row group gets: values without nulls, and levels, nil where there are none.
type data struct {
	values     any
	defs, reps []int16
}

// A table is a file to be written: its fields, and for each row group the data of each leaf.
type table struct {
	fields schema.FieldList
	groups [][]data
	props  []parquet.WriterProperty
}

// encode returns the table as a Parquet file.
func (tb table) encode(t testing.TB) []byte {
	t.Helper()
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, tb.fields, -1)
	must(t, err)
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(parquet.NewWriterProperties(tb.props...)))
	for _, group := range tb.groups {
		g, err := w.AppendRowGroupChecked()
		must(t, err)
		for _, d := range group {
			c, err := g.NextColumn()
			must(t, err)
			must(t, writeLeaf(c, d))
			must(t, c.Close())
		}
		must(t, g.Close())
	}
	must(t, w.Close())
	return out.Bytes()
}

func writeLeaf(c file.ColumnChunkWriter, d data) (err error) {
	switch c := c.(type) {
	case *file.BooleanColumnChunkWriter:
		_, err = c.WriteBatch(d.values.([]bool), d.defs, d.reps)
	case *file.Int32ColumnChunkWriter:
		_, err = c.WriteBatch(d.values.([]int32), d.defs, d.reps)
	case *file.Int64ColumnChunkWriter:
		_, err = c.WriteBatch(d.values.([]int64), d.defs, d.reps)
	case *file.Int96ColumnChunkWriter:
		_, err = c.WriteBatch(d.values.([]parquet.Int96), d.defs, d.reps)
	case *file.Float32ColumnChunkWriter:
		_, err = c.WriteBatch(d.values.([]float32), d.defs, d.reps)
	case *file.Float64ColumnChunkWriter:
		_, err = c.WriteBatch(d.values.([]float64), d.defs, d.reps)
	case *file.ByteArrayColumnChunkWriter:
		var values []parquet.ByteArray
		for _, v := range d.values.([]string) {
			values = append(values, parquet.ByteArray(v))
		}
		_, err = c.WriteBatch(values, d.defs, d.reps)
	case *file.FixedLenByteArrayColumnChunkWriter:
		var values []parquet.FixedLenByteArray
		for _, v := range d.values.([]string) {
			values = append(values, parquet.FixedLenByteArray(v))
		}
		_, err = c.WriteBatch(values, d.defs, d.reps)
	}
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// save writes content to a file of the test's own and returns its path.
func save(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

func (tb table) save(t testing.TB, name string) string {
	t.Helper()
	return save(t, name, tb.encode(t))
}

var (
	required = parquet.Repetitions.Required
	optional = parquet.Repetitions.Optional
	repeated = parquet.Repetitions.Repeated
)

// field returns a leaf of a schema; size is the length of fixed-length byte arrays.
func field(name string, rep parquet.Repetition, logical schema.LogicalType, typ parquet.Type, size int) schema.Node {
	if logical == nil {
		logical = schema.NoLogicalType{}
	}
	return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(name, rep, logical, typ, size, -1))
}

func stringField(name string, rep parquet.Repetition) schema.Node {
	return field(name, rep, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
}

func intField(name string, rep parquet.Repetition) schema.Node {
	return field(name, rep, nil, parquet.Types.Int64, -1)
}

// open opens files with nothing else configured.
func open(t testing.TB, needed []string, paths ...string) pipeline.Source {
	t.Helper()
	src, err := (&Config{Path: paths, Binary: encodeBase64}).Open(t.Context(), pipeline.Env{Needed: needed})
	must(t, err)
	t.Cleanup(func() { must(t, src.Close()) })
	return src
}

// show returns each value as "type:text", null as "null".
func show(values []pipeline.Value) []string {
	var all []string
	for _, v := range values {
		if v.IsNull() {
			all = append(all, "null")
			continue
		}
		all = append(all, v.Type().String()+":"+v.String())
	}
	return all
}

// readRows returns all rows and rejects after from, as text.
func readRows(ctx context.Context, src pipeline.Source, from pipeline.Position) (rows [][]string, rejects []string, err error) {
	for b, err := range src.Batches(ctx, from) {
		if err != nil {
			return rows, rejects, err
		}
		for _, r := range b.Rows {
			rows = append(rows, show(r.Values))
		}
		for _, r := range b.Rejects {
			rejects = append(rejects, fmt.Sprintf("%s %s %s: %v", filepath.Base(r.Place.String()), r.Stage, r.Code, r.Err))
		}
	}
	return rows, rejects, nil
}

// readColumn reads a file's first column, which must have no rejects.
func readColumn(t testing.TB, path string) []string {
	t.Helper()
	rows, rejects, err := readRows(t.Context(), open(t, nil, path), nil)
	must(t, err)
	if len(rejects) > 0 {
		t.Fatalf("rejects: %q", rejects)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r[0])
	}
	return got
}
