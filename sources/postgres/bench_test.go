//go:build unix

package postgres

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/pipeline"
)

const benchRows = 200_000

const benchTable = `
create table bench (id bigint primary key, email text, first text, last text, company text, domain text, phone text, city text, stage text,
  amount numeric(12,2), score int, created timestamptz, updated timestamptz, born date, notes text);
insert into bench select i, 'user' || i || '@example.com', 'First' || i % 1000, 'Last' || i % 5000, 'Company ' || i % 700, 'example' || i % 700 || '.com',
  '+1 202 555 ' || lpad((i % 10000)::text, 4, '0'), 'Springfield, IL', 'customer', i / 100.0, i % 100, timestamptz '2026-01-01' + i * interval '1 minute',
  timestamptz '2026-06-01' + i * interval '1 second', date '1980-01-01' + i % 10000, case when i % 3 = 0 then repeat('note ', 12) end
  from generate_series(1, 200000) i;
analyze bench`

// BenchmarkRead compares the source with the usual loop over rows.Scan, in the same run over the same rows. The time of
// the process alone, without the server's, is cpu-ns/row.
func BenchmarkRead(b *testing.B) {
	env, _ := database(b, benchTable)
	closer, err := env.Connection(b.Context(), "db")
	if err != nil {
		b.Fatal(err)
	}
	src := open(b, env, table("bench", "id"))
	b.Run("source", func(b *testing.B) { measure(b, func() (int, error) { return readRows(b.Context(), src) }) })
	b.Run("scan", func(b *testing.B) {
		measure(b, func() (int, error) { return scanRows(b.Context(), closer.(*connection).pool) })
	})
}

func measure(b *testing.B, read func() (int, error)) {
	b.ReportAllocs()
	before := processTime(b)
	for b.Loop() {
		if n, err := read(); err != nil || n != benchRows {
			b.Fatal(n, err)
		}
	}
	rows := float64(b.N) * benchRows
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/rows, "ns/row")
	b.ReportMetric(float64(processTime(b)-before)/rows, "cpu-ns/row")
	b.ReportMetric(0, "ns/op")
}

// processTime returns the CPU time of this process in nanoseconds.
func processTime(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func readRows(ctx context.Context, src pipeline.Source) (n int, err error) {
	for batch, err := range src.Batches(ctx, nil) {
		if err != nil {
			return n, err
		}
		n += len(batch.Rows)
	}
	return n, nil
}

func scanRows(ctx context.Context, pool *pgxpool.Pool) (n int, err error) {
	rows, err := pool.Query(ctx, "select * from bench")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var (
		id                     int64
		score                  int32
		texts                  [8]string
		amount                 pgtype.Numeric
		created, updated, born time.Time
		notes                  *string
	)
	for rows.Next() {
		if err := rows.Scan(&id, &texts[0], &texts[1], &texts[2], &texts[3], &texts[4], &texts[5], &texts[6], &texts[7],
			&amount, &score, &created, &updated, &born, &notes); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}
