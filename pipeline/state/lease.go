package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/failpoint"
)

// A lease is the right of one run to write, as long as it is renewed.
type lease struct {
	epoch  int64
	until  atomic.Pointer[deadline] // nil: it needs no renewal
	guard  guard
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	ending atomic.Bool // the run's end is being recorded, which finds out by itself whether the lease was lost

	commits atomic.Int64 // the highest number of those that were answered
}

// A deadline is one moment by two clocks. Go's monotonic one may stand still while the machine sleeps (package time,
// "Monotonic Clocks"), and the calendar may be set back: the moment has passed as soon as it has by either.
type deadline struct{ running, calendar time.Time }

func (d *deadline) passed() bool {
	now := time.Now()
	return !now.Before(d.running) || !now.Before(d.calendar)
}

// until returns when the holder of a lease that was granted or renewed at the given time stops, unless it renews it.
func (t timing) until(granted time.Time) *deadline {
	at := granted.Add(t.ttl - t.margin)
	return &deadline{running: at, calendar: at.Round(0)} // without the monotonic clock's reading
}

// newLease keeps a lease that was granted at the given time, by this process's clocks: from another goroutine,
// until end is called or the lease is lost, of which onLost is told.
func (s *store) newLease(g guard, name string, epoch int64, granted time.Time, onLost func(error)) *lease {
	ctx, cancel := context.WithCancel(context.Background())
	l := &lease{epoch: epoch, guard: g, cancel: cancel, done: make(chan struct{})}
	if !g.renews() {
		close(l.done)
		return l
	}
	l.until.Store(s.times.until(granted))
	renew := func(ctx context.Context) (bool, error) {
		if err := failpoint.At("lease.renew.before"); err != nil {
			return false, err
		}
		defer failpoint.Reach("lease.renew.after")
		n, err := g.renew(ctx, `
update sluice.lease set renewed_at = {now}, expires_at = {in:$3}, locked = $4
where pipeline = $1 and epoch = $2 and expires_at > {now}`, name, epoch, s.times.ttl.Milliseconds())
		return n > 0, err
	}
	go func() {
		defer close(l.done)
		if err := keep(ctx, s.times, &l.until, renew); err != nil && onLost != nil && !l.ending.Load() {
			onLost(s.lost(ctx, name, epoch, err))
		}
	}()
	return l
}

// lost returns why a lease was lost: a run that its server has forgotten wasn't taken over by another one.
func (s *store) lost(ctx context.Context, name string, epoch int64, err error) error {
	if !errors.Is(err, pipeline.ErrFenced) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.times.margin)
	defer cancel()
	why := s.db.view(ctx, func(v session) error { return overtaken(ctx, v, name, epoch) })
	if behind, ok := errors.AsType[*pipeline.BehindError](why); ok {
		return behind
	}
	return err
}

// check returns an error that is ErrFenced from some time before the lease may end, by this process's clocks: a process that
// was stopped for long, or whose machine was asleep, finds out here, before it sends another byte.
func (l *lease) check() error {
	if until := l.until.Load(); until != nil && until.passed() {
		return fmt.Errorf("the lease may have ended: %w", pipeline.ErrFenced)
	}
	return nil
}

// keep renews a lease, which lasts until the given time, until ctx ends. It returns an error once the lease is lost, or
// some time before it may be lost.
func keep(ctx context.Context, t timing, lasts *atomic.Pointer[deadline], renew func(context.Context) (bool, error)) error {
	pause := t.renew
	var last error // of the attempts since it was renewed
	for {
		until := lasts.Load()
		if wait(ctx, min(pause, time.Until(until.running))) != nil {
			return nil
		}
		if until.passed() {
			return t.lapsed(last)
		}
		asked := time.Now()
		attempt, cancel := context.WithDeadline(ctx, until.running)
		ok, err := renew(attempt)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && !ok:
			return pipeline.ErrFenced
		case err == nil:
			lasts.Store(t.until(asked))
			pause, last = t.renew, nil
		case until.passed():
			return t.lapsed(cmp.Or(last, err))
		default:
			pause, last = t.renew/10, err
		}
	}
}

// lapsed returns the error of a lease that wasn't renewed in time, because the last attempt failed, or because none was
// made: then the process itself was paused, or its machine slept.
func (t timing) lapsed(last error) error {
	if last == nil {
		return fmt.Errorf("the process was paused for so long that its lease may have ended: %w", pipeline.ErrFenced)
	}
	return fmt.Errorf("the lease couldn't be renewed for %s: %w", t.ttl-t.margin, last)
}

// end stops renewing and frees the lock.
func (l *lease) end() {
	l.once.Do(func() {
		failpoint.Reach("lease.release")
		l.cancel()
		<-l.done
		l.guard.release()
	})
}

// hold remembers a run's lease.
func (s *store) hold(name string, l *lease) {
	s.mu.Lock()
	old := s.leases[name]
	s.leases[name] = l
	s.mu.Unlock()
	if old != nil {
		old.end()
	}
}

// leaseOf returns a run's lease, or nil where it has none any more.
func (s *store) leaseOf(name string, epoch int64) *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leases[name]; l != nil && l.epoch == epoch {
		return l
	}
	return nil
}

// answered returns the highest number of a run's commits that were answered, to be raised by the next one.
func (s *store) answered(name string, epoch int64) *atomic.Int64 {
	if l := s.leaseOf(name, epoch); l != nil {
		return &l.commits
	}
	return new(atomic.Int64)
}

// drop ends a run's lease, but not that of a later run of the same pipeline.
func (s *store) drop(name string, epoch int64) {
	s.mu.Lock()
	l := s.leases[name]
	mine := l != nil && l.epoch == epoch
	if mine {
		delete(s.leases, name)
	}
	s.mu.Unlock()
	if mine {
		l.end()
	}
}
