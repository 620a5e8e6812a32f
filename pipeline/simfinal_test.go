package pipeline_test

import (
	"maps"
	"slices"

	"sluice/pipeline"
)

// final compares the destination with the source, row by row, once a run has ended well (I1, I2, I10, and that nothing
// is rejected but what must be).
func (w *world) final() {
	w.mu.Lock()
	defer w.mu.Unlock()
	records := map[string][]*simRecord{}
	for _, r := range w.hub.live() {
		records[r.key] = append(records[r.key], r)
		twice := func(other *simRecord) bool { return other != r && !other.late }
		if !r.late && slices.ContainsFunc(records[r.key], twice) {
			w.violate("I1: %q has %d live records", r.key, len(records[r.key]))
		}
	}
	letters, same, bad := w.letters(), w.alike(), map[string]bool{}
	w.finalMirror(same)
	for _, rows := range w.sources { // what was rejected in earlier ones stays so until one process has read all rows
		for _, r := range rows {
			bad[r.id] = bad[r.id] || r.name == "bad" || r.name == "refused"
		}
	}
	for _, r := range effective(w.sources[w.version]) {
		var record *simRecord
		if list := records[r.id]; len(list) > 0 {
			record = list[0]
		}
		switch problem := w.judge(r, record, letters[r.id], bad[r.id], same); problem {
		case "":
		default:
			w.violate("I2: row %+v: %s; ledger %+v, record %+v, reject %v", r, problem, w.store.Entry(r.id), record, letters[r.id])
		}
	}
}

// alike returns the keys that the destination takes for those of other rows.
func (w *world) alike() map[string]bool {
	first, same := map[string]string{}, map[string]bool{}
	for _, version := range slices.Sorted(maps.Keys(w.sources)) {
		for _, r := range w.sources[version] {
			if other, ok := first[fold(r.id)]; ok && other != r.id {
				same[other], same[r.id] = true, true
			}
			first[fold(r.id)] = r.id
		}
	}
	return same
}

// judge says what is wrong with what has become of a row.
func (w *world) judge(r simRow, record *simRecord, letter, bad bool, same map[string]bool) string {
	h, e := w.hub, w.store.Entry(r.id)
	overwritten := w.merges && e.Hash == (pipeline.Hash{}) // by the row whose record was merged into its own: the next run writes it
	switch {
	case e.Held:
		if !letter || !h.limits.Unkeyed {
			return "it is held, and nothing says so"
		}
		return ""
	case h.limits.CreateOnly:
		if !letter && record == nil && !h.touched[r.id] && h.records[e.ID] == nil { // which a row that has left may have made
			return "it was never made"
		}
		return ""
	case same[r.id]:
		if !letter && !overwritten && h.names[e.Hash] != r.name {
			return "it is neither written nor rejected as another's"
		}
		return ""
	case h.touched[r.id]:
		if !letter && !overwritten && h.names[e.Hash] != r.name {
			return "it is neither written nor rejected as gone"
		}
		return ""
	case r.name == "refused":
		if !letter && !(w.shared && record != nil && record.othersName()) { // such a name isn't sent
			return "it isn't rejected"
		}
		return ""
	case record == nil:
		return "it isn't there"
	case record.name != r.name && !(h.edited[r.id] && record.name == editedName) && !(w.shared && record.othersName()):
		return "the record holds something else"
	case h.names[e.Hash] != r.name || e.ID != record.id:
		return "the ledger shows something else"
	}
	return w.judgeLinks(r, record, letter, bad, same)
}

// judgeLinks says what is wrong with the links of a row's record.
func (w *world) judgeLinks(r simRow, record *simRecord, letter, bad bool, same map[string]bool) string {
	if problem := w.judgeShownLinks(r, record, letter); problem != "" {
		return problem
	}
	target := w.hub.at(w.hub.taken[fold(r.parent)])
	want := map[string]bool{}
	if same[r.parent] || w.hub.takenAway(r.parent) || w.hub.left[fold(r.parent)] || target != nil && w.hub.touched[target.key] {
		return ""
	}
	if r.parent != "" && target != nil {
		if w.refusedLink(r.id, target.key) {
			if !letter {
				return "its link isn't rejected"
			}
			letter = false
		} else {
			want[target.id] = true
		}
	}
	for id := range record.links {
		if to := w.hub.at(id); to == nil || w.hub.touched[to.key] {
			return "" // people took the other end away
		}
	}
	switch {
	case letter && !bad:
		return "it is rejected for nothing"
	case !maps.Equal(want, record.links):
		return "its links differ"
	}
	return ""
}

// judgeShownLinks says in what the links of a row's record differ from those that the ledger shows, whoever has laid hands on
// their other ends: a link to a record that was merged is one to the record that it was merged into. A row that asks for a link
// has one, waits for it, or is rejected.
func (w *world) judgeShownLinks(r simRow, record *simRecord, letter bool) string {
	e := w.store.Entry(r.id)
	if e.Waiting || letter {
		return ""
	}
	shown := map[string]bool{}
	for _, s := range e.Links {
		to := w.hub.at(s.ToID)
		if to == nil {
			continue // it is gone, and the link with it
		}
		if shown[to.id] = true; w.hub.merged[s.ToID] != "" || s.ToWas != "" {
			w.count("a link of a merged record at the end")
		}
		if !record.links[to.id] && !s.Intended && !w.hub.unseen[[2]string{record.id, to.id}] { // such a one may not have been made, before its end became another record
			return "a link that the ledger shows isn't there"
		}
	}
	for id := range record.links {
		if w.hub.at(id) != nil && !shown[id] {
			return "there is a link that the ledger doesn't show"
		}
	}
	if r.parent != "" && len(e.Links) == 0 {
		return "the link that it asks for is nowhere"
	}
	return ""
}

// refusedLink tells whether the destination never accepts a link between the records of two keys.
func (w *world) refusedLink(from, to string) bool {
	from, to = fold(from), fold(to) // whichever row has its record
	return from != to && len(from) > 1 && to == "k7" && from[1] == '1'
}
