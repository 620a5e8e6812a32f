package pipeline

import (
	"context"
	"fmt"
	"slices"

	"sluice/pipeline/failpoint"
)

// A recordKey names a record by a unique property.
type recordKey struct{ object, property, value string }

// recordsKept bounds the record ids that a run remembers, but for those of one batch; past it they are looked up again.
const recordsKept = 1 << 20

// The targets are the records that rows are to be linked to, as far as they are known. Only the reading goroutine uses them.
type targets struct {
	ids    map[recordKey]string
	missed map[recordKey]bool // looked up in the destination since links were last written
}

// forget keeps the tables within their bound. It is called before rows are looked up, never between, since all ids that they
// need must be there together.
func (t *targets) forget() {
	if len(t.ids)+len(t.missed) > recordsKept {
		clear(t.ids)
		clear(t.missed)
	}
}

// recordID is the property that names a record by its own id.
const recordID = "hs_object_id"

// resolve turns the keys of other records into their ids, as far as they are known, and works out which links each
// changed row asks for. Rows whose links have no target go by the link's policy: they wait, lose the link, or are
// rejected. Only changed rows come here, so that an unchanged one looks nothing up.
func (r *run) resolve(ctx context.Context, changes []*pending) ([]*pending, error) {
	if len(changes) == 0 || len(r.specs) == 0 {
		return changes, nil
	}
	if err := failpoint.At("resolve.before"); err != nil {
		return nil, err
	}
	r.targets.forget()
	for _, spec := range r.specs {
		for _, field := range []int{spec.FromField, spec.ToField} {
			if err := r.lookup(ctx, changes, field); err != nil {
				return nil, fmt.Errorf("resolve links: %w", err)
			}
		}
	}
	kept := changes[:0]
	for _, p := range changes {
		wants, err := r.linksOf(p)
		if err != nil {
			r.drop(p, Reject{Key: p.Key, Place: p.Place, Stage: "resolve", Code: rejectCode(err), Err: err})
			continue
		}
		r.want(p, wants)
		kept = append(kept, p)
	}
	if r.limits.LinksOnly {
		r.noteLinks(r.onlyPlannedWants(kept))
		return nil, nil
	}
	return kept, nil
}

// drop books a change that was rejected before it could be packed.
func (r *run) drop(p *pending, reject Reject) {
	r.mu.Lock()
	p.span.undecided--
	r.mu.Unlock()
	r.rejectRow(reject)
}

// lookup fills the run's table of record ids for one link field of the changes: from what our pipelines have written,
// and, where the row can't go on without the id, from the destination.
func (r *run) lookup(ctx context.Context, changes []*pending, field int) error {
	if field < 0 || r.schema.Fields[field].Lookup == nil {
		return nil
	}
	look := r.schema.Fields[field].Lookup
	ask := look.Missing != MissingPark || r.limits.Inline
	var unknown []string
	for _, p := range changes {
		ask = ask || len(p.entry.Links) > 0 // to tell whether the row's link is still the same
		v := p.row[field]
		if v.Type() != Ref || look.Property == recordID {
			continue
		}
		value := r.fold(look, v.Text())
		if _, ok := r.targets.ids[recordKey{look.Object, look.Property, value}]; !ok {
			unknown = append(unknown, value)
		}
	}
	slices.Sort(unknown)
	return r.learn(ctx, look, slices.Compact(unknown), ask)
}

// learn adds the ids of records to the run's table; with ask it asks the destination for those that no pipeline of ours
// has written. What isn't found isn't remembered: it may be there a moment later.
func (r *run) learn(ctx context.Context, look *Lookup, values []string, ask bool) error {
	if len(values) == 0 {
		return nil
	}
	known, err := r.store.Records(ctx, r.account, look.Object, look.Property, values)
	if err != nil {
		return err
	}
	var unknown []string
	for _, value := range values {
		if id, ok := known[value]; ok {
			r.targets.ids[recordKey{look.Object, look.Property, value}] = id
		} else {
			unknown = append(unknown, value)
		}
	}
	if !ask || len(unknown) == 0 || r.finder == nil {
		return nil
	}
	if err := failpoint.At("find.before"); err != nil {
		return err
	}
	found, err := r.finder.Find(ctx, look.Object, look.Property, unknown)
	if err == nil {
		err = failpoint.At("find.after")
	}
	for value, id := range found {
		r.targets.ids[recordKey{look.Object, look.Property, value}] = id
	}
	return err
}

// fold returns a value as the destination compares it.
func (r *run) fold(look *Lookup, value string) string {
	if r.finder == nil {
		return value
	}
	return r.finder.Fold(look.Object, look.Property, value)
}

