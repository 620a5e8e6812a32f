package pipeline

import (
	"context"
	"slices"
)

// show notes what a decision does to its row, if there is room for it. The caller holds mu.
func (s *rehearsal) show(d *Decision, e *Entry) {
	switch {
	case d.Reject != nil:
		s.showReject(d.Reject)
		return
	case d.Verdict != Done || d.Action == 0 && len(d.Links)+len(s.kept[d.Key]) == 0:
		return
	}
	c := PlannedChange{Action: PlanLink, Key: d.Key, Place: d.Place.String(), Object: s.pipeline.Sink.Limits().Object, ID: e.ID}
	if _, made := madeID(e.ID); made {
		c.ID = ""
	}
	switch {
	case d.Action == Archive:
		c.Action = PlanArchive
	case d.Action != 0 && d.Made:
		c.Action, c.Fields = PlanCreate, Sent(nil).Changes(d.Sent)
		c.Fields = slices.DeleteFunc(c.Fields, func(f FieldChange) bool { return f.New == "" })
	case d.Action != 0:
		c.Action, c.Unknown, c.Fields = PlanUpdate, e.Version > 0 && e.Sent == nil, e.Sent.Changes(d.Sent)
	case len(d.Links) == 0:
		c.Action = PlanKeep
	}
	s.showKept(&c)
	if c.Action == PlanUpdate && len(c.Fields)+len(d.Links)+len(c.Kept) == 0 {
		c.Reason = "the values are the same, but not what they are made of: the mapping or the key of a linked record is another one"
	}
	for i := range d.Links {
		c.add(&d.Links[i], e.Links)
	}
	s.compareLive(&c)
	s.put(c)
}

// put adds a change to those that are shown, or counts it. The caller holds mu.
func (s *rehearsal) put(c PlannedChange) {
	if len(s.plan.Changes) >= s.most {
		s.plan.Omitted++
		return
	}
	s.shown[c.Key] = len(s.plan.Changes)
	s.plan.Changes = append(s.plan.Changes, c)
}

// showReject notes a row that would be rejected. The caller holds mu.
func (s *rehearsal) showReject(r *Reject) {
	c := PlannedChange{Action: PlanReject, Key: r.Key, Place: r.Place.String(), Object: s.pipeline.Sink.Limits().Object, Code: r.Code}
	if r.Err != nil {
		c.Reason = r.Err.Error()
	}
	s.put(c)
}

// add adds a link that is wanted; what becomes of it isn't known yet.
func (c *PlannedChange) add(l *LinkChange, have []LinkState) {
	p := PlannedLink{Label: l.Label, To: LinkedEnd{Object: l.To.Object, Name: l.To.Value, ID: l.To.ID}}
	if c.Object == "" {
		p.From = &LinkedEnd{Object: l.From.Object, Name: l.From.Value, ID: l.From.ID}
	}
	at := slices.IndexFunc(have, func(s LinkState) bool { return s.holds(l) })
	if at >= 0 && !l.Remove && have[at].Label != l.Label {
		p.Was = have[at].Label
	}
	c.Links = append(c.Links, p)
	c.wants = append(c.wants, *l)
}

// showLink notes what becomes of a link. One that an earlier run has left waiting gets a row of its own. The caller holds mu.
func (s *rehearsal) showLink(o *LinkOutcome) {
	key := o.Change.Key
	at, ok := s.shown[key]
	if _, decided := s.written[keyHash(key)]; !ok && !decided && !o.NoOp {
		c := PlannedChange{Action: PlanLink, Key: key, Object: s.pipeline.Sink.Limits().Object}
		c.add(o.Change, nil)
		s.put(c)
		at, ok = s.shown[key]
	}
	if !ok {
		return
	}
	c := &s.plan.Changes[at]
	i := slices.IndexFunc(c.wants, func(l LinkChange) bool { return l.became(o.Change) })
	if i < 0 {
		c.add(o.Change, nil)
		i = len(c.wants) - 1
	}
	l := &c.Links[i]
	switch {
	case o.Verdict == Refused:
		l.Action, l.Reason = PlanReject, o.Err.Error()
	case o.NoOp:
		l.Action = planNothing
	case o.Change.Remove:
		l.Action = PlanUnlink
	default:
		l.Action = PlanLink
	}
}

