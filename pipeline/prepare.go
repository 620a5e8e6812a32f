package pipeline

import (
	"context"
	"fmt"
	"time"
)

// prepare lets the sink choose each change's action, and books those that need no write or can't be written.
func (r *run) prepare(ctx context.Context, changes []*pending) []*pending {
	if len(changes) == 0 {
		return nil
	}
	list := make([]Change, len(changes))
	for i, p := range changes {
		list[i] = p.Change
	}
	outcomes, err := r.Sink.Prepare(ctx, list)
	if err != nil {
		r.fail(err)
		return nil
	}
	decided := byTrace(outcomes)
	var kept, made []*pending
	for i, p := range changes {
		p.Change = list[i]
		p.row = nil // belongs to the source from here on
		// A row that names its record by its id may go on with the id that the record had before it was merged.
		if p.entry.Merged != "" && p.ID == p.entry.Merged {
			p.ID = p.entry.ID
		}
		o, ok := decided[p.TraceID]
		switch {
		case ok:
			r.decideNow(p, o)
		case r.limits.CreateOnly && p.ID != "" && (p.Match == "" || p.entry.own()):
			r.decideNow(p, Outcome{TraceID: p.TraceID, Verdict: Done, ID: p.ID, NoOp: true})
		case r.limits.CreateOnly && p.ID != "":
			made = append(made, p)
		default:
			kept = append(kept, p)
		}
	}
	return r.distinct(ctx, append(kept, r.recognise(ctx, made)...))
}

// own tells whether the record of a create is known to be its own, whatever it holds by now: the end of the write that made it was
// known, or people have merged it since.
func (e *Entry) own() bool { return e.Made && len(e.Sent) > 0 || e.Merged != "" }

// recognise takes creates whose record is there already, from an earlier run that was cut off before it knew: those whose
// record holds what the row says are done. It returns those that are to be written as updates.
func (r *run) recognise(ctx context.Context, made []*pending) (updates []*pending) {
	if len(made) == 0 {
		return nil
	}
	asked := make([]Change, len(made))
	for i, p := range made {
		p.Action, p.Sent = Create, time.Now()
		asked[i] = p.Change
	}
	outcomes, err := r.Sink.Settle(ctx, asked)
	if err != nil {
		r.fail(fmt.Errorf("read back records that an earlier run has made: %w", err))
		return nil
	}
	decided := byTrace(outcomes)
	for _, p := range made {
		switch o := decided[p.TraceID]; o.Verdict {
		case Done, Refused:
			o.NoOp, o.Same = true, o.Verdict == Done && !o.NoOp
			r.decideNow(p, o)
		case Found:
			p.Action, p.ID = Update, o.ID
			updates = append(updates, p)
		case Absent, Gone: // the ledger knows its id: it was made, and somebody has taken it away since
			r.mu.Lock()
			o = r.withoutRecord(p, o)
			r.mu.Unlock()
			if o.Verdict != Unwritten {
				r.decideNow(p, o)
				continue
			}
			p.Sent = time.Time{}
			updates = append(updates, p)
		default:
			r.mu.Lock()
			r.flights.busy[p.Key] = &flight{hash: p.Hash}
			r.doubts.add(p, p.Sent)
			r.mu.Unlock()
		}
	}
	return updates
}

// decideNow books a change that the sink has decided without a write.
func (r *run) decideNow(p *pending, o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.span.undecided--
	r.note(p, r.decide(p, o))
}
