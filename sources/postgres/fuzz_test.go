package postgres

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// FuzzPosition proves that what is no position of a table, or points to what can't be a row of it, is stale, and that any
// other gives the rows from some row on: none is skipped behind it, and none comes twice.
func FuzzPosition(f *testing.F) {
	env, _ := database(f, "create table t (id int, part text, at timestamptz, primary key (id, part))",
		"insert into t select n, 'p' || n, '2026-01-01Z'::timestamptz + n * interval '1 hour' from generate_series(1, 5) n")
	sources := []*Config{
		table("t", "id", "part"),
		config(func(c *Config) { c.Table, c.Key, c.Cursor = "t", []string{"id", "part"}, "at" }),
	}
	var all [][]string
	for i, c := range sources {
		r := readAll(f, open(f, env, c), nil)
		all = append(all, r.rows)
		src := open(f, env, c).(*source)
		p := position{Columns: src.columnsOf(src.order), Phase: keyedPhase, After: []string{"3", "p3"}}
		if i == 1 {
			p.Oldest = time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC).UnixMicro()
			p.After = []string{"2026-01-01 02:00:00+00", "2", "p2"}
		}
		high := "2026-01-01 03:00:00+00"
		for _, last := range []string{"3", "x", "", "99999999999999999999", "-1", "1e3", "\x00", "\xff", "infinity", "2026-13-45", "294277-01-01", "5' or 1=1 --"} {
			p.After[0] = last
			f.Add(string(p.encode()))
		}
		for _, edit := range []func(*position){
			func(p *position) { p.After = nil }, func(p *position) { p.Phase = "x" }, func(p *position) { p.Phase = orphanPhase },
			func(p *position) { p.Phase, p.High = donePhase, &high }, func(p *position) { p.Columns += " " },
			func(p *position) { p.Phase, p.High, p.Oldest = donePhase, &high, math.MaxInt64 },
			func(p *position) { never := "never"; p.Phase, p.High = donePhase, &never },
			func(p *position) { far := "294277-01-01"; p.Phase, p.High, p.Oldest = donePhase, &far, 1 },
			func(p *position) { p.Phase, p.Oldest = donePhase, 0 },
			func(p *position) { p.Phase, p.Marks = donePhase, []mark{{At: math.MinInt64, High: &high}} },
			func(p *position) { p.Whole, p.After = true, []string{"3", "p3"} },
			func(p *position) { p.Since, p.After = "2026-01-01 04:00:00+00", nil },
			func(p *position) { p.Since, p.After = "never", nil },
			func(p *position) { p.After = p.After[:1] },
		} {
			q := p
			q.After = slices.Clone(p.After)
			edit(&q)
			f.Add(string(q.encode()))
		}
	}
	for _, text := range []string{"", "null", "{}", "[]", `{"columns":1}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, c := range sources {
			r := read(t, open(t, env, c), pipeline.Position(text))
			switch {
			case r.err != nil && (!errors.Is(r.err, pipeline.ErrStalePosition) || len(r.rows) > 0):
				t.Errorf("%q: %q, then %v", text, r.rows, r.err)
			case r.err == nil && (len(r.rows) > len(all[i]) || !slices.Equal(r.rows, all[i][len(all[i])-len(r.rows):])):
				t.Errorf("%q: %q, which isn't the rest of %q", text, r.rows, all[i])
			}
		}
	})
}

// FuzzQuoteTable proves that Postgres reads a quoted name as the one that was written, whatever is in it; and that what
// isn't quoted is no more than a name either.
func FuzzQuoteTable(f *testing.F) {
	dsn := pgtest.Database(f)
	conn, err := pgx.Connect(f.Context(), dsn)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close(f.Context()) })
	for _, name := range append(hostileNames, "a.b", `"a".b`, `a"b"c`, `""`, `"`, ".", "a..b", `"a""b".c`, "é.\u202e", " a . b ") {
		f.Add(name, "t")
		f.Add("s", name)
	}
	f.Fuzz(func(t *testing.T, schema, name string) {
		for _, text := range []string{schema, name} {
			if text == "" || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
				return // no name of anything
			}
		}
		parse := func(text string) (parts []string, err error) {
			err = conn.QueryRow(t.Context(), "select parse_ident($1)", text).Scan(&parts)
			return parts, err
		}
		got, err := parse(quoteTable(quoted(schema) + "." + quoted(name)))
		if err != nil || !slices.Equal(got, []string{schema, name}) {
			t.Errorf("%q and %q became %q, %v", schema, name, got, err)
		}
		var again string
		if err := conn.QueryRow(t.Context(), "select quote_ident($1)", name).Scan(&again); err != nil {
			t.Fatal(err)
		}
		if got, err := parse(again); err != nil || got[0] != name && strings.ToLower(name) == name {
			t.Errorf("Postgres itself quotes %q as %q, which is %q, %v", name, again, got, err)
		}
		plain := quoteTable(name)
		if parts, err := parse(plain); err == nil && pgx.Identifier(parts).Sanitize() != plain {
			t.Errorf("%q, as it is, became %s, which is %q", name, plain, parts)
		}
	})
}
