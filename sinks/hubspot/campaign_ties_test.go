package hubspot

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// tieSwitches are the values of the switches that only links meet.
var tieSwitches = map[string][]string{
	"add_labels": {"true"}, "numeric_ids": {"always", "never"}, "no_associations": {"empty", "omit"},
	"association_context": {"id", "none"}, "associations_200": {"true"}, "associate_merged": {"follow"},
}

// ties are the links that the rows of some campaigns ask for, of contacts to companies, and what people do with them. They have a
// source of chance of their own.
type ties struct {
	slots     []slot
	names     map[string]string      // of the labels, by type as the log spells it; the plain relation is ""
	companies map[string][]string    // those that people have made, by ext_id
	seen      map[string][]sourceRow // by key, how runs have read the row
	byHand    map[int64]bool         // the writes that people's edits of links are
	draws     atomic.Uint64
}

// A slot is an entry of associations.
type slot struct {
	column string // of ext_ids of companies
	role   string // the column of labels; "": all links of the slot have the label
	label  string
}

// An ask is one link that a row asks for; label "" is none.
type ask struct{ firm, label string }

var firms, roles = []string{"C-0", "C-1", "C-2", "C-3", "C-4"}, []string{"", "Chair", "Board"}

// tied tells whether the rows of a seed ask for links. Those that were kept before there were any don't.
func tied(seed uint64) bool { return seed > 29 && seed%3 != 2 }

// tieDice returns the next source of chance of what is about links.
func (c *campaign) tieDice() *rand.Rand { return rand.New(rand.NewPCG(^c.seed, c.ties.draws.Add(1))) }

// tie lets the rows ask for links.
func (c *campaign) tie() {
	c.ties = &ties{slots: []slot{{column: "firm"}}, names: map[string]string{}, companies: map[string][]string{}, seen: map[string][]sourceRow{}, byHand: map[int64]bool{}}
	d := c.tieDice()
	c.draw(d, tieSwitches, 5)
	for _, label := range []string{"Chair", "Board", "Friend"} {
		ids, err := c.portal.AddLabel(hubspottest.Label{From: "contacts", To: "companies", Label: label})
		if err != nil {
			c.Fatal(err)
		}
		for _, id := range []int{ids.ID, ids.Inverse} {
			c.ties.names[fmt.Sprint("USER_DEFINED/", id)] = label
		}
	}
	for _, firm := range firms[:2+d.IntN(3)] {
		c.found(firm)
	}
	if d.IntN(3) > 0 {
		c.ties.slots[0].role = "role"
	}
	if d.IntN(3) == 0 {
		c.ties.slots = append(c.ties.slots, slot{column: "client", label: pick(d, roles...)})
	}
	c.feed.slots = c.ties.slots
	if c.feed.mode == modeCreate {
		c.feed.writes = 1 // who waits for another's reading of the labels stops the time of the bubble
	}
	for _, r := range c.feed.rows {
		c.feed.tie(d, r)
	}
}

