package hubspottest

import (
	"slices"
	"strings"
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

// plainOf returns the unlabeled type of a direction. Pairs that 10.4 doesn't list get one when they are first used.
func (s *Server) plainOf(from, to *objectType) *assocType {
	p := pairOf{from.index, to.index}
	if a := s.portal.links.plainType(p); a != nil {
		return a
	}
	category := "HUBSPOT_DEFINED"
	if from.Custom || to.Custom {
		category = "USER_DEFINED"
	}
	return s.portal.defineLink(from, to, category, "", "", stamp{s.now()})
}

// defineLink makes a type for each direction and returns that of from → to. A relation within one object type with
// the same label on both sides has one type.
func (p *portal) defineLink(from, to *objectType, category, label, inverse string, now stamp) *assocType {
	there, back := pairOf{from.index, to.index}, pairOf{to.index, from.index}
	next := func() int {
		p.lastAssoc++
		if category == "HUBSPOT_DEFINED" {
			return 9000 + p.lastAssoc // beyond the ids of 10.4
		}
		return p.lastAssoc
	}
	a := &assocType{Category: category, ID: next(), Label: label, Created: now}
	p.links.types[there] = append(p.links.types[there], a)
	if there == back && label == inverse {
		a.Inverse = a.ID
		return a
	}
	b := &assocType{Category: category, ID: next(), Label: inverse, Inverse: a.ID, Created: now}
	a.Inverse = b.ID
	p.links.types[back] = append(p.links.types[back], b)
	return a
}

// builtinLinks are the association types of 10.4: from, to, then unlabeled there/back, primary there/back, and
// labelled ones as label=there/back label.
const builtinLinks = `
contact contact 449/449
contact company 279/280 primary=1/2 Billing_Contact=931/0
contact deal 4/3
contact ticket 15/16
company company 450/450 Parent_Company=14/13
company deal 342/341 primary=6/5
company ticket 340/339 primary=25/26
deal deal 451/451
deal ticket 27/28
ticket ticket 452/452
call contact 194/193
call company 182/181
call deal 206/205
call ticket 220/219
email contact 198/197
email company 186/185
email deal 210/209
email ticket 224/223
meeting contact 200/199
meeting company 188/187
meeting deal 212/211
meeting ticket 226/225
note contact 202/201
note company 190/189
note deal 214/213
note ticket 228/227
task contact 204/203
task company 192/191
task deal 216/215
task ticket 230/229
communication contact 81/82
communication company 87/88
communication deal 85/86
communication ticket 83/84
lead contact 608/609 primary=578/0
lead company 610/611 primary=580/0
deal line_item 19/20
quote line_item 67/68
deal quote 63/64
`

func (p *portal) defineBuiltinLinks() {
	for line := range strings.Lines(builtinLinks) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		from, to := p.byName[f[0]], p.byName[f[1]]
		p.builtin(from, to, "", "", f[2])
		for _, more := range f[3:] {
			name, ids, _ := strings.Cut(more, "=")
			switch name {
			case "primary":
				p.builtin(from, to, "Primary", "Primary", ids)
			case "Parent_Company":
				p.builtin(from, to, "Parent Company", "Child Company", ids)
			default:
				p.builtin(from, to, strings.ReplaceAll(name, "_", " "), "", ids)
			}
		}
	}
}

func (p *portal) builtin(from, to *objectType, label, inverse, ids string) {
	left, right, _ := strings.Cut(ids, "/")
	a := &assocType{Category: "HUBSPOT_DEFINED", ID: atoi(left), Label: label, Primary: label == "Primary", Inverse: atoi(right)}
	there, back := pairOf{from.index, to.index}, pairOf{to.index, from.index}
	p.links.types[there] = append(p.links.types[there], a)
	if a.Inverse == 0 || a.Inverse == a.ID {
		return
	}
	b := &assocType{Category: "HUBSPOT_DEFINED", ID: a.Inverse, Label: inverse, Primary: a.Primary, Inverse: a.ID}
	p.links.types[back] = append(p.links.types[back], b)
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
