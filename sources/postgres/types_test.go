package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// One value of each type: what it is read as, and as which text.
func TestTypes(t *testing.T) {
	env, _ := database(t,
		"create extension citext", "create extension hstore",
		"create type mood as enum ('sad', 'happy')", "create type pair as (a int, b text)",
		"create domain money_amount as numeric(12,2) check (value >= 0)", "create domain tags as text[]")
	for _, tt := range []struct {
		expr string // SQL
		typ  pipeline.Type
		want string
	}{
		{"(-32768)::smallint", pipeline.Int, "-32768"},
		{"2147483647", pipeline.Int, "2147483647"},
		{"(-9223372036854775808)::bigint", pipeline.Int, "-9223372036854775808"},
		{"4294967295::oid", pipeline.Int, "4294967295"},
		{"12345678901234567890.0100::numeric", pipeline.Decimal, "12345678901234567890.0100"},
		{"-0.00::numeric(5,2)", pipeline.Decimal, "0.00"},
		{"1e-20::numeric", pipeline.Decimal, "0.00000000000000000001"},
		{"'$1,234.50'::money", pipeline.Decimal, "1234.50"},
		{"0.15::real", pipeline.Float, "0.15"},
		{"16777216::real", pipeline.Float, "1.6777216e+07"},
		{"0.1::double precision + 0.2", pipeline.Float, "0.30000000000000004"},
		{"true", pipeline.Bool, "true"},
		{"false", pipeline.Bool, "false"},
		{"timestamptz '2026-03-01 12:00:00.123456+02'", pipeline.Time, "2026-03-01T10:00:00.123456Z"},
		{"timestamp '2026-03-01 12:00:00'", pipeline.Time, "2026-03-01T12:00:00Z"},
		{"timestamp '1969-12-31 23:59:59.999999'", pipeline.Time, "1969-12-31T23:59:59.999999Z"},
		{"date '2024-02-29'", pipeline.Date, "2024-02-29"},
		{"date '9999-12-31'", pipeline.Date, "9999-12-31"},
		{"date '0044-03-15 BC'", pipeline.Date, "-0043-03-15"},
		{"time '23:59:59.5'", pipeline.String, "23:59:59.5"},
		{"timetz '01:02:03+04'", pipeline.String, "01:02:03+04"},
		{"interval '1 year 2 days 03:04:05'", pipeline.String, "1 year 2 days 03:04:05"},
		{"'Grüße'::text", pipeline.String, "Grüße"},
		{"''::varchar(5)", pipeline.String, ""},
		{"'ab'::char(5)", pipeline.String, "ab"},
		{"'n'::name", pipeline.String, "n"},
		{`'c'::"char"`, pipeline.String, "c"},
		{"'Mixed'::citext", pipeline.String, "Mixed"},
		{"'0F8FAD5B-D9CB-469F-A165-70867728950E'::uuid", pipeline.String, "0f8fad5b-d9cb-469f-a165-70867728950e"},
		{`'{"b": 1.10, "a": [null]}'::json`, pipeline.JSON, `{"b": 1.10, "a": [null]}`},
		{`'{"b":1.10,"a":[null]}'::jsonb`, pipeline.JSON, `{"a": [null], "b": 1.10}`},
		{"array[1,null,3]", pipeline.JSON, "[1,null,3]"},
		{"array[['a','b,'],['\"',null]]", pipeline.JSON, `[["a","b,"],["\"",null]]`},
		{"array[0.10::numeric]", pipeline.JSON, "[0.10]"},
		{"array[timestamptz '2026-03-01 12:00+02']", pipeline.JSON, `["2026-03-01T10:00:00+00:00"]`},
		{"'{x}'::tags", pipeline.JSON, `["x"]`},
		{"'{}'::int[]", pipeline.JSON, "[]"},
		{"'happy'::mood", pipeline.String, "happy"},
		{"array['sad'::mood]", pipeline.JSON, `["sad"]`},
		{"12.5::money_amount", pipeline.Decimal, "12.50"},
		{`'\xdeadbeef'::bytea`, pipeline.String, `\xdeadbeef`},
		{"int4range(1, 5)", pipeline.String, "[1,5)"},
		{"'{[1,2),[5,7)}'::int4multirange", pipeline.String, "{[1,2),[5,7)}"},
		{"'192.168.0.1'::inet", pipeline.String, "192.168.0.1"},
		{"'10.0.0.0/8'::cidr", pipeline.String, "10.0.0.0/8"},
		{"'08:00:2b:01:02:03'::macaddr", pipeline.String, "08:00:2b:01:02:03"},
		{"B'101'", pipeline.String, "101"},
		{"'<a/>'::xml", pipeline.String, "<a/>"},
		{"'a=>1'::hstore", pipeline.String, `"a"=>"1"`},
		{"row(1,'x')::pair", pipeline.String, "(1,x)"},
		{"point(1,2)", pipeline.String, "(1,2)"},
		{"to_tsvector('simple', 'a b')", pipeline.String, "'a':1 'b':2"},
		{"'pg_class'::regclass", pipeline.String, "pg_class"},
		{"null::numeric", pipeline.Decimal, ""},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			src := open(t, env, config(func(c *Config) { c.Query, c.Key = "select 1 as id, "+tt.expr+" as v", []string{"id"} }))
			if got := src.Schema().Fields[1].Type; got != tt.typ {
				t.Errorf("the column is of type %s, want %s", got, tt.typ)
			}
			r := readAll(t, src, nil)
			if diff := cmp.Diff([]string{"1 " + tt.want}, r.rows); diff != "" {
				t.Errorf("%s, rejects %q", diff, r.rejects)
			}
		})
	}
}

