package hubspot

import (
	"slices"
	"strconv"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// plan works out what is to be done to a pair: the types that changes ask for are added to those that it has, those that
// this pipeline has written and asks for no longer are removed, but for those that other links of ours ask for. The plain
// relation stays as long as anybody else's label is left, because removing it would remove that as well, and the pair as a
// whole goes only if we made it and no other link of ours has it.
func (p *pair) plan(known []crm.Label) {
	p.known = known
	if p.unread {
		return
	}
	var want, old []crm.AssociationType
	wanted := false
	for i, c := range p.changes {
		wanted = wanted || !c.Remove
		if t := p.types[i]; t != nil && !slices.Contains(want, *t) {
			want = append(want, *t)
		}
		if c.Was != nil {
			old = append(old, parseTypes(c.Was.Types)...)
		}
	}
	drop := slices.DeleteFunc(slices.Clone(p.current), func(t crm.AssociationType) bool {
		return !slices.Contains(old, t) || slices.Contains(want, t) || isPlain(known, t) || p.sharesType(known, t)
	})
	switch {
	case wanted:
		p.planAdd(want, drop)
	case len(p.current) == 0:
	case len(p.shared) == 0 && p.made() && !slices.ContainsFunc(p.current, func(t crm.AssociationType) bool { return !slices.Contains(old, t) && !isPlain(known, t) }):
		p.archive = true
	default:
		p.remove = drop
	}
}

func (p *pair) planAdd(want, drop []crm.AssociationType) {
	missing := slices.ContainsFunc(want, func(t crm.AssociationType) bool { return !slices.Contains(p.current, t) })
	p.remove = drop
	switch {
	case len(p.current) == 0 && len(want) == 0:
		p.associate = true
	case missing:
		p.set = slices.Clone(want)
		for _, t := range p.current {
			if !slices.Contains(drop, t) && !slices.Contains(p.set, t) {
				p.set = append(p.set, t)
			}
		}
	}
}

// made tells whether we made the pair.
func (p *pair) made() bool {
	return slices.ContainsFunc(p.changes, func(c *pipeline.LinkChange) bool { return c.Was != nil && c.Was.Made }) ||
		slices.ContainsFunc(p.shared, func(s share) bool { return s.Made })
}

// idle tells whether nothing has to be written.
func (p *pair) idle() bool {
	return !p.associate && !p.archive && len(p.set) == 0 && len(p.remove) == 0
}

// state returns what there is by the i-th change after it was made. Only types that we have written count as ours, so that
// a label which somebody else had set before stays when the link is removed.
func (p *pair) state(i int) *pipeline.LinkState {
	c := p.changes[i]
	s := &pipeline.LinkState{
		Slot: c.Slot, FromID: p.From, ToID: p.To, From: c.From.Object, To: c.To.Object, Label: c.Label,
		Made: len(p.current) == 0 || p.made() || p.turned != nil && len(p.turned.current) == 0,
	}
	t := p.types[i]
	if t == nil {
		switch {
		case p.associate && p.given.ID != 0:
			s.Types = spell(p.given)
		case c.Was != nil && c.Was.Label == "":
			s.Types = spell(p.plain(parseTypes(c.Was.Types))...)
		}
		return s
	}
	if !slices.Contains(p.current, *t) || p.wrote(*t) || p.sharesLabel(c.Label, *t) {
		s.Types = spell(*t)
	}
	return s
}

// plain returns those of the types that are the plain relation: with them a link that asks for no label may still have the
// label that it has given up, as it was foretold.
func (p *pair) plain(types []crm.AssociationType) []crm.AssociationType {
	return slices.DeleteFunc(types, func(t crm.AssociationType) bool { return !isPlain(p.known, t) })
}

// wrote tells whether the pair's changes have written the type before.
func (p *pair) wrote(t crm.AssociationType) bool {
	return slices.ContainsFunc(p.changes, func(c *pipeline.LinkChange) bool {
		return c.Was != nil && slices.Contains(parseTypes(c.Was.Types), t)
	})
}

// spell writes types as LinkState.Types keeps them: "USER_DEFINED:37,HUBSPOT_DEFINED:14".
func spell(types ...crm.AssociationType) string {
	parts := make([]string, len(types))
	for i, t := range types {
		parts[i] = t.Category + ":" + strconv.Itoa(t.ID)
	}
	return strings.Join(parts, ",")
}

// parseTypes reads what spell has written; what it can't read is left out.
func parseTypes(s string) []crm.AssociationType {
	var types []crm.AssociationType
	for part := range strings.SplitSeq(s, ",") {
		category, digits, _ := strings.Cut(part, ":")
		if id, err := strconv.Atoi(digits); err == nil {
			types = append(types, crm.AssociationType{Category: category, ID: id})
		}
	}
	return types
}
