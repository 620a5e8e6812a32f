package state

import (
	"context"
	"fmt"
	"strings"

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
	var session int64
	if err := conn.QueryRow(ctx, `select pg_backend_pid()::bigint`, pgx.QueryExecModeExec).Scan(&session); err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	if session == int64(conn.PgConn().PID()) {
		return false, nil
	}
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return true, nil
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
