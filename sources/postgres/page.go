package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5/pgconn"
)

// A page holds rows as they came, in memory that is used again for the next page.
type page struct {
	buf  []byte // messages, one a row: see rowHeader; then each value, behind its length, which is -1 for null
	ends []int  // where the rows end in buf
}

// A cell is one value of a row as Postgres sent it: binary or text, as the column asks for it.
type cell struct {
	text string
	null bool
}

func (p *page) reset() { p.buf, p.ends = p.buf[:0], p.ends[:0] }

func (p *page) rows() int { return len(p.ends) }

// row returns a row's values, valid as long as the page is.
func (p *page) row(row int) string {
	b := p.message(row)[rowHeader:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// width returns the number of a row's values.
func (p *page) width(row int) int {
	return int(binary.BigEndian.Uint16(p.message(row)[messageHeader:]))
}

// message returns the message that a row came in.
func (p *page) message(row int) []byte {
	start := 0
	if row > 0 {
		start = p.ends[row-1]
	}
	return p.buf[start:p.ends[row]]
}

// cut cuts a row's values into cells.
func cut(text string, cells []cell) error {
	for i := range cells {
		if len(text) < 4 {
			return errCut
		}
		size := int32(uint32(text[0])<<24 | uint32(text[1])<<16 | uint32(text[2])<<8 | uint32(text[3]))
		text = text[4:]
		if size < 0 {
			cells[i] = cell{null: true}
			continue
		}
		if int(size) > len(text) {
			return errCut
		}
		cells[i] = cell{text: text[:size]}
		text = text[size:]
	}
	if text != "" {
		return errCut
	}
	return nil
}

var errCut = errors.New("a row came with another number of values than was asked for, or broken; is something between here and Postgres that changes what it says?")

// fetch runs a statement and takes over all rows that it returns.
func (s *source) fetch(ctx context.Context, st statement, p *page) error {
	return s.transact(ctx, func(ctx context.Context, pg *pgconn.PgConn) error {
		return into(p, pg, func() error {
			_, err := pg.ExecParams(ctx, st.sql, st.params, st.types, nil, st.formats).Close()
			return err
		})
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
		cells := make([]cell, p.width(row))
		if err := cut(p.row(row), cells); err != nil {
			return nil, err
		}
		for _, c := range cells {
			all[row] = append(all[row], c.text)
		}
	}
	return all, nil
}

// Repetitions after a lost connection take about 23 seconds in all: Postgres restarts within that time, and PgBouncer in front of
// it, which lets nobody in for 15 seconds once it was refused itself, and refuses whom it tries again for.
const (
	attempts     = 9
	firstBackoff = 250 * time.Millisecond
	mostBackoff  = 20 // times the first
)

// silenceGrace is how much longer than a statement may take Postgres may say nothing. By itself it ends a statement in time,
// and says so: who hears no more of it waits in vain, as for a machine that was paused, or on a way that swallows what it is given.
const silenceGrace = 30 * time.Second

// transact runs f in a read-only transaction. If the connection is lost it does so again, on another one: reading
// twice is safe, since nothing of f's result has been passed on.
func (s *source) transact(ctx context.Context, f func(context.Context, *pgconn.PgConn) error) error {
	wait := s.backoff
	for attempt := 1; ; attempt++ {
		err := s.transactOnce(ctx, f)
		if err == nil || ctx.Err() != nil || !lost(err) || attempt == attempts {
			return err
		}
		s.log.Warn("Postgres broke off: reading the page again", "source", s.name, "in", wait, "reason", plain(err))
		s.conn.pool.Reset()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait = min(2*wait, mostBackoff*s.backoff)
	}
}

func (s *source) transactOnce(ctx context.Context, f func(context.Context, *pgconn.PgConn) error) error {
	conn, err := s.conn.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// A connection that is left inside a transaction isn't used again.
	defer conn.Release()
	pg := conn.Conn().PgConn()
	if s.timeout == 0 {
		return s.within(ctx, pg, f)
	}
	attentive, done := attend(ctx, pg, s.timeout+s.grace)
	defer done()
	err = s.within(attentive, pg, f)
	if silence := context.Cause(attentive); err != nil && silence != nil && ctx.Err() == nil {
		return silence
	}
	return err
}

// within runs f in a transaction.
func (s *source) within(ctx context.Context, pg *pgconn.PgConn, f func(context.Context, *pgconn.PgConn) error) error {
	if _, err := pg.Exec(ctx, s.begin()).ReadAll(); err != nil {
		return err
	}
	if err := f(ctx, pg); err != nil {
		return err
	}
	// Whatever a query has had done that a read-only transaction allows, such as settings of the session, goes with it.
	_, err := pg.Exec(ctx, "rollback").ReadAll()
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

// lost tells whether an error is the connection's, or of the moment, and not the statement's.
func lost(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return true
	}
	switch e.Code {
	case "57P01", "57P02", "57P03", // the server is shut down, or starts
		"57P05", "25P03", "25P04", // the session was idle for too long, or its transaction was, or took too long
		"55P03",          // waited for a lock for too long
		"53300",          // too many connections
		"40001", "40P01": // cancelled in favour of the replication, or of another transaction
		return true
	}
	return strings.HasPrefix(e.Code, "08") && !withoutTransactions(err) && !poolerTimedOut(e)
}
