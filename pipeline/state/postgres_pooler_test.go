package state

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// What a statement needs of its session is there in each transaction behind a pooler, and in none of others: they may have
// the same session next.
func TestSettingsBehindAPooler(t *testing.T) {
	dsn := pgtest.Database(t)
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, dsn, "alter database "+config.Database+" set synchronous_commit = off")
	through := pgtest.Pooler(t, dsn, pgtest.TransactionMode)
	s := openStore(t, through, times)
	const ask = "select current_setting('synchronous_commit') || ' ' || current_setting('enable_seqscan')"
	var got string
	look := func(v session) error {
		_, err := one(t.Context(), v, []any{&got}, ask)
		return err
	}
	for name, run := range map[string]func() error{
		"view":   func() error { return s.db.view(t.Context(), look) },
		"update": func() error { return s.db.update(t.Context(), look) },
		"second statement": func() error {
			return s.db.view(t.Context(), func(v session) error {
				if err := look(v); err != nil {
					return err
				}
				return look(v)
			})
		},
	} {
		if err := run(); got != "on off" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	other, err := pgx.Connect(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	for range 8 { // more often than there are sessions
		if err := other.QueryRow(t.Context(), ask, pgx.QueryExecModeExec).Scan(&got); got != "off on" || err != nil {
			t.Errorf("another's session: %q, %v", got, err)
		}
	}
}

// A pooler in statement mode is told at once, with what to do.
func TestStatementMode(t *testing.T) {
	s := openStore(t, pgtest.Pooler(t, pgtest.Database(t), pgtest.StatementMode), times)
	_, _, err := s.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the connection pooler is in statement mode") {
		t.Error(err)
	}
	if n := s.db.(*postgres).pool.Stat().NewConnsCount(); n != 1 { // each attempt loses its connection
		t.Errorf("%d attempts, want 1", n)
	}
}

// A pooler in session mode that has fewer sessions than the state wants slows a run down, and doesn't keep it waiting for one.
func TestFewSessions(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	if _, _, err := openStore(t, dsn, times).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, pgtest.Pooler(t, dsn, pgtest.SessionMode), times)
	begin(t, s, pipeline.Begin{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 2*pgtest.Sessions)
	for range cap(done) {
		go func() {
			done <- s.db.view(ctx, func(v session) error {
				_, err := v.exec(ctx, "select pg_sleep(0.2)")
				return err
			})
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
