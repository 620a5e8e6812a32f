package hubspottest

import (
	"strings"
)

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
