package state

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/pipeline/failpoint"
)

// postgres is the database of a store that any number of processes share.
type postgres struct {
	d      *dialect
	pool   *pgxpool.Pool
	pooled bool // the sessions may be others' between transactions: see postgres_pooler.go
}

// minConnections is enough for as many writes at a time as a sink usually makes, and for their commits.
const minConnections = 8

func openPostgres(ctx context.Context, url string) (*postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, badURL(url, err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, minConnections)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = openingWait
	}
	config.ConnConfig.RuntimeParams["client_encoding"] = "UTF8" // pgx sends nothing else, whatever the role's setting says
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "sluice"
	}
	p := &postgres{d: postgresDialect()}
	// One attempt: who has just typed a wrong host shouldn't wait for it.
	if p.pooled, err = meetPooler(ctx, config.ConnConfig); err != nil {
		return nil, fmt.Errorf("open state: %w", onOneLine(withoutPassword(explain(err), config.ConnConfig.Password)))
	}
	config.AfterConnect = settle
	if p.pooled {
		config.AfterConnect = borrow
	}
	if p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	return p, nil
}

// settings are what the store's statements need of a session, or with true in place of false of a transaction, as one statement.
//
// A commit is on disk when it is answered: an intent that a crash of the server forgets would be a write that nobody knows of.
//
// Every statement looks few rows up by an index. The planner must not think otherwise while the tables grow from
// nothing to millions of rows within one run, before they are analysed for the first time.
//
// A process that is stopped within a transaction keeps its locks, which whoever takes its pipeline over waits for: no longer than
// for the lease.
const settings = `
select set_config(s.name, s.value, false)
from (values ('synchronous_commit', 'on'), ('plan_cache_mode', 'force_generic_plan'), ('jit', 'off'), ('enable_seqscan', 'off'),
	('enable_bitmapscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), ('idle_in_transaction_session_timeout', '60s')) as s (name, value)
where s.name not in ('synchronous_commit', 'idle_in_transaction_session_timeout') or current_setting(s.name) in ('off', '0')`

// settle gives a session that is this process's alone the settings.
func settle(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, settings)
	return err
}

func (p *postgres) dialect() *dialect { return p.d }

func (p *postgres) guard(pipeline string) guard {
	return newSessionLock(p.pool.Config().ConnConfig, p.d, p.pooled, pipeline)
}

func (p *postgres) alive(_ string, fresh bool) bool { return fresh }

func (p *postgres) close() error {
	p.pool.Close()
	return nil
}

func (p *postgres) update(ctx context.Context, f func(session) error) error {
	return p.repeat(ctx, func(conn *pgx.Conn) error {
		tx := &pgSession{d: p.d, conn: conn, waiting: &pgx.Batch{}}
		tx.waiting.Queue("begin isolation level read committed")
		if p.pooled {
			tx.waiting.Queue(localSettings)
		}
		if err := f(tx); err != nil {
			tx.rollback(ctx)
			return err
		}
		if err := failpoint.At("tx.commit.before"); err != nil {
			_ = conn.Close(ctx)
			return err
		}
		err := tx.commit(ctx)
		if lost := failpoint.At("tx.commit.after"); lost != nil {
			_ = conn.Close(ctx)
			return lost
		}
		return err
	})
}

func (p *postgres) view(ctx context.Context, f func(session) error) error {
	return p.repeat(ctx, func(conn *pgx.Conn) error { return f(newView(p.d, conn, p.pooled)) })
}

// A server process waits for each page that isn't in memory before it asks for the next one. Of a ledger that is larger than
// that a lookup is mostly waiting, and several processes wait together: but a part should be worth its round trip.
const (
	mostParts = 4
	leastPart = 12 // lookups
)

func (p *postgres) parts(ctx context.Context, n int, f func(v session, from, to int) error) error {
	count := max(1, min(mostParts, n/leastPart))
	errs := make([]error, count)
	var lookups sync.WaitGroup
	for i := range count {
		lookups.Go(func() {
			errs[i] = p.view(ctx, func(v session) error { return f(v, i*n/count, (i+1)*n/count) })
		})
	}
	lookups.Wait()
	return cmp.Or(errs...)
}
