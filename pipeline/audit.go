package pipeline

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"
)

// An Auditor is a Store whose ledger can be compared with the destination beside a run.
type Auditor interface {
	Reconciler

	// Bound returns the account that the state belongs to, "" as long as nothing was written.
	Bound(ctx context.Context) (string, error)

	// Recent returns what Resume has of requests to that account, for a sink that makes some before there is a run.
	Recent(ctx context.Context) (throttle []byte, age time.Duration, err error)

	// Peek returns what Start would, without Epoch, Run and Permit, but takes no lease and changes nothing: a run may go on
	// beside it. It returns the errors of Start, except that nobody holds the lease against it.
	Peek(ctx context.Context, b Begin) (Resume, error)

	// Doubts returns every intent of the pipeline that may have been sent and isn't closed, oldest group first.
	Doubts(ctx context.Context, pipeline string) ([]Doubt, error)
}

// An audit reads the rows of a pipeline as a run does, and what the destination has of them, but writes nothing there.
type audit struct {
	*run
	store  Auditor
	reader Reader
}

// newAudit returns an audit by a sink that can read back.
func (p *Pipeline) newAudit(ctx context.Context, store Auditor, opts Options) (*audit, error) {
	reader, ok := p.Sink.(Reader)
	if !ok {
		return nil, fmt.Errorf("pipeline %q: its sink can't tell what the destination has", p.Name)
	}
	account, err := p.Sink.Account(ctx)
	if err != nil {
		return nil, err
	}
	r := p.newRun(account, store, opts)
	r.limits.MaxRejects = 0 // nothing is written that could be wrong
	return &audit{run: r, store: store, reader: reader}, nil
}

// lease takes up a run that was started for the audit, and waits until nothing that was sent can still take effect.
func (a *audit) lease(ctx context.Context, resume Resume) error {
	a.resume = resume
	a.resume.Position = nil
	if t, ok := a.Sink.(Throttle); ok {
		t.RestoreThrottle(resume.Throttle, resume.ThrottleAge)
	}
	var landing time.Duration
	for _, d := range resume.Doubtful {
		landing = max(landing, a.limits.Landing-d.Age)
	}
	if landing <= 0 {
		return nil
	}
	if landing < longPause { // pause tells of longer ones
		a.log.Info("waiting until nothing that was sent before can still take effect", "pipeline", a.Name, "seconds", math.Ceil(landing.Seconds()))
	}
	return a.pause(ctx, landing)
}

// rows takes all rows of the source through the transforms, and hands them on with their entries of the ledger, a batch
// at a time; of rows with one key in a batch, the last.
func (a *audit) rows(ctx context.Context, each func(context.Context, []*pending) error) error {
	for batch, err := range a.batches(ctx) {
		if err != nil {
			return err
		}
		items, err := a.transform(ctx, batch)
		if err != nil {
			return err
		}
		for i := range items {
			a.markSeen(items[i].Key)
			a.own(items[i].Values)
		}
		list, err := a.changes(ctx, a.newest(items))
		if err != nil {
			return err
		}
		if err := each(ctx, list); err != nil {
			return err
		}
		a.books.notes, a.books.spans = notes{}, nil // books that nobody asks for
		a.observe()
	}
	return a.failed()
}

// changes returns what writing the rows would send.
func (a *audit) changes(ctx context.Context, items []item) ([]*pending, error) {
	keys := make([]string, len(items))
	for i := range items {
		keys[i] = items[i].Key
	}
	entries, err := a.store.Known(ctx, a.Name, keys)
	if err != nil {
		return nil, fmt.Errorf("compare with the ledger: %w", err)
	}
	list := make([]*pending, len(items))
	for i := range items {
		list[i] = a.changeOf(&items[i], &entries[i])
	}
	return list, nil
}

// read reads the records of changes back. Values and Match of the changes are as the destination takes them then.
func (a *audit) read(ctx context.Context, list []*pending) ([]Reading, error) {
	if len(list) == 0 {
		return nil, nil
	}
	changes := make([]Change, len(list))
	for i, p := range list {
		changes[i] = p.Change
	}
	readings, err := a.reader.Read(ctx, changes)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	for i, p := range list {
		p.Change = changes[i]
	}
	return readings, nil
}

// pages hands on the ledger, a page at a time.
func (a *audit) pages(ctx context.Context, each func(context.Context, []KeyedEntry) error) error {
	for page, err := range ledgerPages(ctx, a.store, a.Name) {
		if err == nil && a.draining() {
			err = ErrInterrupted
		}
		if err == nil {
			err = each(ctx, page)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ledgerPages yields the ledger of a pipeline, a page at a time.
func ledgerPages(ctx context.Context, store Store, pipeline string) iter.Seq2[[]KeyedEntry, error] {
	return func(yield func([]KeyedEntry, error) bool) {
		after := ""
		for {
			page, err := store.Ledger(ctx, pipeline, after, BatchRows)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) == 0 || !yield(page, nil) {
				return
			}
			after = page[len(page)-1].Key
		}
	}
}

// recordDecisions records what an audit has decided that has the pipeline's lease.
func (a *audit) recordDecisions(ctx context.Context, decisions []Decision, links []LinkDecision) error {
	c := a.newCommit()
	c.Decisions, c.Links, c.Report = decisions, links, a.books.report
	return a.record(ctx, c)
}

// end ends the run of an audit. It closes no dead letters: it didn't try to write their rows.
func (a *audit) end(ctx context.Context, err error) error {
	err = causeOf(ctx, err)
	a.countRequests()
	a.books.report.Unchanged += a.books.report.undecided()
	a.books.report.Status = statusOf(err)
	return a.endInStore(ctx, err, Finish{Report: a.books.report})
}

// sameEntry tells whether nothing was written of a key between two looks at the ledger.
func sameEntry(a, b *Entry) bool {
	return a.Version == b.Version && a.Hash == b.Hash && a.ID == b.ID && a.Held == b.Held && a.Waiting == b.Waiting && slices.Equal(a.Links, b.Links)
}

// unsureNamed is how many rows of which nobody can tell what the destination has are named.
const unsureNamed = 10

// unsure counts a row of which nobody can tell what the destination has, and names its place and why: the code of what is wrong
// with its values, or unread.
func (a *audit) unsure(count *int64, p *pending, o *Reading) {
	if *count++; *count > unsureNamed {
		return
	}
	code := "unread"
	if o.Err != nil {
		code = rejectCode(o.Err)
	}
	a.log.Warn("what the destination has of a row can't be told", "pipeline", a.Name, "row", p.Place.String(), "code", code)
}
