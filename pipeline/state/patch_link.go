package state

import (
	"slices"
	"time"

	"sluice/pipeline"
)

// What a commit says of links.

// stillSince returns links that are to wait from now on: those that have waited before have done so since then.
func stillSince(links, before []pipeline.LinkChange) []pipeline.LinkChange {
	for i := range links {
		l := &links[i]
		at := slices.IndexFunc(before, func(b pipeline.LinkChange) bool {
			return b.Slot == l.Slot && b.Remove == l.Remove && b.From.Value == l.From.Value && b.To.Name() == l.To.Name()
		})
		if l.Since = (time.Time{}); at >= 0 {
			l.Since = before[at].Since
		}
	}
	return links
}

// link applies the end of a waiting link, or of one that was written with its record and never had to wait.
func (p *patch) link(d *pipeline.LinkDecision) {
	e := p.rows[d.Key]
	e.Links, e.changed = without(e.Links, d.Slot, d.From, d.To), true
	if d.State != nil {
		e.Links = append(e.Links, *d.State)
	}
	if e.ID == "" && d.Answer != (pipeline.Answer{}) {
		e.answer = &d.Answer
	}
	if d.Intended {
		return
	}
	at := slices.IndexFunc(e.waiting, func(l pipeline.LinkChange) bool { return decidedBy(&l, d) })
	if at >= 0 {
		e.waiting, e.rewait = slices.Delete(slices.Clone(e.waiting), at, at+1), true
	}
	if d.Reject != nil {
		r := *d.Reject
		r.Key = d.Key
		p.reject(&r, stateOpen)
		e.Rejected = e.Hash
	}
}

func decidedBy(l *pipeline.LinkChange, d *pipeline.LinkDecision) bool {
	return l.Slot == d.Slot && l.Remove == d.Remove && (l.To.ID == "" || l.To.ID == d.To) && (l.From.ID == "" || l.From.ID == d.From)
}

// without returns a copy of links without the one of that slot and those ends.
func without(links []pipeline.LinkState, slot, from, to string) []pipeline.LinkState {
	return slices.DeleteFunc(slices.Clone(links), func(s pipeline.LinkState) bool {
		return s.Of(slot, from, to)
	})
}
