package hubspot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/sinks/hubspot/hubspottest"
)

// An endsOf is the ids of a contact and of a company.
type endsOf [2]string

// A touch is who has given or taken a label: api, late (the same, once HubSpot had answered with an error), admin, merge (which gives one
// record's links to another) or gone (which takes those of a record with it).
type touch struct {
	by  string
	seq int64
}

// A tie is what a contact and a company have, by HubSpot's log: by label, of which "" is the pair itself.
type tie struct {
	has, lost map[string]touch
	theirs    []span // how long people's labels were there that they have taken off again
}

// A span is from one write of HubSpot's log to another.
type span struct{ from, to int64 }

// A tieLog is all ties, and which records companies have been merged into.
type tieLog struct {
	*campaign
	h    *history
	ties map[endsOf]*tie
}

// studyTies reads HubSpot's log, and checks each write of a link: whether a row has asked for it, and whether it takes away what
// people have set.
func (c *campaign) studyTies(h *history) *tieLog {
	l := &tieLog{c, h, map[endsOf]*tie{}}
	for _, w := range c.portal.Writes() {
		switch w.Action {
		case "link", "unlink":
			l.change(w)
		case "archive", "delete":
			l.drop(w.ID, w.Seq)
		case "merge":
			i := slices.IndexFunc(c.merges, func(m merge) bool { return m.seq == w.Seq })
			l.merge(c.merges[i])
		}
	}
	return l
}

// at returns the tie of two records.
func (l *tieLog) at(e endsOf) *tie {
	if l.ties[e] == nil {
		l.ties[e] = &tie{has: map[string]touch{}, lost: map[string]touch{}}
	}
	return l.ties[e]
}

func (l *tieLog) drop(id string, seq int64) {
	for e, t := range l.ties {
		if e[0] == id || e[1] == id {
			for label := range t.has {
				t.take(label, touch{"gone", seq})
			}
		}
	}
}

// merge lets the survivor of a merge have what the others had. What was given to both by different hands is nobody's then.
func (l *tieLog) merge(m merge) {
	givers := map[endsOf]map[string][]touch{}
	for e, t := range l.ties {
		for at := range e {
			if e[at] != m.primary && e[at] != m.other {
				continue
			}
			e[at] = m.survivor
			if givers[e] == nil {
				givers[e] = map[string][]touch{}
			}
			for label, by := range t.has {
				if by.by != "merging" {
					givers[e][label] = append(givers[e][label], by)
				}
			}
		}
	}
	for _, id := range []string{m.primary, m.other} {
		if id != m.survivor {
			l.drop(id, m.seq)
		}
	}
	for e, labels := range givers {
		for label, list := range labels {
			if !slices.ContainsFunc(list, func(by touch) bool { return by.by != list[0].by || by.by == "api" }) {
				l.at(e).has[label] = list[0]
			} else {
				l.at(e).has[label] = touch{"merge", m.seq}
			}
		}
	}
}

func (t *tie) take(label string, by touch) {
	if had := t.has[label]; had.by == "admin" {
		t.theirs = append(t.theirs, span{had.seq, by.seq})
	}
	delete(t.has, label)
	t.lost[label] = by
}

// change notes what a write has done to a link.
func (l *tieLog) change(w hubspottest.Write) {
	e, by := endsOf{w.ID, w.ToID}, touch{w.By, w.Seq}
	if w.Object == "companies" {
		e = endsOf{w.ToID, w.ID}
	}
	if w.By == "admin" && !l.campaign.ties.byHand[w.Seq] {
		by.by = "merging" // until the merge itself is told of
	}
	if l.h.delayed[w.Request] {
		by.by = "late" // it may have landed upon what came after it
	}
	labels := map[string]bool{}
	if w.Action == "link" {
		for _, name := range w.Types {
			labels[l.campaign.ties.names[name]] = true
		}
	}
	t := l.at(e)
	for label := range maps.Clone(t.has) {
		if !labels[label] {
			l.taken(w, e, label, t.has[label])
			t.take(label, by)
		}
	}
	for label := range labels {
		if _, had := t.has[label]; !had {
			l.given(w, e, label)
			t.has[label] = by
		}
	}
}

// taken checks that a write takes no label that people had set before its run began, unless it may be the pipeline's own.
func (l *tieLog) taken(w hubspottest.Write, e endsOf, label string, had touch) {
	if w.By != "api" || l.h.delayed[w.Request] || had.by != "admin" || had.seq > l.runs[sortedBefore(l.runs, w.Seq)].seq {
		return
	}
	if !l.shown(e, label, had.seq, w.Seq-1) {
		l.violate("people's link %v %q, set by %d, is taken away by %+v", e, label, had.seq, w)
	}
}

// given checks that a write gives no label but what some row has asked for at some time.
func (l *tieLog) given(w hubspottest.Write, e endsOf, label string) {
	if w.By != "api" {
		return
	}
	for key, rows := range l.campaign.ties.seen {
		for _, r := range rows {
			if l.asked(r, e[1], label) && l.stood(key, e[0]) {
				return
			}
		}
	}
	l.violate("no row has asked for the link %v %q: %+v", e, label, w)
}

// asked tells whether a row asks for a label of a link to a company.
func (l *tieLog) asked(r sourceRow, company, label string) bool {
	return slices.ContainsFunc(l.feed.asks(r), func(a ask) bool { return (label == "" || a.label == label) && l.named(a.firm, company) })
}

// named tells whether a company has had an ext_id, or has been merged with one that had.
func (l *tieLog) named(firm, company string) bool {
	return slices.ContainsFunc(l.campaign.ties.companies[firm], func(id string) bool { return l.final(id) == l.final(company) })
}

// stood tells whether a contact was that of a row at some time: written for it, or matched with it.
func (l *tieLog) stood(key, contact string) bool {
	same := func(id string) bool { return id != "" && l.final(id) == l.final(contact) }
	if same(l.books.id(key)) || same(l.h.last[key].ID) || slices.ContainsFunc(l.h.made[key], same) {
		return true
	}
	for id, ever := range l.h.ever {
		for _, r := range l.campaign.ties.seen[key] {
			for _, name := range l.feed.match {
				if same(id) && r[name] != "" && ever[name+" "+fold(r[name])] {
					return true
				}
			}
		}
	}
	return false
}

// String lists who has what, for people.
func (t *tie) String() string {
	if t == nil {
		return "never was"
	}
	return strings.TrimSpace(fmt.Sprintf("has %v, lost %v", t.has, t.lost))
}
