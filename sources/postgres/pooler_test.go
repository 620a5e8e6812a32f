package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// Pages need nothing that a session keeps from one transaction to the next.
func TestBehindAPooler(t *testing.T) {
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "create table people as select i as id, now() - i * interval '1 hour' as at from generate_series(1, 5000) i", "alter table people add primary key (id)")
	env := connect(t, pgtest.Pooler(t, dsn, pgtest.TransactionMode))
	for _, cursor := range []string{"", "at"} {
		c := table("people", "id")
		c.Page, c.Cursor = 700, cursor
		r := readAll(t, open(t, env, c), nil)
		seen := map[string]bool{}
		for _, row := range r.rows {
			seen[fmt.Sprint(row)] = true
		}
		if len(r.rows) != 5000 || len(seen) != 5000 {
			t.Errorf("cursor %q: %d rows, %d different ones", cursor, len(r.rows), len(seen))
		}
	}
}

// A pooler in statement mode is told at once, as an error of the connection.
func TestStatementMode(t *testing.T) {
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "create table people (id int primary key)")
	env := connect(t, pgtest.Pooler(t, dsn, pgtest.StatementMode))
	closer, err := env.Connection(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	pool := closer.(*connection).pool
	before := pool.Stat().NewConnsCount()
	_, err = table("people", "id").Open(t.Context(), env)
	e, ok := errors.AsType[*pipeline.FieldError](err)
	if !ok || e.Path != "connection" || !strings.Contains(e.Err.Error(), "the connection pooler is in statement mode") || !strings.Contains(e.Hint, "transaction or session mode") {
		t.Errorf("the error is %T: %v", err, err)
	}
	if n := pool.Stat().NewConnsCount() - before; n > 0 { // each attempt loses its connection
		t.Errorf("%d more attempts, want none", n)
	}
}
