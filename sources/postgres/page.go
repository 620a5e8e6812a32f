package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5/pgconn"
)

// A page holds rows as they came, in memory that is used again for the next page.
type page struct {
	width int
	buf   []byte
	sizes []int32 // of the values, row by row; -1 for null
	ends  []int   // where the rows end in buf
}

// A cell is one value of a row as Postgres sent it: binary or text, as the column asks for it.
type cell struct {
	text string
	null bool
}

func (p *page) reset() { p.buf, p.sizes, p.ends = p.buf[:0], p.sizes[:0], p.ends[:0] }

func (p *page) add(values [][]byte) {
	p.width = len(values)
	at := len(p.sizes)
	p.sizes = slices.Grow(p.sizes, len(values))[:at+len(values)]
	sizes, buf := p.sizes[at:], p.buf
	for i, v := range values {
		if sizes[i] = int32(len(v)); v == nil {
			sizes[i] = -1
		}
		buf = append(buf, v...)
	}
	p.buf, p.ends = buf, append(p.ends, len(buf))
}

func (p *page) rows() int { return len(p.ends) }

// start returns where a row begins in buf, or where the last one ends.
func (p *page) start(row int) int {
	if row == 0 {
		return 0
	}
	return p.ends[row-1]
}

// text returns a row's text and all that follows it, valid as long as the page is.
func (p *page) text(row int) string {
	b := p.buf[p.start(row):]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// cut cuts a row's text, which may be followed by more, into cells.
func (p *page) cut(row int, text string, cells []cell) {
	for i, size := range p.sizes[row*p.width : (row+1)*p.width] {
		if size < 0 {
			cells[i] = cell{null: true}
			continue
		}
		cells[i] = cell{text: text[:size]}
		text = text[size:]
	}
}

// fetch runs a statement and takes over all rows that it returns.
func (s *source) fetch(ctx context.Context, st statement, into *page) error {
	return s.transact(ctx, func(pg *pgconn.PgConn) error {
		into.reset()
		result := pg.ExecParams(ctx, st.sql, st.params, st.types, nil, st.formats)
		for result.NextRow() {
			into.add(result.Values())
		}
		_, err := result.Close()
		return err
	})
}

// strings runs a statement and returns its rows as texts; null is "".
func (s *source) strings(ctx context.Context, sql string, params ...string) ([][]string, error) {
	var p page
	if err := s.fetch(ctx, statement{sql: sql, params: texts(params)}, &p); err != nil {
		return nil, err
	}
	all := make([][]string, p.rows())
	for row := range all {
		cells := make([]cell, p.width)
		p.cut(row, string(p.buf[p.start(row):]), cells)
		for _, c := range cells {
			all[row] = append(all[row], c.text)
		}
	}
	return all, nil
}

// Repetitions after a lost connection take about eight seconds in all: Postgres restarts within that time.
const (
	attempts     = 6
	firstBackoff = 250 * time.Millisecond
)

// transact runs f in a read-only transaction. If the connection is lost it does so again, on another one: reading
// twice is safe, since nothing of f's result has been passed on.
func (s *source) transact(ctx context.Context, f func(*pgconn.PgConn) error) error {
	wait := s.backoff
	for attempt := 1; ; attempt++ {
		err := s.transactOnce(ctx, f)
		if err == nil || ctx.Err() != nil || !lost(err) || attempt == attempts {
			return err
		}
		s.log.Warn("the connection to Postgres was lost: reading the page again", "source", s.name, "in", wait, "reason", plain(err))
		s.conn.pool.Reset()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait *= 2
	}
}

func (s *source) transactOnce(ctx context.Context, f func(*pgconn.PgConn) error) error {
	conn, err := s.conn.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// A connection that is left inside a transaction isn't used again.
	defer conn.Release()
	pg := conn.Conn().PgConn()
	if _, err := pg.Exec(ctx, s.begin()).ReadAll(); err != nil {
		return err
	}
	if err := f(pg); err != nil {
		return err
	}
	// Whatever a query has had done that a read-only transaction allows, such as settings of the session, goes with it.
	_, err = pg.Exec(ctx, "rollback").ReadAll()
	return err
}

// begin starts a transaction in which types are written as this package reads them. The settings end with it, so
// that they hold behind a pooler too and concern nobody else.
func (s *source) begin() string {
	encoding := "UTF8"
	if s.unchecked {
		encoding = "SQL_ASCII" // a text that isn't UTF-8 rejects its row, and doesn't fail the page
	}
	return fmt.Sprintf("begin isolation level read committed read only; set local timezone = 'UTC'; set local datestyle = 'ISO, YMD';"+
		" set local intervalstyle = 'postgres'; set local extra_float_digits = 1; set local bytea_output = 'hex'; set local statement_timeout = %d; set local client_encoding = '%s'",
		s.timeout.Milliseconds(), encoding)
}

// lost tells whether an error is the connection's and not the statement's.
func lost(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return true
	}
	switch e.Code {
	case "57P01", "57P02", "57P03", // the server is shut down, or starts
		"53300",          // too many connections
		"40001", "40P01": // cancelled in favour of the replication, or of another transaction
		return true
	}
	return strings.HasPrefix(e.Code, "08")
}
