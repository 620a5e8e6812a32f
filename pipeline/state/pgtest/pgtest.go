// Package pgtest gives each test a Postgres database of its own, in the cluster that .ci/with-postgres started.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable that names the cluster: a DSN of a role that may create databases.
const Variable = "SLUICE_TEST_POSTGRES"

// Database creates an empty database, and returns its DSN as a URL. The database is dropped when the test ends,
// with all connections to it.
//
// Without a cluster the test fails: a test that is skipped proves nothing.
func Database(t testing.TB) string {
	t.Helper()
	cluster := os.Getenv(Variable)
	if cluster == "" {
		t.Fatalf("no Postgres to test with: %s is not set; run `make test`, or `.ci/with-postgres go test ./...`", Variable)
	}
	config, err := pgx.ParseConfig(cluster)
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	name := "sluice_test_" + strings.ToLower(rand.Text()[:16])
	Exec(t, cluster, "create database "+name+" encoding 'UTF8' template template0")
	t.Cleanup(func() { Exec(t, cluster, "drop database "+name+" with (force)") })
	return databaseURL(config, name)
}

// Exec runs statements, each on its own, on a connection of their own, and fails the test if one of them fails.
// A statement may be a script; then it is one implicit transaction.
func Exec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	// Not t.Context, which ends before cleanups run.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connect to the test cluster: %v", err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.PgConn().Exec(ctx, statement).ReadAll(); err != nil {
			t.Fatalf("%v, in: %.200s", err, statement)
		}
	}
}

// databaseURL returns the DSN of another database of the same cluster. The host is a query parameter, because
// that form holds the folder of a Unix socket too.
func databaseURL(config *pgx.ConnConfig, name string) string {
	u := url.URL{Scheme: "postgres", Path: "/" + name}
	query := url.Values{}
	query.Set("host", config.Host)
	query.Set("port", strconv.Itoa(int(config.Port)))
	query.Set("user", config.User)
	if config.Password != "" {
		query.Set("password", config.Password)
	}
	if config.TLSConfig == nil {
		query.Set("sslmode", "disable")
	}
	u.RawQuery = query.Encode()
	return u.String()
}
