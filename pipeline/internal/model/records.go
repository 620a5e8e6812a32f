package model

import (
	"slices"

	"sluice/pipeline"
)

// learn notes which record has a match value from now on, and that the key's record has no other one. The caller holds mu.
func (s *Store) learn(e *pipeline.Entry, d *pipeline.Decision) {
	named := func(value string) pipeline.RecordID {
		return pipeline.RecordID{Object: d.Record.Object, Property: d.Record.Property, Value: value}
	}
	forget := func(value, id string) {
		if id != "" && s.records[named(value)] == id {
			delete(s.records, named(value))
		}
	}
	was := d.Key
	if e.Match != "" {
		was = e.Match
	}
	if d.Record.ID != "" && d.Record.ID == e.ID && e.MatchedBy == d.Record.Property && was == d.Record.Value {
		return // as the entry shows
	}
	if was != d.Record.Value || d.Record.ID == "" {
		forget(was, e.ID)
	}
	if e.MatchedBy = ""; d.Record.ID == "" {
		forget(d.Record.Value, d.ID)
	} else {
		s.records[named(d.Record.Value)] = d.Record.ID
		if d.Record.ID == d.ID || d.ID == "" && d.Record.ID == e.ID {
			e.MatchedBy = d.Record.Property
		}
	}
	if e.Match = d.Record.Value; e.Match == d.Key {
		e.Match = ""
	}
}

// move gives a key another record. The links of the one it had go with it where it was merged, and are gone otherwise,
// unless it stays.
func move(e *pipeline.Entry, d *pipeline.Decision) {
	old := e.ID
	e.ID, e.Sent, e.Tried, e.Made = d.ID, nil, nil, false
	if old == "" {
		return
	}
	e.Links = slices.Clone(e.Links)
	if d.Merged != old {
		e.Merged = ""
		if d.Stays {
			return
		}
		e.Links = slices.DeleteFunc(e.Links, func(l pipeline.LinkState) bool { return l.FromID == old || l.FromWas == old })
		return
	}
	e.Merged = old
	for i := range e.Links {
		if e.Links[i].FromID == old {
			e.Links[i].FromID = d.ID
		}
	}
}
