package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/pipeline/failpoint"
)

// finish ends the run in the store and balances its books.
func (r *run) finish(ctx context.Context, err error) (Report, error) {
	err = causeOf(ctx, err)
	r.mu.Lock()
	r.books.report.Seconds = time.Since(r.began).Round(time.Millisecond).Seconds()
	if err == nil {
		err = r.books.report.Balance()
	} else {
		r.books.report.Held += r.books.report.undecided()
	}
	r.books.report.Status = statusOf(err)
	r.countRequests()
	report := r.books.report
	r.mu.Unlock()
	failpoint.Reach("finish.before")
	defer failpoint.Reach("finish.after")
	return report, r.endInStore(ctx, err, Finish{
		Report:   report,
		Complete: err == nil && r.reading.ended && r.opts.Plan == nil, Keep: r.incremental(),
		Whole: err == nil && r.readAll(), Parked: err == nil && r.linking.parked,
	})
}

// readAll tells whether the run has read, and may write, every row of the source.
func (r *run) readAll() bool { return r.reading.whole && r.opts.Plan == nil }

// causeOf returns what ctx was cancelled for, where that is more than an error says: a lost lease shows first as cancelled
// work.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// endInStore records that the run has ended with err, and how; the lease is free then. It returns err, joined with that of
// the recording.
func (r *run) endInStore(ctx context.Context, err error, f Finish) error {
	f.Pipeline, f.Epoch, f.Run, f.Status, f.Throttle = r.Name, r.resume.Epoch, r.resume.Run, f.Report.Status, r.throttle()
	if err != nil {
		f.Message = err.Error()
	}
	patience := commitTimeout
	if r.failure.broken || ctx.Err() != nil {
		patience = lastCommits
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if ended := r.store.Finish(ctx, f); ended != nil && !errors.Is(err, ErrFenced) {
		err = errors.Join(err, fmt.Errorf("finish run: %w", ended))
	}
	return err
}

// statusOf names how a run ended.
func statusOf(err error) string {
	if _, held := errors.AsType[*HeldError](err); held {
		return "held"
	}
	switch {
	case err == nil:
		return StatusDone
	case errors.Is(err, ErrPaused):
		return "paused"
	case errors.Is(err, ErrInterrupted):
		return "interrupted"
	}
	return "failed"
}

// stopped ends the reading. Where the source or a signal ended it, the rows that were read go on to their commit; where
// a write did, nothing more is sent. It returns the first failure.
func (r *run) stopped(ctx context.Context, err error) error {
	if err == nil {
		return r.failed()
	}
	if r.failed() == nil {
		failpoint.Reach("drain.before")
		if kept := r.onward(ctx); kept != nil {
			r.fail(errors.Join(err, kept))
		}
		r.flush(ctx)
		r.land()
		failpoint.Reach("drain.after")
	}
	r.fail(err)
	return r.failed()
}
