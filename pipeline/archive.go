package pipeline

import (
	"cmp"
	"context"
	"time"

	"sluice/pipeline/failpoint"
)

// leaver returns the archiving of the record of a row that has left the source. Its hash stands for no content, so that
// it is the same as that of no row.
func (r *run) leaver(key string, e Entry) *pending {
	p := &pending{entry: e, read: true, span: &span{undecided: 1}, Change: Change{Action: Archive, Key: key, Version: e.Version + 1, ID: e.ID}}
	if r.limits.Match != "" && r.limits.Match != recordID {
		p.Match = cmp.Or(e.Match, key)
	}
	p.TraceID = traceID(r.Name, p.Key, p.Version, p.Hash)
	return p
}

// leaves tells whether the change archives the record of a row that has left the source.
func (p *pending) leaves() bool { return p.Action == Archive && p.Hash == Hash{} }

// archive puts records of rows that have left the source on their way into the recycle bin, unless the sink finds that
// they aren't this pipeline's any more (see Keeper).
func (r *run) archive(ctx context.Context, leavers []*pending) error {
	if err := r.waitLanded(ctx, leavers); err != nil {
		return err
	}
	failpoint.Reach("archive.before")
	for _, p := range leavers {
		if r.isClaimed(p.Key) {
			r.decideNow(p, Outcome{TraceID: p.TraceID, Verdict: Done, ID: p.ID, NoOp: true})
		} else if g := r.add(p); g != nil {
			r.send(ctx, g)
		}
	}
	return nil
}

// waitLanded waits until no earlier attempt to write the rows can take effect any more: it would make the record again, or
// be overtaken (I4).
func (r *run) waitLanded(ctx context.Context, leavers []*pending) error {
	var landing time.Time
	r.mu.Lock()
	for _, p := range leavers {
		if f := r.flights.of(p.Key); f != nil && f.landing.After(landing) {
			landing = f.landing
		}
	}
	r.mu.Unlock()
	if landing.IsZero() {
		return nil
	}
	return r.pause(ctx, time.Until(landing))
}

// decideLeaver books what became of the record of a row that has left the source. The row isn't one of those that were read.
// The caller holds mu.
func (r *run) decideLeaver(p *pending, o Outcome) Decision {
	d := Decision{Key: p.Key, Version: p.Version, ID: p.ID, Verdict: o.Verdict, Answer: o.Answer}
	if o.Verdict == Refused {
		r.books.report.Review++
		d.Reject = &Reject{Key: p.Key, Stage: StageSink, Code: rejectCode(o.Err), Err: o.Err, Answer: o.Answer}
		return d
	}
	switch {
	case !o.NoOp: // its links go with it
		r.books.report.Archived++
		d.Action = Archive
	case o.Stays:
		r.want(p, nil)
		d.Links, d.Stays = p.wants, true
	case r.limits.Mirror: // a record that has gone over to another row: what that one doesn't ask for is taken back once it is written
		_, d.Stays = r.contested.claimed[p.Key]
	}
	d.Gone, d.Record, d.Before = true, r.recordOf(p, p.ID), p.before()
	return d
}

// letStay ends the archiving of a record that the sink couldn't look at: a later run does it. The caller holds mu.
func (r *run) letStay(p *pending) (closed []string) {
	r.log.Warn("a record of a row that has left the source can't be looked at now, and isn't archived by this run", "pipeline", r.Name, "record", p.ID)
	p.span.undecided--
	return r.intents.decided(p)
}
