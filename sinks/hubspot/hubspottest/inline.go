package hubspottest

import "strconv"

// A newLink is a checked inline association (10.3).
type newLink struct {
	to    *objectType
	id    int64
	types []*assocType
}

// inlineLinks checks the associations of a create. The type ids tell which object the other end is.
func (s *Server) inlineLinks(t *objectType, list []inline) ([]newLink, *apiError) {
	var links []newLink
	for _, in := range list {
		var l newLink
		for _, spec := range in.types {
			to, a := s.anyType(t, spec)
			if a == nil || l.to != nil && l.to != to {
				return nil, invalid("%s is not a valid association type of %s", strconv.Itoa(spec.ID), t.upper())
			}
			l.to = to
			l.types = append(l.types, a)
		}
		if l.to == nil {
			return nil, invalid("Some required fields were not set: [types]")
		}
		r := l.to.live(in.to)
		if r == nil {
			return nil, notFound("Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", l.to.upper()).with("ids", in.to)
		}
		l.id = r.id
		links = append(links, l)
	}
	return links, nil
}

// anyType finds an association type that starts at t, whatever the other end.
func (s *Server) anyType(t *objectType, spec specInput) (*objectType, *assocType) {
	for _, to := range s.portal.types {
		p := pairOf{t.index, to.index}
		if a := s.portal.links.typeBy(p, spec.Category, spec.ID); a != nil {
			return to, a
		}
	}
	return nil, nil
}

func (s *Server) link(w writer, t *objectType, id int64, l newLink) {
	s.relabel(w, t, id, l.to, l.id, l.types)
}

func atoi(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
