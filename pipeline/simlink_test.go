package pipeline_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"sluice/pipeline"
)

// Find tells the ids of records by their unique value.
func (k *simSink) Find(ctx context.Context, _, _ string, values []string) (map[string]string, error) {
	d := k.p.dice("find")
	if err := k.ask(ctx, d, "find"); err != nil {
		return nil, err
	}
	k.p.w.mu.Lock()
	found := map[string]string{}
	for _, v := range values {
		if r := k.hub.at(k.hub.taken[fold(v)]); r != nil {
			found[v] = r.id
		}
	}
	k.p.w.mu.Unlock()
	return found, k.p.sleep(d.wide(time.Millisecond, k.p.w.slow), d)
}

// Link makes and removes links; some have no effect, and of some the answer is lost.
func (k *simSink) Link(ctx context.Context, links []pipeline.LinkChange, intend func(context.Context, []pipeline.LinkOutcome) error) ([]pipeline.LinkOutcome, error) {
	w, p := k.p.w, k.p
	d := p.dice("link")
	var intended []pipeline.LinkOutcome
	for i := range links {
		if l := &links[i]; !l.Remove {
			intended = append(intended, pipeline.LinkOutcome{Change: l, State: linkState(l)})
		}
	}
	if err := intend(ctx, intended); err != nil {
		return nil, err
	}
	if err := p.step("before links"); err != nil {
		return nil, err
	}
	if err := pipeline.Permitted(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	time.Sleep(d.wide(time.Millisecond, w.slow))
	outcomes := k.relate(d, links)
	if err := p.step("after links"); err != nil {
		return nil, err
	}
	if err := p.sleep(d.wide(time.Millisecond, w.slow), d); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return outcomes, nil
}

func linkState(l *pipeline.LinkChange) *pipeline.LinkState {
	from, to := l.Records()
	return &pipeline.LinkState{Slot: l.Slot, FromID: from, ToID: to, From: l.From.Object, To: l.To.Object, Label: l.Label, Made: true}
}

// askedFor tells whether another link of ours asks for what a change takes back.
func (h *hub) askedFor(l *pipeline.LinkChange, links []pipeline.LinkChange) bool {
	from, to := l.Records()
	is := func(a, b string) bool {
		return h.merged.survivor(a) == h.merged.survivor(from) && h.merged.survivor(b) == h.merged.survivor(to)
	}
	return slices.ContainsFunc(l.Shared, func(s pipeline.LinkState) bool { return is(s.FromID, s.ToID) }) ||
		slices.ContainsFunc(links, func(other pipeline.LinkChange) bool { a, b := other.Records(); return !other.Remove && is(a, b) })
}

// relate carries link changes out.
func (k *simSink) relate(d *dice, links []pipeline.LinkChange) (outcomes []pipeline.LinkOutcome) {
	w, h := k.p.w, k.hub
	w.mu.Lock()
	defer w.mu.Unlock()
	lost := d.chance(w.fault(w.writeFaults))
	for i := range links {
		l := &links[i]
		if lost && d.chance(0.3) {
			w.count("link dropped")
			continue
		}
		o := pipeline.LinkOutcome{Change: l, Verdict: pipeline.Done}
		fromID, toID := l.Records()
		from, to := h.at(fromID), h.at(toID)
		switch {
		case (w.unfollowed || l.Remove) && (h.merged[fromID] != "" || h.merged[toID] != ""): // a sink reads what it takes back
			w.count(map[bool]string{true: "unlinked: a record was merged", false: "linked: a record was merged"}[l.Remove])
			o.Verdict, o.Merged = pipeline.Found, [2]pipeline.Survivor{h.merged.into(fromID), h.merged.into(toID)}
		case l.Remove:
			if o.NoOp = from == nil || !from.links[h.merged.survivor(toID)] || h.askedFor(l, links); !o.NoOp {
				w.count("unlinked")
				delete(from.links, h.merged.survivor(toID))
				h.unseen[[2]string{from.id, h.merged.survivor(toID)}] = l.To.Survivor.ID == "" && slices.Contains(slices.Collect(maps.Values(h.merged)), toID)
			}
		case from == nil || to == nil:
			w.count("link of a record that is gone")
			o.Verdict, o.NoOp, o.Err = pipeline.Refused, true, pipeline.Rejectf("no_record", "an end isn't there")
		case w.refusedLink(from.key, to.key):
			w.count("link refused")
			o.Verdict, o.NoOp, o.Err = pipeline.Refused, true, pipeline.Rejectf("no_link", "the destination refuses the link")
		default:
			if l.Was == nil && !from.links[to.id] {
				w.count("linked")
			}
			o.NoOp = from.links[to.id]
			from.links[to.id] = true
			o.State = linkState(l)
		}
		w.s.note("%s link %q remove %v %s > %s: %d", k.p.name, l.Key, l.Remove, l.From.ID, l.To.ID, o.Verdict)
		if lost && d.chance(0.5) {
			w.count("link answer lost")
			continue
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}
