package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// hostileNames are names that would do harm, or mean something, where a statement held them as they are.
var hostileNames = append(strings.Split(`'
"
""
"""
;
--
/*
*/
\
%
.
..
,
(
)
$1
$$
$a$
::
=
t
t.id
t.*
*
'; drop table victims; --
"; drop table victims; --
"";drop table victims;--
x"; drop table victims; select "y
x" from victims; delete from victims; --
victims"; truncate victims; --
victims; drop table victims
victims--
victims/*
victims" as t; drop table victims; --
victims" t union select * from victims --
victims where 1=1
victims) as t; drop table victims; --
id" is not null; drop table victims; --
id" desc; drop table victims; --
id) > (0) or (1=1
id, (select 1)
id::text
id" || pg_sleep(9) || "
(select pg_sleep(9))
pg_sleep(9)
pg_read_file('/etc/passwd')
(select set_config('role','postgres',false))
current_user
select
table
from
user
order
null
true
oid
ctid
xmin
tableoid
NULL
DEFAULT
ROW
E'\'; drop table victims; --
U&"\0022"
U&'\0027; drop table victims'
\'; drop table victims; --
\"; drop table victims; --
%s
%q
%!v
{0}
${HOME}
{{.}}
"public"."victims
public.victims"
"public.victims
pg_catalog.pg_shadow"
İ
ｖictims
victims ; drop
victims；drop table victims
＂; drop table victims; --
ʼ; drop table victims; --
emoji 🦀
 leading
trailing 
a.b.c.d
information_schema.tables"
COPY victims TO PROGRAM 'true'
"); copy victims to program 'true'; --`, "\n"),
	"line\nbreak", "tab\tname", "cr\r--\n; drop table victims", "bell\a", " leading", "trailing ", "`", "``; drop table victims; --")

