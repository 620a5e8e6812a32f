package hubspot

import (
	"context"
	"slices"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// resolve finds the types of the labels that changes ask for. Those with an unknown label are refused.
func (l *linking) resolve(ctx context.Context, g *linkGroup) error {
	plain := func(p *pair) bool {
		return !slices.ContainsFunc(p.changes, func(c *pipeline.LinkChange) bool { return c.Label != "" || c.Was != nil })
	}
	if slices.IndexFunc(g.pairs, func(p *pair) bool { return !plain(p) }) >= 0 {
		var err error
		if g.known, err = l.portal.pairLabels(ctx, g.from, g.to); err != nil {
			return err
		}
	}
	for _, p := range g.pairs {
		changes := p.changes
		p.changes = nil
		for _, c := range changes {
			if c.Remove || c.Label == "" {
				p.changes, p.types = append(p.changes, c), append(p.types, nil)
				continue
			}
			t, ok := findType(g.known, c.Label)
			if !ok {
				l.refuse(c, unknownLabel(c, g.known))
				continue
			}
			p.changes, p.types = append(p.changes, c), append(p.types, &t)
		}
	}
	g.pairs = slices.DeleteFunc(g.pairs, func(p *pair) bool { return len(p.changes) == 0 })
	return nil
}

func unknownLabel(c *pipeline.LinkChange, known []crm.Label) error {
	return pipeline.Rejectf("unknown_label", "link %s: %s", pipeline.Quote(c.Slot), noLabel(c.From.Object, c.To.Object, c.Label, known))
}

// labelType returns the type that a link of a create asks for.
func (s *Sink) labelType(ctx context.Context, c *pipeline.LinkChange) (crm.AssociationType, error) {
	known, err := s.portal.pairLabels(ctx, s.paths[c.From.Object], s.paths[c.To.Object])
	if err != nil {
		return crm.AssociationType{}, err
	}
	t, ok := findType(known, c.Label)
	if !ok {
		return t, unknownLabel(c, known)
	}
	return t, nil
}
