package state

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Behind a connection pooler two transactions of one connection may be in two sessions of the server, and a session may
// be others' in between. Nothing may be left in one then: neither settings nor prepared statements nor locks.

// meetPooler connects once, and tells whether a pooler is in between: the process id that it sends on connecting isn't the
// session's. Statements of the configuration are then sent without a name. Poolers in session mode aren't told from others.
func meetPooler(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	session, err := firstAnswer(ctx, conn, openingWait)
	if err != nil || session == int64(conn.PgConn().PID()) {
		return false, err
	}
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return true, nil
}

// sessionWait is how long a new connection waits for a session. A pooler lets any number of clients connect, and has those for
// which none is left wait for minutes; in session mode the others of this process never give theirs back.
const sessionWait = 3 * time.Second

// openingWait is how long the first one does, for which a pooler may have to start the server. No connection takes longer to be made.
const openingWait = 30 * time.Second

// firstAnswer waits for a session, no longer than most, and returns its process id.
func firstAnswer(ctx context.Context, conn *pgx.Conn, most time.Duration) (session int64, err error) {
	patience, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err = conn.QueryRow(patience, `select pg_backend_pid()::bigint`, pgx.QueryExecModeExec).Scan(&session)
	if err != nil && ctx.Err() == nil && patience.Err() != nil {
		return 0, fmt.Errorf("connect: no session for %s: a connection pooler may have no more of them, or not reach Postgres; "+
			"see that Postgres runs, allow the pooler more, or have the state use fewer by pool_max_conns=2 in its URL: %w", most, err)
	}
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	return session, nil
}

// borrow makes sure that a new connection has got a session, so that who waits for none goes on with one that is free by now.
func borrow(ctx context.Context, conn *pgx.Conn) error {
	_, err := firstAnswer(ctx, conn, sessionWait)
	return err
}

// localSettings gives the settings to the transaction that it is in, its own if there is no other.
var localSettings = strings.Replace(settings, "false", "true", 1)

// beginning returns the batch that is sent outside of transactions. It is one by itself, which begins with the settings
// where the session is lent.
func beginning(lent bool) *pgx.Batch {
	b := &pgx.Batch{}
	if lent {
		b.Queue(localSettings)
	}
	return b
}

// withoutTransactions tells whether an error is PgBouncer's refusal to begin a transaction in statement mode.
func withoutTransactions(e *pgconn.PgError) bool {
	return strings.Contains(e.Message, "statement pooling mode")
}
