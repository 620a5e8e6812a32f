package hubspot

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// books are what the campaign knows of the intents: which row a trace id stands for, since when, and which record each row was to
// be written to last; and which links the ledger has shown.
type books struct {
	mu    *sync.Mutex
	keys  map[string]string
	since map[string]int64 // the last write before the run that was the first to intend it
	ids   map[string]string
	links []heldLink
}

func newBooks() books {
	return books{mu: &sync.Mutex{}, keys: map[string]string{}, since: map[string]int64{}, ids: map[string]string{}}
}

func (b *books) intend(g pipeline.Group, since int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, in := range g.Intents {
		if _, again := b.keys[in.TraceID]; !again {
			b.keys[in.TraceID], b.since[in.TraceID] = in.Key, since
		}
		if in.ID != "" {
			b.ids[in.Key] = in.ID
		}
	}
}

func (b *books) key(trace string) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, ok := b.keys[trace]
	return key, ok
}

// id returns the record that a row was to be written to last; "" if none was known.
func (b *books) id(key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids[key]
}

// A lastSet is who has set a property of a record last, and to what.
type lastSet struct {
	value, by, key string // the key is that of the row, if it was a row's write
	seq            int64
}

// A history is what HubSpot's log says of records and rows.
type history struct {
	values  map[string]map[string]lastSet // by record id and property
	ever    map[string]map[string]bool    // by record id, the values that its unique properties have had
	last    map[string]hubspottest.Write  // the last write of each row
	whose   map[string]string             // by record, the row that it was written for last
	made    map[string][]string           // the records that each row has made
	first   map[string]int64              // when such a record was made
	gone    map[string]hubspottest.Write  // the last archiving or deletion of each record
	back    map[string]bool               // records that were restored
	merged  map[string]int64              // when people last merged others into a record, or restored it
	late    map[string]bool               // records made again by a request of before people took them away (RELIABILITY.md)
	delayed map[int64]bool                // the requests that got no answer before they took effect
}

// study reads HubSpot's log.
func (c *campaign) study() *history {
	h := &history{values: map[string]map[string]lastSet{}, ever: map[string]map[string]bool{}, last: map[string]hubspottest.Write{}, whose: map[string]string{},
		made: map[string][]string{}, first: map[string]int64{}, gone: map[string]hubspottest.Write{}, back: map[string]bool{}, merged: map[string]int64{}, late: map[string]bool{}, delayed: map[int64]bool{}}
	for _, r := range c.portal.Requests() {
		h.delayed[r.Seq] = r.Fault == "late"
	}
	for _, w := range c.portal.Writes() {
		if w.Object == "contacts" {
			key, _ := c.books.key(w.Trace)
			if key != "" {
				c.sparing(h, w)
				c.behindBacks(h, w, key)
			}
			c.studyValues(h, w, key)
			h.add(w, key)
		}
	}
	return h
}

// studyValues notes which values a write has set.
func (c *campaign) studyValues(h *history, w hubspottest.Write, key string) {
	if h.values[w.ID] == nil {
		h.values[w.ID] = map[string]lastSet{}
	}
	before := h.values[w.ID]
	if w.Action == "merge" {
		i := slices.IndexFunc(c.merges, func(m merge) bool { return m.seq == w.Seq })
		before = h.values[c.merges[i].primary]
		h.values[w.ID] = maps.Clone(before)
	}
	for name, value := range w.Properties {
		if w.Action != "merge" || before[name].value != value {
			h.values[w.ID][name] = lastSet{value, w.By, key, w.Seq}
			h.hold(w.ID, name, value)
		}
	}
}

// hold notes that a record has a value of a property; those that aren't unique have no part in it.
func (h *history) hold(id, name, value string) {
	if h.ever[id] == nil {
		h.ever[id] = map[string]bool{}
	}
	switch name {
	case "ext_id", "email":
		h.ever[id][name+" "+fold(value)] = true
	case "hs_additional_emails":
		for address := range strings.SplitSeq(value, ";") {
			h.ever[id]["email "+fold(address)] = true
		}
	}
}

// add notes what a write has done to its record and its row.
func (h *history) add(w hubspottest.Write, key string) {
	switch w.Action {
	case "archive", "delete":
		h.gone[w.ID] = w
	case "restore":
		h.back[w.ID], h.merged[w.ID] = true, w.Seq
	case "merge":
		h.merged[w.ID] = w.Seq
	}
	if w.By != "api" || key == "" {
		return
	}
	h.last[key], h.whose[w.ID] = w, key
	if w.Action == "create" {
		h.made[key], h.first[w.ID] = append(h.made[key], w.ID), w.Seq
	}
}

// swallowed returns when the record of a write was merged into another one later, whose values it has got thereby; 0: never.
func (c *campaign) swallowed(w hubspottest.Write) (seq int64) {
	id := w.ID
	for _, m := range c.merges {
		if m.seq > w.Seq && (m.primary == id || m.other == id) {
			if m.survivor != id { // where a merge makes a new record, both have become another one
				seq = m.seq
			}
			id = m.survivor
		}
	}
	return seq
}

// stands tells whether a record is that of a row, even if the row has left the source, by its own right: none of people's merges
// has given it to the row.
func (c *campaign) stands(h *history, key, id string) bool {
	last, written := h.last[key]
	r, _ := c.portal.Record("contacts", last.ID)
	return written && r.ID == id && c.swallowed(last) == 0
}
