package hubspot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// deadLetters returns the open dead letters by key.
func (c *campaign) deadLetters() map[string][]pipeline.DeadLetter {
	byKey := map[string][]pipeline.DeadLetter{}
	c.withState(func(s state.Store) {
		list, err := s.Rejects(c.Context(), state.Filter{})
		if err != nil {
			c.Fatal(err)
		}
		for _, l := range list {
			byKey[l.Key] = append(byKey[l.Key], l)
		}
	})
	return byKey
}

// judge compares HubSpot, as it is at the end, with the rows.
func (c *campaign) judge() {
	h, letters := c.study(), c.deadLetters()
	settled := map[string][]string{} // by record: what is wrong with each row of it that stands for it
	links := c.judgeTies(h, letters)
	for _, r := range c.feed.rows {
		key := r["id"]
		if n := len(letters[key]); n > 1 {
			c.violate("I2: row %s has %d dead letters", key, n)
		} else if n == 1 {
			c.count("refused: " + letters[key][0].Code)
			if !c.reason(h, r, letters[key][0]) {
				c.violate("row %s %v is refused without a reason: %s: %s", key, r, letters[key][0].Code, letters[key][0].Message)
			}
			continue
		}
		id, wrong := c.compare(h, r)
		wrong = cmp.Or(wrong, links.row(r, id))
		if id == "" && wrong != "" {
			c.violate("I2: row %s: %s", key, wrong)
		} else {
			settled[id] = append(settled[id], wrong)
			c.note("row %s is in %s %s", key, id, wrong)
		}
	}
	for id, wrong := range settled {
		if !slices.Contains(wrong, "") {
			c.violate("I2: record %s: %s", id, strings.Join(wrong, "; "))
		}
	}
	links.rest()
	c.alone(h)
	c.takenBack(h)
	for _, id := range slices.Sorted(maps.Keys(h.values)) {
		r, ok := c.portal.Record("contacts", id)
		c.note("record %s: %v %+v", id, ok, r)
	}
}

// compare returns the record of a row, and what is wrong with it. No id and no word: people have taken it away.
func (c *campaign) compare(h *history, r sourceRow) (id, wrong string) {
	last, written := h.last[r["id"]]
	switch record, live := c.portal.Record("contacts", last.ID); {
	case !written:
		return c.compareUnwritten(h, r)
	case c.feed.mode == modeCreate:
		return "", "" // whatever becomes of it
	case !live || record.Archived:
		return "", c.bereft(h, r, h.gone[cmp.Or(record.ID, last.ID)])
	case c.feed.onGone == goneIgnore && (h.back[last.ID] || h.back[record.ID]):
		return record.ID, "" // while it was gone, the row's changes were ignored
	case c.feed.onGone == goneIgnore && h.late[record.ID]:
		return record.ID, "" // so they are where a request that came late has made another one
	default:
		return record.ID, c.differs(h, r, record)
	}
}

// compareUnwritten does the same for a row that no write is of: there has to be a record that has been as the row is.
func (c *campaign) compareUnwritten(h *history, r sourceRow) (id, wrong string) {
	record, live := c.matching(r)
	led := c.books.id(r["id"])
	switch {
	case (!live || c.feed.onGone == goneIgnore) && h.knew(c, r):
		return "", "" // it held what the row says, until people took it away
	case led != "" && c.feed.onGone == goneIgnore && !c.live(led):
		return "", "" // people took it away before the row was written to it
	case !live:
		return "", "was never written, isn't refused, and there is no record of it"
	}
	wrong = c.differs(h, r, record)
	if c.feed.mode != modeCreate {
		return record.ID, wrong
	}
	for _, before := range c.feed.past[r["id"]] { // of which the record was recognised; nothing is sent after that
		if wrong != "" && c.differs(h, before, record) == "" {
			wrong = ""
		}
	}
	return record.ID, wrong
}

