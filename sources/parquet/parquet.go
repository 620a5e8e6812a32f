// Package parquet reads rows from Parquet files.
package parquet

//go:generate sh -c "cd ../.. && go run ./sources/parquet/internal/congress"
