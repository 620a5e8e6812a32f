package pipeline_test

import (
	"context"
	"slices"
	"time"

	"sluice/pipeline"
)

// What others name records.
const (
	editedName  = "edited" // by people who change them
	foreignName = "theirs" // by those who have made them
)

// shares makes some worlds of records ones in which a record's name is left as others have set it.
func (w *world) shares() {
	w.shared = w.pairs == nil && !w.collisions && w.s.dice("shared").chance(0.4)
}

// A sharing is the transform of such a world.
type sharing struct{ mapped }

func (s sharing) Open(ctx context.Context, env pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	opened, err := s.mapped.Open(ctx, env, in)
	if err == nil {
		fields := opened.Schema().Fields
		for i := range fields {
			fields[i].Shared = fields[i].Role == pipeline.Property
		}
	}
	return opened, err
}

// Keep reads names right before they are written, and whether records may be archived.
func (k *simSink) Keep(ctx context.Context, changes []pipeline.Change) (outcomes []pipeline.Outcome, _ error) {
	w, h := k.p.w, k.hub
	if action := changes[0].Action; action != pipeline.Archive && (!w.shared || action != pipeline.Update && action != pipeline.Upsert) {
		return nil, nil
	}
	d := k.p.dice("keep")
	if err := k.ask(ctx, d, "keep"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	for i := range changes {
		c := &changes[i]
		if c.Action == pipeline.Archive {
			outcomes = append(outcomes, h.keep(c, w.faulty && d.chance(w.readFaults))...)
			continue
		}
		c.Kept, h.reads[c.TraceID] = nil, time.Now()
		id := c.ID
		if c.Action == pipeline.Upsert {
			id = h.taken[c.Match]
		}
		if r := h.at(id); r != nil && h.spare(k.p, c, r) {
			outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Done, ID: r.id, NoOp: true, Same: true})
		}
	}
	w.mu.Unlock()
	return outcomes, k.p.sleep(d.wide(time.Millisecond, w.slow), d)
}

// spare tells whether a change leaves a record's name as it is: it has that name already, or others have set another one.
func (h *hub) spare(p *process, c *pipeline.Change, r *simRecord) bool {
	want, ever := c.Values[0].String(), false
	if r.name != want {
		for i, sent := range append([]pipeline.Sent{c.Was}, c.Tried...) {
			name, ok := sent.Value("name")
			if ok && name == r.name {
				h.w.count(map[bool]string{true: "named by an attempt that got no answer", false: "named by the last write"}[i > 0])
				return false
			}
			ever = ever || ok
		}
		why := pipeline.KeptOthers
		if ever {
			why = pipeline.KeptEdited
		}
		h.w.count("kept: " + string(why))
		c.Kept = []pipeline.Kept{{Property: "name", Want: want, Got: r.name, Why: why}}
		if !r.othersName() && !h.w.merges && p.epoch == h.w.store.Epoch() { // one that was taken over knows nothing any more
			h.w.violate("%q of record %s is taken for somebody's, but a run has written it: version %d of %q, last %v, tried %v", r.name, r.id, c.Version, c.Key, c.Was, c.Tried)
		}
	}
	h.spared[c.Key] = append(h.spared[c.Key], c.Hash)
	return true
}

// othersName tells whether others have named the record.
func (r *simRecord) othersName() bool {
	return r.name == editedName || r.foreign && r.name == foreignName
}

// overwrites looks at a name that is about to be written. An attempt leaves alone what others had set when it read: what they
// set afterwards, nobody can save.
func (h *hub) overwrites(r *simRecord, c *pipeline.Change, f *flight, name string) {
	switch {
	case !h.w.shared || !r.othersName() || name == r.name:
	case r.named.After(f.kept), r.merged.After(f.kept): // of a record that was merged, the survivor's name
		h.w.count("a name was set between reading and writing")
	default:
		h.w.violate("record %s of %q was named %q by others, and is overwritten by version %d of %q, read before", r.id, r.key, r.name, c.Version, c.Key)
	}
}

// wasSpared tells whether a change needed no write when its record was read.
func (h *hub) wasSpared(d *pipeline.Decision) bool { return slices.Contains(h.spared[d.Key], d.Hash) }
