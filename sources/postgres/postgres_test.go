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
