//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// peopleParquet writes people to a file, with the types that Postgres would give them, compressed and in row groups of a
// million, and returns its path.
func peopleParquet(b *testing.B, c crowd) string {
	b.Helper()
	const group = 1_000_000
	path := filepath.Join(b.TempDir(), "people.parquet")
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	var fields schema.FieldList
	for i := range people {
		fields = append(fields, people[i].node())
	}
	root := schema.MustGroup(schema.NewGroupNode("people", parquet.Repetitions.Required, fields, -1))
	w := file.NewParquetWriter(out, root, file.WithWriterProps(parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy))))
	var list []int64
	for i := range c.people() {
		if list = append(list, i); len(list) == group {
			writeGroup(b, w, c, list)
			list = list[:0]
		}
	}
	if len(list) > 0 {
		writeGroup(b, w, c, list)
	}
	if err := w.Close(); err != nil { // closes the file as well
		b.Fatal(err)
	}
	return path
}

// node returns the column's place in a Parquet file's schema.
func (p *personColumn) node() schema.Node {
	var logical schema.LogicalType = schema.NoLogicalType{}
	physical, repetition := parquet.Types.ByteArray, parquet.Repetitions.Required
	switch p.sqlType {
	case "text":
		logical = schema.StringLogicalType{}
	case "numeric(12,2)":
		logical, physical = schema.NewDecimalLogicalType(12, 2), parquet.Types.Int64
	case "timestamptz":
		logical, physical = schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64
	case "date":
		logical, physical = schema.DateLogicalType{}, parquet.Types.Int32
	case "integer":
		physical = parquet.Types.Int32
	default:
		physical = parquet.Types.Int64
	}
	if p.column == "notes" {
		repetition = parquet.Repetitions.Optional
	}
	return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(p.column, repetition, logical, physical, -1, -1))
}

func writeGroup(b *testing.B, w *file.Writer, c crowd, list []int64) {
	b.Helper()
	group, err := w.AppendRowGroupChecked()
	if err != nil {
		b.Fatal(err)
	}
	for i := range people {
		column, err := group.NextColumn()
		if err == nil {
			err = writeColumn(column, c, &people[i], list)
		}
		if err == nil {
			err = column.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := group.Close(); err != nil {
		b.Fatal(err)
	}
}

func writeColumn(w file.ColumnChunkWriter, c crowd, p *personColumn, list []int64) (err error) {
	switch w := w.(type) {
	case *file.ByteArrayColumnChunkWriter:
		var values []parquet.ByteArray
		levels := make([]int16, len(list))
		for at, i := range list {
			if text := c.value(p, i); text != "" {
				values, levels[at] = append(values, parquet.ByteArray(text)), 1
			}
		}
		_, err = w.WriteBatch(values, levels, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(numbers[int64](c, p, list), nil, nil)
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(numbers[int32](c, p, list), nil, nil)
	default:
		err = fmt.Errorf("a column of %T", w)
	}
	return err
}

// numbers returns a column's values as numbers: those of times count microseconds, those of dates days, those of amounts
// hundredths.
func numbers[T int32 | int64](c crowd, p *personColumn, list []int64) []T {
	values := make([]T, len(list))
	for at, i := range list {
		text := c.value(p, i)
		var n int64
		switch p.sqlType {
		case "timestamptz":
			t, _ := time.Parse(time.RFC3339, text)
			n = t.UnixMicro()
		case "date":
			t, _ := time.Parse(time.DateOnly, text)
			n = t.Unix() / 86400
		default:
			n, _ = strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64)
		}
		values[at] = T(n)
	}
	return values
}
