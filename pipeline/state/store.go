package state

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"sluice/pipeline"
)

// A Store is what a run needs of the state, and what its operators need beside it. Its methods may be called concurrently.
type Store interface {
	pipeline.Rememberer

	// Migrate brings the tables to the newest version that the program knows, and returns the versions before and
	// after. It changes nothing, and needs no right to, where they are of that version already. Tables of a version
	// that the program doesn't know, or that another text has made, are an error; a *pipeline.HeldError, if they would have to
	// be changed while any pipeline is run; ErrUpgrading, if another process has been changing them for long.
	Migrate(ctx context.Context) (from, to int, err error)

	// Version returns the version of the tables; 0 where there are none.
	Version(ctx context.Context) (int, error)

	// Current returns an error that says what to do where the tables aren't of the version that this program needs. Everything
	// below but Close needs it.
	Current(ctx context.Context) error

	// Status returns what the state holds of every pipeline that ever ran, by name.
	Status(ctx context.Context) ([]PipelineStatus, error)

	// Rejects returns dead letters, newest first.
	Rejects(ctx context.Context, f Filter) ([]DeadLetter, error)

	// CountRejects counts the dead letters that the filter chooses, whatever its limit is, by pipeline and code; the most
	// frequent come first.
	CountRejects(ctx context.Context, f Filter) ([]RejectCount, error)

	// Retry forgets that the rows of open or held dead letters were refused, so that the pipeline's next run reads
	// its source from the start and sends them again. They stay open until that run decides. Of the filter, Pipeline,
	// Code, Key and IDs count. No ids stand for all but the held ones: what those may have made would be made twice, so
	// that somebody has to look for it and name them. It returns how many dead letters are retried, and how many were
	// left out for that.
	Retry(ctx context.Context, f Filter) (retried, held int, err error)

	// Close releases the leases of runs that haven't ended, without waiting for them, and all connections.
	Close() error
}

// timing is how long leases live. Only tests have other times than the usual ones.
type timing struct {
	ttl    time.Duration // a lease ends this long after it was granted or renewed
	renew  time.Duration // between renewals
	margin time.Duration // the holder stops this long before the lease ends
	fresh  time.Duration // a holder that renewed within this time is alive
	gone   time.Duration // a holder that was killed has lost its session within this time
	poll   time.Duration // between looks at a lease that somebody else holds
}

var times = timing{ttl: 60 * time.Second, renew: 10 * time.Second, margin: 10 * time.Second, fresh: 15 * time.Second,
	gone: 2 * time.Second, poll: time.Second}

// store is the store's logic over either database.
type store struct {
	db      database
	times   timing
	witness *witness // nil: there is none
	log     *slog.Logger

	mu     sync.Mutex
	leases map[string]*lease // of this store's runs, by pipeline
}

func newStore(db database, t timing) *store {
	return &store{db: db, times: t, log: slog.New(slog.DiscardHandler), leases: map[string]*lease{}}
}

// Close ends the leases and closes the database.
func (s *store) Close() error {
	s.mu.Lock()
	leases := s.leases
	s.leases = map[string]*lease{}
	s.mu.Unlock()
	for _, l := range leases {
		l.end()
	}
	return s.db.close()
}

// fence checks that no later run was granted, and that this one wasn't forgotten, and keeps one from being granted until the
// transaction ends (I7).
func fence(ctx context.Context, s session, name string, epoch int64) error {
	var known int64
	found, err := one(ctx, s, []any{&known}, `select epoch from sluice.pipeline where name = $1 and epoch = $2 {share}`, name, epoch)
	if err == nil && !found {
		return overtaken(ctx, s, name, epoch)
	}
	return err
}

// overtaken says why an epoch isn't a pipeline's last one.
func overtaken(ctx context.Context, s session, name string, epoch int64) error {
	var known int64
	if _, err := one(ctx, s, []any{&known}, `select epoch from sluice.pipeline where name = $1`, name); err != nil {
		return err
	}
	if known < epoch {
		return &pipeline.BehindError{Pipeline: name,
			Why: fmt.Sprintf("the last run that it knows of is number %d, but this one is %d: its server has lost some, as in a failover", known, epoch)}
	}
	return pipeline.ErrFenced
}

// saveThrottle comes last in a transaction, so that no other lock is waited for under it. What a later run has saved stays.
func saveThrottle(name string, epoch int64, state []byte) statement {
	return statement{`
insert into sluice.throttle (account, saved, saved_at)
select account, $2, {now} from sluice.pipeline where name = $1 and epoch = $3
on conflict (account) do update set saved = excluded.saved, saved_at = excluded.saved_at`, []any{name, state, epoch}}
}

// holder names this process for people.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s (process %d)", host, os.Getpid())
}

func fromMicros(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us)
}
