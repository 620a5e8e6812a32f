package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// Each mistake in the config is an error of the option that has to change, with a hint of what to do.
func TestOpenErrors(t *testing.T) {
	env, _ := database(t, "create schema shop", "create table shop.orders (id int primary key, tags text[], doc json, spot point, at timestamptz)")
	for _, tt := range []struct {
		name             string
		set              func(*Config)
		path, want, hint string
	}{
		{"nothing", func(c *Config) {}, "table", "nothing says what to read", "name a table"},
		{"both", func(c *Config) { c.Table, c.Query = "t", "select 1" }, "query", "both a table and a query", "leave one"},
		{"no key", func(c *Config) { c.Table = "shop.orders" }, "key", "no key", "primary key"},
		{"page", func(c *Config) { c.Table, c.Key, c.Page = "shop.orders", []string{"id"}, 0 }, "page", "0 rows a page", ""},
		{"lag alone", func(c *Config) { c.Table, c.Key, c.Lag = "shop.orders", []string{"id"}, 1 }, "lag", "without a cursor", "name a cursor"},
		{"no such table", func(c *Config) { c.Table, c.Key = "shop.ordres", []string{"id"} }, "table", `"shop.ordres" does not exist`, `did you mean "shop.orders"?`},
		{"no such table, without its schema", func(c *Config) { c.Table, c.Key = "ordres", []string{"id"} }, "table", `"ordres" does not exist`, `did you mean "shop.orders"?`},
		{"a table outside of the search path", func(c *Config) { c.Table, c.Key = "orders", []string{"id"} }, "table", `"orders" does not exist`, `did you mean "shop.orders"?`},
		{"a table like no other", func(c *Config) { c.Table, c.Key = "shop.customers", []string{"id"} }, "table", `"shop.customers" does not exist`, "there are shop.orders"},
		{"no such schema", func(c *Config) { c.Table, c.Key = "Shop.orders", []string{"id"} }, "table", `"Shop.orders" does not exist`, `did you mean "shop.orders"?`},
		{"no such key", func(c *Config) { c.Table, c.Key = "shop.orders", []string{"ID"} }, "key", `shop.orders has no column "ID"`, `did you mean "id"?`},
		{"no such cursor", func(c *Config) { c.Table, c.Key, c.Cursor = "shop.orders", []string{"id"}, "updated" }, "cursor", `no column "updated"`, "columns: id, tags, doc, spot, at"},
		{"array key", func(c *Config) { c.Table, c.Key = "shop.orders", []string{"tags"} }, "key", `"tags" can't be paged by`, "simple type"},
		{"json cursor", func(c *Config) { c.Table, c.Key, c.Cursor = "shop.orders", []string{"id"}, "doc" }, "cursor", `"doc" can't be paged by`, "simple type"},
		{"unordered key", func(c *Config) { c.Table, c.Key = "shop.orders", []string{"spot"} }, "key", "ordering operator for type point", "have an order"},
		{"syntax", func(c *Config) { c.Query, c.Key = "selec 1", []string{"id"} }, "query", `syntax error at or near "1"`, ""},
		{"twice", func(c *Config) { c.Query, c.Key = "select 1 as id, 2 as id", []string{"id"} }, "query", `column "id" is there twice`, "AS"},
		{"parameters", func(c *Config) { c.Query, c.Key = "select 1 as id where $1", []string{"id"} }, "query", "has parameters", ""},
		{"two statements", func(c *Config) {
			c.Query, c.Key = "select 1 as id) q; drop table shop.orders; select (1", []string{"id"}
		}, "query", "multiple commands", ""},
		{"writing", func(c *Config) {
			c.Query, c.Key = "with d as (delete from shop.orders returning id) select id from d", []string{"id"}
		}, "query", "data-modifying", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config(tt.set).Open(t.Context(), env)
			e, ok := errors.AsType[*pipeline.FieldError](err)
			if !ok {
				t.Fatalf("the error is %T: %v", err, err)
			}
			if e.Path != tt.path || !strings.Contains(e.Err.Error(), tt.want) || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("%q: %v (%s)\nwant %q: %s (%s)", e.Path, e.Err, e.Hint, tt.path, tt.want, tt.hint)
			}
		})
	}
}

