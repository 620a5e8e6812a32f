package pipeline

import (
	"cmp"
	"slices"
)

// People merge records that links are to lead to. The ledger that shows such a record under its former id is often another
// pipeline's, which learns of the merge when it writes that record, and may never have to: so what a link has learnt of its
// ends is kept with the link. It stays known by the ids by which its row asks for it (see LinkState.FromWas).

// Records returns the ids of the two records that a change is to be made of: those that its ends were merged into, as far as
// that is known, and else those that they name.
func (l *LinkChange) Records() (from, to string) {
	from, to = l.From.ID, l.To.ID
	if l.Was != nil {
		from, to = l.Was.FromID, l.Was.ToID
	}
	return cmp.Or(l.From.Survivor.ID, from), cmp.Or(l.To.Survivor.ID, to)
}

// asked returns the ids by which the state's row asks for the link.
func (s *LinkState) asked() ends { return ends{cmp.Or(s.FromWas, s.FromID), cmp.Or(s.ToWas, s.ToID)} }

// Of tells whether the state is that of the link which a row asks for in a slot, by the ids of two records.
func (s *LinkState) Of(slot, from, to string) bool {
	return s.Slot == slot && s.asked() == ends{from, to}
}

// askedBy returns the state with the ids by which a change asks for it; nil for nil.
func (s *LinkState) askedBy(l *LinkChange) *LinkState {
	if s == nil {
		return nil
	}
	asked := *s
	if asked.FromWas = ""; l.From.ID != s.FromID {
		asked.FromWas = l.From.ID
	}
	if asked.ToWas = ""; l.To.ID != s.ToID {
		asked.ToWas = l.To.ID
	}
	return &asked
}

// asAsked returns a link that the state holds by the ids by which the ledger knows it, so that it is that link which is changed:
// since it was made, the row may have learnt which records are left.
func (s *LinkState) asAsked(l LinkChange) LinkChange {
	asked := s.asked()
	if l.From.ID != "" {
		l.From.ID = asked[0]
	}
	l.To.ID = asked[1]
	return l
}

// follow takes out the outcomes that only tell which records others were merged into: their links are of these from now on.
// Where nothing can have been made under the former ids, what was intended is taken back, too.
func follow(outcomes []LinkOutcome, was map[string]*LinkState) []LinkOutcome {
	return slices.DeleteFunc(outcomes, func(o LinkOutcome) bool {
		if o.Verdict != Found {
			return false
		}
		c := o.Change
		if o.State == nil {
			c.Was = was[linkName(c)]
		}
		c.Follow(o.Merged)
		return true
	})
}

// Follow has a change be about the records that its ends were merged into; those that weren't stay.
func (l *LinkChange) Follow(merged [2]Survivor) {
	for i, end := range []*LinkEnd{&l.From, &l.To} {
		if merged[i].ID != "" {
			end.Survivor = merged[i]
		}
	}
}

// names returns the ids by which ledgers may show the records of a change.
func (l *LinkChange) names() (from, to []string) {
	a, b := l.Records()
	from, to = append([]string{a, l.From.ID}, l.From.Survivor.Former...), append([]string{b, l.To.ID}, l.To.Survivor.Former...)
	if l.Was != nil {
		from, to = append(from, l.Was.FromID), append(to, l.Was.ToID)
	}
	return from, to
}

// merge has what is wanted of the links of a row name its record by the id of the one that this was merged into, where the ledger
// comes to show them so.
func (p *pending) merge(id string) {
	was := p.entry.ID
	for i := range p.wants {
		w := &p.wants[i]
		known := slices.ContainsFunc(p.entry.Links, func(s LinkState) bool { return s.FromWas == was && s.holds(w) })
		if w.From.ID == was && !known {
			w.From.ID = id
		}
	}
}
