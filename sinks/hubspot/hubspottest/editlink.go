package hubspottest

import (
	"errors"
	"fmt"
	"slices"
)

// A LinkEdit is what a person does to the link between two records in HubSpot's own pages, past limits and faults.
type LinkEdit struct {
	Action   string // link: the labels are added to those that the pair has; unlink: they are taken away, or the pair, if none is named
	From, ID string // object and record at the one end
	To, With string // and at the other
	Labels   []string
}

// EditLink carries out an edit of a link.
func (s *Server) EditLink(e LinkEdit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ends := endpoints{from: s.portal.resolve(e.From), to: s.portal.resolve(e.To)}
	if ends.from == nil || ends.to == nil {
		return fmt.Errorf("unknown object type %q or %q", e.From, e.To)
	}
	ends, refusal := s.locate(ends, e.ID, e.With)
	if refusal != nil {
		return errors.New(refusal.Message)
	}
	there := end(ends.from, ends.a, ends.to)
	have := slices.Clone(s.portal.links.typesOf(there, ends.b))
	var named []*assocType
	for _, t := range s.portal.links.types[there.pairOf] {
		if slices.Contains(e.Labels, t.Label) {
			named = append(named, t)
		}
	}
	w := writer{now: s.now(), by: "admin"}
	switch {
	case e.Action == "link":
		s.relabel(w, ends.from, ends.a, ends.to, ends.b, append(have, named...))
	case len(e.Labels) == 0:
		s.unlink(w, ends.from, ends.a, ends.to, ends.b)
	case have != nil:
		left := slices.DeleteFunc(have, func(t *assocType) bool { return slices.Contains(named, t) })
		s.relabel(w, ends.from, ends.a, ends.to, ends.b, left)
	}
	return nil
}