// linksOf returns the links that a row stands for. A null end means no link.
func (r *run) linksOf(p *pending) ([]LinkChange, error) {
	var links []LinkChange
	for _, spec := range r.specs {
		link := LinkChange{Key: p.Key, Slot: spec.Slot, Label: spec.Label, From: LinkEnd{Object: spec.FromObject, ID: p.ID}}
		ok, err := true, error(nil)
		if spec.FromField >= 0 {
			if link.From, ok, err = r.linkEnd(p, spec.FromObject, spec.FromField); err != nil {
				return nil, err
			}
		}
		if !ok {
			continue
		}
		if link.To, ok, err = r.linkEnd(p, spec.ToObject, spec.ToField); err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if spec.LabelField >= 0 {
			link.Label = p.row[spec.LabelField].String()
		}
		links = append(links, link)
	}
	return links, nil
}

// linkEnd returns the end of a link that a field names; false if there is none.
func (r *run) linkEnd(p *pending, object string, field int) (LinkEnd, bool, error) {
	v, look := p.row[field], r.schema.Fields[field].Lookup
	if v.IsNull() || v.String() == "" {
		return LinkEnd{}, false, nil
	}
	if look == nil || look.Property == recordID {
		return LinkEnd{Object: object, ID: v.String()}, true, nil
	}
	value := r.fold(look, v.Text())
	end := LinkEnd{Object: look.Object, Property: look.Property, Value: value, ID: r.targets.ids[recordKey{look.Object, look.Property, value}]}
	if end.ID == "" && look.Missing == MissingReject {
		return end, false, Rejectf("missing_link", "%s: there is no record of %s whose %s is %q: write it first, or set missing: park or skip",
			r.schema.Fields[field].Name, look.Object, look.Property, v.Text())
	}
	return end, end.ID != "" || look.Missing != MissingSkip, nil
}

// want works out what must be done so that a row's links become those it stands for: what the ledger shows already is
// left alone, and what it shows beyond them is removed. What was only intended is asked for again, and so is what the ledger
// shows of a former record, while it has none of the row.
func (r *run) want(p *pending, links []LinkChange) {
	kept := make([]bool, len(p.entry.Links))
	for _, link := range links {
		same := slices.IndexFunc(p.entry.Links, func(s LinkState) bool { return s.holds(&link) })
		if same >= 0 {
			kept[same] = true
			s := &p.entry.Links[same]
			if s.Label == link.Label && !s.Intended && !p.entry.Waiting && link.From.Name() != "" {
				continue
			}
			link = s.asAsked(link)
		}
		p.wants = append(p.wants, link)
	}
	for i, s := range p.entry.Links {
		if !kept[i] {
			p.wants = append(p.wants, s.removal(p.Key))
		}
	}
	if !r.limits.Inline {
		return
	}
	for _, w := range p.wants {
		if w.To.ID != "" && !w.Remove {
			p.Links = append(p.Links, w)
		}
	}
}

// holds tells whether the state is one of the link's own slot and ends. A record that was merged goes by either id.
func (s *LinkState) holds(l *LinkChange) bool {
	is := func(id, former, asked string) bool { return id == asked || former == asked && former != "" }
	return s.Slot == l.Slot && is(s.ToID, s.ToWas, l.To.ID) && (l.From.ID == "" || is(s.FromID, s.FromWas, l.From.ID))
}

// removal returns the change that takes the link back.
func (s *LinkState) removal(key string) LinkChange {
	was, asked := *s, s.asked()
	return LinkChange{Key: key, Slot: s.Slot, Remove: true, Label: s.Label, Was: &was,
		From: LinkEnd{Object: s.From, ID: asked[0]}, To: LinkEnd{Object: s.To, ID: asked[1]}}
}

// noteLinks books rows that are links: what they ask for is kept by the next commit, and written from the store's list
// of waiting links. Until then a row counts as held.
func (r *run) noteLinks(changes []*pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range changes {
		p.span.undecided--
		if len(p.wants) == 0 {
			r.judge(false)
			r.books.report.Unchanged++
			r.books.track(p.Key, p.Place, nil, 0)
		} else {
			r.books.report.Held++
			r.books.track(p.Key, p.Place, &r.books.report.Held, len(p.wants))
			r.books.wanted += len(p.wants)
		}
		r.note(p, Decision{Key: p.Key, Version: p.Version, Hash: p.Hash, Verdict: Done, Links: p.wants, Before: p.before(), Place: p.Place})
	}
}
