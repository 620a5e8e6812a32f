package postgres

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/pipeline/state/pgtest"
)

// A deaf connection swallows what is sent, once it is told to: neither an answer nor an end ever comes.
type deaf struct {
	net.Conn
	now *atomic.Bool
}

func (d deaf) Write(p []byte) (int, error) {
	if d.now.Load() {
		return len(p), nil
	}
	return d.Conn.Write(p)
}

// A server that has fallen silent, as behind a way that swallows packets, is waited for no longer than a statement may take and a
// while: then the page is read again on another connection.
func TestSilentServer(t *testing.T) {
	t.Parallel() // to close a connection that is silent takes 15 s
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "create table people as select i as id from generate_series(1, 3000) i", "alter table people add primary key (id)")
	c := table("people", "id")
	c.Page, c.Timeout = 700, 10*time.Second
	s := open(t, connect(t, dsn), c).(*source)
	s.backoff = time.Millisecond
	config := s.conn.pool.Config()
	dial := config.ConnConfig.DialFunc
	var silent atomic.Pointer[atomic.Bool] // the newest connection's
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		silent.Store(new(atomic.Bool))
		return deaf{conn, silent.Load()}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	s.conn = &connection{pool: pool, role: s.conn.role}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rows := 0
	for b, err := range s.Batches(ctx, nil) {
		if err != nil {
			t.Fatalf("after %d rows: %v", rows, err)
		}
		if rows == 0 {
			s.grace = time.Second - s.timeout // the server's own time for a statement stays long: what is too slow for it isn't read again
			silent.Load().Store(true)
		}
		rows += len(b.Rows)
	}
	if rows != 3000 {
		t.Errorf("read %d rows, want 3000", rows)
	}
}
