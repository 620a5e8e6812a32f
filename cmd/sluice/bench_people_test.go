//go:build unix

package main

import (
	"encoding/csv"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/pipeline/state/pgtest"
)

// A personColumn is a column of the table that the benchmarks write: its name, what it becomes, and its value of row i,
// in Go and in Postgres.
type personColumn struct {
	column, property string
	hubType          string
	value            func(i int64) string
	sqlType, sql     string
}

var firstDay = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// people has 15 columns like those of a customer table, about 245 bytes a row.
var people = []personColumn{
	{"id", "bench_id", "string", func(i int64) string { return fmt.Sprint(i) }, "bigint primary key", "i"},
	{"email", "email", "string", func(i int64) string { return fmt.Sprintf("person%d@example%d.com", i, i%977) }, "text", "'person' || i || '@example' || i % 977 || '.com'"},
	{"first", "firstname", "string", func(i int64) string { return fmt.Sprint("First", i%1013) }, "text", "'First' || i % 1013"},
	{"last", "lastname", "string", func(i int64) string { return fmt.Sprint("Last", i%2011) }, "text", "'Last' || i % 2011"},
	{"company", "company", "string", func(i int64) string { return fmt.Sprintf("Company %d, Inc.", i%499) }, "text", "'Company ' || i % 499 || ', Inc.'"},
	{"domain", "website", "string", func(i int64) string { return fmt.Sprintf("example%d.com", i%977) }, "text", "'example' || i % 977 || '.com'"},
	{"phone", "phone", "string", func(i int64) string { return fmt.Sprintf("+1 555 %07d", i*7919%10_000_000) }, "text", "'+1 555 ' || lpad((i * 7919 % 10000000)::text, 7, '0')"},
	{"city", "city", "string", func(i int64) string { return fmt.Sprint("Springfield ", i%50) }, "text", "'Springfield ' || i % 50"},
	{"stage", "bench_stage", "string", func(i int64) string { return fmt.Sprint("stage-", i%7) }, "text", "'stage-' || i % 7"},
	{"amount", "bench_amount", "number", func(i int64) string { return fmt.Sprintf("%d.%02d", i%100_000, i%100) }, "numeric(12,2)", "((i % 100000) || '.' || lpad((i % 100)::text, 2, '0'))::numeric"},
	{"score", "bench_score", "number", func(i int64) string { return fmt.Sprint(i % 1000) }, "integer", "i % 1000"},
	{"created", "bench_created", "datetime", func(i int64) string {
		return firstDay.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
	}, "timestamptz", "timestamptz '2024-01-01Z' + i * interval '1 minute'"},
	{"updated", "bench_updated", "datetime", func(i int64) string {
		return firstDay.Add(time.Duration(i) * time.Second).Format(time.RFC3339)
	}, "timestamptz", "timestamptz '2024-01-01Z' + i * interval '1 second'"},
	{"born", "bench_born", "date", func(i int64) string { return firstDay.AddDate(0, 0, -int(i%20_000)).Format(time.DateOnly) }, "date", "date '2024-01-01' - (i % 20000)::int"},
	{"notes", "bench_notes", "string", func(i int64) string {
		if i%3 == 0 {
			return ""
		}
		return fmt.Sprintf("Said \"call me\" in week %d, about the renewal; asked whether others had, too", i%52)
	}, "text", "case when i % 3 <> 0 then 'Said \"call me\" in week ' || i % 52 || ', about the renewal; asked whether others had, too' end"},
}

// A crowd is people: the first so many, or what became of them later. Then one in a hundred has another number of
// telephone, one in two hundred has gone, and as many are new.
type crowd struct {
	first int64
	later bool
}

// people returns the numbers of the crowd's people, in order.
func (c crowd) people() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range c.size() {
			if !(c.later && c.gone(i)) && !yield(i) {
				return
			}
		}
	}
}

// size returns one more than the last person's number.
func (c crowd) size() int64 {
	if c.later {
		return c.first + c.first/200
	}
	return c.first
}

func (c crowd) gone(i int64) bool    { return i < c.first && i%200 == 1 }
func (c crowd) changed(i int64) bool { return i < c.first && i%100 == 0 }

// value returns what a column says of a person; "" is null.
func (c crowd) value(p *personColumn, i int64) string {
	if c.later && c.changed(i) && p.column == "phone" {
		return fmt.Sprintf("+1 777 %07d", i%10_000_000)
	}
	return p.value(i)
}

// fieldType is HubSpot's field type of the column's property.
func (p *personColumn) fieldType() string {
	switch p.hubType {
	case "number":
		return "number"
	case "date", "datetime":
		return "date"
	}
	return "text"
}

// peopleCSV writes a crowd to a file and returns its path.
func peopleCSV(b *testing.B, c crowd) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "people.csv")
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := csv.NewWriter(out)
	record := make([]string, len(people))
	for at, p := range people {
		record[at] = p.column
	}
	_ = w.Write(record) // told by Error
	for i := range c.people() {
		for at := range people {
			record[at] = c.value(&people[at], i)
		}
		_ = w.Write(record)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// peopleTable makes a table of n people in a database of its own and returns its DSN.
func peopleTable(b *testing.B, n int64) string {
	b.Helper()
	dsn := pgtest.Database(b)
	var columns, values string
	for i, p := range people {
		if i > 0 {
			columns, values = columns+", ", values+", "
		}
		columns += p.column + " " + p.sqlType
		values += p.sql
	}
	longExec(b, dsn, "create table people ("+columns+")",
		fmt.Sprintf("insert into people select %s from generate_series(0, %d::bigint) i", values, n-1), "vacuum analyze people")
	return dsn
}