// What fits no type rejects its row, by name and key, and the others are read.
func TestRejects(t *testing.T) {
	env, _ := database(t)
	env.Key = []string{"id", "part"}
	for _, tt := range []struct{ expr, want string }{
		{"'NaN'::numeric", `bad_number: column "v": "NaN" is not a finite number`},
		{"'-Infinity'::numeric", `bad_number: column "v": "-Infinity" is not a finite number`},
		{"'NaN'::real", `bad_number: column "v": "NaN" is not a finite number`},
		{"'Infinity'::float8", `bad_number: column "v": "Infinity" is not a finite number`},
		{"'infinity'::timestamptz", `bad_date: column "v": "infinity" is not a date`},
		{"'-infinity'::timestamp", `bad_date: column "v": "-infinity" is not a date`},
		{"timestamp '294276-12-31 23:59:59'", `bad_date: column "v": "294276-12-31 23:59:59.000000+00" is not a date`},
		{"'infinity'::date", `bad_date: column "v": "infinity" is not a date`},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			query := fmt.Sprintf(`select id, 'a|b' as part, case when id = 2 then %s end as v from generate_series(1, 3) id`, tt.expr)
			r := readAll(t, open(t, env, config(func(c *Config) { c.Query, c.Key = query, []string{"id"} })), nil)
			if len(r.rows) != 2 || len(r.rejects) != 1 || !strings.HasPrefix(r.rejects[0], `query key 2|a\|b: `+tt.want) {
				t.Errorf("rows %q, rejects %q, want %q", r.rows, r.rejects, tt.want)
			}
		})
	}
}

// Rows without a key are rejects, in whichever column of it they lack.
func TestNullKeys(t *testing.T) {
	env, _ := database(t, "create table t (a int, b text)", "insert into t values (1, 'x'), (1, null), (null, 'y'), (2, 'z'), (null, null)")
	env.Key = []string{"a", "b"}
	r := readAll(t, open(t, env, config(func(c *Config) { c.Table, c.Page = "t", 3 })), nil)
	if diff := cmp.Diff([]string{"1 x", "2 z"}, r.rows); diff != "" {
		t.Error(diff)
	}
	if len(r.rejects) != 3 || !strings.HasPrefix(r.rejects[0], `t (a "1", b null): null_key: column "b" is null, but belongs to the key`) {
		t.Errorf("rejects %q, want the three rows that lack a key", r.rejects)
	}
	few := config(func(c *Config) { c.Table, c.Page = "t", 2 })
	if r := read(t, open(t, env, few), nil); r.err == nil || !strings.Contains(r.err.Error(), "more than 2 rows have no key: a or b is null") {
		t.Errorf("more keyless rows than a page: %v", r.err)
	}
}

