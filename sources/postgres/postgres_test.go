package postgres

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
	"sluice/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect returns an Env in which the connection "db" is the database, closed when the test ends.
func connect(t testing.TB, dsn string) pipeline.Env {
	t.Helper()
	closer, err := (&ConnectionConfig{URL: pipeline.Secret(dsn)}).Connect(t.Context(), pipeline.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	})
	return pipeline.Env{Connection: func(context.Context, string) (io.Closer, error) { return closer, nil }}
}

// database returns an Env on a new database in which the statements have been run, and its DSN.
func database(t testing.TB, statements ...string) (pipeline.Env, string) {
	t.Helper()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, statements...)
	return connect(t, dsn), dsn
}

// config returns a Config as it is after decoding: the defaults, and what the test sets.
func config(set func(*Config)) *Config {
	c := Kind.New().(*Config)
	c.Connection = "db"
	set(c)
	return c
}

func table(name string, key ...string) *Config {
	return config(func(c *Config) { c.Table, c.Key = name, key })
}

func open(t testing.TB, env pipeline.Env, c *Config) pipeline.Source {
	t.Helper()
	src, err := c.Open(t.Context(), env)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return src
}

// A reading is what one call of Batches yielded.
type reading struct {
	rows    []string // values, joined by a space
	rejects []string
	end     pipeline.Position
	err     error
}

func read(t testing.TB, src pipeline.Source, from pipeline.Position) reading {
	t.Helper()
	var r reading
	for b, err := range src.Batches(t.Context(), from) {
		if err != nil {
			r.err = err
			break
		}
		for _, row := range b.Rows {
			texts := make([]string, len(row.Values))
			for i, v := range row.Values {
				texts[i] = v.String()
			}
			r.rows = append(r.rows, strings.Join(texts, " "))
		}
		for _, rej := range b.Rejects {
			where := rej.Place.String()
			if rej.Key != "" {
				where += " key " + rej.Key
			}
			r.rejects = append(r.rejects, fmt.Sprintf("%s: %s: %v", where, rej.Code, rej.Err))
		}
		r.end = b.End
	}
	return r
}

func readAll(t testing.TB, src pipeline.Source, from pipeline.Position) reading {
	t.Helper()
	r := read(t, src, from)
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r
}

func northwind(t testing.TB) (pipeline.Env, string) {
	t.Helper()
	dump, err := os.ReadFile("../../testdata/northwind/northwind.sql")
	if err != nil {
		t.Fatal(err)
	}
	return database(t, string(dump))
}

// All of Northwind's customers and orders are read, and a real column adds up exactly.
func TestNorthwind(t *testing.T) {
	env, _ := northwind(t)
	customers := readAll(t, open(t, env, table("customers", "customer_id")), nil)
	if len(customers.rows) != 91 || len(customers.rejects) != 0 {
		t.Errorf("%d customers and %d rejects, want 91 and 0", len(customers.rows), len(customers.rejects))
	}
	env.Needed = []string{"order_id", "freight"}
	src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Page = "public.orders", []string{"order_id"}, 100 }))
	want := []pipeline.Field{{Name: "order_id", Type: pipeline.Int}, {Name: "freight", Type: pipeline.Float}}
	if diff := cmp.Diff(want, src.Schema().Fields); diff != "" {
		t.Error(diff)
	}
	orders := readAll(t, src, nil)
	if len(orders.rows) != 830 {
		t.Errorf("%d orders, want 830", len(orders.rows))
	}
	sum := new(big.Rat)
	for _, row := range orders.rows {
		_, freight, _ := strings.Cut(row, " ")
		amount, ok := new(big.Rat).SetString(freight)
		if !ok {
			t.Fatalf("freight %q", freight)
		}
		sum.Add(sum, amount)
	}
	if got := sum.FloatString(4); got != "64942.6900" {
		t.Errorf("the sum of all freights is %s, want 64942.6900", got)
	}
}

// A source of the suite, with everything that makes paging hard: few rows a page, a composite key of text under a
// linguistic collation, ties, and rejects.
const hard = `
create table hard (region text collate "en-x-icu", id int, amount numeric, updated timestamptz, note text, primary key (region, id));
insert into hard select (array['a','B','Ä','z','A b','a-b','ab'])[i % 7 + 1], i, case when i % 400 = 7 then 'NaN' else i / 100.0 end,
  timestamptz '2026-01-01' + (i / 50) * interval '1 hour', repeat('n', i % 5) from generate_series(1, 2500) i`

