// Command bare reads what the benchmarks read, and does nothing with it: the least that a program in Go does who reads
// such a file or table in the usual way. It prints the number of rows, and a sum that only who has seen every value
// knows.
//
//	bare csv FILE            encoding/csv with ReuseRecord
//	bare parquet FILE        Arrow's records, a value at a time
//	bare postgres DSN TABLE  one SELECT, and rows.Scan
//
// It is a module of its own, so that Arrow's records, and gRPC with them, aren't linked into sluice, nor known to its
// go.mod.
package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
)

func main() {
	var rows, sum int64
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "csv":
		rows, sum, err = readCSV(args[1])
	case len(args) == 2 && args[0] == "parquet":
		rows, sum, err = readParquet(args[1])
	case len(args) == 3 && args[0] == "postgres":
		rows, sum, err = readPostgres(args[1], args[2])
	default:
		err = fmt.Errorf("usage: bare csv FILE | parquet FILE | postgres DSN TABLE")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
	fmt.Println(rows, sum)
}

func readCSV(path string) (rows, sum int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return 0, 0, err
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return rows, sum, nil
		}
		if err != nil {
			return rows, sum, err
		}
		rows++
		for _, field := range record {
			sum += int64(len(field))
		}
	}
}
