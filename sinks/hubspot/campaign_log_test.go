package hubspot

import (
	"maps"
	"slices"
	"sync"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// books are what the campaign knows of the intents: which row a trace id stands for, and which record each row was to be
// written to last.
type books struct {
	mu   *sync.Mutex
	keys map[string]string
	ids  map[string]string
}

func newBooks() books { return books{&sync.Mutex{}, map[string]string{}, map[string]string{}} }

func (b *books) intend(g pipeline.Group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, in := range g.Intents {
		b.keys[in.TraceID] = in.Key
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

// A stroke is the last write of one property of a record.
type stroke struct {
	value, by, key string
	seq            int64
}

// A past is what HubSpot's log says of the records and rows.
type past struct {
	strokes map[string]map[string]stroke // by record id and property
	last    map[string]hubspottest.Write // the last write of each row
	taken   map[string]bool              // rows whose record people have merged into another one at some time
	whose   map[string]string            // by record, the row that it was written for last
	made    map[string][]string          // the records that each row has made
	gone    map[string]hubspottest.Write // the last archiving or deletion of each record
	back    map[string]bool              // records that were restored
	first   map[string]int64             // when a record was made
}

// study reads the log.
func (c *campaign) study(object string) *past {
	p := &past{strokes: map[string]map[string]stroke{}, last: map[string]hubspottest.Write{}, taken: map[string]bool{}, whose: map[string]string{},
		made: map[string][]string{}, gone: map[string]hubspottest.Write{}, back: map[string]bool{}, first: map[string]int64{}}
	for _, w := range c.portal.Writes() {
		if w.Object != object {
			continue
		}
		key, _ := c.books.key(w.Trace)
		if p.strokes[w.ID] == nil {
			p.strokes[w.ID] = map[string]stroke{}
		}
		before := p.strokes[w.ID]
		switch w.Action {
		case "archive", "delete":
			p.gone[w.ID] = w
		case "restore":
			p.back[w.ID] = true
		case "merge":
			i := slices.IndexFunc(c.merges, func(m merge) bool { return m.seq == w.Seq })
			before = p.strokes[c.merges[i].primary]
			p.strokes[w.ID] = maps.Clone(before)
		}
		for name, value := range w.Properties {
			if w.Action != "merge" || before[name].value != value {
				p.strokes[w.ID][name] = stroke{value, w.By, key, w.Seq}
			}
		}
		if w.By == "api" && key != "" {
			p.last[key], p.whose[w.ID] = w, key
			p.taken[key] = p.taken[key] || c.swallowed(w) > 0
			if w.Action == "create" {
				p.made[key], p.first[w.ID] = append(p.made[key], w.ID), w.Seq
			}
		}
	}
	return p
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
func (c *campaign) stands(p *past, key, id string) bool {
	last, written := p.last[key]
	r, _ := c.portal.Record("contacts", last.ID)
	return written && r.ID == id && c.swallowed(last) == 0
}
