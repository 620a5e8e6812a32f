package postgres

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"sluice/pipeline"
)

// A source is an opened Config. It holds a connection for the time of a page only.
type source struct {
	conn    *connection
	log     *slog.Logger
	name    string // what is read, for people: the table as written, or "query"
	option  string // the option that says what is read: "table" or "query"
	from    string // what is read, for Postgres
	most    int    // rows of a page
	lag     time.Duration
	timeout time.Duration
	grace   time.Duration // how much longer than timeout the server may say nothing
	backoff time.Duration // before the first repetition of a page; doubles with each, up to mostBackoff of it

	schema  *pipeline.Schema
	columns []column
	room    int   // values that rows have room for, where that is more than there are columns
	rowKey  []int // columns of the pipeline's key: they name a row in rejects
	key     []int // columns by which rows are paged
	cursor  int   // -1 if there is none
	order   []int // the cursor, if there is one, and the key

	unchecked bool // the database doesn't see to it that texts are in its encoding
}

func newSource(c *Config, env pipeline.Env, conn *connection) *source {
	s := &source{conn: conn, log: env.Log, most: c.Page, lag: c.Lag, timeout: c.Timeout, grace: silenceGrace, backoff: firstBackoff, cursor: -1}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if c.Table != "" {
		s.name, s.option, s.from = c.Table, "table", quoteTable(c.Table)+" as t"
	} else {
		s.name, s.option, s.from = "query", "query", wrapQuery(c.Query)
	}
	return s
}

// Schema returns the columns that are read.
func (s *source) Schema() *pipeline.Schema { return s.schema }

// Room makes room for that many values in every row.
func (s *source) Room(values int) { s.room = values }

// Incremental tells whether the next run goes on at the cursor.
func (s *source) Incremental() bool { return s.cursor >= 0 }

// Close does nothing: the connection is shared, and no page is open between batches.
func (s *source) Close() error { return nil }

// Batches yields the rows after from, in the order of the cursor, if there is one, and the key.
func (s *source) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		r, err := s.reader(ctx, from)
		for err == nil && r.at.Phase != donePhase {
			if err = r.turn(ctx); err != nil {
				break
			}
			for err == nil && r.next < r.ready {
				var batch pipeline.Batch
				if batch, err = r.batch(ctx); err == nil && !yield(batch, nil) {
					return
				}
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			yield(pipeline.Batch{}, err)
		} else if s.cursor >= 0 {
			yield(pipeline.Batch{End: r.at.encode()}, nil)
		}
	}
}