// became tells whether a link is what a row wanted; the row's own record may have got its id since.
func (l LinkChange) became(decided *LinkChange) bool {
	if l.From.Name() == "" {
		l.From = decided.From
	}
	return l.Compare(*decided) == 0
}

// showInline notes links that are made together with their record. The caller holds mu.
func (s *rehearsal) showInline(links []LinkDecision) {
	for i := range links {
		l := &links[i]
		if at, ok := s.shown[l.Key]; ok && l.State != nil {
			change := l.State.link(l.Key)
			c := &s.plan.Changes[at]
			c.add(&change, nil)
			c.Links[len(c.Links)-1].Action = PlanLink
		}
	}
}

// planNothing marks a link that is there as it should be.
const planNothing = "nothing"

// end completes the plan: links that were not decided are parked, and the records at their ends get names.
func (s *rehearsal) end(ctx context.Context, all []*rehearsal) Plan {
	names := s.names(ctx, all)
	for i := range s.plan.Changes {
		c := &s.plan.Changes[i]
		parked := 0
		for j := range c.Links {
			l := &c.Links[j]
			if l.Action == "" {
				l.Action = PlanPark
				parked++
			}
			for _, end := range []*LinkedEnd{l.From, &l.To} {
				names.name(end)
			}
		}
		c.Links = slices.DeleteFunc(c.Links, func(l PlannedLink) bool { return l.Action == planNothing })
		if c.Action == PlanLink && parked > 0 && parked == len(c.Links) {
			c.Action = PlanPark
		}
	}
	s.plan.Changes = slices.DeleteFunc(s.plan.Changes, func(c PlannedChange) bool { return c.Action == PlanLink && len(c.Links) == 0 && len(c.wants) > 0 })
	return s.plan
}

// names returns the keys by which people know the records at the ends of links that are only known by their ids.
func (s *rehearsal) names(ctx context.Context, all []*rehearsal) endNames {
	ids := map[string][]string{}
	for i := range s.plan.Changes {
		for _, l := range s.plan.Changes[i].Links {
			for _, end := range []*LinkedEnd{l.From, &l.To} {
				if end != nil && end.Name == "" && end.ID != "" {
					ids[end.Object] = append(ids[end.Object], end.ID)
				}
			}
		}
	}
	names := endNames{}
	for _, other := range all {
		object := other.pipeline.Sink.Limits().Object
		if object == "" || len(ids[object]) == 0 {
			continue
		}
		found, err := s.Store.Owners(ctx, other.pipeline.Name, ids[object])
		if err != nil {
			continue // the ids tell, too
		}
		for id, key := range found {
			names[LinkedEnd{Object: object, ID: id}] = key
		}
	}
	return names
}

// endNames are the names of records, by object and id.
type endNames map[LinkedEnd]string

func (n endNames) name(end *LinkedEnd) {
	if end == nil {
		return
	}
	if end.Name == "" {
		end.Name = n[LinkedEnd{Object: end.Object, ID: end.ID}]
	}
	if _, made := madeID(end.ID); made {
		end.ID = ""
	}
}

// showKept has a change show which properties stay as others have set them. One that the record was found by is only of
// interest where the row has another value for it than the last time. The caller holds mu.
func (s *rehearsal) showKept(c *PlannedChange) {
	for _, k := range s.kept[c.Key] {
		n := len(c.Fields)
		c.Fields = slices.DeleteFunc(c.Fields, func(f FieldChange) bool { return f.Property == k.Property })
		if k.Why != KeptAlias || len(c.Fields) < n {
			c.Kept = append(c.Kept, k)
		}
	}
	delete(s.kept, c.Key)
}
