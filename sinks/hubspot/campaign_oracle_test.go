package hubspot

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// letters returns the open dead letters by key.
func (c *campaign) letters() map[string][]pipeline.DeadLetter {
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

// retry asks for all that was refused to be tried again.
func (c *campaign) retry() {
	c.withState(func(s state.Store) {
		if _, _, err := s.Retry(c.Context(), state.Filter{Pipeline: "people"}); err != nil {
			c.Fatal(err)
		}
	})
	c.note("retry")
}

func (c *campaign) withState(f func(state.Store)) {
	store, err := state.Open(c.Context(), c.world.state)
	if err != nil {
		c.Fatal(err)
	}
	defer store.Close()
	f(store)
}

// judge compares HubSpot, as it is at the end, with the rows.
func (c *campaign) judge() {
	p, letters := c.study("contacts"), c.letters()
	settled := map[string][]string{} // by record: what is wrong with each row of it that stands for it
	for _, r := range c.feed.rows {
		key := r["id"]
		if n := len(letters[key]); n > 1 {
			c.violate("I2: row %s has %d dead letters", key, n)
		} else if n == 1 {
			c.count("refused: " + letters[key][0].Code)
			if !c.reason(p, r, letters[key][0]) {
				c.violate("row %s %v is refused without a reason: %s: %s", key, r, letters[key][0].Code, letters[key][0].Message)
			}
			continue
		}
		id, wrong := c.compare(p, r)
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
	c.alone(p)
	c.takenBack(p)
	for _, id := range slices.Sorted(maps.Keys(p.strokes)) {
		r, ok := c.portal.Record("contacts", id)
		c.note("record %s: %v %+v", id, ok, r)
	}
}

// compare returns the record of a row, and what is wrong with it. No id and no word: people have taken it away.
func (c *campaign) compare(p *past, r fact) (id, wrong string) {
	last, written := p.last[r["id"]]
	record, live := c.portal.Record("contacts", last.ID)
	if written && c.feed.mode == modeCreate {
		return "", "" // whatever becomes of it
	}
	if !written {
		record, live = c.matching(r)
		if (!live || c.feed.onGone == goneIgnore) && p.knew(c, r) {
			return "", "" // it held what the row says, until people took it away
		}
		if !live {
			return "", "was never written, isn't refused, and there is no record of it"
		}
	}
	sent := func(m *mapped) bool { // whether the row said so when it was written last
		value, said := last.Properties[m.name]
		want, says := r.says(m)
		return !written || !says || said == says && value == want || m.policy == "shared" || m.policy == "empty" || slices.Contains(c.feed.match, m.name) && !said
	}
	if !live || record.Archived {
		end := p.gone[cmp.Or(record.ID, last.ID)]
		if end.By == "api" {
			return "", fmt.Sprintf("its record %s was archived by a pipeline that never archives", last.ID)
		}
		for _, m := range c.feed.fields {
			if !sent(m) && c.feed.onGone != goneIgnore {
				return "", fmt.Sprintf("its record %s is gone, and the row has changed since it was written: %v, %v", last.ID, last.Properties, r)
			}
		}
		return "", ""
	}
	if c.feed.onGone == goneIgnore && (p.back[last.ID] || p.back[record.ID]) {
		return record.ID, "" // while it was gone, the row's changes were ignored
	}
	for _, m := range c.feed.fields {
		want, says := r.says(m)
		got := record.Properties[m.name]
		s := p.strokes[record.ID][m.name]
		switch {
		case !says || got == want || m.name == "ext_id" && fold(got) == fold(want): // an upsert leaves what it finds as it is
		case s.by == "admin" && s.seq > last.Seq && sent(m), c.swallowed(last) > 0 && (s.seq < c.swallowed(last) || c.stands(p, s.key, record.ID)) && sent(m):
			c.count("differs by people")
		case m.name == "email" && slices.Contains(c.feed.match, "email") && (hasEmail(record.Properties, want) || s.by == "admin"): // it stays as it was found
		case m.policy == "shared" && p.back[last.ID]:
		case m.policy == "shared" && s.key != r["id"]: // somebody's, or that of a row whose record it was
		case m.policy == "empty" && got != "":
		default:
			return record.ID, fmt.Sprintf("row %s says %s=%q, and record %s has %q by %+v; it was last written %+v", r["id"], m.name, want, record.ID, got, s, last)
		}
	}
	return record.ID, ""
}

// matching returns the record that a row is matched with.
func (c *campaign) matching(r fact) (hubspottest.Record, bool) {
	for _, name := range c.feed.match {
		for _, record := range c.portal.Records("contacts") {
			if r[name] != "" && fold(record.Properties[name]) == fold(r[name]) || name == "email" && hasEmail(record.Properties, r[name]) {
				return record, true
			}
		}
	}
	return hubspottest.Record{}, false
}

// knew tells whether there was a record that a row is matched with, which isn't there any more.
func (p *past) knew(c *campaign, r fact) bool {
	for id, strokes := range p.strokes {
		if now, ok := c.portal.Record("contacts", id); ok && now.ID == id && !now.Archived {
			continue
		}
		for _, name := range c.feed.match {
			if s := strokes[name]; r[name] != "" && fold(s.value) == fold(r[name]) {
				return true
			}
		}
	}
	return false
}

// says returns what a row says of a property; false: nothing.
func (r fact) says(m *mapped) (string, bool) {
	value := r[m.name]
	switch {
	case m.name == "email":
		value = strings.ToLower(value)
	case m.name == "ext_id":
		value = strings.TrimSpace(value)
	}
	return value, value != "" || m.policy == "clear"
}

// alone checks that no row has two records (I1), and that what is nobody's is as it was.
func (c *campaign) alone(p *past) {
	others := map[string]string{} // by record, the last row that was written to it
	for _, key := range slices.SortedFunc(maps.Keys(p.last), func(a, b string) int { return cmp.Compare(p.last[a].Seq, p.last[b].Seq) }) {
		if r, ok := c.portal.Record("contacts", p.last[key].ID); ok {
			others[r.ID] = key
		}
	}
	for key, ids := range p.made {
		live := map[string]bool{}
		for _, id := range ids {
			if r, ok := c.portal.Record("contacts", id); ok && !r.Archived && !p.back[id] && (others[r.ID] == key || others[r.ID] == "") {
				live[r.ID] = true
			}
		}
		if len(live) > 1 {
			c.violate("I1: row %s has the records %v", key, slices.Sorted(maps.Keys(live)))
		}
	}
	for name, ids := range map[string]map[string][]string{"ext_id": c.portal.Duplicates("contacts", "ext_id"), "email": c.portal.Duplicates("contacts", "email")} {
		if len(ids) > 0 {
			c.violate("I1: several records have the same %s: %v", name, ids)
		}
	}
	for _, w := range c.portal.Writes() {
		if _, set := w.Properties["jobtitle"]; w.By == "api" && (set && !c.portal.Switches().EmailUpsertBlanks || c.isNobodys(w.ID)) {
			c.violate("nobody has asked for %+v", w)
		}
	}
}

// takenBack checks what was archived: nothing but what a mirror has made for a row that has left, and all of that.
func (c *campaign) takenBack(p *past) {
	maker := map[string]string{}
	for key, ids := range p.made {
		for _, id := range ids {
			maker[id] = key
		}
	}
	merged := func(id string, before int64) bool {
		return slices.ContainsFunc(c.merges, func(m merge) bool { return m.seq <= before && (m.primary == id || m.other == id || m.survivor == id) })
	}
	for _, w := range c.portal.Writes() {
		if w.By != "api" || w.Action != "archive" && w.Action != "delete" {
			continue
		}
		run := c.runs[sortedBefore(c.runs, w.Seq)]
		if slices.ContainsFunc(c.merges, func(m merge) bool { return m.survivor == w.ID && run.seq < m.seq && m.seq < w.Seq }) {
			continue // people merged it while it was being archived: from that nothing protects it (RELIABILITY.md)
		}
		if key := maker[w.ID]; c.feed.mode != modeMirror || key == "" || run.keys[key] && p.whose[w.ID] == key || merged(w.ID, run.seq) {
			c.violate("nobody has asked for the archiving of record %s, made for %q: %+v", w.ID, key, w)
		}
	}
	if c.feed.mode != modeMirror {
		return
	}
	for id, key := range maker {
		r, ok := c.portal.Record("contacts", id)
		made := c.runs[sortedBefore(c.runs, p.first[id])]
		if ok && !r.Archived && !merged(id, math.MaxInt64) && !p.back[id] && p.whose[id] == key && !c.feed.keys()[key] && !made.troubled {
			c.violate("record %s is there, and was made for row %s, which has left", id, key)
		}
	}
}

// sortedBefore returns the run that a write was made in.
func sortedBefore(runs []passage, seq int64) int {
	i, _ := slices.BinarySearchFunc(runs, seq, func(r passage, seq int64) int { return cmp.Compare(r.seq, seq) })
	return i - 1
}
