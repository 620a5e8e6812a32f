package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The committed Parquet file is exactly what this program makes of the committed CSV file, every time.
func TestCommittedFileIsCurrent(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", folder)
	data, err := os.ReadFile(filepath.Join(dir, from))
	if err != nil {
		t.Fatal(err)
	}
	want, err := convert(data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, to))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s differs from what is made of %s: run go generate ./sources/parquet", to, from)
	}
}