// quoted writes a name as the option table has it to be taken whole.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// TestNamesThatInject proves that a name is a name: each of many hostile ones, as schema, table, key and cursor, is told to
// be missing where it is, is read where it is there, and does nothing else.
func TestNamesThatInject(t *testing.T) {
	if len(hostileNames) < 60 {
		t.Fatalf("%d names", len(hostileNames))
	}
	env, dsn := database(t, "create table victims (id int primary key, at timestamptz not null)", "insert into victims select n, now() from generate_series(1, 7) n")
	for _, name := range hostileNames {
		for _, c := range []struct {
			option string
			set    func(*Config)
		}{
			{"table", func(c *Config) { c.Table, c.Key = quoted(name), []string{"id"} }},
			{"table", func(c *Config) { c.Table, c.Key = quoted(name)+".victims", []string{"id"} }},
			{"table", func(c *Config) { c.Table, c.Key = "public."+quoted(name), []string{"id"} }},
			{"key", func(c *Config) { c.Table, c.Key = "victims", []string{name} }},
			{"key", func(c *Config) { c.Table, c.Key = "victims", []string{"id", name} }},
			{"cursor", func(c *Config) { c.Table, c.Key, c.Cursor = "victims", []string{"id"}, name }},
		} {
			_, err := config(c.set).Open(t.Context(), env)
			if e, ok := errors.AsType[*pipeline.FieldError](err); !ok || e.Path != c.option {
				t.Errorf("%q as %s: %v", name, c.option, err)
			}
		}
		// As it is, it may be no name at all, but never a statement.
		if src, err := table(name, "id").Open(t.Context(), env); err == nil {
			t.Errorf("%q is a table with %v", name, src.Schema())
		}
	}
	for i, name := range hostileNames {
		readNamed(t, env, dsn, i, name)
	}
	left := readAll(t, open(t, env, config(func(c *Config) {
		c.Query, c.Key = "select (select count(*) from victims) as rows, (select count(*) from pg_tables where schemaname = 'public') as tables", []string{"rows"}
	})), nil)
	if diff := cmp.Diff([]string{"7 1"}, left.rows); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// readNamed makes a table that has the name everywhere, and reads it, twice and in pages, by its cursor.
func readNamed(t *testing.T, env pipeline.Env, dsn string, i int, name string) {
	t.Helper()
	system := []string{"oid", "ctid", "xmin", "tableoid"} // no column may be called so
	column, cursor := name, name+"~"
	for _, s := range system {
		if name == s {
			column = name + "_"
		}
	}
	if len(name) > 55 {
		t.Fatalf("%q, with what is added to it, can't be a name: 63 bytes are the most", name)
	}
	in := fmt.Sprintf("s%d ", i) + name // no schema twice
	id := func(names ...string) string { return pgx.Identifier(names).Sanitize() }
	pgtest.Exec(t, dsn, fmt.Sprintf("create schema %s; create table %s (%s int primary key, %s timestamptz not null); insert into %[2]s values (1, '2026-01-01Z'), (2, '2026-01-02Z')",
		id(in), id(in, name), id(column), id(cursor)))
	c := config(func(c *Config) {
		c.Table, c.Key, c.Cursor, c.Lag, c.Page = quoted(in)+"."+quoted(name), []string{column}, cursor, time.Hour, 1
	})
	src := open(t, env, c)
	first := read(t, src, nil)
	if first.err != nil || len(first.rows) != 2 {
		t.Errorf("%q: read %q, %v", name, first.rows, first.err)
		return
	}
	if again := read(t, src, first.end); again.err != nil || len(again.rows) != 1 {
		t.Errorf("%q: from its cursor on: %q, %v", name, again.rows, again.err)
	}
}

// TestQueriesOnlyRead proves that a query has no effect, whatever the role may do; here it is a superuser's.
func TestQueriesOnlyRead(t *testing.T) {
	env, dsn := database(t, "create sequence seq", "create table victims (id int primary key)", "insert into victims select generate_series(1, 7)",
		"create function sneak(what text) returns int language plpgsql as $$ begin execute what; return 1; end $$")
	// Postgres lets them run in a read-only transaction, at least some versions do: they end with it.
	harmless := []string{"select lo_create(0)::int as id", "select set_config('role', 'pg_monitor', false)::text as id",
		"select sneak('create temp table extra (id int)') as id", "select set_config('default_transaction_read_only', 'off', false) as id"}
	queries := []string{
		"drop table victims", "delete from victims", "delete from victims returning id", "truncate victims", "create table extra as select 1 as id",
		"select 1 as id into extra", "insert into victims values (8) returning id", "update victims set id = -id returning id",
		"copy victims to program 'true'", "copy (select 1) to '/dev/null'", "do $$ begin delete from victims; end $$", "call sneak('x')",
		"with d as (delete from victims returning id) select id from d", "with d as (insert into victims values (9) returning id) select id from d",
		"select nextval('seq')::int as id", "select setval('seq', 9)::int as id",
		"select id from victims for update", "lock table victims", "vacuum victims", "listen x", "set role postgres", "begin", "commit",
		"commit; delete from victims; select 1 as id", "select 1 as id; delete from victims", "select 1 as id) as t; commit; delete from victims; --",
		"select 1 as id) as t\n; commit; delete from victims; select * from (select 1 as id", "select 1 as id /*", "select 1 as id --;delete from victims\n; delete from victims",
		"select set_config('transaction_read_only', 'off', true)::bool::int as id", "set transaction read write", "set session characteristics as transaction read write",
		"explain analyze delete from victims", "prepare p as delete from victims", "execute p", "declare c cursor for select 1", "alter system set work_mem = '1MB'",
		"create role evil superuser", "grant all on victims to public", "refresh materialized view v", "notify x",
	}
	queries = append(queries, harmless...)
	for _, what := range []string{"delete from victims", "truncate victims", "drop table victims", "create table extra ()",
		"set transaction read write", "select set_config('transaction_read_only', 'off', false)", "commit", "copy victims from program 'echo 8'"} {
		queries = append(queries, "select sneak("+quoteLiteral(what)+") as id")
	}
	for _, query := range queries {
		src, err := config(func(c *Config) { c.Query, c.Key = query, []string{"id"} }).Open(t.Context(), env)
		if err != nil {
			continue
		}
		if r := read(t, src, nil); r.err == nil && !slices.Contains(harmless, query) {
			t.Errorf("%s\nis read: %q", query, r.rows)
		}
	}
	// One more on the same connections: none was left in another mode.
	after := config(func(c *Config) {
		c.Query, c.Key = "select (select count(*) from victims) as id, (select sum(id) from victims) as sum, (select last_value from seq) as seq, to_regclass('extra') as extra,"+
			" current_setting('transaction_read_only') as ro, (select count(*) from pg_roles where rolname = 'evil') as roles, (select count(*) from pg_largeobject_metadata) as objects, current_setting('role') as role", []string{"id"}
	})
	if diff := cmp.Diff([]string{"7 28 1  on 0 0 none"}, readAll(t, open(t, env, after), nil).rows); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	pgtest.Exec(t, dsn, "insert into victims values (8)") // the database isn't what forbade it
}

func quoteLiteral(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// TestErrorsWithoutValues proves that an error of the whole run, which ends up in logs, holds no value of a row: where a
// row's value can't be read the way a query asks for, the error names the key before it and what is wrong, but not the value.
func TestErrorsWithoutValues(t *testing.T) {
	env, _ := database(t, "create type mood as enum ('happy')", "create table people (id int primary key, secret text)",
		"insert into people values (1, '1'), (2, 'canary, \"of\" a secret'), (3, '3')", "analyze people",
		`create function picky(text) returns int language plpgsql as $$ begin if $1 <> '1' then raise exception 'bad value "%"', $1; end if; return 1; end $$`)
	for expr, want := range map[string]string{
		"secret::int":             `invalid input syntax for type integer: "…"`,
		"secret::numeric(3, 1)":   `invalid input syntax for type numeric: "…"`,
		"secret::date":            `invalid input syntax for type date: "…"`,
		"secret::mood":            `invalid input value for enum mood: "…"`,
		"secret::uuid":            `invalid input syntax for type uuid: "…"`,
		"secret::json":            "invalid input syntax for type json",
		"secret::inet":            `invalid input syntax for type inet: "…"`,
		"to_date(secret, 'YYYY')": `invalid value "…"`,
		"picky(secret)":           `bad value "…"`,
	} {
		src, err := config(func(c *Config) {
			c.Query, c.Key, c.Page = "select id, "+expr+" as v from people where id > 0", []string{"id"}, 1
		}).Open(t.Context(), env)
		var r reading
		if err == nil {
			r = read(t, src, nil)
			err = r.err
		}
		if err == nil {
			t.Errorf("%s: no error; %q", expr, r.rows)
		} else if strings.Contains(err.Error(), "canar") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", expr, err, want)
		}
	}
}
