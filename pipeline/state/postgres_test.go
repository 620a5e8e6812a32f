package state

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// eager is a timing in which what a renewal finds out is known in moments, while a lease lasts as long as ever: no test may lose
// one because its machine was slow.
var eager = timing{ttl: times.ttl, renew: 20 * time.Millisecond, margin: times.margin, fresh: times.fresh, poll: 20 * time.Millisecond}

// migrated returns a database with tables, and a way to open stores on it.
func migrated(t *testing.T) (dsn string, open func(timing) *store) {
	t.Parallel()
	dsn = pgtest.Database(t)
	open = func(times timing) *store { return openStore(t, dsn, times) }
	if _, _, err := open(times).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dsn, open
}

// session returns the process id of the session that holds a run's lock.
func (r *played) session() uint32 {
	l := r.s.leases[r.name].guard.(*sessionLock)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn.PgConn().PID()
}

// Once the server has dropped the holder's session, the next start takes over at once, long before the lease ends.
func TestTakeoverWhenTheSessionIsGone(t *testing.T) {
	dsn, open := migrated(t)
	old := begin(t, open(times), pipeline.Begin{})
	pgtest.Exec(t, dsn, fmt.Sprintf("select pg_terminate_backend(%d, 5000)", old.session()))
	began := time.Now()
	r := begin(t, open(times), pipeline.Begin{})
	if r.Epoch != old.Epoch+1 || time.Since(began) > times.fresh {
		t.Errorf("epoch %d after %d, in %s", r.Epoch, old.Epoch, time.Since(began))
	}
	if err := old.try(pipeline.Commit{Seen: []string{"x"}}); !errors.Is(err, pipeline.ErrFenced) {
		t.Errorf("commit of the earlier run: %v", err)
	}
}

// A run whose session was dropped takes its lock again with the next renewal, if nobody was faster.
func TestHolderReconnects(t *testing.T) {
	dsn, open := migrated(t)
	lost := make(chan error, 1)
	r := begin(t, open(eager), pipeline.Begin{OnLost: func(err error) { lost <- err }})
	first := r.session()
	pgtest.Exec(t, dsn, fmt.Sprintf("select pg_terminate_backend(%d, 5000)", first))
	poll(t, "the lock to be taken again", func() bool {
		l := r.s.leases["p"].guard.(*sessionLock)
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.held && l.conn != nil && l.conn.PgConn().PID() != first
	})
	r.commit(pipeline.Commit{Seen: []string{"x"}})
	if _, err := open(eager).Start(t.Context(), pipeline.Begin{Pipeline: "p"}); err == nil {
		t.Error("another run has started")
	}
	r.finish(pipeline.Finish{})
	select {
	case err := <-lost:
		t.Errorf("lost: %v", err)
	default:
	}
}

// A holder that shows no sign of life, but whose session is still there, is waited for until its lease ends.
func TestTakeoverWhenTheLeaseHasEnded(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pooled=%v", pooled), func(t *testing.T) {
			dsn, open := migrated(t)
			s := open(times)
			old := begin(t, s, pipeline.Begin{})
			s.leases["p"].cancel() // it hangs: no renewals
			<-s.leases["p"].done
			if pooled { // as behind a pooler: no lock says that it is there
				pgtest.Exec(t, dsn, fmt.Sprintf("select pg_terminate_backend(%d, 5000)", old.session()), "update sluice.lease set locked = false")
			}
			_, err := open(eager).Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: account})
			if _, held := errors.AsType[*pipeline.HeldError](err); !held {
				t.Fatalf("start while the lease lasts: %v", err)
			}
			patient := eager
			patient.fresh = 0
			next := open(patient)
			pgtest.Exec(t, dsn, "update sluice.lease set expires_at = clock_timestamp() + interval '500 milliseconds'",
				"create table lasted as select expires_at as until from sluice.lease")
			r := begin(t, next, pipeline.Begin{})
			var late bool
			err = s.db.view(t.Context(), func(v session) error {
				_, err := one(t.Context(), v, []any{&late}, "select granted_at >= until from sluice.lease, lasted")
				return err
			})
			if r.Epoch <= old.Epoch || !late || err != nil {
				t.Errorf("epoch %d after %d, granted after the lease's end: %v, %v", r.Epoch, old.Epoch, late, err)
			}
			if err := old.try(pipeline.Commit{Seen: []string{"x"}}); !errors.Is(err, pipeline.ErrFenced) {
				t.Errorf("commit of the earlier run: %v", err)
			}
		})
	}
}

