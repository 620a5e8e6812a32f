package pipeline

import (
	"context"
	"time"

	"sluice/pipeline/failpoint"
)

// catchUp writes the links that an earlier run has left waiting, before a row is read: one whose answer was lost may
// have been made, and if its row has changed since, it must be on the books to be taken back. Those that may have been
// sent wait until they can no longer land.
func (r *run) catchUp(ctx context.Context) error {
	if r.links == nil {
		return nil
	}
	if err := r.recallLinks(ctx); err != nil {
		return err
	}
	if err := failpoint.At("catchup.before"); err != nil {
		return err
	}
	if err := r.link(ctx, false); err != nil {
		return err
	}
	return failpoint.At("catchup.after")
}

// recallLinks puts the waiting links that an earlier process may have sent on a list of their own: until they can no
// longer take effect they stay on the books, and newer content of their rows waits, so that a late link can't land on
// top of its own removal (I4).
func (r *run) recallLinks(ctx context.Context) error {
	for page, err := range waitingPages(ctx, r.store, r.Name, max(1, r.limits.Links)) {
		if err != nil {
			return err
		}
		var keys []string
		for i := range page {
			if page[i].Was != nil {
				r.linking.late[linkName(&page[i])] = true
				keys = append(keys, page[i].Key)
			}
		}
		entries, err := r.store.Known(ctx, r.Name, keys)
		if err != nil {
			return err
		}
		r.mu.Lock()
		for i, key := range keys {
			if r.flights.busy[key] == nil {
				r.flights.busy[key] = &flight{decided: true, hash: entries[i].Hash, landing: r.began.Add(r.limits.Landing)}
			}
		}
		r.mu.Unlock()
	}
	return nil
}

// landLinks waits until no link of an earlier process can take effect any more.
func (r *run) landLinks(ctx context.Context) error {
	if len(r.linking.late) == 0 {
		return nil
	}
	clear(r.linking.late)
	return r.pause(ctx, time.Until(r.began.Add(r.limits.Landing)))
}

// Relink goes on where a run has ended with the given report: it writes the links that were parked, as far as their
// targets are there by now, and returns the report of both together. It reads no row.
func (p *Pipeline) Relink(ctx context.Context, store Store, opts Options, so Report) (Report, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	opts.Full = false // it has been
	r, err := p.start(ctx, store, opts, stop)
	if err != nil {
		so.Status = statusOf(err)
		return so, err
	}
	defer r.lookout.table.Close()
	ctx = withPermit(ctx, r.resume.Permit)
	r.books.report, r.before = so, r.before-so.Requests
	r.began = r.began.Add(-time.Duration(so.Seconds * float64(time.Second)))
	if err = r.link(ctx, true); err == nil {
		err = r.linking.vagueError()
	}
	if r.limits.LinksOnly {
		moved := min(r.books.report.Linked-so.Linked, so.Held) // the other links are of rows that an earlier run has read
		r.books.report.Written += moved
		r.books.report.Held -= moved
	}
	return r.finish(ctx, err)
}
