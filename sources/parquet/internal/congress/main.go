// Command congress writes testdata/congress/legislators.parquet from the CSV file next to it, so that the same
// real rows can be read from either format. Run it from the module's root.
package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

const (
	folder     = "testdata/congress"
	from       = "legislators-current.csv"
	to         = "legislators.parquet"
	groupRows  = 200        // several row groups, the last of them shorter
	dateColumn = "birthday" // the only column that isn't text
)

func main() {
	log.SetFlags(0)
	data, err := os.ReadFile(filepath.Join(folder, from))
	if err != nil {
		log.Fatal(err)
	}
	out, err := convert(data)
	if err != nil {
		log.Fatalf("%s: %v", from, err)
	}
	if err := os.WriteFile(filepath.Join(folder, to), out, 0o644); err != nil {
		log.Fatal(err)
	}
}

// convert returns the rows of a CSV file as a Parquet file: the same bytes for the same input. An empty cell is null.
func convert(data []byte) ([]byte, error) {
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return nil, err
	}
	header, rows := records[0], records[1:]
	root, err := newSchema(header)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy("sluice"))
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(props))
	for len(rows) > 0 {
		n := min(groupRows, len(rows))
		if err := writeGroup(w, header, rows[:n]); err != nil {
			return nil, err
		}
		rows = rows[n:]
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func newSchema(header []string) (*schema.GroupNode, error) {
	var fields schema.FieldList
	for _, name := range header {
		var logical schema.LogicalType = schema.StringLogicalType{}
		physical := parquet.Types.ByteArray
		if name == dateColumn {
			logical, physical = schema.DateLogicalType{}, parquet.Types.Int32
		}
		node, err := schema.NewPrimitiveNodeLogical(name, parquet.Repetitions.Optional, logical, physical, -1, -1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, node)
	}
	return schema.NewGroupNode("legislators", parquet.Repetitions.Required, fields, -1)
}

func writeGroup(w *file.Writer, header []string, rows [][]string) error {
	group, err := w.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for i, name := range header {
		column, err := group.NextColumn()
		if err != nil {
			return err
		}
		if err := writeColumn(column, rows, i); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		if err := column.Close(); err != nil {
			return err
		}
	}
	return group.Close()
}

// writeColumn writes cell i of every row.
func writeColumn(column file.ColumnChunkWriter, rows [][]string, i int) error {
	levels := make([]int16, len(rows))
	var texts []parquet.ByteArray
	var days []int32
	for r, row := range rows {
		if row[i] == "" {
			continue
		}
		levels[r] = 1
		if column.Type() != parquet.Types.Int32 {
			texts = append(texts, parquet.ByteArray(row[i]))
			continue
		}
		day, err := time.Parse(time.DateOnly, row[i])
		if err != nil {
			return err
		}
		days = append(days, int32(day.Unix()/86400))
	}
	var err error
	switch w := column.(type) {
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(days, levels, nil)
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(texts, levels, nil)
	}
	return err
}
