package hubspottest

import (
	"slices"
)

// An assocType is one direction of one kind of relation (10.1).
type assocType struct {
	Category string `json:"category"`
	ID       int    `json:"typeId"`
	Label    string `json:"label,omitempty"`
	Name     string `json:"name,omitempty"`
	Primary  bool   `json:"primary,omitempty"`
	Inverse  int    `json:"inverse,omitempty"` // the type of the other direction; 0 means none
	Created  stamp  `json:"createdAt,omitzero"`
	solo     []*assocType
}

// plain returns whether this is the unlabeled type.
func (a *assocType) plain() bool { return a.Label == "" }

// An edge is one direction of a link. types are shared and never changed in place.
type edge struct {
	to    int64
	types []*assocType
}

type pairOf struct{ from, to uint16 }

type endOf struct {
	pairOf
	id int64
}

// A linkStore holds the links between records, once for each direction, and the types they may have.
type linkStore struct {
	types map[pairOf][]*assocType
	edges map[endOf][]edge // ascending by id
	count int              // of directions
}

func (l *linkStore) init() {
	l.types = make(map[pairOf][]*assocType)
	l.edges = make(map[endOf][]edge)
}

func end(t *objectType, id int64, to *objectType) endOf {
	return endOf{pairOf{t.index, to.index}, id}
}

// of returns the links of a record to records of one type.
func (l *linkStore) of(t *objectType, id int64, to *objectType) []edge {
	return l.edges[end(t, id, to)]
}

func (l *linkStore) find(e endOf, to int64) (int, bool) {
	return slices.BinarySearchFunc(l.edges[e], to, func(x edge, to int64) int {
		switch {
		case x.to < to:
			return -1
		case x.to > to:
			return 1
		}
		return 0
	})
}

// typesOf returns the types of one direction of a link, nil if there is none.
func (l *linkStore) typesOf(e endOf, to int64) []*assocType {
	if at, ok := l.find(e, to); ok {
		return l.edges[e][at].types
	}
	return nil
}

// set makes one direction of a link have exactly these types. Without types it is removed.
func (l *linkStore) set(e endOf, to int64, types []*assocType) {
	at, ok := l.find(e, to)
	list := l.edges[e]
	switch {
	case ok && len(types) == 0:
		l.count--
		if list = slices.Delete(list, at, at+1); len(list) == 0 {
			delete(l.edges, e)
			return
		}
	case ok:
		list[at].types = types
	case len(types) > 0:
		l.count++
		list = slices.Insert(list, at, edge{to, types})
	default:
		return
	}
	l.edges[e] = list
}

// dropAll removes all links of a record.
func (l *linkStore) dropAll(t *objectType, id int64) {
	for p := range l.types {
		if p.from != t.index {
			continue
		}
		e := endOf{p, id}
		for _, x := range slices.Clone(l.edges[e]) {
			l.set(endOf{pairOf{p.to, p.from}, x.to}, id, nil)
			l.set(e, x.to, nil)
		}
	}
}

// typeBy finds a type of the direction from → to.
func (l *linkStore) typeBy(p pairOf, category string, id int) *assocType {
	for _, a := range l.types[p] {
		if a.ID == id && (category == "" || a.Category == category) {
			return a
		}
	}
	return nil
}

// plainType returns the unlabeled type of a direction, or nil.
func (l *linkStore) plainType(p pairOf) *assocType {
	for _, a := range l.types[p] {
		if a.plain() {
			return a
		}
	}
	return nil
}

// relabel makes the link between two records have exactly the given types, seen from the first, in both directions.
// Any type implies the unlabeled one (10.1).
func (s *Server) relabel(w writer, from *objectType, a int64, to *objectType, b int64, types []*assocType) {
	there, back := end(from, a, to), end(to, b, from)
	forward := []*assocType{s.plainOf(from, to)}
	backward := []*assocType{s.plainOf(to, from)}
	for _, x := range types {
		if !slices.Contains(forward, x) {
			forward = append(forward, x)
		}
		if y := s.portal.links.typeBy(back.pairOf, x.Category, x.Inverse); y != nil && !slices.Contains(backward, y) {
			backward = append(backward, y)
		}
	}
	s.movePrimary(from, a, to, b, types)
	if same(s.portal.links.typesOf(there, b), forward) {
		return
	}
	s.portal.links.set(there, b, s.shared(forward))
	s.portal.links.set(back, a, s.shared(backward))
	s.log.link(w, from, a, to, b, "link", forward)
}

// shared returns a list that all links with only the unlabeled type share.
func (s *Server) shared(types []*assocType) []*assocType {
	if len(types) == 1 {
		return types[0].alone()
	}
	return types
}

func (a *assocType) alone() []*assocType {
	if a.solo == nil {
		a.solo = []*assocType{a}
	}
	return a.solo
}

func same(a, b []*assocType) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

// movePrimary takes the primary mark off the record's other companies (10.1).
func (s *Server) movePrimary(from *objectType, a int64, to *objectType, b int64, types []*assocType) {
	for _, x := range types {
		if !x.Primary {
			continue
		}
		holder, id, other, keep := from, a, to, b
		if from.Name == "companies" && to.Name != "companies" {
			holder, id, other, keep = to, b, from, a
		}
		for _, e := range slices.Clone(s.portal.links.of(holder, id, other)) {
			if e.to != keep {
				s.unmark(holder, id, other, e.to)
			}
		}
	}
}

func (s *Server) unmark(from *objectType, a int64, to *objectType, b int64) {
	notPrimary := func(list []*assocType) []*assocType {
		return slices.DeleteFunc(slices.Clone(list), func(t *assocType) bool { return t.Primary })
	}
	there, back := end(from, a, to), end(to, b, from)
	s.portal.links.set(there, b, notPrimary(s.portal.links.typesOf(there, b)))
	s.portal.links.set(back, a, notPrimary(s.portal.links.typesOf(back, a)))
}

// unlink removes a link in both directions.
func (s *Server) unlink(w writer, from *objectType, a int64, to *objectType, b int64) {
	there := end(from, a, to)
	types := s.portal.links.typesOf(there, b)
	if types == nil {
		return
	}
	s.portal.links.set(there, b, nil)
	s.portal.links.set(end(to, b, from), a, nil)
	s.log.link(w, from, a, to, b, "unlink", types)
}
