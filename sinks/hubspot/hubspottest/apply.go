package hubspottest

import (
	"slices"
	"time"
)

// A writer is who changes the portal, for the log.
type writer struct {
	now     time.Time
	request int64
	by      string // api or admin
}

func (c *call) writer() writer { return writer{c.now, c.seq, "api"} }

// apply carries out a change. It returns the record and whether it is new.
func (s *Server) apply(w writer, ch *change) (*record, bool) {
	t, r, fresh, ms := ch.t, ch.rec, ch.rec == nil, w.now.UnixMilli()
	if fresh {
		r = &record{id: s.nextRecordID(), created: ms}
		s.remember(t, r, w.now)
		t.records[r.id] = r
		t.ids = append(t.ids, r.id)
		if t.pipeline != nil && !ch.sets(t.pipeline) && ch.sets(t.stage) {
			ch.set = append(ch.set, value{t.pipeline, t.pipes[0].ID})
		}
	} else {
		s.remember(t, r, w.now)
		s.claim(t, r, ch.replaced(), false)
	}
	ch.set = ch.keepStage(r)
	r.values = mergeValues(r.values, ch.set)
	r.updated = max(ms, r.updated)
	s.claim(t, r, ch.set, true)
	action := "update"
	if fresh {
		action = "create"
	}
	s.log.write(w, t, r.id, action, ch.trace, ch.set)
	for _, l := range ch.links {
		s.link(w, t, r.id, l)
	}
	return r, fresh
}

// replaced returns the present values of the properties that the change sets.
func (ch *change) replaced() []value {
	var old []value
	for _, v := range ch.rec.values {
		if ch.sets(v.def) {
			old = append(old, v)
		}
	}
	return old
}

// keepStage drops a lifecycle stage that would move back: HubSpot ignores it without a word (8.4).
func (ch *change) keepStage(r *record) []value {
	p := ch.t.props["lifecyclestage"]
	if p == nil || !p.Defined || !ch.sets(p) {
		return ch.set
	}
	rank := func(v string) int {
		return slices.IndexFunc(p.Options, func(o option) bool { return o.Value == v })
	}
	now, next := r.get(p), ch.would(p)
	if now == "" || next == "" || rank(next) >= rank(now) {
		return ch.set
	}
	return slices.DeleteFunc(slices.Clone(ch.set), func(v value) bool { return v.def == p })
}
