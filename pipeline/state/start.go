package state

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/failpoint"
)

// Start begins a run; see pipeline.Store. It waits, for at most the rest of the lease, where the holder shows no sign of life.
func (s *store) Start(ctx context.Context, b pipeline.Begin) (pipeline.Resume, error) {
	return s.start(ctx, &opening{Begin: b})
}

func (s *store) start(ctx context.Context, b *opening) (pipeline.Resume, error) {
	if err := errors.Join(checkText("pipeline's name", b.Pipeline), checkText("account", b.Account)); err != nil {
		return pipeline.Resume{}, err
	}
	if err := s.Current(ctx); err != nil {
		return pipeline.Resume{}, err
	}
	g := s.db.guard(b.Pipeline)
	resume, granted, err := s.takeHere(ctx, g, b)
	if err != nil {
		g.release()
		return pipeline.Resume{}, err
	}
	l := s.newLease(g, b.Pipeline, resume.Epoch, granted, b.OnLost)
	s.hold(b.Pipeline, l)
	resume.Permit = l.check
	failpoint.Reach("lease.take.after")
	return resume, nil
}

// takeHere takes the lease, once more if the state isn't where it was before: what was waited for may have been a failover,
// and a standby's timeline is known only once it was promoted.
func (s *store) takeHere(ctx context.Context, g guard, b *opening) (pipeline.Resume, time.Time, error) {
	for {
		b.place = s.db.place(ctx)
		resume, granted, err := s.take(ctx, g, b)
		if err != nil || s.db.place(ctx) == b.place {
			return resume, granted, err
		}
		err = s.Finish(ctx, pipeline.Finish{Pipeline: b.Pipeline, Epoch: resume.Epoch, Run: resume.Run, Status: "failed",
			Message: "the state's server was another one when the run had begun than before"})
		if err != nil {
			return resume, granted, err
		}
	}
}

// take takes the lease, and waits for it as long as it is unclear whether its holder is alive. It returns the time,
// by this process's clock, that the lease is counted from.
func (s *store) take(ctx context.Context, g guard, b *opening) (pipeline.Resume, time.Time, error) {
	if err := failpoint.At("lease.take.before"); err != nil {
		return pipeline.Resume{}, time.Time{}, err
	}
	if b.token == "" {
		b.token = rand.Text()
	}
	var resume pipeline.Resume
	var granted time.Time
	err := s.outlast(ctx, func() error {
		locked, err := g.try(ctx)
		if err != nil {
			return err
		}
		granted = time.Now()
		return s.db.update(ctx, func(tx session) (err error) {
			resume, err = s.grant(ctx, tx, b, locked)
			return err
		})
	})
	return resume, granted, wrapUnlessHeld(err)
}