// An empty connection string means libpq's variables, and a shorthand is the connection string itself.
func TestConnectByEnvironment(t *testing.T) {
	u, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGHOST", u.Query().Get("host"))
	t.Setenv("PGPORT", u.Query().Get("port"))
	t.Setenv("PGUSER", u.Query().Get("user"))
	t.Setenv("PGPASSWORD", u.Query().Get("password"))
	t.Setenv("PGDATABASE", strings.TrimPrefix(u.Path, "/"))
	var c ConnectionConfig
	if err := c.SetShorthand(""); err != nil {
		t.Fatal(err)
	}
	src := open(t, connect(t, string(c.URL)), config(func(c *Config) { c.Query, c.Key = "select current_database() as db", []string{"db"} }))
	if r := readAll(t, src, nil); len(r.rows) != 1 || r.rows[0] != strings.TrimPrefix(u.Path, "/") {
		t.Errorf("connected to %q, want %s", r.rows, u.Path)
	}
}

// A connection of another kind is an error of the option that names it.
func TestOtherConnection(t *testing.T) {
	env := pipeline.Env{Connection: func(context.Context, string) (io.Closer, error) { return io.NopCloser(nil), nil }}
	_, err := table("t", "id").Open(t.Context(), env)
	e, ok := errors.AsType[*pipeline.FieldError](err)
	if !ok || e.Path != "connection" || !strings.Contains(e.Error(), `"db" is not a Postgres connection`) {
		t.Errorf("error %v", err)
	}
}

// A query that writes by calling a function is stopped by the transaction, whatever the role may do.
func TestReadOnly(t *testing.T) {
	env, _ := database(t, "create table t (id int)", "create function sneak() returns int volatile language sql as 'insert into t values (1) returning id'")
	r := read(t, open(t, env, config(func(c *Config) { c.Query, c.Key = "select sneak() as id", []string{"id"} })), nil)
	if r.err == nil || !strings.Contains(r.err.Error(), "read-only transaction") {
		t.Errorf("a query that writes: %v", r.err)
	}
}

// A role that may only select is enough; without the right, the error names the role and the grant.
func TestPrivileges(t *testing.T) {
	dsn := pgtest.Database(t)
	role := "reader_of_" + dsn[strings.LastIndex(dsn, "/sluice_test_")+1:strings.Index(dsn, "?")]
	pgtest.Exec(t, dsn, "create schema shop", "create table shop.orders (id int primary key, secret text)", "insert into shop.orders values (1, 's')",
		"drop role if exists "+role, "create role "+role+" login password 'hush'")
	t.Cleanup(func() { pgtest.Exec(t, dsn, "drop owned by "+role, "drop role "+role) })
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("user", role)
	query.Set("password", "hush")
	u.RawQuery = query.Encode()
	env := connect(t, u.String())
	orders := table("shop.orders", "id")
	refused := func(hint string) {
		t.Helper()
		_, err := orders.Open(t.Context(), env)
		e, ok := errors.AsType[*pipeline.FieldError](err)
		if !ok || e.Path != "table" || !strings.Contains(e.Error(), `role "`+role+`" may not read shop.orders`) || !strings.Contains(e.Hint, hint) {
			t.Errorf("error %v, hint %q, want %q", err, e.Hint, hint)
		}
	}
	refused(`grant usage on schema "shop" to "` + role + `"`)
	pgtest.Exec(t, dsn, "grant usage on schema shop to "+role)
	refused(`grant select on "shop"."orders" to "` + role + `"`)
	pgtest.Exec(t, dsn, "grant select (id) on shop.orders to "+role)
	env.Needed = []string{"id"}
	if r := readAll(t, open(t, env, orders), nil); len(r.rows) != 1 {
		t.Errorf("read %d rows with a grant on the needed column alone, want 1", len(r.rows))
	}
}

// A query that fails half way says after which key, and all rows up to the page before have been passed on.
func TestFailsHalfWay(t *testing.T) {
	env, _ := database(t, "create table t as select id from generate_series(1, 9000) id", "create unique index on t (id)", "analyze t")
	src := open(t, env, config(func(c *Config) { c.Query, c.Key, c.Page = "select id, 1 / (25 - id) as v from t", []string{"id"}, 10 }))
	r := read(t, src, nil)
	want := "read query after key 20: division by zero (SQLSTATE 22012); one of the rows that follow"
	if r.err == nil || !strings.Contains(r.err.Error(), want) || len(r.rows) != 20 {
		t.Errorf("%d rows and the error %v, want 20 and %q", len(r.rows), r.err, want)
	}
}

