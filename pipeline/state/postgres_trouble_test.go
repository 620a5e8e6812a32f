package state

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// databaseOf returns the name of a DSN's database.
func databaseOf(t *testing.T, dsn string) string {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return config.Database
}

// A failover leaves connections to a server that only reads from then on: a commit, and the lease, go on with others.
func TestConnectionsToAServerThatOnlyReads(t *testing.T) {
	dsn, open := migrated(t)
	r := begin(t, open(eager), pipeline.Begin{OnLost: func(err error) { t.Errorf("lost: %v", err) }})
	database, first := databaseOf(t, dsn), r.session()
	pgtest.Exec(t, dsn, "alter database "+database+" set default_transaction_read_only = on",
		"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
	done := make(chan error, 1)
	go func() { done <- r.try(pipeline.Commit{Seen: []string{"x"}}) }()
	poll(t, "a connection that only reads", func() bool {
		return r.s.db.(*postgres).pool.Stat().NewConnsCount() > 1
	})
	pgtest.Exec(t, dsn, "set default_transaction_read_only = off", "alter database "+database+" reset default_transaction_read_only")
	if err := receive(t, done, "the commit"); err != nil {
		t.Errorf("commit: %v", err)
	}
	poll(t, "a renewal", func() bool {
		l := r.s.leases["p"].guard.(*sessionLock)
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.held && l.conn != nil && l.conn.PgConn().PID() != first
	})
	r.finish(pipeline.Finish{})
}

// A lock_timeout of the role ends no run: whom a commit waits for is done in the end.
func TestLockTimeout(t *testing.T) {
	dsn, _ := migrated(t)
	hasty := openStore(t, dsn+"&lock_timeout=20ms", times)
	r := begin(t, hasty, pipeline.Begin{})
	other, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	if _, err := other.Exec(t.Context(), "begin; select from sluice.pipeline for update"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.try(pipeline.Commit{Seen: []string{"x"}}) }()
	select {
	case err := <-done:
		t.Errorf("commit beside a lock: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := other.Exec(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, done, "the commit"); err != nil {
		t.Errorf("commit: %v", err)
	}
}

// A pipeline that starts while the server restarts waits for it.
func TestStartWaitsForAConnection(t *testing.T) {
	_, open := migrated(t)
	g := open(times).db.guard("p").(*sessionLock)
	defer g.release()
	dial, refusals := g.config.DialFunc, 2
	g.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if refusals--; refusals >= 0 {
			return nil, syscall.ECONNREFUSED
		}
		return dial(ctx, network, address)
	}
	if held, err := g.try(t.Context()); !held || err != nil || refusals != -1 {
		t.Errorf("held %v, %v, %d refusals left", held, err, refusals)
	}
}

// What a server ends by itself is tried again, and its error says what to do.
func TestServersOwnLimits(t *testing.T) {
	for code, advice := range map[string]string{
		"55P03": "timeout", "57014": "timeout", "25P03": "timeout", "25P04": "timeout",
		"25006": "connect to the primary", "53300": "pool_max_conns",
	} {
		err := fmt.Errorf("connect: %w", &pgconn.PgError{Code: code, Message: "no"})
		if !transient(err, false) {
			t.Errorf("%s isn't tried again", code)
		}
		if said := explain(err); !errors.Is(said, err) || !strings.Contains(said.Error(), advice) {
			t.Errorf("%s: %v", code, said)
		}
	}
	for message, advice := range map[string]string{
		"server login has been failing, cached error: connect failed (server_login_retry)": "see that Postgres runs",
		"query timeout": "query_timeout",
	} {
		err := &pgconn.PgError{Code: "08P01", Message: message}
		if said := explain(err); !transient(err, true) || !errors.Is(said, err) || !strings.Contains(said.Error(), advice) {
			t.Errorf("a pooler's refusal: %v", said)
		}
	}
}

// Keys are stored as they are, whatever the encoding is that the database or the role gives to its clients: with another one
// than yesterday no row would be found again.
func TestTextIsUTF8WhateverTheServerSays(t *testing.T) {
	dsn, open := migrated(t)
	database := databaseOf(t, dsn)
	for version, setting := range []string{"set client_encoding = 'LATIN1'", "reset client_encoding"} {
		pgtest.Exec(t, dsn, "alter database "+database+" "+setting)
		s := open(times)
		r := begin(t, s, pipeline.Begin{})
		if got := r.known("Łódź")[0].Version; got != int64(version) {
			t.Errorf("after %q the ledger has version %d, want %d", setting, got, version)
		}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("Łódź", int64(version)+1, hash(1), "1")}})
		r.finish(pipeline.Finish{})
	}
}

// A server that accepts connections and says nothing, as one that is paused, is waited for no longer than the URL says, or a while.
func TestConnectionsToASilentServer(t *testing.T) {
	dsn, open := migrated(t)
	for _, c := range []struct {
		s    *store
		want time.Duration
	}{{open(times), openingWait}, {openStore(t, dsn+"&connect_timeout=7", times), 7 * time.Second}} {
		for what, config := range map[string]*pgx.ConnConfig{
			"the pool's": c.s.db.(*postgres).pool.Config().ConnConfig, "the lock's": c.s.db.guard("p").(*sessionLock).config,
		} {
			if config.ConnectTimeout != c.want {
				t.Errorf("%s connections are waited for %v, want %v", what, config.ConnectTimeout, c.want)
			}
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = Open(t.Context(), "postgres://u@"+listener.Addr().String()+"/d?sslmode=disable&connect_timeout=1")
	if err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("open: %v", err)
	}
}

// refusesFor is how long PgBouncer lets nobody in once it couldn't log in to a server that restarts: its server_login_retry. Who
// comes then has it try again, and is refused himself.
const refusesFor = 15 * time.Second

// A restart of Postgres ends no run behind a pooler that refuses everybody for a while after it.
func TestPatienceWithAPoolerThatCannotLogIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, in := time.Now(), false
		err := patiently(t.Context(), func() (bool, error) {
			if in {
				return false, nil
			}
			in = time.Since(began) > refusesFor
			err := &pgconn.PgError{Severity: "FATAL", Code: "08P01", Message: "server login has been failing, try again later (server_login_retry)"}
			return transient(err, true), err
		})
		if err != nil {
			t.Errorf("given up after %v: %v", time.Since(began), err)
		}
	})
}

// Who waited for an answer that never came, or lost it, is told of whom, and what to do; a server's own word is left as it is.
func TestUnanswered(t *testing.T) {
	_, open := migrated(t)
	p := open(times).db.(*postgres)
	brief, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		do   func(*pgx.Conn) error
		want bool
	}{
		"silent": {brief, func(conn *pgx.Conn) error {
			_, err := conn.Exec(brief, "select pg_sleep(30)")
			return err
		}, true},
		"broken off": {t.Context(), func(conn *pgx.Conn) error {
			_ = conn.PgConn().Conn().Close()
			_, err := conn.Exec(t.Context(), "select 1")
			return err
		}, true},
		"refused": {t.Context(), func(conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), "select pg_terminate_backend(pg_backend_pid())")
			return err
		}, false},
	} {
		_, err := p.once(c.ctx, c.do)
		if err == nil || strings.Contains(err.Error(), "Postgres, which has the state, gave no answer") != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.once(brief, func(*pgx.Conn) error { return nil }); err == nil || !strings.Contains(err.Error(), "Postgres, which has the state") {
		t.Errorf("no connection in time: %v", err)
	}
}
