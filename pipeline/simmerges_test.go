package pipeline_test

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"sluice/pipeline"
)

// Merges are which records people have merged into which, by id.
type merges map[string]string

// survivor returns the id of the record that the one with the id was merged into, or the id.
func (m merges) survivor(id string) string {
	for m[id] != "" {
		id = m[id]
	}
	return id
}

// crowd returns how many rows lead to one record at most, since those that they had were merged into it: by the ledger, or, if that
// shows none, by their match value.
func (w *world) crowd() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	led := map[string]string{}
	for _, r := range effective(w.sources[w.version]) {
		led[r.id] = w.hub.taken[fold(r.id)]
	}
	ledger, _ := w.store.Ledger(context.Background(), "p", "", math.MaxInt)
	for _, e := range ledger {
		led[e.Key] = cmp.Or(e.ID, led[e.Key])
	}
	rows := map[string]int{}
	for _, id := range led {
		if id != "" {
			rows[w.hub.merged.survivor(id)]++
		}
	}
	return slices.Max(append(slices.Collect(maps.Values(rows)), 0))
}

// into returns the record that another one was merged into, with all that are in it by now, as hs_merged_object_ids has them (API.md
// 11.3); none where it wasn't.
func (m merges) into(id string) (s pipeline.Survivor) {
	if m[id] == "" {
		return s
	}
	s.ID = m.survivor(id)
	for _, former := range slices.Sorted(maps.Keys(m)) {
		if m.survivor(former) == s.ID {
			s.Former = append(s.Former, former)
		}
	}
	return s
}

// moveLinks gives the links of a record to the one that it was merged into.
func (h *hub) moveLinks(r, into *simRecord) {
	for id := range r.links {
		into.links[id] = true
	}
	clear(r.links)
	for _, other := range h.records {
		if other.links[r.id] {
			delete(other.links, r.id)
			other.links[into.id] = true
		}
	}
	delete(into.links, into.id)
}
