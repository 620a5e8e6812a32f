package hubspot

import (
	"slices"
	"strings"

	"sluice/pipeline"
)

// A heldLink is a link that the ledger has shown as a row's, made or about to be, from one write of HubSpot's log to another.
type heldLink struct {
	pipeline.LinkDecision
	since, until int64 // until is 0 as long as it is shown
}

// decide notes which links the ledger shows as those of rows from the given write on.
func (b *books) decide(c pipeline.Commit, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	drop := func(gone func(*heldLink) bool) {
		for i := range b.links {
			if h := &b.links[i]; h.until == 0 && gone(h) {
				h.until = now
			}
		}
	}
	for _, d := range c.Decisions {
		if d.Gone && len(d.Links) == 0 {
			drop(func(h *heldLink) bool { return h.Key == d.Key })
		}
	}
	for _, d := range c.Links {
		drop(func(h *heldLink) bool { return h.Key == d.Key && h.Slot == d.Slot && h.From == d.From && h.To == d.To })
		if d.State != nil {
			b.links = append(b.links, heldLink{LinkDecision: d, since: now})
		}
	}
}

// shown tells whether the ledger has shown a label of a link as that of a row all the time between two writes: then nothing in
// HubSpot tells that it isn't the pipeline's (RELIABILITY.md).
func (l *tieLog) shown(e endsOf, label string, from, to int64) bool {
	shows := func(h heldLink, at int64) bool {
		s := h.State
		ends := l.final(s.FromID) == l.final(e[0]) && l.final(s.ToID) == l.final(e[1])
		return ends && h.since <= at && (h.until == 0 || h.until >= at) && (label == "" && s.Made || label != "" && slices.Contains(l.labels(s.Types), label))
	}
	for at := from; at <= to; at++ {
		if !slices.ContainsFunc(l.books.links, func(h heldLink) bool { return shows(h, at) }) {
			return false
		}
	}
	return true
}

// labels returns those of types as the ledger spells them.
func (l *tieLog) labels(types string) (list []string) {
	for t := range strings.SplitSeq(types, ",") {
		list = append(list, l.campaign.ties.names[strings.Replace(t, ":", "/", 1)])
	}
	return list
}