// A table that is altered while it is read is to blame itself, and none of its rows.
func TestAlteredWhileRead(t *testing.T) {
	env, dsn := database(t, "create table t as select id, id as v from generate_series(1, 90) id")
	src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Page = "t", []string{"id"}, 10 }))
	var failed error
	for _, err := range src.Batches(t.Context(), nil) {
		if failed = err; err == nil {
			pgtest.Exec(t, dsn, "alter table t drop column if exists v")
		}
	}
	want := "column t.v does not exist (SQLSTATE 42703); that wasn't so when the run began"
	if failed == nil || !strings.Contains(failed.Error(), want) || strings.Contains(failed.Error(), "row") {
		t.Errorf("error %v, want %q and no word of rows", failed, want)
	}
}

// A key that isn't unique would lose rows between two pages: it is an error, on one page and across two.
func TestKeyNotUnique(t *testing.T) {
	env, _ := database(t, "create table t (id int, v int)", "insert into t values (1, 1), (2, 1), (3, 1), (3, 2), (4, 1)")
	for _, page := range []int{1, 2, 3, 10} {
		r := read(t, open(t, env, config(func(c *Config) { c.Table, c.Key, c.Page = "t", []string{"id"}, page })), nil)
		if r.err == nil || !strings.Contains(r.err.Error(), "read t: the key (id) isn't unique: several rows have 3") {
			t.Errorf("pages of %d: %v", page, r.err)
		}
	}
}

// A backend that is terminated in the middle costs nothing: the page is read again.
func TestTerminatedBackend(t *testing.T) {
	env, dsn := database(t, "create table t as select id from generate_series(1, 3000) id")
	src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Page = "t", []string{"id"}, 500 }))
	src.(*source).backoff = time.Millisecond
	rows := 0
	for b, err := range src.Batches(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		rows += len(b.Rows)
		pgtest.Exec(t, dsn, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'sluice'")
	}
	if rows != 3000 {
		t.Errorf("read %d rows, want 3000", rows)
	}
}

// A database that is gone for good ends the reading after a bounded number of attempts, with the table and the last key.
func TestGoneForGood(t *testing.T) {
	env, dsn := database(t, "create table t as select id from generate_series(1, 3000) id")
	src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Page = "t", []string{"id"}, 500 }))
	src.(*source).backoff = time.Millisecond
	name := dsn[strings.LastIndex(dsn, "/sluice_test_")+1 : strings.Index(dsn, "?")]
	admin := strings.Replace(dsn, "/"+name, "/postgres", 1)
	var got error
	for _, err := range src.Batches(t.Context(), nil) {
		if got = err; err == nil {
			pgtest.Exec(t, admin, "alter database "+name+" connection limit 0", "alter database "+name+" allow_connections false",
				fmt.Sprintf("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'", name))
		}
	}
	pgtest.Exec(t, admin, "alter database "+name+" allow_connections true")
	if got == nil || !strings.HasPrefix(got.Error(), "read t after key 500: ") {
		t.Errorf("the error is %v, want one that names the table and the last key", got)
	}
}

// Between two batches no transaction is open, and the rows of one page share one short transaction.
func TestNoOpenTransaction(t *testing.T) {
	env, dsn := database(t, "create table t as select id from generate_series(1, 5000) id", "create table seen (n int)")
	count := "insert into seen select count(*) from pg_stat_activity where datname = current_database() and application_name = 'sluice' and state <> 'idle'"
	for _, err := range open(t, env, table("t", "id")).Batches(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, dsn, count)
	}
	r := readAll(t, open(t, env, config(func(c *Config) { c.Query, c.Key = "select 1 as one, count(*), sum(n) from seen", []string{"one"} })), nil)
	if len(r.rows) != 1 || !strings.HasSuffix(r.rows[0], " 0") || r.rows[0] == "1 0 " {
		t.Errorf("sessions in a transaction between batches (one, batches, sessions): %q", r.rows)
	}
}