// Every type that can be ordered can be paged by, one row a page: each row is read once, in Postgres's own order.
func TestKeyTypes(t *testing.T) {
	env, _ := database(t, "create extension citext", "create type size as enum ('small', 'large', 'huge')",
		"create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
	for _, tt := range []struct{ typ, values string }{
		{"smallint", "(-2), (0), (30000)"},
		{"bigint", "(-9000000000000000000), (-1), (9000000000000000000)"},
		{"oid", "(1), (3000000000), (4294967295)"},
		{"numeric", "('-Infinity'), (-1.5), (0.001), (1e30), ('NaN')"},
		{"money", "(-1.5), (1000.25)"},
		{"real", "('-Infinity'), (0.1), (0.15), (1e30), ('NaN')"},
		{"double precision", "('-Infinity'), (0.1), (0.30000000000000004), (1e300), ('Infinity'), ('NaN')"},
		{"boolean", "(false), (true)"},
		{"text", "(''), ('Z'), ('a'), ('ä'), ('z'), (''''), ('\\')"},
		{`text collate "en-x-icu"`, "('Z'), ('a'), ('ä'), ('z'), ('a b'), ('ab')"},
		{"text collate nocase", "('Z'), ('a'), ('b')"},
		{"varchar(9)", "('B'), ('a')"},
		{"char(9)", "('B'), ('a'), ('a b')"},
		{"citext", "('B'), ('a'), ('C')"},
		{"name", "('B'), ('a')"},
		{"uuid", "('00000000-0000-0000-0000-000000000001'), ('f0000000-0000-0000-0000-000000000000'), ('0fffffff-0000-0000-0000-000000000000')"},
		{"date", "('-infinity'), ('0044-03-15 BC'), ('0001-01-01'), ('2026-03-01'), ('20000-01-01'), ('infinity')"},
		{"timestamp", "('-infinity'), ('4713-01-01 BC'), ('0001-01-01 00:00:00.000001'), ('1969-12-31 23:59:59.999999'), ('294276-12-31 23:59:59.999999'), ('infinity')"},
		{"timestamptz", "('-infinity'), ('0044-03-15 12:00+00 BC'), ('1999-12-31 23:59:59.999999+00'), ('2000-01-01+00'), ('294276-12-31 23:59:59.999999+00'), ('infinity')"},
		{"time", "('00:00'), ('23:59:59.999999')"},
		{"timetz", "('00:00+01'), ('00:00-01')"},
		{"interval", "('-1 day'), ('1 hour'), ('1 mon -2 days')"},
		{"size", "('small'), ('large'), ('huge')"},
		{"bytea", `('\x00'), ('\xff'), ('')`},
		{"inet", "('10.0.0.1'), ('10.0.0.0/8'), ('::1')"},
		{"bit(3)", "('101'), ('011')"},
		{"int4range", "('[1,3)'), ('empty'), ('[,2)')"},
	} {
		t.Run(tt.typ, func(t *testing.T) {
			clean := fmt.Sprintf("drop table if exists k; create table k (n int generated always as identity, v %s primary key); insert into k (v) values %s", tt.typ, tt.values)
			script(t, env, clean)
			key := []string{"v"}
			whole := readAll(t, open(t, env, table("k", key...)), nil)
			single := readAll(t, open(t, env, config(func(c *Config) { c.Table, c.Key, c.Page = "k", key, 1 })), nil)
			if n := strings.Count(tt.values, "("); len(single.rows)+len(single.rejects) != n {
				t.Errorf("read %d rows and %d rejects, want %d", len(single.rows), len(single.rejects), n)
			}
			if diff := cmp.Diff(whole.rows, single.rows); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// script runs statements on the database of env.
func script(t *testing.T, env pipeline.Env, statements string) {
	t.Helper()
	closer, err := env.Connection(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := closer.(*connection).pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Conn().PgConn().Exec(t.Context(), statements).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// A database without an encoding may hold anything: what isn't UTF-8 is a reject.
func TestNotUTF8(t *testing.T) {
	_, dsn := database(t)
	name := dsn[strings.LastIndex(dsn, "/sluice_test_")+1 : strings.Index(dsn, "?")]
	pgtest.Exec(t, dsn, "create database "+name+"_ascii encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
	t.Cleanup(func() { pgtest.Exec(t, dsn, "drop database "+name+"_ascii with (force)") })
	env := connect(t, strings.Replace(dsn, name, name+"_ascii", 1))
	script(t, env, `create table t (id int primary key, v text); insert into t values (1, 'a'), (2, E'M\xfcller')`)
	env.Key = []string{"id"}
	r := readAll(t, open(t, env, table("t")), nil)
	want := []string{`t key 2: bad_utf8: column "v": "M\xfcller" is not UTF-8: mend it, or use convert_from in a query`}
	if diff := cmp.Diff(want, r.rejects); diff != "" || len(r.rows) != 1 {
		t.Errorf("rows %q, rejects: %s", r.rows, diff)
	}
}
