package pipeline

import (
	"context"
	"fmt"
	"slices"
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
	case !o.Purged && r.limits.OnGone == IgnoreGone:
		p.lost, p.wants = true, nil
		return Outcome{TraceID: p.TraceID, Verdict: Done, ID: p.ID, NoOp: true}
	}
	p.lost = true
	if o.Err == nil {
		o.Err = Rejectf("gone", "record %s isn't in the destination any more: it was archived or deleted there", p.ID)
	}
	return Outcome{TraceID: p.TraceID, Verdict: Refused, Err: o.Err}
}

// recreate makes of an update the making of a new record, which gets all links that the row stands for: those of the old
// record are gone with it.
func (p *pending) recreate() {
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
	p.Action, p.ID, p.entry.ID, p.wants = Upsert, "", "", wants
}

// found goes on with a change whose record was read back, but isn't known to hold the change. Where the record was merged
// into that of another row it is refused: the two would overwrite each other for ever.
func (r *run) found(ctx context.Context, d *doubt, o Outcome) error {
	p := d.p
	if p.Action == Update && p.ID != o.ID {
		owners, err := r.store.Owners(ctx, r.Name, []string{o.ID})
		if err != nil {
			r.keepDoubts([]*doubt{d})
			return fmt.Errorf("look for rows of the same record: %w", err)
		}
		if owner, taken := owners[o.ID]; taken && owner != p.Key {
			refusal := Outcome{TraceID: p.TraceID, Verdict: Refused, ID: o.ID, Err: mergedError(p, o.ID, owner)}
			r.resolveDoubt(p, func() Decision { return r.decide(p, refusal) }, !d.recalled)
			return nil
		}
	}
	p.ID = o.ID
	if p.Action != Update {
		p.Action = Update
	}
	return r.repeat(ctx, d)
}

// mergedError says that the record of a change is now that of another row.
func mergedError(p *pending, survivor, owner string) error {
	was := p.entry.ID
	if was == "" || was == survivor {
		was = "its record"
	}
	return Rejectf("merged", "%s was merged into record %s, which is that of the row with key %q: one record can't be two rows; take one of them out of the source",
		was, survivor, owner)
}

// rivals returns, for updates that were carried out under another id than the one they asked for, the row that the record
// belongs to, by trace id: both records were merged, and the update has overwritten what is not its own.
func (r *run) rivals(ctx context.Context, g *group, outcomes []Outcome) (map[string]KeyedEntry, error) {
	survivors := map[string]string{} // trace id to record id
	var ids []string
	decided := byTrace(outcomes)
	for _, p := range g.changes {
		if o := decided[p.TraceID]; o.Verdict == Done && p.Action == Update && o.ID != "" && o.ID != p.ID {
			survivors[p.TraceID] = o.ID
			ids = append(ids, o.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	owners, err := r.store.Owners(ctx, r.Name, ids)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	rivals := map[string]KeyedEntry{}
	for _, p := range g.changes {
		owner := owners[survivors[p.TraceID]]
		if owner == "" || owner == p.Key {
			continue
		}
		known, err := r.store.Known(ctx, r.Name, []string{owner})
		if err != nil {
			return nil, err
		}
		rivals[p.TraceID] = KeyedEntry{Key: owner, Entry: known[0]}
	}
	return rivals, nil
}

// overwritten returns the decision that has the row that a record belongs to written again. The caller holds mu.
func (r *run) overwritten(rival KeyedEntry) []Decision {
	if r.busy[rival.Key] != nil {
		return nil // it is being written anyway
	}
	return []Decision{{Key: rival.Key, Version: rival.Version, ID: rival.ID, Verdict: Found}}
}
