package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

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

// cursors are the kinds of columns that a cursor may be, each with what a new row gets.
var cursors = []struct{ typ, value string }{
	{"timestamptz", "now()"}, {"timestamp", "(now() at time zone 'UTC')"}, {"date", "(now() at time zone 'UTC')::date"}, {"bigint", "nextval('counter')"},
}

// A pass over all rows reads every row that is there from its beginning to its end, once, whatever becomes of cursors
// meanwhile: also one that a transaction of long ago moves behind what was read already. Rows that are deleted
// meanwhile make none of the others be missed.
func TestRowsMoveWhilePaging(t *testing.T) {
	env, dsn := database(t, "create table t (id int primary key, at timestamptz)",
		"insert into t select n, now() + n * interval '1 second' from generate_series(1, 12) n")
	old := connectSession(t, dsn)
	old.exec("begin", "select now()")
	src := open(t, env, config(func(cfg *Config) { cfg.Table, cfg.Key, cfg.Cursor, cfg.Lag, cfg.Page = "t", []string{"id"}, "at", 0, 2 }))
	var got []string
	var end pipeline.Position
	for b, err := range src.Batches(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range b.Rows {
			got = append(got, row.Values[0].String())
		}
		end = b.End
		if len(got) == 4 {
			old.exec("update t set at = now() - interval '1 hour' where id = 9", "delete from t where id in (2, 5, 6)", "update t set at = now() where id = 11", "commit")
		}
	}
	if want := []string{"1", "2", "3", "4", "7", "8", "9", "10", "11", "12"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	// What the old transaction has written is read again by the next pass: it was running when this one began.
	if got := ids(readAll(t, src, end)); !slices.Contains(got, "11") {
		t.Errorf("the next pass read %q, want 11 among them", got)
	}
}

// An incremental pass that is cut off goes on where it was, and the pass after it doesn't miss what was written meanwhile.
func TestCutOffPass(t *testing.T) {
	for _, c := range cursors {
		env, dsn := database(t, "create sequence counter", "create table t (id int primary key, at "+c.typ+" default "+c.value+")", "insert into t values (1), (2), (3)")
		src := open(t, env, config(func(cfg *Config) { cfg.Table, cfg.Key, cfg.Cursor, cfg.Lag, cfg.Page = "t", []string{"id"}, "at", 0, 2 }))
		end := readAll(t, src, readAll(t, src, nil).end).end
		pgtest.Exec(t, dsn, "insert into t values (4), (5), (6), (7), (8), (9)")
		var got []string
		for b, err := range src.Batches(t.Context(), end) {
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range b.Rows {
				got = append(got, row.Values[0].String())
			}
			if end = b.End; len(got) >= 4 {
				break
			}
		}
		pgtest.Exec(t, dsn, "insert into t values (10)")
		r := readAll(t, src, end)
		got = append(got, ids(r)...)
		if got = append(got, ids(readAll(t, src, r.end))...); !containsAll(got, 4, 10) {
			t.Errorf("%s: read %q, want 4 to 10", c.typ, got)
		}
	}
}

// If the database's clock is behind the last run by more than the lag, nothing can be told of what has been written since:
// the position is stale, and everything is read.
func TestClockGoesBack(t *testing.T) {
	env, _ := database(t, "create table t (id int primary key, at timestamptz default now())", "insert into t values (1)")
	src := open(t, env, config(func(c *Config) { c.Table, c.Key, c.Cursor = "t", []string{"id"}, "at" }))
	p, err := src.(*source).decode(readAll(t, src, nil).end)
	if err != nil {
		t.Fatal(err)
	}
	p.Phase = donePhase
	for ahead, stale := range map[time.Duration]bool{defaultLag - time.Minute: false, defaultLag + time.Minute: true} {
		q := p
		q.Oldest += ahead.Microseconds()
		if r := read(t, src, q.encode()); errors.Is(r.err, pipeline.ErrStalePosition) != stale || !stale && r.err != nil {
			t.Errorf("a clock that is %v behind: %v", ahead, r.err)
		}
	}
}

// Since begins exactly at what it is given: a date, an instant or how long ago for times, a value for others; and rows
// without a cursor are read, too.
func TestSince(t *testing.T) {
	for _, c := range []struct{ typ, value, since, want string }{
		{"timestamptz", "timestamptz '2026-01-01 00:00Z' + n * interval '1 hour'", "2026-01-01T05:00:00+01:00", "4 5 0"},
		{"timestamptz", "timestamptz '2026-01-01 00:00Z' + n * interval '1 hour'", "2026-01-02", "0"},
		{"timestamptz", "now() - n * interval '1 hour'", "150m", "2 1 0"},
		{"timestamp", "timestamp '2026-01-01 00:00' + n * interval '1 hour'", "2026-01-01T04:00:00Z", "4 5 0"},
		{"timestamp", "timestamp '2026-01-01 00:00' + n * interval '1 day'", "2026-01-05", "4 5 0"},
		{"date", "date '2026-01-01' + n", "2026-01-05", "4 5 0"},
		{"date", "current_date - n * 7", "2w1d", "2 1 0"},
		{"bigint", "n * 10", "40", "4 5 0"},
		{"numeric", "n / 10.0", "0.45", "5 0"},
		{"text", "'v' || n", "v4", "4 5 0"},
	} {
		env, _ := database(t, "create table t (id int primary key, at "+c.typ+")", "insert into t select n, "+c.value+" from generate_series(1, 5) n", "insert into t values (0)")
		src := open(t, env, config(func(cfg *Config) { cfg.Table, cfg.Key, cfg.Cursor = "t", []string{"id"}, "at" }))
		from, err := src.(pipeline.Incremental).Since(t.Context(), c.since)
		if err != nil {
			t.Errorf("%s since %s: %v", c.typ, c.since, err)
			continue
		}
		if got := strings.Join(ids(readAll(t, src, from)), " "); got != c.want {
			t.Errorf("%s since %s: read %s, want %s", c.typ, c.since, got, c.want)
		}
	}
}

// What doesn't fit the cursor is refused with what would, and so is a source without one.
func TestSinceRefused(t *testing.T) {
	env, _ := database(t, "create table t (id int primary key, at timestamptz, n int)")
	for _, c := range []struct{ cursor, since, want string }{
		{"at", "yesterday", "expected a date such as"}, {"at", "-24h", "how long ago"}, {"at", "2026-13-01", "expected a date"},
		{"n", "2026-01-01", "expected a whole number"}, {"n", "", "expected a whole number"}, {"", "24h", "without a cursor"},
	} {
		src := open(t, env, config(func(cfg *Config) { cfg.Table, cfg.Key, cfg.Cursor = "t", []string{"id"}, c.cursor }))
		if _, err := src.(pipeline.Incremental).Since(t.Context(), c.since); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q since %q: %v, want %s", c.cursor, c.since, err, c.want)
		}
	}
}
