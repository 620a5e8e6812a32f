package hubspot

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// A tieJudge compares the links of rows with HubSpot.
type tieJudge struct {
	*tieLog
	parked, refused, linkless map[string]bool // links, rows and rows with refused links
	standing                  map[string][]sourceRow
}

// judgeTies returns the judge of links; nil where rows ask for none. It takes the dead letters of links from the others.
func (c *campaign) judgeTies(h *history, letters map[string][]pipeline.DeadLetter) *tieJudge {
	if c.ties == nil {
		return nil
	}
	j := &tieJudge{c.studyTies(h), c.waiting(), map[string]bool{}, map[string]bool{}, map[string][]sourceRow{}}
	for key, list := range letters {
		letters[key] = slices.DeleteFunc(list, func(l pipeline.DeadLetter) bool {
			if l.Stage == "link" {
				c.count("refused link: " + l.Code)
				j.linkless[key] = true
			}
			return l.Stage == "link"
		})
		j.refused[key] = len(list) > 0
	}
	return j
}

// row returns what is wrong with the links of a row that is in a record.
func (j *tieJudge) row(r sourceRow, id string) string {
	if j == nil || id == "" {
		return ""
	}
	j.standing[id] = append(j.standing[id], r)
	if j.feed.onGone == goneIgnore && (j.h.back[id] || j.h.late[id]) {
		return "" // while it was gone, the row's changes were ignored
	}
	return j.untied(r, id, j.linkless[r["id"]], j.parked)
}

// rest checks what is left of links.
func (j *tieJudge) rest() {
	if j != nil {
		j.overdone(j.standing, j.refused)
	}
}

// untied returns what is wrong with the links of a row whose record is as the row says.
func (l *tieLog) untied(r sourceRow, id string, refused bool, parked map[string]bool) string {
	for _, a := range l.feed.asks(r) {
		company, there := l.portal.Find("companies", "ext_id", a.firm)
		switch {
		case !there || company.Archived:
			l.count("links to nowhere")
			if !parked[r["id"]+" "+a.firm] && !l.was(id, a.firm) && !l.afterwards(r, a) {
				return fmt.Sprintf("its link to %s isn't parked", a.firm)
			}
		case l.linked(id, company.ID, a.label):
			l.count("links")
		case refused:
			return fmt.Sprintf("its link to %s is refused, which is there", a.firm)
		case !l.forsaken(r, id, company.ID, a):
			return fmt.Sprintf("its link to %s (%s) %q isn't there: %v", a.firm, company.ID, a.label, l.ties[endsOf{id, company.ID}])
		default:
			l.count("links that people took")
		}
	}
	return ""
}

func (l *tieLog) linked(contact, company, label string) bool {
	for _, link := range l.portal.LinksOf("contacts", contact, "companies") {
		if link.To == company {
			return label == "" || slices.Contains(link.Labels, label)
		}
	}
	return false
}

// was tells whether a contact, or one that was merged into it, has been linked to a company that had an ext_id.
func (l *tieLog) was(contact, firm string) bool {
	for e, t := range l.ties {
		if l.final(e[0]) == l.final(contact) && l.named(firm, e[1]) && len(t.has)+len(t.lost) > 0 {
			return true
		}
	}
	return false
}

// afterwards tells whether a row may have asked for a link only once its record was created, in a mode that sends nothing any more then.
func (l *tieLog) afterwards(r sourceRow, a ask) bool {
	without := func(before sourceRow) bool { return !slices.Contains(l.feed.asks(before), a) }
	return l.feed.mode == modeCreate && slices.ContainsFunc(l.campaign.ties.seen[r["id"]], without)
}

// forsaken tells whether people have taken a link away: by itself, or with one of its records.
func (l *tieLog) forsaken(r sourceRow, contact, company string, a ask) bool {
	if l.afterwards(r, a) {
		return true
	}
	for e, t := range l.ties {
		if l.final(e[0]) != l.final(contact) || !l.named(a.firm, e[1]) {
			continue
		}
		if e[1] != company && len(t.has) > 0 {
			return true // it stays with the company that had the ext_id before
		}
		for _, label := range []string{"", a.label} {
			lost := t.lost[label]
			if lost.by == "admin" || lost.by == "gone" || lost.by == "api" && l.formerly(contact, lost.seq) {
				return true
			}
		}
	}
	return false
}

// formerly tells whether a write of a contact's links came of a request that named the contact by an id of before people merged it.
// Where HubSpot takes that for the contact that is left, the row's own link by the new id goes, too (RELIABILITY.md).
func (l *tieLog) formerly(contact string, seq int64) bool {
	writes := l.portal.Writes()
	w := writes[slices.IndexFunc(writes, func(w hubspottest.Write) bool { return w.Seq == seq })]
	requests := l.portal.Requests()
	at := slices.IndexFunc(requests, func(r hubspottest.Request) bool { return r.Seq == w.Request })
	return l.portal.Switches().AssociateMerged == "follow" && slices.ContainsFunc(l.merges, func(m merge) bool {
		named := func(id string) bool {
			return id != m.survivor && bytes.Contains(requests[at].Body, []byte(`"from":{"id":"`+id+`"}`))
		}
		return m.seq < seq && l.final(m.survivor) == l.final(contact) && (named(m.primary) || named(m.other))
	})
}

// overdone checks that nothing is left of links that no row asks for any more.
func (l *tieLog) overdone(rows map[string][]sourceRow, refused map[string]bool) {
	for e, t := range l.ties {
		contact, ok := l.portal.Record("contacts", e[0])
		if !ok || contact.Archived || contact.ID != e[0] || l.feed.mode == modeCreate || l.h.back[e[0]] || l.h.late[e[0]] {
			continue
		}
		for label, by := range t.has {
			if by.by != "api" || label == "" && slices.ContainsFunc(slices.Collect(maps.Values(t.has)), func(o touch) bool { return o.by != "api" }) {
				continue
			}
			if !l.excused(e, label, rows[e[0]], refused) && (label != "" || !l.leftToPeople(e, t)) {
				l.violate("the link %v %q is there, and no row asks for it: %v", e, label, t)
			}
		}
	}
}

// excused tells whether a row asks for a label of a link, or needn't have given it up.
func (l *tieLog) excused(e endsOf, label string, rows []sourceRow, refused map[string]bool) bool {
	if slices.ContainsFunc(rows, func(r sourceRow) bool { return l.asked(r, e[1], label) }) {
		return true
	}
	for key, versions := range l.campaign.ties.seen {
		ever := slices.ContainsFunc(versions, func(r sourceRow) bool { return l.asked(r, e[1], label) }) && l.stood(key, e[0])
		if ever && (refused[key] || l.feed.onGone == goneIgnore || !l.feed.keys()[key] && l.feed.mode != modeMirror) {
			return true
		}
	}
	return false
}
