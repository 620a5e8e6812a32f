package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Reconciliation counts what became of the rows of a reconciling run. Field names don't change once released.
type Reconciliation struct {
	Name     string  `json:"name"`
	Status   string  `json:"status"`
	Read     int64   `json:"read"`     // rows
	Known    int64   `json:"known"`    // the ledger knew it already
	Learnt   int64   `json:"learnt"`   // the destination has what the row says, which is on the books now
	Differs  int64   `json:"differs"`  // the destination has something else: the next run writes it
	Absent   int64   `json:"absent"`   // the destination has no such record: the next run makes it
	Conflict int64   `json:"conflict"` // the record is another row's
	Unsure   int64   `json:"unsure"`   // the row, or the destination's answer, doesn't tell
	Requests int64   `json:"requests"`
	Seconds  float64 `json:"seconds"`
}

// ReconcileOptions are the choices of one reconciling run.
type ReconcileOptions struct {
	Options
	// Accept takes the ledger as it is, without reading anything: somebody knows that it misses nothing.
	Accept bool
}

// Reconcile makes a ledger that was lost, or that may be behind, agree with the destination: it reads every row of the
// source and the record that the ledger or the match value names, and puts down the record's id, and the content where
// all of it is as the row says. What differs becomes content that isn't known, which the next run writes. Versions never
// go back. It holds the pipeline's lease, writes nothing to the destination, and may be cut off and started again at any
// time: until it has ended, runs are refused.
//
// Links that are there as rows ask for them need not be written again, but are not taken for this pipeline's unless the
// ledger says so: when they leave the source later, they stay.
//
// A pipeline that makes records without a match property can't be reconciled, since nothing tells which rows were made;
// Accept is for whoever has found out. Beside that error it returns those of Run.
func (p *Pipeline) Reconcile(ctx context.Context, store Auditor, opts ReconcileOptions) (Reconciliation, error) {
	a, err := p.newAudit(ctx, store, opts.Options)
	if err != nil {
		return Reconciliation{Name: p.Name, Status: statusOf(err)}, err
	}
	r := &reconciliation{audit: a, accept: opts.Accept}
	err = r.reconcile(ctx)
	a.countRequests()
	r.result.Name, r.result.Status, r.result.Read = p.Name, statusOf(err), a.books.report.Read
	r.result.Requests, r.result.Seconds = a.books.report.Requests, time.Since(a.began).Round(time.Millisecond).Seconds()
	return r.result, err
}

// A reconciliation is one pipeline on its way through Reconcile.
type reconciliation struct {
	*audit
	accept bool
	result Reconciliation
}

// reconcile ends only what it has read to the end: until then the state stays one that may be behind.
func (r *reconciliation) reconcile(ctx context.Context) error {
	if r.limits.Unkeyed && !r.accept {
		return fmt.Errorf("pipeline %q makes records without a match property: nobody can tell which of its rows have a record already; compare them by hand, take those out of the source or give the sink a match property, and then take the ledger as it is with `sluice reconcile --accept %s`",
			r.Name, r.Name)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var resume Resume
	var why string
	err := UntilDrained(ctx, r.opts.Drain, func(ctx context.Context) (err error) {
		resume, why, err = r.store.StartReconcile(ctx, Begin{Pipeline: r.Name, Account: r.account, Fingerprint: r.Fingerprint, Full: !r.accept, OnLost: stop,
			Target: r.limits.Object})
		return err
	})
	if err != nil {
		return err
	}
	r.resume = resume
	ctx = withPermit(ctx, resume.Permit)
	r.log.Info("reconcile", "pipeline", r.Name, "because", why)
	if !r.accept {
		if err = r.lease(ctx, resume); err == nil {
			err = r.rows(ctx, r.learnRows)
		}
	}
	if err == nil {
		err = r.store.Reconciled(ctx, r.Name, resume.Epoch)
	}
	return r.end(ctx, err)
}

// learnRows puts down what the destination has of a batch of rows.
func (r *reconciliation) learnRows(ctx context.Context, list []*pending) error {
	var decisions []Decision
	var links []LinkDecision
	readings := make([]Reading, len(list))
	if r.limits.LinksOnly {
		for i := range readings {
			readings[i].Presence = There
		}
	} else {
		var err error
		if readings, err = r.read(ctx, list); err != nil {
			return err
		}
	}
	if err := r.adopt(ctx, list, readings); err != nil {
		return err
	}
	linked, err := r.linksOfRows(ctx, list, readings)
	if err != nil {
		return err
	}
	for i, p := range list {
		d, ok := r.decisionOn(p, &readings[i], linked[i])
		if !ok {
			continue
		}
		decisions = append(decisions, d)
		if d.Verdict == Done {
			links = append(links, linked[i].decisions(p)...)
		}
	}
	return r.recordDecisions(ctx, decisions, links)
}

// adopt gives rows whose record is gone the one that has their match value by now, and takes records that are another
// row's away from those that ask for them second.
func (r *reconciliation) adopt(ctx context.Context, list []*pending, readings []Reading) error {
	var ids []string
	for i := range readings {
		ids = append(ids, readings[i].ID, readings[i].Twin)
	}
	owners, err := r.store.Owners(ctx, r.Name, slices.DeleteFunc(ids, func(id string) bool { return id == "" }))
	if err != nil {
		return err
	}
	for i, p := range list {
		o := &readings[i]
		if o.Err != nil {
			r.unsure(&r.result.Unsure, p, o)
		}
		if (o.Presence == Archived || o.Presence == Nowhere) && o.Twin != "" {
			*o = Reading{Presence: There, ID: o.Twin, Twin: o.Twin, Differences: []Difference{{}}} // its values weren't read
		}
		if o.ID == "" {
			continue
		}
		if owner, taken := owners[o.ID]; taken && owner != p.Key {
			r.result.Conflict++
			o.Err = Rejectf("key_collision", "record %s is that of the row with key %q", o.ID, owner)
			r.log.Warn("two rows have one record", "pipeline", r.Name, "record", o.ID)
			continue
		}
		owners[o.ID] = p.Key
	}
	return nil
}

// decisionOn returns what is to be put down of a row; false if that is nothing.
func (r *reconciliation) decisionOn(p *pending, o *Reading, links *rowLinks) (Decision, bool) {
	d := Decision{Key: p.Key, Version: p.Version, Hash: p.Hash, ID: o.ID, Verdict: Found}
	if o.ID != "" {
		d.Record = r.limits.recordOf(p.Match, o.ID)
	}
	if o.ID != "" && p.entry.ID != "" && o.ID != p.entry.ID && o.ID != o.Twin {
		d.Merged = p.entry.ID
	}
	switch {
	case o.Err != nil:
		return d, false
	case o.Presence == There && (len(o.Differences) == 0 || r.limits.CreateOnly) && links.there() && !p.entry.Waiting:
		if p.entry.Hash == p.Hash && p.entry.ID == o.ID {
			r.result.Known++
			return d, false
		}
		r.result.Learnt++
		d.Verdict = Done
		if p.Action != Archive {
			d.Sent = r.sentBy(&p.Change)
		}
		return d, true
	case o.Presence == Unsure:
		r.unsure(&r.result.Unsure, p, o)
	case o.Presence == There:
		r.result.Differs++
	default:
		r.result.Absent++
		if p.entry.ID == "" {
			return d, false
		}
	}
	known := p.entry.Hash != Hash{} || o.ID != "" && o.ID != p.entry.ID
	return d, known
}