// A wait for a lease ends with its context.
func TestStartStopsWaiting(t *testing.T) {
	_, open := migrated(t)
	begin(t, open(times), pipeline.Begin{})
	patient := times
	patient.fresh = 0
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := open(patient).Start(ctx, pipeline.Begin{Pipeline: "p"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start: %v", err)
	}
}

// A run learns from its next renewal that another has taken over.
func TestOnLost(t *testing.T) {
	dsn, open := migrated(t)
	lost := make(chan error, 2)
	begin(t, open(eager), pipeline.Begin{OnLost: func(err error) { lost <- err }})
	pgtest.Exec(t, dsn, "update sluice.lease set epoch = epoch + 1")
	if err := receive(t, lost, "OnLost"); !errors.Is(err, pipeline.ErrFenced) {
		t.Errorf("lost: %v", err)
	}
}

// A role needs no more than what the package's documentation says.
func TestGrants(t *testing.T) {
	dsn, _ := migrated(t)
	name := "sluice_role_" + strings.ToLower(strings.TrimPrefix(dsn[strings.Index(dsn, "sluice_test_"):][:24], "sluice_test_"))
	pgtest.Exec(t, dsn, "create role "+name+" login", "grant usage on schema sluice to "+name,
		"grant select, insert, update, delete on all tables in schema sluice to "+name)
	t.Cleanup(func() { pgtest.Exec(t, dsn, "drop owned by "+name, "drop role "+name) })
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("user", name)
	u.RawQuery = query.Encode()
	s := openStore(t, u.String(), times)
	if from, to, err := s.Migrate(t.Context()); from != to || from == 0 || err != nil {
		t.Errorf("migrate what is migrated: %d, %d, %v", from, to, err)
	}
	if here := s.db.place(t.Context()); here.System == "" || here.Timeline == "" || here.Database == "" || here.Ledger == "" {
		t.Errorf("the server tells the role only %+v of where the state is", here)
	}
	r := begin(t, s, pipeline.Begin{})
	r.intend(pipeline.Intent{Key: "a", Version: 1})
	r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 1, hash(1), "bad")}, Throttle: []byte("x"), Position: pipeline.Position("x")})
	if n, _, err := s.Retry(t.Context(), Filter{Pipeline: "p"}); n != 1 || err != nil {
		t.Error(n, err)
	}
	r.finish(pipeline.Finish{Complete: true})
	pgtest.Exec(t, dsn, "revoke insert on sluice.run from "+name)
	if _, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "p"}); err == nil || !strings.Contains(err.Error(), "grant") {
		t.Errorf("without a grant: %v", err)
	}
}

// Commits are durable even where the server's default isn't, and a process that is stopped within a transaction keeps its locks
// no longer than its lease; or than the server says, where that is a time.
func TestSessionsHaveSettings(t *testing.T) {
	dsn, _ := migrated(t)
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, dsn, "alter database "+config.Database+" set synchronous_commit = off")
	for _, c := range []struct{ server, want string }{{"0", "on, 1min"}, {"5s", "on, 5s"}} {
		pgtest.Exec(t, dsn, "alter database "+config.Database+" set idle_in_transaction_session_timeout = '"+c.server+"'")
		s := openStore(t, dsn, times)
		var got string
		err = s.db.view(t.Context(), func(v session) error {
			_, err := one(t.Context(), v, []any{&got}, "select current_setting('synchronous_commit') || ', ' || current_setting('idle_in_transaction_session_timeout')")
			return err
		})
		if got != c.want || err != nil {
			t.Errorf("%s: %q, want %q: %v", c.server, got, c.want, err)
		}
	}
}

// poll looks until something is so that a goroutine of the store, or the server, does in its own time.
func poll(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !so() {
		if wait(ctx, 10*time.Millisecond) != nil {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A renewal that waits for the end of its run finds nothing to renew then: that is no loss, and nobody has taken over.
func TestRenewalBesideTheEnd(t *testing.T) {
	dsn, open := migrated(t)
	s := open(eager)
	var conns [2]*pgx.Conn
	for i := range conns {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		conns[i] = conn
	}
	blocker, watcher := conns[0], conns[1]
	for range 20 {
		r := begin(t, s, pipeline.Begin{OnLost: func(err error) { t.Errorf("lost: %v", err) }})
		if _, err := blocker.Exec(t.Context(), "begin; select from sluice.run for update"); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			done <- s.Finish(t.Context(), pipeline.Finish{Pipeline: "p", Epoch: r.Epoch, Run: r.Run, Status: "done"})
		}()
		poll(t, "a renewal that waits", func() (waits bool) {
			err := watcher.QueryRow(t.Context(), `select count(*) > 0 from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and query like '%renewed_at%'`).Scan(&waits)
			if err != nil {
				t.Fatal(err)
			}
			return waits
		})
		if _, err := blocker.Exec(t.Context(), "rollback"); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, done, "the end"); err != nil {
			t.Errorf("finish: %v", err)
		}
	}
}
