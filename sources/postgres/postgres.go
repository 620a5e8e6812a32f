// Package postgres reads a table, a view or a query of a Postgres database, page by page, by its key.
//
// A page is one short statement in a READ ONLY transaction of its own: rows whose key is greater than the last one
// read, in the key's order, up to a limit. It is taken over whole before its first row is passed on, so that however
// long the rows take from there, no transaction, cursor or snapshot stays open. A role that may only read is enough,
// and so is a connection through a pooler. A page that is cut off by a lost connection is read again.
//
// With a cursor, a column such as updated_at, a pass over all rows goes by the key, too, and the next one in the order
// of (cursor, key) from where the cursor was when the last pass began, or when the oldest transaction began that was
// running then, less the lag: rows that are committed late aren't missed. What is read twice has not changed and costs
// no request.
//
// # Types
//
// smallint, integer, bigint and oid become Int; numeric and money become Decimal, exactly; real and double precision
// become Float, by their shortest text, so that a real of 0.15 is 0.15; boolean becomes Bool; date becomes Date;
// timestamp with time zone becomes Time, and so does timestamp without time zone, taken as UTC; json, jsonb and, as
// JSON arrays, all arrays become JSON. Everything else becomes String, as Postgres itself writes it: text, varchar,
// char(n) without its padding, uuid, enums, time, interval, bytea as \x and hexadecimal digits, ranges, inet, bit,
// xml, hstore, composite types and types that nobody has heard of. A domain is read as its base type.
//
// NaN and infinity, of numbers and of dates, fit none of these: such a row is a reject.
// Queries run with the time zone UTC.
package postgres

import (
	"context"
	"strings"
	"time"

	"sluice/pipeline"
)

// Kind is the source "postgres".
var Kind = pipeline.Kind[pipeline.SourceConfig]{
	Name:    "postgres",
	Doc:     "Reads a table, a view or a query of a Postgres database, page by page, by its key.",
	Example: "postgres: { connection: warehouse, table: public.people }",
	New:     func() pipeline.SourceConfig { return &Config{Lag: defaultLag, Page: 10_000, Timeout: 5 * time.Minute} },
}

// defaultLag covers transactions of the usual length where the database doesn't show them, and clocks that differ.
const defaultLag = 10 * time.Minute

// Config says what is read.
type Config struct {
	Connection string        `yaml:"connection" doc:"Name of a connection of kind postgres."`
	Table      string        `yaml:"table,omitempty" doc:"Table or view, as schema.name; put a name that has dots in double quotes."`
	Query      string        `yaml:"query,omitempty" doc:"A SELECT to read instead of a table."`
	Key        []string      `yaml:"key,omitempty" doc:"Columns that together identify a row and by which it is paged; indexed, best the primary key. Default: the pipeline's key."`
	Cursor     string        `yaml:"cursor,omitempty" doc:"Column that grows whenever a row changes, such as updated_at: a run reads only what is new since the last. Best indexed. Rows where it is null are read by every run."`
	Lag        time.Duration `yaml:"lag,omitempty" doc:"How much further back than the last cursor a run begins, for rows that are committed later than their cursor says, and for clocks that differ."`
	Page       int           `yaml:"page,omitempty" doc:"Most rows that one statement reads."`
	Timeout    time.Duration `yaml:"timeout,omitempty" doc:"Longest time that one statement may take; 0 means no limit."`
}

// Open describes what is to be read and checks that it can be, without reading a row. Errors that belong to an
// option are *pipeline.FieldError.
func (c *Config) Open(ctx context.Context, env pipeline.Env) (pipeline.Source, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if len(c.Key) == 0 && len(env.Key) == 0 {
		return nil, fieldError("key", "name the columns of the primary key", "no key: rows are paged by it")
	}
	closer, err := env.Connection(ctx, c.Connection)
	if err != nil {
		return nil, err
	}
	conn, ok := closer.(*connection)
	if !ok {
		return nil, fieldError("connection", "name a connection of kind postgres", "%q is not a Postgres connection", c.Connection)
	}
	s := newSource(c, env, conn)
	if err := s.describe(ctx, c.selection(env)); err != nil {
		return nil, err
	}
	return s, nil
}

// Check returns what is wrong with the config whatever the database holds.
func (c *Config) Check() error {
	switch {
	case c.Table == "" && c.Query == "":
		return fieldError("table", "name a table, or write a query", "nothing says what to read")
	case strings.Count(c.Table, `"`)%2 != 0:
		return fieldError("table", `write a quote within a quoted name twice: "a""b"`, "a quote in %s isn't closed", pipeline.Quote(c.Table))
	case c.Table != "" && c.Query != "":
		return fieldError("query", "leave one of them out", "both a table and a query are given")
	case c.Page < 1:
		return fieldError("page", "", "%d rows a page; at least 1 is needed", c.Page)
	case c.Lag < 0:
		return fieldError("lag", "", "%v is negative", c.Lag)
	case c.Lag != defaultLag && c.Cursor == "":
		return fieldError("lag", "name a cursor, or leave the lag out", "a lag without a cursor")
	case c.Timeout < 0:
		return fieldError("timeout", "", "%v is negative", c.Timeout)
	}
	return nil
}
