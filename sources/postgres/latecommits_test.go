package postgres

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// A session is a connection on which transactions are left open.
type session struct {
	*testing.T
	conn *pgx.Conn
}

func connectSession(t *testing.T, dsn string) *session {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return &session{t, conn}
}

func (s *session) exec(statements ...string) {
	s.Helper()
	for _, statement := range statements {
		if _, err := s.conn.Exec(s.Context(), statement); err != nil {
			s.Fatalf("%v, in: %s", err, statement)
		}
	}
}

// Rows of transactions that were running while later cursors were read are read once they are committed, with no lag at
// all: of one that has written before the pass, and of one that had only begun, or drawn its number, by then. The pass
// after that doesn't go back so far again.
func TestLateCommits(t *testing.T) {
	for _, c := range cursors {
		t.Run(c.typ, func(t *testing.T) {
			t.Parallel()
			env, dsn := database(t, "create sequence counter", "create table t (id text primary key, at "+c.typ+" default "+c.value+")", "create index on t (at)",
				"insert into t values ('first')", "insert into t values ('second')")
			src := open(t, env, config(func(cfg *Config) { cfg.Table, cfg.Key, cfg.Cursor, cfg.Lag, cfg.Page = "t", []string{"id"}, "at", 0, 2 }))
			early, late, other := connectSession(t, dsn), connectSession(t, dsn), connectSession(t, dsn)
			end := readAll(t, src, nil).end
			end = readAll(t, src, end).end
			early.exec("begin", "insert into t values ('early')")
			late.exec("begin", "create temp table drawn on commit drop as select "+c.value+" as at")
			other.exec("insert into t values ('other')")
			for range 3 { // however many passes there are meanwhile
				r := readAll(t, src, end)
				if got := ids(r); !slices.Contains(got, "other") || slices.Contains(got, "early") {
					t.Fatalf("before the commits a pass read %q", got)
				}
				other.exec("update t set at = default where id = 'other'")
				end = r.end
			}
			end = readAll(t, src, end).end
			early.exec("commit")
			late.exec("insert into t select 'late', at from drawn", "commit")
			r := readAll(t, src, end)
			for _, id := range []string{"early", "late"} {
				if !slices.Contains(ids(r), id) {
					t.Errorf("the row %q, committed late, is lost: read %q", id, ids(r))
				}
			}
			r = readAll(t, src, readAll(t, src, r.end).end)
			if got := ids(r); c.typ != "date" && slices.Contains(got, "early") {
				t.Errorf("after that a pass reads %q again", got)
			}
		})
	}
}

// A role that may not see what others run reads late commits within the lag, and is told what is missing unless the lag is
// longer than usual; one that may isn't.
func TestLateCommitsUnseen(t *testing.T) {
	dsn := pgtest.Database(t)
	role := "reader_of_" + dsn[strings.LastIndex(dsn, "/sluice_test_")+1:strings.Index(dsn, "?")]
	pgtest.Exec(t, dsn, "create table t (id text primary key, at timestamptz default now())", "insert into t values ('first', now() - interval '1 day')",
		"create role "+role+" login", "grant select on t to "+role)
	t.Cleanup(func() { pgtest.Exec(t, dsn, "drop owned by "+role, "drop role "+role) })
	var log bytes.Buffer
	openAs := func(lag time.Duration) pipeline.Source {
		log.Reset()
		env := connect(t, strings.Replace(dsn, "user=postgres", "user="+role, 1))
		env.Log = slog.New(slog.NewTextHandler(&log, nil))
		return open(t, env, config(func(c *Config) { c.Table, c.Key, c.Cursor, c.Lag = "t", []string{"id"}, "at", lag }))
	}
	writer := connectSession(t, dsn)
	writer.exec("begin", "insert into t values ('early')")
	src := openAs(time.Hour)
	if log.Len() > 0 {
		t.Errorf("a lag of an hour is warned of: %s", &log)
	}
	pgtest.Exec(t, dsn, "insert into t values ('other')")
	end := readAll(t, src, nil).end
	writer.exec("commit")
	if got := ids(readAll(t, src, end)); !slices.Equal(got, []string{"early", "other"}) {
		t.Errorf("within the lag were read %q, want early and other", got)
	}
	writer.exec("begin", "select 1")
	openAs(defaultLag)
	if want := "grant pg_read_all_stats"; !strings.Contains(log.String(), want) {
		t.Errorf("the log is %q, want %q", &log, want)
	}
	pgtest.Exec(t, dsn, "grant pg_read_all_stats to "+role)
	if openAs(0); log.Len() > 0 {
		t.Errorf("a role that may see transactions is warned: %s", &log)
	}
}

func containsAll(ids []string, from, to int) bool {
	for n := from; n <= to; n++ {
		if !slices.Contains(ids, fmt.Sprint(n)) {
			return false
		}
	}
	return true
}

// TestMarksLoseNothing plays transactions that draw numbers, and commit them in any order, against passes that go back as
// marks say, also where more passes than there may be marks go by: every row is read by a pass after its commit.
func TestMarksLoseNothing(t *testing.T) {
	type transaction struct{ began, drawn int64 }
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		rng := rand.New(rand.NewPCG(seed, 0))
		lag := time.Duration(rng.IntN(20)) * time.Microsecond
		s := &source{cursor: 0, lag: lag, columns: []column{{oid: int8OID}}}
		var p position
		var clock, drawn int64 = 100, 0
		var open, rows []*transaction
		unread := map[*transaction]bool{}
		pass := func() {
			start := s.next(&p)
			h := horizon{now: clock, oldest: clock}
			for _, x := range open {
				h.oldest = min(h.oldest, x.began)
			}
			top := int64(-1)
			for _, x := range rows {
				top = max(top, x.drawn)
			}
			if top >= 0 {
				text := fmt.Sprint(top)
				h.top = &text
			}
			p.Oldest, p.Marks = h.oldest, marked(p.Marks, h, lag)
			for x := range unread {
				var from int64
				if start != nil {
					fmt.Sscan(start.value, &from)
				}
				if x.drawn >= from {
					delete(unread, x)
				}
			}
		}
		commit := func(i int) {
			x := open[i]
			open = slices.Delete(open, i, i+1)
			if x.drawn > 0 {
				rows = append(rows, x)
				unread[x] = true
			}
		}
		for range rng.IntN(500) {
			clock += int64(rng.IntN(3))
			switch rng.IntN(6) {
			case 0:
				open = append(open, &transaction{began: clock})
			case 1, 2:
				if len(open) > 0 {
					drawn++
					open[rng.IntN(len(open))].drawn = drawn
				}
			case 3:
				if len(open) > 0 {
					commit(rng.IntN(len(open)))
				}
			default:
				pass()
			}
		}
		for len(open) > 0 {
			commit(0)
		}
		if pass(); len(unread) > 0 {
			for x := range unread {
				rt.Fatalf("seed %d: number %d, drawn by a transaction that began at %d, is lost; marks %v", seed, x.drawn, x.began, p.Marks)
			}
		}
	})
}
