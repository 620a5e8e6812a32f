package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/pipeline/failpoint"
)

// commit records what became of a group, with everything noted since the last commit and the checkpoint, in one
// transaction. It runs on one goroutine, in the order in which groups were sent, and never waits for anything but the
// store: what is in doubt is put on the list of doubts.
func (r *run) commit(ctx context.Context, g *group, outcomes []Outcome, werr error) {
	if werr != nil {
		r.fail(werr)
	}
	decided := byTrace(outcomes)
	kept, cancel := r.insist(ctx)
	defer cancel()
	rivals, err := r.rivals(kept, g.changes, decided)
	if err != nil {
		r.committed(g, notes{}, err)
		return
	}
	c, n := r.gather(g, decided, rivals)
	r.committed(g, n, r.record(ctx, c))
	r.dropFresh(outcomes)
}

// gather puts a commit together, and returns the notes that are in it, with the keys that it decides.
func (r *run) gather(g *group, decided map[string]Outcome, rivals map[string]KeyedEntry) (Commit, notes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.closeLanded(now)
	n := r.books.notes
	r.books.notes = notes{}
	c := r.newCommit()
	c.Decisions, c.Rejects, c.Seen, c.Closed = n.decisions, n.rejects, n.seen, n.closed
	c.Reread = n.reread
	for _, p := range g.changes {
		if rival, merged := rivals[p.TraceID]; merged {
			r.overwritten(rival, &p.Change, &c.Decisions)
		}
	}
	for _, p := range g.changes {
		o := decided[p.TraceID]
		if o.Verdict == Gone {
			o = r.withoutRecord(p, o)
		}
		if rival, merged := rivals[p.TraceID]; merged {
			o = p.rivalry(o, rival.Key)
		}
		if r.book(&c, p, o, now) {
			n.keys = append(n.keys, p.Key)
		}
	}
	if r.failure.broken {
		c.Closed = nil // a commit that failed may have held a decision on one of their intents
	} else if end := r.books.advance(); r.opts.From == nil && r.opts.Plan == nil {
		c.Position = end
	}
	r.countRequests()
	c.Report = r.books.report
	return c, n
}

// book makes what became of a change part of a commit, or puts the change on the list of those that are looked at or sent
// again. It tells whether that ends the change. The caller holds mu.
func (r *run) book(c *Commit, p *pending, o Outcome, now time.Time) (ended bool) {
	switch {
	case o.Verdict == InDoubt:
		r.doubts.add(p, now)
		return false
	case o.Verdict == Unwritten && o.Passing:
		c.Closed = append(c.Closed, r.letStay(p)...)
		return true
	case o.Verdict == Unwritten, o.Verdict == Refused && o.Taken && r.waits(p):
		if p.Sent.IsZero() {
			c.Closed = append(c.Closed, r.intents.release(p)...)
		}
		again := &r.doubts.open
		if o.Verdict == Refused {
			again = &r.doubts.taken
		}
		*again = append(*again, &doubt{p: p, next: now, unwritten: true})
		return false
	}
	c.Decisions = append(c.Decisions, r.decide(p, o))
	c.Links = append(c.Links, inlined(p, o)...)
	c.Closed = append(c.Closed, r.intents.decided(p)...)
	p.span.undecided--
	return true
}

// newCommit returns a commit of this run that records nothing yet but its recent requests.
func (r *run) newCommit() Commit {
	return Commit{Pipeline: r.Name, Account: r.account, Epoch: r.resume.Epoch, Run: r.resume.Run, Throttle: r.throttle()}
}

// committed takes a group off those on their way. After an error, what it decided isn't recorded, so that the checkpoint
// must stay where it is.
func (r *run) committed(g *group, n notes, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.flights.landed.Broadcast()
	r.flights.groups--
	if err == nil {
		r.flights.free(g, n.keys, n.landing, r.limits.Landing)
		return
	}
	r.failure.broken = true
	r.failure.note(err)
}

// record commits c, unless there is nothing to record.
func (r *run) record(ctx context.Context, c Commit) error {
	if len(c.Decisions)+len(c.Links)+len(c.Rejects)+len(c.Seen)+len(c.Closed) == 0 && c.Position == nil {
		return nil
	}
	r.forgetContents(&c)
	ctx, cancel := r.insist(ctx)
	defer cancel()
	if err := failpoint.At("commit.before"); err != nil {
		return err
	}
	if err := r.store.Commit(ctx, c); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if c.Position != nil {
		failpoint.Reach("checkpoint.after")
	}
	return failpoint.At("commit.after")
}

