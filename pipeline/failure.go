package pipeline

import (
	"context"
	"time"
)

// A failure is why a run ends before its time, and what that means for its commits. The run's mu guards it.
type failure struct {
	first  error     // the first error that stops the run
	broken bool      // a commit failed: the checkpoint must not move any more
	last   time.Time // when commits are given up; see insist
}

// note remembers an error, unless it is a consequence of an earlier one. The caller holds mu.
func (f *failure) note(err error) {
	if f.first == nil {
		f.first = err
	}
}

// fail remembers the first error that stops the run.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure.note(err)
}

// failed returns the error that stops the run, if there is one.
func (r *run) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure.first
}

// commitTimeout bounds a commit: it isn't cancelled with the run, since a write that happened has to be recorded.
const commitTimeout = 30 * time.Second

// lastCommits bounds all commits together once one of them has failed, or the run was aborted: the store has been waited for
// by then, and groups by the dozen each waiting for it in turn would take minutes. With the end of the run it is less than
// the five seconds that Kubernetes leaves after the abort that ends a drain.
const lastCommits = 2 * time.Second

// insist returns a context for what has to be recorded though ctx has ended, since it has happened.
func (r *run) insist(ctx context.Context) (context.Context, context.CancelFunc) {
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	hurry := func() { time.AfterFunc(time.Until(r.lastCall()), cancel) }
	r.mu.Lock()
	broken := r.failure.broken
	r.mu.Unlock()
	if broken {
		hurry()
		return kept, cancel
	}
	stop := context.AfterFunc(ctx, hurry)
	return kept, func() {
		stop()
		cancel()
	}
}

// lastCall returns when commits are given up, which is fixed by the first who asks.
func (r *run) lastCall() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure.last.IsZero() {
		r.failure.last = time.Now().Add(lastCommits)
	}
	return r.failure.last
}