// found lets people make a company.
func (c *campaign) found(firm string) {
	r := c.must(hubspottest.Edit{Action: "create", Object: "companies", Properties: map[string]string{"ext_id": firm, "name": firm}})
	c.note("people: company %s is %s", firm, r.ID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ties.companies[firm] = append(c.ties.companies[firm], r.ID)
}

// tie draws the links of a row.
func (f *feed) tie(d *rand.Rand, r sourceRow) {
	for _, s := range f.slots {
		if d.IntN(3) > 0 {
			r[s.column] = pick(d, append([]string{""}, firms...)...)
		}
		if s.role != "" && d.IntN(2) == 0 {
			r[s.role] = pick(d, roles...)
		}
	}
}

// retie changes the links of a row.
func (f *feed) retie(d *rand.Rand) {
	if r := pick(d, f.rows...); len(f.slots) > 0 && d.IntN(3) > 0 {
		f.keep(r)
		f.tie(d, r)
	}
}

// asks returns the links that a row asks for.
func (f *feed) asks(r sourceRow) (list []ask) {
	for _, s := range f.slots {
		label := s.label
		if s.role != "" {
			label = r[s.role]
		}
		if r[s.column] != "" {
			list = append(list, ask{r[s.column], label})
		}
	}
	return list
}

// tieColumns returns the columns of links, and what names them in the transforms and the sink.
func (f *feed) tieColumns() (columns []string, resolve, associations string) {
	var entries []string
	for _, s := range f.slots {
		columns = append(columns, s.column)
		resolve += fmt.Sprintf("          to_%s: { object: companies, by: { ext_id: %s } }\n", s.column, s.column)
		entry := "{ to: companies, id: to_" + s.column
		switch {
		case s.role != "":
			columns = append(columns, s.role)
			entry += ", label: { from: " + s.role + " }"
		case s.label != "":
			entry += ", label: " + s.label
		}
		entries = append(entries, entry+" }")
	}
	if len(entries) == 0 {
		return nil, "", ""
	}
	return columns, "      - resolve:\n" + resolve, ", associations: [ " + strings.Join(entries, ", ") + " ]"
}

// meddle lets somebody do something to a company, or to a link.
func (c *campaign) meddle(d *rand.Rand) {
	contacts, companies := c.portal.Records("contacts"), c.portal.Records("companies")
	switch d.IntN(8) {
	case 0:
		firm := pick(d, firms...)
		if _, there := c.portal.Find("companies", "ext_id", firm); !there && !c.archivedHolds(firm) {
			c.found(firm)
		}
	case 1:
		if len(companies) > 0 {
			c.act(hubspottest.Edit{Action: pick(d, "archive", "archive", "delete"), Object: "companies", ID: pick(d, companies...).ID})
		}
	case 2:
		if gone := c.portal.Archived("companies"); len(gone) > 0 {
			c.act(hubspottest.Edit{Action: "restore", Object: "companies", ID: pick(d, gone...).ID})
		}
	case 3:
		if len(companies) > 1 {
			c.act(hubspottest.Edit{Action: "merge", Object: "companies", ID: pick(d, companies...).ID, Other: pick(d, companies...).ID})
		}
	default:
		if len(contacts) > 0 && len(companies) > 0 {
			c.meddleLink(d, pick(d, contacts...).ID, pick(d, companies...).ID)
		}
	}
}

func (c *campaign) archivedHolds(firm string) bool {
	return slices.ContainsFunc(c.portal.Archived("companies"), func(r hubspottest.Record) bool { return r.Properties["ext_id"] == firm })
}

// meddleLink lets somebody change a link: that of two records, or one that is there.
func (c *campaign) meddleLink(d *rand.Rand, contact, company string) {
	e := hubspottest.LinkEdit{Action: pick(d, "link", "link", "unlink"), From: "contacts", ID: contact, To: "companies", With: company}
	if there := c.portal.Links("contacts", "companies"); len(there) > 0 && (e.Action == "unlink" || d.IntN(2) == 0) {
		l := pick(d, there...)
		e.ID, e.With = l.From, l.To
	}
	if label := pick(d, "", "Friend", "Friend", "Chair", "Board"); label != "" {
		e.Labels = []string{label}
	}
	if c.isNobodys(e.ID) {
		return
	}
	err := c.portal.EditLink(e)
	c.note("people: %+v %v", e, err)
	c.count("people " + e.Action)
	writes := c.portal.Writes()
	for _, w := range slices.Backward(writes) {
		if w.By == "admin" && w.ID == e.ID && w.ToID == e.With {
			c.mu.Lock()
			c.ties.byHand[w.Seq] = true
			c.mu.Unlock()
			break
		}
	}
}

// tieTrouble draws what a run is to meet at requests about links.
func (c *campaign) tieTrouble(d *rand.Rand, t *trouble) {
	for range d.IntN(3) {
		f := hubspottest.Fault{Path: "associations/", Skip: d.IntN(3), Count: 1 + d.IntN(2)}
		switch f.Kind = pick(d, "status", "reset", "reset", "cut", "partial", "omit", "late", "lock", "silent"); f.Kind {
		case "status":
			f.Status, f.After = pick(d, 500, 502, 504), d.IntN(2) == 0
		case "reset":
			f.After = d.IntN(3) > 0
		case "silent": // once is by accident (A8)
			if f.Count = 1; slices.ContainsFunc(t.faults, func(f hubspottest.Fault) bool { return f.Kind == "silent" }) {
				continue
			}
		case "late":
			f.Delay = time.Duration(d.IntN(35)) * time.Second
		case "omit", "partial":
			f.Path = "associations/.*(create|default|archive)$"
		}
		t.faults = append(t.faults, f)
	}
	if t.killed == "" && d.IntN(3) == 0 {
		t.killed, t.at = pick(d, "before a request of links", "after a request of links"), 1+d.Int64N(4)
	}
}

// waiting returns the rows with links that are parked.
func (c *campaign) waiting() map[string]bool {
	keys := map[string]bool{}
	c.withState(func(s state.Store) {
		list, err := s.Waiting(c.Context(), "people", nil, 1000)
		if err != nil {
			c.Fatal(err)
		}
		for _, l := range list {
			keys[l.Key+" "+l.To.Value] = true
		}
	})
	return keys
}

// meddles is meddle, where rows ask for links.
func (c *campaign) meddles() {
	if c.ties != nil {
		c.meddle(c.tieDice())
	}
}

// snapshot notes what a run is to read.
func (c *campaign) snapshot() {
	if c.ties == nil {
		return
	}
	for _, r := range c.feed.rows {
		c.ties.seen[r["id"]] = append(c.ties.seen[r["id"]], maps.Clone(r))
	}
}