// decide books an outcome and returns the ledger's part of it. The caller holds mu.
func (r *run) decide(p *pending, o Outcome) Decision {
	if p.leaves() {
		return r.decideLeaver(p, o)
	}
	d := Decision{Key: p.Key, Version: p.Version, Hash: p.Hash, ID: o.ID, Verdict: o.Verdict, Place: p.Place, Answer: o.Answer, Tried: p.residue()}
	if d.ID == "" && (o.Verdict != Refused || !p.strayed()) {
		d.ID = p.ID
	}
	if d.ID != p.entry.ID {
		r.goOn(p, &d)
	}
	d.Record = r.recordOf(p, d.ID)
	r.judge(o.Verdict == Refused)
	if o.Verdict == Refused {
		r.decideRefused(p, o, &d)
	} else {
		r.decideDone(p, o, &d)
	}
	return d
}

// decideRefused books a change that was refused. The caller holds mu.
func (r *run) decideRefused(p *pending, o Outcome, d *Decision) {
	r.books.report.Rejected++
	if o.Passing || r.lacksLink(p) {
		d.Hash = Hash{}
	}
	if !p.lost {
		d.Record = nil
	}
	d.Reject = &Reject{Key: p.Key, Place: p.Place, Stage: StageSink, Code: rejectCode(o.Err), Err: o.Err, Answer: o.Answer}
	if others := r.contested.takeSpoiled(p.Key); others != nil || d.Merged != "" { // what it held before isn't there any more
		d.Verdict, d.Tried = Found, slices.Concat(d.Tried, others)
	}
}

// lacksLink tells whether a create was sent without a link whose target isn't there yet, where that may be why it was refused: the
// next run tries again.
func (r *run) lacksLink(p *pending) bool {
	return r.limits.Attached && slices.ContainsFunc(p.wants, func(w LinkChange) bool { return !w.Remove && w.To.ID == "" })
}

// decideDone books a change that was carried out, or needed no write. The caller holds mu.
func (r *run) decideDone(p *pending, o Outcome, d *Decision) {
	if others := r.contested.takeSpoiled(p.Key); others != nil {
		d.Verdict, d.Tried = Found, append(slices.Concat(d.Tried, others), r.sharedBy(&p.Change))
	} else {
		d.Before = p.before()
	}
	if p.Action == Archive { // a row that asks for the record again makes a new one; the links are gone with the old one
		d.Gone, d.Stays, p.wants = true, false, nil
	}
	if !o.NoOp {
		d.Action = p.Action
	}
	if (!o.NoOp || o.Same) && p.Action != Archive {
		d.Sent, d.Made = r.sentBy(&p.Change), o.Made || p.made
	}
	d.Links = withoutInline(p, o)
	r.countDone(p, o, len(d.Links))
}

// countDone counts a row whose change is done, and remembers where it counts if links of it wait. The caller holds mu.
func (r *run) countDone(p *pending, o Outcome, waiting int) {
	counter := &r.books.report.Written
	if o.NoOp {
		counter = &r.books.report.Unchanged
	}
	*counter++
	r.books.report.Linked += int64(len(o.Links))
	r.books.wanted += waiting
	if waiting == 0 {
		counter = nil
	}
	r.books.track(p.Key, p.Place, counter, waiting)
}

// recordOf returns which record has the change's match value from now on; nil where nothing is learnt about that.
func (r *run) recordOf(p *pending, id string) *RecordID {
	if p.lost || p.Action == Archive {
		id = ""
	} else if id == "" {
		return nil
	}
	return r.limits.recordOf(p.Match, id)
}

// inlined returns the links that a create wrote with the record.
func inlined(p *pending, o Outcome) []LinkDecision {
	list := make([]LinkDecision, len(o.Links))
	for i := range o.Links {
		s := &o.Links[i]
		list[i] = LinkDecision{Key: p.Key, Slot: s.Slot, From: s.FromID, To: s.ToID, State: s}
	}
	return list
}

// withoutInline returns the links that a change wants, but for those that its create has written.
func withoutInline(p *pending, o Outcome) []LinkChange {
	if len(o.Links) == 0 {
		return p.wants
	}
	written := make(map[string]bool, len(o.Links))
	for _, s := range o.Links {
		written[s.Slot+" "+s.ToID] = true
	}
	var rest []LinkChange
	for _, w := range p.wants {
		if w.Remove || !written[w.Slot+" "+w.To.ID] {
			rest = append(rest, w)
		}
	}
	return rest
}
