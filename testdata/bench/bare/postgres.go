package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// A person is a row of the benchmarks' table.
type person struct {
	id                     int64
	texts                  [8]string
	amount                 pgtype.Numeric
	score                  int32
	created, updated, born time.Time
	notes                  *string
}

func readPostgres(dsn, table string) (rows, sum int64, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(ctx)
	found, err := conn.Query(ctx, "select * from "+pgx.Identifier{table}.Sanitize())
	if err != nil {
		return 0, 0, err
	}
	defer found.Close()
	for found.Next() {
		var p person
		t := &p.texts
		if err := found.Scan(&p.id, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7], &p.amount, &p.score, &p.created, &p.updated, &p.born, &p.notes); err != nil {
			return rows, sum, err
		}
		rows++
		sum += p.id
	}
	return rows, sum, found.Err()
}
