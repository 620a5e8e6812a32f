package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/pipeline/failpoint"
)

// Bounds on what gathers between two commits.
const (
	notesKept   = 1000 // decisions and rejects
	batchesKept = 32   // source batches
	wantedKept  = 20_000

	// groupKept is how long changes wait for their group to become full, while rows go on being read. Where few rows of
	// many have changed, sending what there is more often would take more requests than the changes need.
	groupKept = 30 * time.Second
)

// meanwhile does, after each batch, what mustn't wait for the end of the source: it lets the checkpoint follow, settles
// doubts, and writes links once there are many.
func (r *run) meanwhile(ctx context.Context) error {
	r.mu.Lock()
	r.books.spans[len(r.books.spans)-1].read = true
	noted, wanted := r.books.notes.len(), r.books.wanted
	r.mu.Unlock()
	r.packing.batches++
	switch {
	case len(r.aside.deferred) >= notesKept || r.packing.oldest(time.Now()) >= groupKept:
		r.flush(ctx)
	case noted >= notesKept || r.packing.batches >= batchesKept:
		r.sendNotes(ctx)
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	if err := r.awaitDoubts(ctx); err != nil {
		return err
	}
	if len(r.aside.deferred) >= notesKept {
		r.land()
	}
	if wanted >= wantedKept {
		r.flush(ctx)
		r.land()
		if err := r.link(ctx, false); err != nil {
			return err
		}
	}
	r.observe()
	return r.failed()
}

// awaitDoubts waits while more changes are in doubt than can be on their way at one time: as long as the destination gives no
// answers, nothing more is read.
func (r *run) awaitDoubts(ctx context.Context) error {
	for {
		r.mu.Lock()
		if len(r.doubts.open) <= max(1, r.limits.Writes)*max(1, r.limits.Rows) {
			r.mu.Unlock()
			return nil
		}
		next := slices.MinFunc(r.doubts.open, func(a, b *doubt) int { return a.next.Compare(b.next) }).next
		r.mu.Unlock()
		if err := r.pause(ctx, time.Until(next)); err != nil {
			return err
		}
		if err := errors.Join(r.settle(ctx), r.failed(), context.Cause(ctx)); err != nil {
			return err
		}
	}
}

// complete ends a pass over the source: what is open is sent, doubts are settled, postponed rows are written, and then
// the links.
func (r *run) complete(ctx context.Context) error {
	if err := r.quiet(ctx); err != nil {
		return err
	}
	if err := r.landLinks(ctx); err != nil {
		return err
	}
	if err := r.resumeYielded(ctx); err != nil {
		return err
	}
	kept := r.mirror(ctx)
	if _, stopped := errors.AsType[*MassChangeError](kept); kept != nil && !stopped {
		return kept
	}
	failpoint.Reach("mirror.after")
	if err := r.contend(ctx); err != nil {
		return err
	}
	if err := r.link(ctx, true); err != nil {
		return err
	}
	if err := r.leftBehind(ctx); err != nil {
		return err
	}
	r.observe()
	return errors.Join(r.failed(), kept, r.untoldError(), r.linking.vagueError())
}

// leftBehind counts what was rejected or is held for review of rows that this run hasn't read, and that no run has told of that
// ended well: what runs before have left open, and changes that they left in doubt, whose end this one has found out.
func (r *run) leftBehind(ctx context.Context) error {
	known, err := r.store.Earlier(ctx, r.Name, r.resume.Run, r.readAll())
	if err != nil {
		return fmt.Errorf("count the open rejects of the runs before: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.books.report.Earlier = known + int64(len(r.books.unread))
	return nil
}

// quiet returns once nothing is pooled, on its way, in doubt or postponed.
func (r *run) quiet(ctx context.Context) error {
	for {
		if err := r.onward(ctx); err != nil {
			return err
		}
		r.flush(ctx)
		r.land()
		if err := r.failed(); err != nil {
			return err
		}
		next, waiting := r.nextLook()
		if !waiting {
			return nil
		}
		if err := r.pause(ctx, time.Until(next)); err != nil {
			return err
		}
		if err := r.settle(ctx); err != nil {
			return err
		}
	}
}

// onward has rows that were pooled, and postponed ones whose key is free, go on their way.
func (r *run) onward(ctx context.Context) error {
	if len(r.aside.pooled)+len(r.aside.deferred) == 0 {
		return nil
	}
	changes, err := r.compare(ctx, nil)
	if err == nil {
		changes, err = r.resolve(ctx, changes)
	}
	if err != nil {
		return err
	}
	for _, group := range r.pack(ctx, changes) {
		r.send(ctx, group)
	}
	return nil
}

// nextLook returns when the next doubt is to be looked at or the next postponed row is free; false if there is none. A row
// is left as its key is.
func (r *run) nextLook() (next time.Time, waiting bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var times []time.Time
	for _, d := range r.doubts.open {
		times = append(times, d.next)
	}
	open := 0
	for key := range r.aside.deferred {
		f := r.flights.busy[key]
		switch {
		case f == nil:
			times = append(times, time.Now())
		case f.decided:
			times = append(times, f.landing)
		}
		if f == nil || !f.left {
			open++
		}
	}
	if len(times) == 0 {
		return next, open > 0
	}
	return slices.MinFunc(times, time.Time.Compare), true
}

// longPause is how long a wait is that is worth a word: whoever runs this may take it for one that hangs.
const longPause = 10 * time.Second

// pause waits for d, but not longer than until the run is drained or ends. It is for what becomes of writes without an answer.
func (r *run) pause(ctx context.Context, d time.Duration) error {
	switch { // also where there is nothing to wait for: which of two things comes first mustn't be left to chance
	case r.draining():
		return ErrInterrupted
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if d >= longPause {
		r.log.Warn("waiting until writes that got no answer can no longer take effect", "pipeline", r.Name, "again_in", d.Round(time.Second))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.opts.Drain:
		return ErrInterrupted
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// land waits until no group is on its way.
func (r *run) land() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.flights.groups > 0 && !r.failure.broken {
		r.flights.landed.Wait()
	}
}

// observe shows the report as it is now.
func (r *run) observe() {
	if r.opts.Observe == nil {
		return
	}
	r.mu.Lock()
	r.countRequests()
	report := r.books.report
	r.mu.Unlock()
	report.Seconds = time.Since(r.began).Seconds()
	r.opts.Observe(report)
}
