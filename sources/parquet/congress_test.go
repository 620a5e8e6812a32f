package parquet

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

var congress = filepath.Join("..", "..", "testdata", "congress")

// The legislators read from Parquet are, cell by cell, those of the CSV file.
func TestLegislators(t *testing.T) {
	f, err := os.Open(filepath.Join(congress, "legislators-current.csv"))
	must(t, err)
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	must(t, err)
	src := open(t, nil, filepath.Join(congress, "legislators.parquet"))
	if diff := cmp.Diff(records[0], src.Schema().Names(pipeline.Column)); diff != "" {
		t.Fatal(diff)
	}
	if i := src.Schema().Index(pipeline.Column, "birthday"); src.Schema().Fields[i].Type != pipeline.Date {
		t.Errorf("birthday is a %s, want date", src.Schema().Fields[i].Type)
	}
	rows, rejects, err := readRows(t.Context(), src, nil)
	must(t, err)
	if len(rejects) > 0 {
		t.Fatalf("rejects: %q", rejects)
	}
	var want [][]string
	for _, record := range records[1:] {
		var row []string
		for i, cell := range record {
			switch {
			case cell == "":
				cell = "null"
			case records[0][i] == "birthday":
				cell = "date:" + cell
			default:
				cell = "string:" + cell
			}
			row = append(row, cell)
		}
		want = append(want, row)
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Fatal(diff)
	}
}
