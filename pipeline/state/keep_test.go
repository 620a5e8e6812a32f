package state

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/pipeline"
)

// keep is tested by a fake clock: a lease that can't be renewed is given up before it ends, one that was taken over at once.
func TestKeep(t *testing.T) {
	broken := errors.New("no connection")
	for _, c := range []struct {
		name  string
		renew func(at time.Duration) (bool, error)
		want  time.Duration // when it is lost; 0: never
		err   error
	}{
		{"renewed", func(time.Duration) (bool, error) { return true, nil }, 0, nil},
		{"taken over", func(at time.Duration) (bool, error) { return at < 25*time.Second, nil }, 30 * time.Second, pipeline.ErrFenced},
		{"unreachable", func(time.Duration) (bool, error) { return false, broken }, 50 * time.Second, broken},
		{"unreachable for a while", func(at time.Duration) (bool, error) {
			if at > 45*time.Second {
				return true, nil
			}
			return false, broken
		}, 0, nil},
		{"unreachable after renewals", func(at time.Duration) (bool, error) {
			if at <= 20*time.Second {
				return true, nil
			}
			return false, broken
		}, 70 * time.Second, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				start := time.Now()
				err := keep(ctx, times, lasting(start), func(context.Context) (bool, error) { return c.renew(time.Since(start)) })
				if c.want == 0 {
					if err != nil {
						t.Errorf("lost after %s: %v", time.Since(start), err)
					}
				} else if !errors.Is(err, c.err) || time.Since(start) != c.want {
					t.Errorf("lost after %s: %v; want %v after %s", time.Since(start), err, c.err, c.want)
				}
			})
		})
	}
}

// TestKeepTellsWhyALeaseHasLapsed proves that a process which was paused counts as fenced, and asks for nothing; and that one
// whose renewals failed is told of the failure, not of the time that has run out.
func TestKeepTellsWhyALeaseHasLapsed(t *testing.T) {
	broken := errors.New("no connection")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := keep(ctx, times, lasting(time.Now().Add(-time.Hour)), func(context.Context) (bool, error) {
			t.Error("a lease that may have ended is renewed")
			return true, nil
		})
		if !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("paused: %v; want ErrFenced", err)
		}
		err = keep(ctx, times, lasting(time.Now()), func(ctx context.Context) (bool, error) {
			return false, cmp.Or(ctx.Err(), broken)
		})
		if !errors.Is(err, broken) {
			t.Errorf("unreachable: %v; want %v", err, broken)
		}
	})
}

// A renewal that hangs is given up in time too.
func TestKeepGivesUpAHangingRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := keep(t.Context(), times, lasting(start), func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		})
		if err == nil || time.Since(start) != times.ttl-times.margin {
			t.Errorf("lost after %s: %v", time.Since(start), err)
		}
	})
}

func lasting(granted time.Time) *atomic.Pointer[deadline] {
	var until atomic.Pointer[deadline]
	until.Store(times.until(granted))
	return &until
}

// A machine that was asleep for longer than a lease lasts has stopped the clock that time.Time measures by, but not the calendar:
// when it wakes up, nothing is sent, and the lease isn't renewed.
func TestALeaseEndsWhileTheMachineSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slept := times.until(time.Now())
		slept.calendar = slept.calendar.Add(-time.Hour)
		var l lease
		l.until.Store(slept)
		if err := l.check(); !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("awake again: %v; want ErrFenced", err)
		}
		err := keep(t.Context(), times, &l.until, func(context.Context) (bool, error) {
			t.Error("a lease that may have ended is renewed")
			return false, nil
		})
		if !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("renewed after waking up: %v; want ErrFenced", err)
		}
	})
}

// A process that was stopped for longer than its lease lasts may send nothing when it wakes up, even before it has heard
// of another run.
func TestALeaseThatMayHaveEndedPermitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lease
		if err := l.check(); err != nil {
			t.Errorf("a lease that needs no renewal: %v", err)
		}
		l.until.Store(lasting(time.Now()).Load())
		time.Sleep(times.ttl - times.margin - time.Nanosecond)
		if err := l.check(); err != nil {
			t.Errorf("just before the margin: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := l.check(); !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("within the margin: %v", err)
		}
	})
}
