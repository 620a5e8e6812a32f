package main

import (
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/pipeline/state/pgtest"
)

var rolesPart = regexp.MustCompile("(?s)<!-- roles: (\\w+) -->\n```sql\n(.*?)```\n<!-- end -->")

// grants returns the statements that README.md gives for the roles of the state and of the source, with a suffix on the names
// of the roles: a cluster has them once, for all databases.
func grants(t *testing.T, suffix string) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, m := range rolesPart.FindAllStringSubmatch(readReadme(t), -1) {
		list[m[1]] = regexp.MustCompile(`\bsluice_\w+`).ReplaceAllString(m[2], "${0}"+suffix)
	}
	if list["state"] == "" || list["source"] == "" {
		t.Fatalf("README.md has %d parts with roles", len(list))
	}
	return list
}

// as returns the DSN of the same database for another role.
func as(t *testing.T, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("user", role)
	u.RawQuery = query.Encode()
	return u.String()
}

// TestRolesOfTheReadme proves that the roles of README.md are enough, each for its part, and that they can do no more.
func TestRolesOfTheReadme(t *testing.T) {
	t.Parallel()
	suffix := "_" + strings.ToLower(rand.Text()[:12])
	warehouse, state := pgtest.Database(t), pgtest.Database(t)
	t.Cleanup(func() {
		for _, role := range []string{"owner", "run", "read", "source"} {
			for _, dsn := range []string{warehouse, state} {
				pgtest.Exec(t, dsn, "drop owned by sluice_"+role+suffix+" cascade")
			}
			pgtest.Exec(t, state, "drop role sluice_"+role+suffix)
		}
	})
	dump, err := os.ReadFile(filepath.Join(repository(t), "testdata", "northwind", "northwind.sql"))
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, warehouse, string(dump), grants(t, suffix)["source"])
	pgtest.Exec(t, state, grants(t, suffix)["state"])

	c := newCage(t, "sqlite")
	for object, name := range map[string]string{"companies": "northwind_customer_id", "deals": "northwind_order_id"} {
		definition := map[string]any{"name": name, "label": name, "groupName": map[string]string{"companies": "companyinformation", "deals": "dealinformation"}[object],
			"type": "string", "fieldType": "text", "hasUniqueValue": true}
		if err := ask(c.url, canary, "POST", "/crm/v3/properties/"+object, definition, nil); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(repository(t), "testdata", "northwind", "pipelines.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.write("pipelines.yaml", string(text))
	c.setenv("WAREHOUSE_URL", as(t, warehouse, "sluice_source"+suffix))
	for _, step := range []struct {
		role, args string
		exit       int
		says       string
	}{
		{"run", "run --no-migrate", exitFailed, "sluice migrate"},
		{"run", "run", exitFailed, "permission denied"},
		{"owner", "migrate", exitDone, "from version 0"},
		{"run", "run --no-migrate", exitDone, "830"},
		{"run", "run --no-migrate", exitDone, "done"},
		{"run", "rejects retry", exitDone, ""},
		{"run", "verify", exitDone, ""},
		{"read", "status", exitDone, "orders"},
		{"read", "rejects list", exitDone, "no rejects"},
		{"read", "explain orders 10248", exitDone, "unchanged: "},
		{"read", "run --no-migrate", exitFailed, "permission denied"},
		{"owner", "run --full", exitDone, "done"},
	} {
		c.setenv("SLUICE_STATE_URL", as(t, state, "sluice_"+step.role+suffix))
		output, code := c.run(nil, "sluice", strings.Fields(step.args)...)
		if code != step.exit || !strings.Contains(output, step.says) {
			t.Errorf("%s as %s: exit code %d, want %d and %q:\n%s", step.args, step.role, code, step.exit, step.says, output)
		}
	}
	for _, what := range []string{"insert into customers (customer_id) values ('x')", "update customers set city = 'x'", "delete from orders", "truncate orders",
		"drop table orders", "alter table orders add x int", "create table public.x ()", "create schema x", "select * from employees", "create database x", "create role x"} {
		denied(t, as(t, warehouse, "sluice_source"+suffix), "set default_transaction_read_only = off", what)
	}
	for _, role := range []string{"run", "read"} {
		for _, what := range []string{"drop table sluice.ledger", "alter table sluice.ledger add x int", "create table sluice.x ()", "truncate sluice.ledger",
			"create schema x", "create database x", "create role x"} {
			denied(t, as(t, state, "sluice_"+role+suffix), "select 1", what)
		}
	}
	denied(t, as(t, state, "sluice_read"+suffix), "select 1", "delete from sluice.ledger")
	for _, what := range []string{"create schema x", "create database x", "create role x", "copy sluice.ledger to program 'true'", "select pg_read_file('/etc/passwd')"} {
		denied(t, as(t, state, "sluice_owner"+suffix), "select 1", what)
	}
}

// denied checks that a role lacks the right to do something, and that nothing but that keeps it from doing so.
func denied(t *testing.T, dsn, first, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), statement)
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "42501" {
		t.Errorf("%s: %v, want permission denied", statement, err)
	}
}
