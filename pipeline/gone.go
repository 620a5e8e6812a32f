package pipeline

import (
	"context"
	"slices"
	"time"
)

// A record can go its own way in the destination: people archive it, delete it, or merge it into another one. Updates by
// id find out (API.md 11.3 and 11.4); nothing is ever made again behind the back of who did that, unless they ask for it.

// gone ends the doubt about an update whose record isn't in the destination any more.
func (r *run) gone(ctx context.Context, d *doubt, o Outcome) error {
	p := d.p
	r.mu.Lock()
	o = r.withoutRecord(p, o)
	r.mu.Unlock()
	switch {
	case o.Verdict != Unwritten:
		r.resolveDoubt(p, func() Decision { return r.decide(p, o) }, !d.recalled)
	case d.recalled && d.looked.Sub(p.Sent) < r.limits.Landing: // an earlier attempt, by the match value, may yet make it again
		d.next = p.Sent.Add(r.limits.Landing)
		r.keepDoubts([]*doubt{d})
	case d.recalled: // its row will be read again, and be told the same
		r.resolveDoubt(p, nil, false)
	default:
		return r.repeat(ctx, d)
	}
	return nil
}

// withoutRecord returns the outcome that Limits.OnGone makes of a record that is gone: Refused, Done without a write, or
// Unwritten, for a change that now makes the record again. The caller holds mu.
func (r *run) withoutRecord(p *pending, o Outcome) Outcome {
	switch {
	case !o.Purged && r.limits.OnGone == RecreateGone && p.Match != "":
		p.recreate()
		return Outcome{TraceID: p.TraceID, Verdict: Unwritten}
	case r.limits.OnGone == IgnoreGone && (!o.Purged || p.entry.written()):
		p.lost, p.wants, r.yields.lost[p.Key] = true, nil, true
		return Outcome{TraceID: p.TraceID, Verdict: Done, ID: p.ID, NoOp: true, Answer: o.Answer}
	}
	p.lost, r.yields.lost[p.Key] = true, true
	if o.Err == nil {
		o.Err = Rejectf("gone", "record %s isn't in the destination any more: it was archived or deleted there", p.ID)
	}
	return Outcome{TraceID: p.TraceID, Verdict: Refused, Err: o.Err, Answer: o.Answer}
}

// written tells whether the record is known to have been there: one that no reading finds may as well be an id that is wrong.
func (e *Entry) written() bool { return len(e.Sent) > 0 || e.Hash != Hash{} }

// recreate makes of an update the making of a new record, which gets all links that the row stands for: those of the old
// record are gone with it.
func (p *pending) recreate() {
	p.Action, p.ID, p.entry.ID, p.wants, p.entry.Links, p.made, p.Begun = Upsert, "", "", p.anew(), nil, false, time.Time{}
	p.Was, p.Tried, p.tried, p.Kept, p.Known, p.Torn, p.read = nil, nil, nil, nil, "", false, false
}

// goOn has a row, and its links, go on with another record than the ledger shows: one that the row names by its id from now on, or
// else the one that its record was merged into; or with one at all, where the ledger has none. The caller holds mu.
func (r *run) goOn(p *pending, d *Decision) {
	had := p.entry.ID != ""
	d.Stays = had && r.limits.Match == recordID && p.Match != p.entry.ID
	switch {
	case had && !d.Stays:
		d.Merged = p.entry.ID
		p.merge(d.ID)
	case !p.lost:
		p.part(d.ID)
	}
}

// part has a row that goes on with another record than before take its links along: all that it stands for are made of that record,
// which has the id, and what the ledger shows of the former one is taken back.
func (p *pending) part(id string) {
	wants := p.anew()
	for i := range p.entry.Links {
		s := &p.entry.Links[i]
		if s.asked()[0] != id || !slices.ContainsFunc(wants, func(l LinkChange) bool { return s.holds(&l) }) {
			wants = append(wants, s.removal(p.Key))
		}
	}
	p.wants = wants
}

// anew returns all links that the row stands for, to be made of a record that has none of them.
func (p *pending) anew() []LinkChange {
	wants := slices.DeleteFunc(slices.Clone(p.wants), func(l LinkChange) bool { return l.Remove })
	for i := range p.entry.Links {
		s := &p.entry.Links[i]
		if !slices.ContainsFunc(p.wants, func(l LinkChange) bool { return s.holds(&l) }) {
			wants = append(wants, LinkChange{Key: p.Key, Slot: s.Slot, Label: s.Label, From: LinkEnd{Object: s.From}, To: LinkEnd{Object: s.To, ID: s.ToID}})
		}
	}
	for i := range wants {
		wants[i].From.ID, wants[i].Was = "", nil
	}
	return wants
}
