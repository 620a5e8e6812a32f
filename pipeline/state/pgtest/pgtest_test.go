package pgtest_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/pipeline/state/pgtest"
)

// A database is empty, usable by its DSN alone, apart from others, and gone after the test even if somebody is connected.
func TestDatabase(t *testing.T) {
	ctx := t.Context()
	var first string
	t.Run("two databases", func(t *testing.T) {
		first = pgtest.Database(t)
		second := pgtest.Database(t)
		pgtest.Exec(t, first, "create table t (id int)", "insert into t values (1); insert into t values (2)")
		conn, err := pgx.Connect(ctx, second)
		if err != nil {
			t.Fatal(err)
		}
		var tables, encoding string
		row := conn.QueryRow(ctx, "select count(*)::text, current_setting('server_encoding') from pg_tables where schemaname = 'public'")
		if err := row.Scan(&tables, &encoding); err != nil {
			t.Fatal(err)
		}
		if tables != "0" || encoding != "UTF8" {
			t.Errorf("a new database has %s tables and encoding %s, want 0 and UTF8", tables, encoding)
		}
		// conn stays open: the database is dropped all the same.
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	})
	if conn, err := pgx.Connect(ctx, first); err == nil {
		_ = conn.Close(ctx)
		t.Error("the database is still there after its test")
	}
}

// What the tests of the whole repository rely on.
func TestVariableIsSet(t *testing.T) {
	if os.Getenv(pgtest.Variable) == "" {
		t.Fatalf("%s is not set; run `make test`, or `.ci/with-postgres go test ./...`", pgtest.Variable)
	}
}