// bereft returns what is wrong with a row whose record is gone.
func (c *campaign) bereft(h *history, r sourceRow, end hubspottest.Write) string {
	last := h.last[r["id"]]
	if end.By == "api" {
		if c.caughtInMerge(end) {
			return ""
		}
		return fmt.Sprintf("its record %s was archived by the pipeline", last.ID)
	}
	written := func(w hubspottest.Write) bool {
		key, _ := c.books.key(w.Trace)
		return key == r["id"] && !slices.ContainsFunc(c.feed.fields, func(m *mapped) bool { return !c.feed.sent(r, m, w) })
	}
	if c.feed.onGone == goneIgnore || slices.ContainsFunc(c.portal.Writes(), written) {
		return "" // it is again as it was written; whether anybody was told of what was written since is nothing to it
	}
	return fmt.Sprintf("its record %s is gone, and was never as the row is: %v, %v", last.ID, last.Properties, r)
}

// sent tells whether a row said of a property, when it was written last, what it says now, or need not have been sent.
func (f *feed) sent(r sourceRow, m *mapped, last hubspottest.Write) bool {
	value, said := last.Properties[m.name]
	want, says := r.says(m)
	return last.ID == "" || !says || said && strings.TrimSpace(value) == want || m.policy == "shared" || m.policy == "empty" || slices.Contains(f.match, m.name) && !said
}

// differs returns which value of a record isn't the row's, though nothing but the pipeline is to blame for it.
func (c *campaign) differs(h *history, r sourceRow, record hubspottest.Record) string {
	last := h.last[r["id"]]
	merged := c.swallowed(last)
	for _, m := range c.feed.fields {
		want, says := r.says(m)
		got := record.Properties[m.name]
		s := h.values[record.ID][m.name]
		switch {
		case !says || got == want || m.name == "ext_id" && fold(got) == fold(want): // an upsert leaves what it finds as it is
		case c.feed.sent(r, m, last) && (s.by == "admin" && s.seq > last.Seq || merged > 0 && (s.seq < merged || c.stands(h, s.key, record.ID))):
			c.count("differs by people")
		case m.name == "email" && slices.Contains(c.feed.match, "email") && (hasEmail(record.Properties, want) || s.by == "admin"): // it stays as it was found
		case m.policy == "shared" && (h.back[last.ID] || h.merged[record.ID] > s.seq): // nothing is known of what a survivor was sent
		case m.policy == "shared" && s.key != r["id"]: // somebody's, or that of a row whose record it was
		case m.policy == "empty" && got != "":
		case c.portal.Switches().EmailUpsertBlanks && got == "" && s.by == "api": // HubSpot empties what it isn't sent
		default:
			return fmt.Sprintf("row %s says %s=%q, and record %s has %q by %+v; it was last written %+v", r["id"], m.name, want, record.ID, got, s, last)
		}
	}
	return ""
}

// matching returns the record that a row is matched with.
func (c *campaign) matching(r sourceRow) (hubspottest.Record, bool) {
	for _, name := range c.feed.match {
		for _, record := range c.portal.Records("contacts") {
			if has(record, name, r[name]) {
				return record, true
			}
		}
	}
	return hubspottest.Record{}, false
}

// knew tells whether there was a record that a row is matched with, which isn't there any more.
func (h *history) knew(c *campaign, r sourceRow) bool {
	for id, values := range h.values {
		if now, ok := c.portal.Record("contacts", id); ok && now.ID == id && !now.Archived {
			continue
		}
		for _, name := range c.feed.match {
			if s := values[name]; r[name] != "" && fold(s.value) == fold(r[name]) {
				return true
			}
		}
	}
	return false
}

// says returns what a row says of a property; false: nothing.
func (r sourceRow) says(m *mapped) (string, bool) {
	value := r[m.name]
	switch {
	case m.name == "email":
		value = strings.ToLower(value)
	case m.name == "ext_id":
		value = strings.TrimSpace(value)
	}
	return value, value != "" || m.policy == "clear"
}
