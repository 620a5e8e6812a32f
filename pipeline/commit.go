package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/pipeline/failpoint"
)

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
	broken := r.broken
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
	if r.last.IsZero() {
		r.last = time.Now().Add(lastCommits)
	}
	return r.last
}

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
	n := r.notes
	r.notes = notes{}
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
	if r.broken {
		c.Closed = nil // a commit that failed may have held a decision on one of their intents
	} else if end := r.advance(); r.opts.From == nil && r.opts.Plan == nil {
		c.Position = end
	}
	r.countRequests()
	c.Report = r.report
	return c, n
}

// book makes what became of a change part of a commit, or puts the change on the list of those that are looked at or sent
// again. It tells whether that ends the change. The caller holds mu.
func (r *run) book(c *Commit, p *pending, o Outcome, now time.Time) (ended bool) {
	switch {
	case o.Verdict == InDoubt:
		r.doubt(p, now)
		return false
	case o.Verdict == Unwritten && o.Passing:
		c.Closed = append(c.Closed, r.letStay(p)...)
		return true
	case o.Verdict == Unwritten, o.Verdict == Refused && o.Taken && r.waits(p):
		if p.Sent.IsZero() {
			c.Closed = append(c.Closed, r.release(p)...)
		}
		again := &r.doubts
		if o.Verdict == Refused {
			again = &r.taken
		}
		*again = append(*again, &doubt{p: p, next: now, unwritten: true})
		return false
	}
	c.Decisions = append(c.Decisions, r.decide(p, o))
	c.Links = append(c.Links, inlined(p, o)...)
	c.Closed = append(c.Closed, r.decided(p)...)
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
	defer r.landed.Broadcast()
	r.flying--
	if err == nil {
		r.free(g, n.keys, n.landing)
		return
	}
	r.broken = true
	if r.failure == nil {
		r.failure = err
	}
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
	if d.ID == "" {
		d.ID = p.ID
	}
	if was := p.entry.ID; was != "" && d.ID != was && r.limits.Match != recordID {
		d.Merged = was
	}
	d.Record = r.recordOf(p, d.ID)
	r.judge(o.Verdict == Refused)
	if o.Verdict == Refused {
		r.report.Rejected++
		if o.Passing {
			d.Hash = Hash{}
		}
		if !p.lost {
			d.Record = nil
		}
		d.Reject = &Reject{Key: p.Key, Place: p.Place, Stage: "sink", Code: rejectCode(o.Err), Err: o.Err, Answer: o.Answer}
		return d
	}
	if others := r.takeSpoiled(p.Key); others != nil {
		d.Verdict, d.Tried = Found, append(slices.Concat(d.Tried, others), r.sharedBy(&p.Change))
	} else {
		d.Before = p.before()
	}
	if p.Action == Archive { // a row that asks for the record again makes a new one; the links are gone with the old one
		d.Gone, p.wants = true, nil
	}
	if !o.NoOp {
		d.Action = p.Action
	}
	if (!o.NoOp || o.Same) && p.Action != Archive {
		d.Sent, d.Made = r.sentBy(&p.Change), o.Made || p.made
	}
	d.Links = withoutInline(p, o)
	r.wanted += len(d.Links)
	counter := &r.report.Written
	if o.NoOp {
		counter = &r.report.Unchanged
	}
	*counter++
	r.report.Linked += int64(len(o.Links))
	if len(d.Links) == 0 {
		counter = nil
	}
	r.track(p.Key, p.Place, counter, len(d.Links))
	return d
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

// advance takes the decided spans off the front and returns the end of the last of them: the checkpoint never passes an
// undecided row (I8). The caller holds mu.
func (r *run) advance() Position {
	var end Position
	for len(r.spans) > 0 && r.spans[0].read && r.spans[0].undecided == 0 {
		if r.spans[0].end == nil {
			break // cut off by a limit: the rows behind it haven't been looked at
		}
		end = r.spans[0].end
		r.spans = r.spans[1:]
	}
	return end
}

// release takes a change out of the intents that name it and returns those that no undecided change is left in. The
// caller holds mu.
func (r *run) release(p *pending) (closed []string) {
	for _, id := range p.groups {
		if r.intents[id]--; r.intents[id] == 0 {
			delete(r.intents, id)
			closed = append(closed, id)
		}
	}
	p.groups = nil
	return closed
}

// free lets the keys be written again. A key with an attempt that may still land lets only the same content pass until
// then (I4). The caller holds mu.
func (r *run) free(g *group, keys []string, landings []landing) {
	for _, key := range keys {
		delete(r.busy, key)
	}
	for _, p := range g.changes {
		if r.busy[p.Key] != nil {
			continue // in doubt
		}
		r.unmatch(p.names(), p.Key)
		if !p.Sent.IsZero() {
			r.busy[p.Key] = &flight{decided: true, hash: p.Hash, landing: p.Sent.Add(r.limits.Landing)}
		}
	}
	for _, l := range landings {
		r.unmatch(l.claims, l.key)
		r.busy[l.key] = l.flight
	}
}

// names returns what names the change's record: its match value, and its id where the ledger doesn't have that yet.
func (p *pending) names() (claims []string) {
	if p.Match != "" {
		claims = append(claims, p.Match)
	}
	if p.entry.ID == "" && p.ID != "" {
		claims = append(claims, "\x00"+p.ID) // no match value begins so
	}
	return claims
}

// unmatch lets other keys have a record, which the ledger knows by now. The caller holds mu.
func (r *run) unmatch(claims []string, key string) {
	for _, claim := range claims {
		if r.matches[claim] == key {
			delete(r.matches, claim)
		}
	}
}
