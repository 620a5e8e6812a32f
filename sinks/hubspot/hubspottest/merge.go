package hubspottest

import (
	"net/http"
	"slices"
	"strings"
)

// mergeObjects answers POST …/merge (11.3).
func mergeObjects(c *call) *reply {
	var body struct {
		Primary flexID `json:"primaryObjectId"`
		Other   flexID `json:"objectIdToMerge"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.one(http.StatusOK, func(t *objectType) (result, *apiError) {
		r, err := c.s.merge(c.writer(), t, string(body.Primary), string(body.Other))
		if err != nil {
			return result{}, err
		}
		res := c.s.result(t, r)
		res.show = t.shown(nil)
		return res, nil
	})
}

// merge folds one record into another. The primary's values win. The survivor keeps the primary's id, or gets a new
// one (Switches.MergeNewID); the former ids lead to it from then on.
func (s *Server) merge(w writer, t *objectType, primary, other string) (*record, *apiError) {
	a, b := t.live(primary), t.live(other)
	if a == nil || b == nil || a == b {
		return nil, notFound("Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", t.upper()).with("ids", primary, other)
	}
	s.remember(t, a, w.now)
	s.remember(t, b, w.now)
	s.claim(t, a, a.values, false)
	s.claim(t, b, b.values, false)
	a.values = s.mergedValues(t, a, b)
	former := []string{a.merged, b.merged, idText(b.id)}
	delete(t.records, b.id)
	s.moveLinks(w, t, b.id, a.id)
	t.merged[b.id] = a.id
	if s.opt.Switches.MergeNewID {
		old := a.id
		delete(t.records, old)
		a.id = s.nextRecordID()
		t.records[a.id] = a
		t.ids = append(t.ids, a.id)
		t.merged[old], t.merged[b.id] = a.id, a.id
		former = append(former, idText(old))
		s.moveLinks(w, t, old, a.id)
	}
	a.merged = strings.Join(slices.DeleteFunc(former, func(id string) bool { return id == "" }), ";")
	a.updated = max(a.updated, w.now.UnixMilli())
	s.claim(t, a, a.values, true)
	s.log.write(w, t, a.id, "merge", "", a.values)
	return a, nil
}

// mergedValues lets b fill what a lacks. A contact keeps both addresses (7).
func (s *Server) mergedValues(t *objectType, a, b *record) []value {
	var fill []value
	emails := []string{}
	email, more := t.props["email"], t.props["hs_additional_emails"]
	for _, v := range b.values {
		switch {
		case more != nil && (v.def == more || v.def == email && a.get(email) != ""):
			emails = append(emails, slices.Collect(splitList(v.text))...)
		case a.get(v.def) == "":
			fill = append(fill, v)
		}
	}
	if len(emails) > 0 {
		have := slices.Collect(splitList(a.get(more)))
		fill = append(fill, value{more, strings.Join(append(have, emails...), ";")})
	}
	return mergeValues(a.values, fill)
}

// moveLinks gives one record's links to another.
func (s *Server) moveLinks(w writer, t *objectType, from, to int64) {
	links := &s.portal.links
	for _, other := range s.portal.types {
		for _, e := range slices.Clone(links.of(t, from, other)) {
			links.set(end(t, from, other), e.to, nil)
			links.set(end(other, e.to, t), from, nil)
			if other == t && e.to == to {
				continue
			}
			have := links.typesOf(end(t, to, other), e.to)
			s.relabel(w, t, to, other, e.to, append(slices.Clone(have), e.types...))
		}
	}
}

// gdprDelete answers POST …/gdpr-delete: the record is gone for good (11.4).
func gdprDelete(c *call) *reply {
	var body struct {
		ID         flexID `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.definition(http.StatusNoContent, func(t *objectType) (any, *apiError) {
		key, err := c.s.readKey(t, body.IDProperty)
		if err != nil {
			return nil, err
		}
		if r := c.s.lookUp(c, t, key, string(body.ID)); r != nil {
			c.s.erase(c.writer(), t, r)
		}
		return nil, nil
	})
}

func (s *Server) erase(w writer, t *objectType, r *record) {
	s.remember(t, r, w.now)
	s.claim(t, r, r.values, false)
	for _, v := range r.values {
		if v.def.email || v.def.Name == "hs_additional_emails" {
			for email := range splitList(v.text) {
				s.portal.blocked[email] = true
			}
		}
	}
	s.portal.links.dropAll(t, r.id)
	delete(t.records, r.id)
	s.log.write(w, t, r.id, "delete", "", nil)
}
