package hubspot

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"sluice/sinks/hubspot/hubspottest"
)

// alone checks that no row has two records (I1), and that what is nobody's is as it was.
func (c *campaign) alone(h *history) {
	others := map[string]string{} // by record, the last row that was written to it
	for _, key := range slices.SortedFunc(maps.Keys(h.last), func(a, b string) int { return cmp.Compare(h.last[a].Seq, h.last[b].Seq) }) {
		if r, ok := c.portal.Record("contacts", h.last[key].ID); ok {
			others[r.ID] = key
		}
	}
	for key, ids := range h.made {
		live := map[string]bool{}
		for _, id := range ids {
			run := sortedBefore(c.runs, h.first[id])
			unheard := c.runs[run].told == 0 || slices.ContainsFunc(c.merges, func(m merge) bool { // if it was merged then, nothing tells that it was made
				return (m.primary == id || m.other == id) && sortedBefore(c.runs, m.seq) == run
			})
			if r, ok := c.portal.Record("contacts", id); ok && !r.Archived && !h.back[id] && !(unheard && r.ID != id) && (others[r.ID] == key || others[r.ID] == "") {
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
func (c *campaign) takenBack(h *history) {
	maker := map[string]string{}
	for key, ids := range h.made {
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
		if c.caughtInMerge(w) {
			continue
		}
		if key := maker[w.ID]; c.feed.mode != modeMirror || key == "" || run.keys[key] && h.whose[w.ID] == key || merged(w.ID, run.seq) {
			c.violate("nobody has asked for the archiving of record %s, made for %q: %+v", w.ID, key, w)
		}
	}
	if c.feed.mode != modeMirror {
		return
	}
	for id, key := range maker {
		r, ok := c.portal.Record("contacts", id)
		made := c.runs[sortedBefore(c.runs, h.first[id])]
		claimed := slices.ContainsFunc(c.feed.rows, func(row sourceRow) bool { mine, ok := c.matching(row); return ok && mine.ID == id })
		if ok && !claimed && !r.Archived && !merged(id, math.MaxInt64) && !h.back[id] && h.whose[id] == key && !c.feed.keys()[key] && !made.troubled {
			c.violate("record %s is there, and was made for row %s, which has left", id, key)
		}
	}
}

// caughtInMerge tells whether people merged a record while it was being archived: from that nothing protects it (RELIABILITY.md).
func (c *campaign) caughtInMerge(w hubspottest.Write) bool {
	run := c.runs[sortedBefore(c.runs, w.Seq)]
	return slices.ContainsFunc(c.merges, func(m merge) bool { return m.survivor == w.ID && run.seq < m.seq && m.seq < w.Seq })
}

// sortedBefore returns the run that a write was made in.
func sortedBefore(runs []pastRun, seq int64) int {
	i, _ := slices.BinarySearchFunc(runs, seq, func(r pastRun, seq int64) int { return cmp.Compare(r.seq, seq) })
	return i - 1
}

// sparing checks that a row's write empties nothing that its row says nothing of, and overwrites nothing that is left to others
// and was there before its run began. h is as before the write.
func (c *campaign) sparing(h *history, w hubspottest.Write) {
	if c.portal.Switches().EmailUpsertBlanks {
		return // HubSpot itself empties what it isn't sent
	}
	since := c.books.since[w.Trace]
	found := max(h.merged[w.ID], h.values[w.ID]["ext_id"].seq, h.values[w.ID]["email"].seq) > since // by this row only since it has begun
	for _, m := range c.feed.fields {
		value, set := w.Properties[m.name]
		before := h.values[w.ID][m.name]
		if !set || value == before.value {
			continue
		}
		if value == "" && m.policy != "clear" {
			c.violate("nobody has asked for the emptying of %s, which was %+v: %+v", m.name, before, w)
		}
		theirs := m.policy == "empty" || m.policy == "shared" && !slices.Contains(m.values, before.value)
		if theirs && before.value != "" && before.seq <= since && !found {
			c.violate("what others have set is overwritten: %s was %+v: %+v", m.name, before, w)
		}
	}
}

// behindBacks checks that a row's write makes no record again that people have taken away, once a run has been told of it, unless
// that is asked for. h is as before the write.
func (c *campaign) behindBacks(h *history, w hubspottest.Write, key string) {
	last, end := h.last[key], h.gone[h.last[key].ID]
	asked := c.feed.onGone == goneRecreate && end.Action == "archive"
	merged := slices.ContainsFunc(c.merges, func(m merge) bool { return m.primary == last.ID || m.other == last.ID || m.survivor == last.ID })
	if w.Action != "create" || end.By != "admin" || asked || merged || h.back[last.ID] || h.whose[last.ID] != key {
		return
	}
	if c.books.since[w.Trace] < end.Seq {
		h.late[w.ID] = true
		return
	}
	told := false
	for _, run := range c.runs {
		switch {
		case run.seq >= w.Seq:
		case !run.keys[key]:
			told = false // a mirror forgets what has left
		case run.told >= last.Seq && run.told < end.Seq:
			told = true
		}
	}
	if told {
		c.violate("the record of row %s, which people took away by %+v, is made again by %+v", key, end, w)
	}
}
