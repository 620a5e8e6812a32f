package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/pipeline/state/pgtest"
)

// What a server ends because of its own limits is read again where that helps, and is never blamed on a row.
func TestServersOwnLimits(t *testing.T) {
	s := &source{name: "public.people", conn: &connection{role: "reader"}}
	for code, again := range map[string]bool{
		"25P03": true, "25P04": true, "57P05": true, "55P03": true, "53300": true,
		"53400": false, "53200": false, "57014": false, "22012": false,
	} {
		err := &pgconn.PgError{Code: code, Message: "no"}
		if lost(err) != again {
			t.Errorf("%s is read again: %v", code, !again)
		}
		if told := s.stopped(err, nil).Error(); strings.Contains(told, "one of the rows") != (code == "22012") {
			t.Errorf("%s: %s", code, told)
		}
	}
}

// A page waits for a lock that its role may wait for only so long, and goes on once it is free.
func TestLockTimeout(t *testing.T) {
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "create table people (id int primary key)", "insert into people values (1)")
	src := open(t, connect(t, dsn+"&lock_timeout=20ms"), table("people", "id"))
	other := connectSession(t, dsn)
	other.exec("begin", "lock table people")
	freed := make(chan struct{})
	go func() {
		defer close(freed)
		time.Sleep(100 * time.Millisecond)
		other.exec("rollback")
	}()
	if r := readAll(t, src, nil); len(r.rows) != 1 {
		t.Errorf("%d rows", len(r.rows))
	}
	<-freed
}

// A pooler that ends statements which take too long is told from one that was cut off: the page isn't read again and again, which
// Postgres would go on with each time, and the advice is of pages.
func TestPoolersQueryTimeout(t *testing.T) {
	s := &source{name: "public.orders", conn: &connection{role: "reader"}, columns: []column{{name: "id"}}, order: []int{0}}
	err := error(&pgconn.PgError{Severity: "FATAL", Code: "08P01", Message: "query timeout"})
	if lost(err) {
		t.Error("it is tried again")
	}
	if told := s.stopped(err, nil).Error(); !strings.Contains(told, "query_timeout") || !strings.Contains(told, "make an index on (id)") {
		t.Error(told)
	}
	if waited := error(&pgconn.PgError{Severity: "FATAL", Code: "08P01", Message: "query_wait_timeout"}); !lost(waited) {
		t.Error("who found no session in time isn't tried again")
	}
}
