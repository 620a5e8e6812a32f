package hubspot

import (
	"context"
	"errors"
	"slices"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A share is another link of ours between the records of a pair: of another row, slot or pipeline.
type share struct {
	pipeline.LinkState
	turned bool // it is asked for from the other side, where types have other ids
	same   bool // both records are of one object
}

// share puts the other links that the engine knows of a change's records to those of the pair. Records of other objects may
// have the same ids.
func (l *linking) share(ctx context.Context, g *linkGroup, p *pair, c *pipeline.LinkChange) error {
	for _, s := range c.Shared {
		objects, err := l.objects(ctx, &pipeline.LinkChange{From: pipeline.LinkEnd{Object: s.From}, To: pipeline.LinkEnd{Object: s.To}})
		if _, unknown := errors.AsType[*pipeline.FieldError](err); unknown {
			continue // there is no such object any more
		}
		if err != nil {
			return err
		}
		from, to := crm.Pair{From: s.FromID, To: s.ToID}, crm.Pair{From: s.ToID, To: s.FromID}
		other := share{LinkState: s, same: g.from == g.to}
		switch {
		case from == p.Pair && objects == [2]string{g.from, g.to}:
		case to == p.Pair && objects == [2]string{g.to, g.from}:
			other.turned = true
		default:
			continue
		}
		p.shared = append(p.shared, other)
	}
	return nil
}

// types returns the types that the share has written, by the pair's own side; none where it is asked for from the other.
func (s *share) types() []crm.AssociationType {
	if s.turned {
		return nil
	}
	return parseTypes(s.Types)
}

// sharesType tells whether another link of ours asks for a type of the pair.
func (p *pair) sharesType(known []crm.Label, t crm.AssociationType) bool {
	return slices.ContainsFunc(p.shared, func(s share) bool {
		if slices.Contains(s.types(), t) {
			return true
		}
		wanted, ok := findType(known, s.Label)
		return ok && wanted == t && s.Label != "" && s.alike()
	})
}

// sharesLabel tells whether another link of ours has written the type, which is that of the label.
func (p *pair) sharesLabel(label string, t crm.AssociationType) bool {
	return slices.ContainsFunc(p.shared, func(s share) bool {
		return slices.Contains(s.types(), t) || s.Types != "" && s.alike() && foldText(s.Label) == foldText(label)
	})
}

// alike tells whether the share's label stands for the same type as that label does on the pair's side. From the other side of
// two records of one object it does not: who calls the other its supplier isn't its supplier (API.md section 10.1).
func (s *share) alike() bool { return !s.turned || !s.same }
