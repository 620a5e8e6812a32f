package pipeline_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/pipeline"
)

// mirrored makes some worlds of records ones of a mirror, in which others have made records before.
func (w *world) mirrored() {
	d := w.s.dice("mirror")
	if w.pairs != nil || w.incremental || w.hub.limits.CreateOnly || !d.chance(0.8) {
		return
	}
	w.hub.limits.Mirror = true
	if d.chance(0.4) {
		w.hub.limits.MaxArchive = &pipeline.Quota{Share: 0.1, Count: int64(d.n(4))}
	}
	for range d.n(6) {
		w.othersMake(d)
	}
}

// mirrors tells whether what has left the source is archived.
func (w *world) mirrors() bool { return w.hub.limits.Mirror && w.pairs == nil }

// othersMake makes a record in the destination that has the match value of a key, unless one was ever written, or is about to
// be: one that others make while a write is in doubt may be taken for our own, as RELIABILITY.md says.
func (w *world) othersMake(d *dice) {
	if !w.mirrors() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h, key := w.hub, fmt.Sprintf("k%d", d.n(30))
	for _, g := range w.store.Open() {
		if slices.ContainsFunc(g.Intents, func(in pipeline.Intent) bool { return in.Match == fold(key) }) {
			return
		}
	}
	if len(h.sent[key]) > 0 || h.taken[fold(key)] != "" {
		return
	}
	h.serial++
	r := &simRecord{id: fmt.Sprint(1000 + h.serial), key: key, match: fold(key), name: foreignName, named: time.Now(), made: time.Now(), foreign: true, versions: map[string]int64{}, links: map[string]bool{}}
	h.records[r.id], h.taken[r.match] = r, r.id
	w.s.note("somebody makes record %s of %s", r.id, key)
}

// keys returns the keys that a record was written for; of one that wasn't, the key that it could be written for.
func (r *simRecord) keys() []string {
	if len(r.versions) == 0 {
		return []string{r.key}
	}
	return slices.Collect(maps.Keys(r.versions))
}

// rowsOf returns the keys of the rows whose record one is: those that it was written for, and those that spell its match value
// in another way, if a look has led them there, or the ledger shows it as theirs.
func (h *hub) rowsOf(r *simRecord) []string {
	keys := r.keys()
	for key, flights := range h.sent {
		led := slices.ContainsFunc(flights, func(f *flight) bool { return f.led == r.id })
		if fold(key) == r.match && (led || h.merged.survivor(h.w.store.Entry(key).ID) == r.id) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// madeBy tells whether an attempt at a change has made a record, by their ages.
func (h *hub) madeBy(r *simRecord, c *pipeline.Change) bool {
	made := !c.Begun.IsZero() && !r.made.Before(c.Begun) && (c.ID == "" || c.ID == r.id)
	if made && h.limits.Mirror {
		h.w.count("made by an attempt that got no answer")
	}
	return made
}

// keep looks at a record that is to be archived, and says why it mustn't be; nothing if it may.
func (h *hub) keep(c *pipeline.Change, unsure bool) []pipeline.Outcome {
	h.looked[c.TraceID] = time.Now()
	r := h.records[c.ID]
	switch {
	case unsure:
		h.w.count("archiving was put off")
		return []pipeline.Outcome{{TraceID: c.TraceID, Verdict: pipeline.Unwritten, Passing: true}}
	case r != nil && r.gone && r.merged.IsZero() && !c.Sent.IsZero(): // an earlier attempt may have done that
	case r == nil || r.gone || !r.merged.IsZero():
		h.w.count("let go: archived or merged by people")
		return []pipeline.Outcome{{TraceID: c.TraceID, Verdict: pipeline.Done, ID: c.ID, NoOp: true}}
	}
	return nil
}

// archive archives a record as HubSpot does: the id of one that was merged away stands for the one that it was merged into.
func (h *hub) archive(c *pipeline.Change, f *flight) {
	r := h.at(c.ID)
	if r == nil {
		return
	}
	switch looked := h.looked[c.TraceID]; {
	case !r.merged.IsZero() && (r.merged.After(looked) || r.merged.After(f.at)): // after the look, or while the request was on its way: it may have been read back since
		for _, key := range r.keys() {
			h.touched[key] = true
		}
	case r.id != c.ID || !r.merged.IsZero():
		h.w.violate("record %s of %q is archived for %q, but was merged before somebody looked", r.id, r.key, c.Key)
	case r.foreign:
		h.w.violate("record %s is archived for %q, but others have made it", r.id, c.Key)
	}
	h.w.count("archived by the pipeline")
	h.w.s.note("record %s of %s is archived", r.id, r.key)
	h.lose(r)
	r.gone, h.left[r.match] = true, true
}

// letGo tells whether the ledger may let go of a record.
func (h *hub) letGo(id string) bool {
	r := h.records[id]
	return r == nil || r.gone || !r.merged.IsZero() || h.w.collisions || h.w.merges
}

// auditMirror looks at what a run that ended has archived.
func (w *world) auditMirror(p *process) {
	q := w.hub.limits.MaxArchive
	if _, stopped := errors.AsType[*pipeline.MassChangeError](p.err); stopped {
		w.count("stopped for a mass change")
		if p.opts.AllowMassChange || p.report.Archived > 0 {
			w.violate("%s was stopped for a mass change, but archived %d", p.name, p.report.Archived)
		}
	}
	known := int64(len(w.hub.records))
	if q != nil && !p.opts.AllowMassChange && p.report.Archived > max(int64(q.Share*float64(known)), q.Count) {
		w.violate("%s archived %d of at most %d records, more than its quota %v", p.name, p.report.Archived, known, q)
	}
}

// finalMirror looks for records of rows that have left the source, once a run has ended well (I10).
func (w *world) finalMirror(same map[string]bool) {
	if !w.mirrors() {
		return
	}
	here := map[string]bool{}
	for _, r := range w.sources[w.version] {
		if r.id == "" || r.id == unreadable {
			w.count("a mirror that couldn't read all keys")
			return
		}
		here[r.id] = here[r.id] || r.name != "drop"
	}
	for _, r := range w.hub.live() {
		if !here[r.key] && !r.foreign && !same[r.key] && !w.hub.touched[r.key] && r.merged.IsZero() {
			w.violate("I10: record %s of %q is there, but its row has left; ledger %+v", r.id, r.key, w.store.Entry(r.key))
		}
	}
	w.count("mirrored records")
}
