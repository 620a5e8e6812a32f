package state

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgSession is a connection or a transaction. BEGIN goes to the server with a transaction's first statement, and COMMIT with its
// last ones: each round trip is time in which others wait for its locks.
type pgSession struct {
	d       *dialect
	conn    *pgx.Conn
	waiting *pgx.Batch // goes with the next statement
	lent    bool       // each flush is a transaction of its own, in a session that may be others' before and after it
}

// newView returns a session outside of transactions.
func newView(d *dialect, conn *pgx.Conn, pooled bool) *pgSession {
	return &pgSession{d: d, conn: conn, waiting: beginning(pooled), lent: pooled}
}

func (s *pgSession) exec(ctx context.Context, source string, args ...any) (n int64, err error) {
	s.waiting.Queue(s.d.sql(source), args...).Exec(func(tag pgconn.CommandTag) error {
		n = tag.RowsAffected()
		return nil
	})
	err = s.flush(ctx)
	return n, err
}

func (s *pgSession) query(ctx context.Context, each func(scan) error, source string, args ...any) error {
	s.waiting.Queue(s.d.sql(source), args...).Query(func(rows pgx.Rows) error { return eachRow(rows, each) })
	return s.flush(ctx)
}

func (s *pgSession) batch(ctx context.Context, list []statement) error {
	_ = s.last(ctx, list)
	return s.flush(ctx)
}

func (s *pgSession) last(_ context.Context, list []statement) error {
	for _, st := range list {
		s.waiting.Queue(s.d.sql(st.source), unfold(st.args)...)
	}
	return nil
}

func (s *pgSession) told(_ context.Context, changed *int64, st statement) error {
	s.waiting.Queue(s.d.sql(st.source), unfold(st.args)...).Exec(func(tag pgconn.CommandTag) error {
		*changed = tag.RowsAffected()
		return nil
	})
	return nil
}

// flush sends what waits, and reads the answers.
func (s *pgSession) flush(ctx context.Context) error {
	b := s.waiting
	s.waiting = beginning(s.lent)
	return s.conn.SendBatch(ctx, b).Close()
}

func (s *pgSession) commit(ctx context.Context) error {
	s.waiting.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return fmt.Errorf("expected the transaction to be committed, but Postgres said %s", tag)
		}
		return nil
	})
	err := s.flush(ctx)
	if err != nil {
		s.rollback(ctx)
	}
	return err
}

// rollback ends a transaction that has failed, if it was begun; where that fails the connection is closed, which ends it as well.
func (s *pgSession) rollback(ctx context.Context) {
	if s.conn.IsClosed() || s.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := s.conn.Exec(ctx, "rollback"); err != nil {
		_ = s.conn.Close(ctx)
	}
}

// unfold returns args with the columns of the table that comes last, if there is one.
func unfold(args []any) []any {
	if at := len(args) - 1; at >= 0 {
		if t, ok := args[at].(table); ok {
			return append(args[:at:at], t...)
		}
	}
	return args
}

func (s *pgSession) script(ctx context.Context, text string) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	_, err := s.conn.PgConn().Exec(ctx, text).ReadAll()
	return err
}