// outlast makes attempts until one meets no lease, for as long as it is unclear whether the holder of the one that they meet
// is alive. Where that is clear it returns a *pipeline.HeldError.
func (s *store) outlast(ctx context.Context, attempt func() error) error {
	patience := time.Now().Add(s.times.gone)
	for {
		asked := time.Now()
		err := attempt()
		held, ok := errors.AsType[*leaseHeld](err)
		if !ok {
			return err
		}
		pause := s.times.poll
		if held.idle < s.times.fresh {
			if !held.locked || !asked.Before(patience) {
				return &held.HeldError
			}
			pause = s.times.gone / 20
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

func wrapUnlessHeld(err error) error {
	_, held := errors.AsType[*pipeline.HeldError](err)
	_, account := errors.AsType[*pipeline.AccountError](err)
	_, target := errors.AsType[*pipeline.TargetError](err)
	_, behind := errors.AsType[*pipeline.BehindError](err)
	if err == nil || held || account || target || behind {
		return err
	}
	return fmt.Errorf("start run: %w", err)
}

// leaseHeld says that a lease that hasn't ended is another's, who last renewed it idle ago. locked: the holder had the
// session's lock too, so that it goes with the session if the holder was killed a moment ago.
type leaseHeld struct {
	pipeline.HeldError
	idle   time.Duration
	locked bool
}

// grant raises the epoch and begins a run, unless somebody else holds the lease. locked: this process has the lock that
// a holder who also had it would still have.
func (s *store) grant(ctx context.Context, tx session, b *opening, locked bool) (r pipeline.Resume, err error) {
	if err := prepare(ctx, tx, b.Begin); err != nil {
		return r, err
	}
	// Once more, since prepare keeps the tables from being upgraded until this run's lease is there to be seen; see vacant.
	if err := current(ctx, tx, s.db.dialect()); err != nil {
		return r, err
	}
	if err := free(ctx, tx, b.Pipeline, b.token, locked); err != nil {
		return r, err
	}
	if err := s.watch(ctx, tx, b); err != nil {
		return r, err
	}
	if _, err = one(ctx, tx, []any{&r.Epoch}, `
update sluice.pipeline set epoch = epoch + 1, account = $2, granted_at = {now} where name = $1 returning epoch`, b.Pipeline, b.Account); err != nil {
		return r, err
	}
	err = tx.batch(ctx, []statement{
		{`update sluice.lease set epoch = $2, holder = $3, token = $4, locked = $5, granted_at = {now}, renewed_at = {now}, expires_at = {in:$6}
where pipeline = $1`, []any{b.Pipeline, r.Epoch, holder(), b.token, locked, s.times.ttl.Milliseconds()}},
		{`update sluice.progress set target = $2 where pipeline = $1 and target <> $2 and $2 <> ''`, []any{b.Pipeline, b.Target}},
		{`update sluice.progress set position = null, reread = false, fingerprint = $2
where pipeline = $1 and ` + stale, staleArgs(b.Begin)},
		{`update sluice.run set status = 'killed', ended_at = {now} where pipeline = $1 and ended_at is null`, []any{b.Pipeline}},
	})
	if err != nil {
		return r, err
	}
	if _, err := one(ctx, tx, []any{&r.Run}, `
insert into sluice.run (pipeline, epoch, status, started_at) values ($1, $2, 'running', {now}) returning id`, b.Pipeline, r.Epoch); err != nil {
		return r, err
	}
	return r, resume(ctx, tx, b.Begin, &r)
}

// stale tells of a pipeline's progress whether its checkpoint is dropped by a run that begins with staleArgs. A pass that began in
// the future, by a clock that was wrong, tells nothing of when the last one was.
const stale = `($3 or reread or fingerprint <> $2 or ($4 and coalesce({age:full_at} < 0 or {age:full_at} >= $5, true)))`

func staleArgs(b pipeline.Begin) []any {
	return []any{b.Pipeline, b.Fingerprint, b.Full, b.FullEvery > 0, b.FullEvery.Microseconds()}
}

// prepare sees to it that the pipeline's rows exist, and that the state belongs to the account.
func prepare(ctx context.Context, tx session, b pipeline.Begin) error {
	list := []statement{
		{`insert into sluice.lease (pipeline) values ($1) on conflict do nothing`, []any{b.Pipeline}},
		{`insert into sluice.pipeline (name) values ($1) on conflict do nothing`, []any{b.Pipeline}},
		{`insert into sluice.progress (pipeline, digest_no) values ($1, 0) on conflict do nothing`, []any{b.Pipeline}},
	}
	if b.Account != "" {
		list = append(list, statement{`insert into sluice.binding (one, account) values (1, $1) on conflict do nothing`, []any{b.Account}})
	}
	if err := tx.batch(ctx, list); err != nil || b.Account == "" {
		return err
	}
	if err := sameTarget(ctx, tx, b); err != nil {
		return err
	}
	return sameAccount(ctx, tx, b)
}

// sameAccount refuses to write to another account than the one that the state belongs to.
func sameAccount(ctx context.Context, tx session, b pipeline.Begin) error {
	var bound string
	found, err := one(ctx, tx, []any{&bound}, `select account from sluice.binding`)
	if err == nil && found && bound != b.Account {
		err = &pipeline.AccountError{Bound: bound, Given: b.Account}
	}
	return err
}

// sameTarget refuses to write records of another object than those that the ledger knows.
func sameTarget(ctx context.Context, tx session, b pipeline.Begin) error {
	var target string
	if _, err := one(ctx, tx, []any{&target}, `select target from sluice.progress where pipeline = $1`, b.Pipeline); err != nil {
		return err
	}
	if target != "" && b.Target != "" && target != b.Target {
		return &pipeline.TargetError{Pipeline: b.Pipeline, Bound: target, Given: b.Target}
	}
	return nil
}

// free locks the lease's row. It returns a *leaseHeld unless the lease has ended, is this attempt's own, or had a holder
// with a lock that this process has now.
func free(ctx context.Context, tx session, name, token string, locked bool) error {
	held := leaseHeld{HeldError: pipeline.HeldError{Pipeline: name}}
	var live, holderLocked bool
	var since, idle int64
	var owner string
	found, err := one(ctx, tx, []any{&live, &owner, &held.Holder, &holderLocked, &since, &idle}, `
select coalesce(expires_at > {now}, false), token, holder, locked, coalesce({micros:granted_at}, 0), coalesce({age:renewed_at}, 0)
from sluice.lease where pipeline = $1 {update}`, name)
	if err != nil || !found || !live || owner == token || (locked && holderLocked) {
		return err
	}
	held.Since, held.idle, held.locked = time.UnixMicro(since), time.Duration(idle)*time.Microsecond, holderLocked
	return &held
}

// resume reads what the run starts from.
func resume(ctx context.Context, tx session, b pipeline.Begin, r *pipeline.Resume) error {
	var position []byte
	_, err := one(ctx, tx, []any{&position}, `select position from sluice.progress where pipeline = $1`, b.Pipeline)
	if err != nil {
		return err
	}
	if len(position) > 0 {
		r.Position = position
	}
	if r.Throttle, r.ThrottleAge, err = recent(ctx, tx, b.Account); err != nil {
		return err
	}
	r.Doubtful, err = doubts(ctx, tx, b.Pipeline)
	return err
}

// recent returns what was saved of the requests to an account, and how long ago; nil if nothing was.
func recent(ctx context.Context, s session, account string) (saved []byte, age time.Duration, err error) {
	var micros int64
	_, err = one(ctx, s, []any{&saved, &micros}, `select saved, {age:saved_at} from sluice.throttle where account = $1`, account)
	return saved, max(0, time.Duration(micros)*time.Microsecond), err
}