func TestSuite(t *testing.T) {
	env, _ := database(t, hard)
	env.Key = []string{"region", "id"}
	for _, tt := range []struct {
		name string
		set  func(*Config)
	}{
		{"table", func(c *Config) { c.Table = "hard" }},
		{"small pages", func(c *Config) { c.Table, c.Page = "hard", 97 }},
		{"query", func(c *Config) { c.Query, c.Page = "select * from hard where id > 20 -- all;\n ;", 700 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sourcetest.Run(t, func(ctx context.Context) (pipeline.Source, error) { return config(tt.set).Open(ctx, env) })
		})
	}
}

// A pass by a cursor keeps the promises of the suite too, but for the position at its end: from there the next pass
// reads the overlap, which is proved by TestCursor.
func TestSuiteCursor(t *testing.T) {
	env, _ := database(t, hard, "update hard set updated = null where id % 100 = 0")
	sourcetest.Run(t, func(ctx context.Context) (pipeline.Source, error) {
		src, err := config(func(c *Config) {
			c.Table, c.Key, c.Cursor, c.Page = "hard", []string{"region", "id"}, "updated", 97
		}).Open(ctx, env)
		return withoutOverlap{src}, err
	})
}

type withoutOverlap struct{ pipeline.Source }

func (s withoutOverlap) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	if strings.Contains(string(from), `"phase":"done"`) {
		return func(func(pipeline.Batch, error) bool) {}
	}
	return s.Source.Batches(ctx, from)
}

// The next run goes on at the last cursor less the lag, and sees rows that were committed late within it.
func TestCursor(t *testing.T) {
	const rows = `
		create table t (id int primary key, at timestamptz);
		insert into t select i, timestamptz '2026-01-01' + i * interval '1 minute' from generate_series(1, 9) i;
		insert into t values (10, null)`
	late := "insert into t values (100, timestamptz '2026-01-01' + interval '7 minutes'), (101, timestamptz '2026-01-01' + interval '20 minutes')"
	for _, tt := range []struct {
		lag  time.Duration
		want []string // ids of the second pass
	}{
		{0, []string{"9", "101", "10"}},
		{2 * time.Minute, []string{"7", "100", "8", "9", "101", "10"}},
	} {
		t.Run(tt.lag.String(), func(t *testing.T) {
			env, dsn := database(t, rows)
			src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Cursor, c.Lag, c.Page = "t", []string{"id"}, "at", tt.lag, 4 }))
			if inc, ok := src.(pipeline.Incremental); !ok || !inc.Incremental() {
				t.Fatal("a source with a cursor isn't incremental")
			}
			first := readAll(t, src, nil)
			if len(first.rows) != 10 {
				t.Fatalf("the first pass read %d rows, want 10", len(first.rows))
			}
			pgtest.Exec(t, dsn, late)
			second := readAll(t, src, first.end)
			if diff := cmp.Diff(tt.want, ids(second)); diff != "" {
				t.Error(diff)
			}
			third := readAll(t, src, second.end)
			if len(third.rows) == 0 || ids(third)[len(third.rows)-2] != "101" {
				t.Errorf("the third pass read %v, want it to end at 101 and 10", ids(third))
			}
		})
	}
}

func ids(r reading) []string {
	var ids []string
	for _, row := range r.rows {
		id, _, _ := strings.Cut(row, " ")
		ids = append(ids, id)
	}
	return ids
}

// A row dated in the future, or at infinity, doesn't hide what changes after it was read.
func TestCursorInTheFuture(t *testing.T) {
	for _, typ := range []string{"timestamptz", "timestamp", "date"} {
		env, dsn := database(t, "create table t (id int primary key, at "+typ+")",
			"insert into t values (1, '2020-01-01'), (2, now() + interval '1 year'), (3, 'infinity')")
		src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Cursor = "t", []string{"id"}, "at" }))
		first := readAll(t, src, nil)
		pgtest.Exec(t, dsn, "insert into t values (4, now() + interval '1 second')")
		second := readAll(t, src, first.end)
		if diff := cmp.Diff([]string{"4", "2"}, ids(second)); diff != "" {
			t.Errorf("%s: %s", typ, diff)
		}
		if len(second.rejects) != 1 {
			t.Errorf("%s: rejects %q, want that of infinity", typ, second.rejects)
		}
	}
}

// A cursor that isn't a time goes on at its last value.
func TestCursorNumber(t *testing.T) {
	env, dsn := database(t, "create table t (id text primary key, version bigint not null)", "insert into t values ('a', 1), ('b', 5), ('c', 5)")
	src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Cursor = "t", []string{"id"}, "version" }))
	first := readAll(t, src, nil)
	pgtest.Exec(t, dsn, "insert into t values ('bb', 5), ('d', 6)")
	if diff := cmp.Diff([]string{"b", "bb", "c", "d"}, ids(readAll(t, src, first.end))); diff != "" {
		t.Error(diff)
	}
}