// A page that takes too long is an error that tells how to make it shorter.
func TestStatementTimeout(t *testing.T) {
	env, _ := database(t)
	src := open(t, env, config(func(c *Config) {
		c.Query, c.Key, c.Timeout = "select id from generate_series(1, 2) id, pg_sleep(60)", []string{"id"}, 2*time.Second
	}))
	if r := read(t, src, nil); r.err == nil || !strings.Contains(r.err.Error(), "a page took longer than 2s; make an index on (id)") {
		t.Errorf("error %v", r.err)
	}
}

// No error of a connection tells its password. A connection string that is wrong is an error of the option; a server
// that can't be reached isn't.
func TestPasswordIsSecret(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for dsn, wrong := range map[string]bool{
		"postgres://reader:s3cret@127.0.0.1:1/db":                  false,
		"postgres://reader:s3cret@127.0.0.1:1/db?sslmode=nonsense": true,
		"postgres://reader:s3cret#@127.0.0.1:port/db":              true,
		"postgres://reader:s3cret%zz@host/db":                      true,
		"host=127.0.0.1 port=1 user=reader password=s3cret":        false,
		"host=127.0.0.1 port=x user=reader password=s3cret":        true,
		"host=127.0.0.1 password='s3cret":                          true,
		"reader:s3cret@host":                                       true,
	} {
		_, err := (&ConnectionConfig{URL: pipeline.Secret(dsn)}).Connect(ctx, pipeline.Env{})
		e, ok := errors.AsType[*pipeline.FieldError](err)
		if ok != wrong {
			t.Errorf("%s: the error is %T: %v", dsn, err, err)
		}
		if err == nil || strings.Contains(err.Error(), "s3cret") || ok && strings.Contains(e.Hint, "s3cret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

// A position of other columns is stale, and so is one whose value its column's type no longer has.
func TestStalePosition(t *testing.T) {
	env, dsn := database(t, "create type mood as enum ('sad', 'happy')", "create table t (id mood primary key, n int not null)", "insert into t values ('sad', 1), ('happy', 2)")
	end := readAll(t, open(t, env, table("t", "id")), nil).end
	if r := read(t, open(t, env, table("t", "n")), end); !errors.Is(r.err, pipeline.ErrStalePosition) || !strings.HasSuffix(r.err.Error(), `: it was read by ("id"), now by ("n")`) {
		t.Errorf("read by another key: %v", r.err)
	}
	pgtest.Exec(t, dsn, "alter type mood rename value 'happy' to 'glad'")
	if r := read(t, open(t, env, table("t", "id")), end); !errors.Is(r.err, pipeline.ErrStalePosition) {
		t.Errorf("read after a label is gone: %v", r.err)
	}
	pgtest.Exec(t, dsn, "alter table t alter id type text")
	if r := read(t, open(t, env, table("t", "id")), end); !errors.Is(r.err, pipeline.ErrStalePosition) || !strings.HasSuffix(r.err.Error(), `: a column of ("id") is of another type than it was`) {
		t.Errorf("read after a column has another type: %v", r.err)
	}
}

// Names are quoted: neither a keyword nor a quote in a name means anything.
func TestQuoting(t *testing.T) {
	env, _ := database(t, `create schema "my.shop"`, `create table "my.shop"."Order ""1""" ("select" int primary key, "a""b" text, "Ä $1" int)`,
		`insert into "my.shop"."Order ""1""" values (1, 'x', 2)`)
	r := readAll(t, open(t, env, table(`"my.shop"."Order ""1"""`, "select")), nil)
	if len(r.rows) != 1 || r.rows[0] != "1 x 2" {
		t.Errorf("rows %q", r.rows)
	}
}

// Where rows are wide a page has fewer of them, whatever the config allows.
func TestWideRows(t *testing.T) {
	env, _ := database(t, "create table t as select id, repeat(md5(id::text), 1024) as doc from generate_series(1, 1200) id", "create unique index on t (id)")
	src := open(t, env, table("t", "id"))
	r, err := src.(*source).reader(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.limit < 500 || r.limit > 512 {
		t.Errorf("after a page of rows of 32 KiB, the next has %d rows; want about 511", r.limit)
	}
	if all := readAll(t, src, nil); len(all.rows) != 1200 {
		t.Errorf("read %d rows, want 1200", len(all.rows))
	}
}
