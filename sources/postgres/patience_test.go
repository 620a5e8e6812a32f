package postgres

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A restart of Postgres ends no reading behind PgBouncer, which lets nobody in for 15 s once it was refused itself (its
// server_login_retry): the first who comes then has it try again, and the second one is let in.
func TestPatienceWithAPoolerThatCannotLogIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config, err := pgxpool.ParseConfig("host=/nowhere user=reader dbname=shop sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		began, late := time.Now(), 0
		config.ConnConfig.DialFunc = func(context.Context, string, string) (net.Conn, error) {
			if time.Since(began) > 15*time.Second {
				late++
			}
			return nil, errors.New("server login has been failing, try again later (server_login_retry)")
		}
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		s := &source{conn: &connection{pool: pool}, log: slog.New(slog.DiscardHandler), backoff: firstBackoff}
		err = s.transact(t.Context(), func(context.Context, *pgconn.PgConn) error { return nil })
		if took := time.Since(began); err == nil || late < 2 || took > time.Minute {
			t.Errorf("%d attempts after 15 s; given up after %v: %v", late, took, err)
		}
	})
}
