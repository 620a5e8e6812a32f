package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/pipeline"
	"sluice/pipeline/failpoint"
)

// What becomes of errors of the server: some pass within seconds, of others a person has to be told what to do.

// pauses between attempts, long enough for a server to restart. PgBouncer in front of one that refused it while it started lets
// nobody in for 15 s, and refuses whom it tries again for: two attempts have to come after that.
var pauses = []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second}

// repeat runs f on a connection of the pool, and again on another one after a transient failure.
func (p *postgres) repeat(ctx context.Context, f func(*pgx.Conn) error) error {
	return patiently(ctx, func() (again bool, err error) { return p.once(ctx, f) })
}

// patiently runs f until it wants to be run no more, with pauses.
func patiently(ctx context.Context, f func() (again bool, err error)) error {
	for attempt := 0; ; attempt++ {
		again, err := f()
		if !again || ctx.Err() != nil || attempt == len(pauses) || wait(ctx, pauses[attempt]) != nil {
			return explain(err)
		}
	}
}

func (p *postgres) once(ctx context.Context, f func(*pgx.Conn) error) (again bool, err error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return transient(err, true), fmt.Errorf("connect: %w", unanswered(err, ctx.Err() != nil))
	}
	defer conn.Release()
	if err := failpoint.At("db.op"); err != nil {
		return false, err
	}
	err = f(conn.Conn())
	leaveStandby(conn.Conn(), err)
	lost := conn.Conn().IsClosed()
	return err != nil && transient(err, lost), unanswered(err, lost)
}

// unanswered says of an error that isn't the server's whose silence it was, if the connection was lost with it: by itself it is
// no more than "unexpected EOF" or "context deadline exceeded".
func unanswered(err error, lost bool) error {
	_, told := errors.AsType[*pgconn.PgError](err)
	if err == nil || !lost || told || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: Postgres, which has the state, gave no answer, or the connection to it broke off: "+
		"see that it runs and can be reached, and run again: what is in doubt is settled then", err)
}

// leaveStandby closes a connection to a server that only reads: after a failover a new one leads to another server.
func leaveStandby(conn *pgx.Conn, err error) {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == onlyReads {
		_ = conn.Close(context.Background())
	}
}

const onlyReads = "25006"

// transient tells whether the same may succeed a moment later. lost: the connection is gone.
func transient(err error, lost bool) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return lost
	}
	switch pg.Code {
	case "40001", "40P01", // serialization failure, deadlock
		"55P03", "57014", // waited for a lock for too long, took too long or was cancelled
		"25P03", "25P04", // idle in a transaction, or in one, for too long
		onlyReads,
		"53300",                            // too many connections
		"57P01", "57P02", "57P03", "57P05": // shutdown, crash, starting up, idle too long
		return true
	}
	return strings.HasPrefix(pg.Code, "08") && !withoutTransactions(pg)
}

// explain adds what to do to errors that have a well-known cause.
func explain(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	if withoutTransactions(pg) {
		return fmt.Errorf("%w: the connection pooler is in statement mode, which has no transactions: "+
			"use its transaction or session mode, or connect to Postgres itself", err)
	}
	if strings.Contains(pg.Message, "server_login_retry") {
		return fmt.Errorf("%w: the connection pooler could not connect to Postgres, and waits for server_login_retry (15 s) until it tries again: "+
			"see that Postgres runs and lets the pooler in, and run again", err)
	}
	if pg.Message == "query timeout" {
		return fmt.Errorf("%w: the connection pooler's query_timeout is too short for the state; give it a longer one", err)
	}
	switch pg.Code {
	case "42P01", "3F000", "42703":
		return fmt.Errorf("%w: the state's tables are missing or of another version; run `sluice migrate`", err)
	case "55P03", "57014", "25P03", "25P04":
		return fmt.Errorf("%w: this server, database or role has a timeout that is too short for the state; give the role a longer one", err)
	case onlyReads:
		return fmt.Errorf("%w: the server is a standby, or default_transaction_read_only is on for the database or the role: connect to the primary, or turn it off", err)
	case "53300":
		return fmt.Errorf("%w: allow the role more connections, or have the state use fewer by pool_max_conns=4 in its URL", err)
	case "53100":
		return fmt.Errorf("%w: make room for the database and run again: what is in doubt is settled then", err)
	case "42501":
		return fmt.Errorf("%w: grant the role what the documentation of the state asks for, or use another role", err)
	}
	return err
}

// wait returns after d, or with ctx's error when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// withoutPassword returns the error if it doesn't tell the password, or else what it says without it: what a server says of
// a login that it refuses is its own business.
func withoutPassword(err error, password string) error {
	if password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), password, "xxxxx"))
}

// onOneLine returns an error whose text has several lines as one whose text has one.
func onOneLine(err error) error {
	if text := err.Error(); strings.Contains(text, "\n") {
		return errors.New(pipeline.OneLine(text))
	}
	return err
}
