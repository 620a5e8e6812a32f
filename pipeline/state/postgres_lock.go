package state

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// A sessionLock is a session advisory lock on a connection of its own: the server frees it when the connection ends,
// however it ends. Behind a pooler, which may give the same session to others, it is never held.
type sessionLock struct {
	config *pgx.ConnConfig
	d      *dialect
	pooled bool
	key    int64

	mu   sync.Mutex
	conn *pgx.Conn // nil: not connected
	held bool
}

func newSessionLock(config *pgx.ConnConfig, d *dialect, pooled bool, pipeline string) *sessionLock {
	return &sessionLock{config: config, d: d, pooled: pooled, key: lockKey(pipeline)}
}

// lockKey returns the number of a pipeline's advisory lock.
func lockKey(pipeline string) int64 {
	sum := sha256.Sum256([]byte("sluice lease " + pipeline))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// vacated tells by the time, and of a holder who has the session's lock by that.
func (p *postgres) vacated(ctx context.Context, tx session, l *takenLease) error {
	free := !l.live
	if l.live && l.locked {
		if _, err := one(ctx, tx, []any{&free}, `select pg_try_advisory_xact_lock($1)`, lockKey(l.Pipeline)); err != nil {
			return err
		}
	}
	if free {
		return nil
	}
	return &l.leaseHeld
}

func (l *sessionLock) renews() bool { return true }

func (l *sessionLock) try(ctx context.Context) (held bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err = patiently(ctx, func() (again bool, err error) {
		held, err = l.reach(ctx)
		return err != nil && transient(err, l.conn == nil), err
	})
	return held, err
}

func (l *sessionLock) renew(ctx context.Context, source string, args ...any) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.reach(ctx); err != nil {
		return 0, explain(err)
	}
	n, err := newView(l.d, l.conn, l.pooled).exec(ctx, source, append(args, l.held)...)
	leaveStandby(l.conn, err)
	l.forgetClosed()
	return n, explain(unanswered(err, l.conn == nil))
}

// reach connects if need be, and takes the lock if it is free.
func (l *sessionLock) reach(ctx context.Context) (bool, error) {
	l.forgetClosed()
	if l.conn == nil {
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			return false, err
		}
		if l.pooled {
			if err := borrow(ctx, conn); err != nil {
				_ = conn.Close(ctx)
				return false, err
			}
		}
		l.conn = conn
	}
	if l.held {
		return true, nil
	}
	// The process id that the server sent on connecting differs from the session's where a pooler is in between.
	const take = `select case when pg_backend_pid() = $1::bigint then pg_try_advisory_lock($2) else false end`
	err := l.conn.QueryRow(ctx, take, int64(l.conn.PgConn().PID()), l.key).Scan(&l.held)
	if err != nil {
		l.held = false
		l.forgetClosed()
	}
	return l.held, err
}

func (l *sessionLock) forgetClosed() {
	if l.conn != nil && l.conn.IsClosed() {
		l.conn, l.held = nil, false
	}
}

func (l *sessionLock) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if l.held {
		// Ending the session frees the lock too, but only some time after Close has returned.
		_, _ = l.conn.Exec(ctx, `select pg_advisory_unlock($1)`, l.key)
	}
	_ = l.conn.Close(ctx)
	l.conn, l.held = nil, false
}
