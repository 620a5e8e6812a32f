package hubspot

import (
	"context"
	"slices"
	"strings"

	"sluice/sinks/hubspot/internal/crm"
)

// read finds out which types the pairs have.
func (l *linking) read(ctx context.Context, g *linkGroup, pairs []*pair) error {
	reads, err := l.readEnds(ctx, g, firstEnds(pairs))
	if err != nil {
		return err
	}
	for _, p := range pairs {
		p.unread = reads.unsure(p.From)
		for _, other := range reads.to[p.From] {
			if other.ToID != p.To {
				continue
			}
			for _, t := range other.Types {
				p.current = append(p.current, crm.AssociationType{Category: t.Category, ID: t.ID})
			}
		}
	}
	return nil
}

// firstEnds returns the ids of the records whose associations are read for pairs, each once.
func firstEnds(pairs []*pair) (ids []string) {
	seen := map[string]bool{}
	for _, p := range pairs {
		if !seen[p.From] {
			seen[p.From] = true
			ids = append(ids, p.From)
		}
	}
	return ids
}

// readEnds reads the associations of records. HubSpot is known to name records that have none, by errors; that it always
// does is not documented (API.md section 10.2). What an answer passes over is therefore asked for again: if a record that was
// only left out counted as one without links, the labels of others would be taken away, and links of ours be forgotten.
func (l *linking) readEnds(ctx context.Context, g *linkGroup, ids []string) (*linkReading, error) {
	r := &linkReading{to: map[string][]crm.Associated{}, none: map[string]bool{}, doubtful: map[string]bool{}}
	first, err := l.portal.ReadAssociations(ctx, g.from, g.to, ids)
	if err != nil {
		return nil, explain(err)
	}
	r.add(first)
	left := slices.DeleteFunc(ids, func(id string) bool { return r.tells(id) || r.doubtful[id] || r.doubtful[""] })
	if len(left) == 0 {
		return r, nil
	}
	again, err := l.portal.ReadAssociations(ctx, g.from, g.to, left)
	if err != nil {
		return nil, explain(err)
	}
	r.add(again)
	note(r.doubtful, slices.DeleteFunc(append(first.Cut, again.Cut...), r.tells))
	return r, nil
}

// A linkReading is what answers have told of the associations of records.
type linkReading struct {
	to       map[string][]crm.Associated // all that a record has
	none     map[string]bool             // named by errors: the record, or an association of it, isn't there
	doubtful map[string]bool             // named by errors that say something else; "" for one that names nobody
	explicit bool                        // records without associations are named, instead of being passed over
}

func (r *linkReading) add(reads *crm.AssociationReads) {
	for id, others := range reads.To {
		if !slices.Contains(reads.Cut, id) {
			r.to[id] = others
			r.explicit = r.explicit || len(others) == 0
		}
	}
	for i := range reads.Errors {
		item := &reads.Errors[i]
		ids := append(namedKeys(item.Context, ""), item.Context["fromObjectId"]...)
		switch {
		case item.Category == "OBJECT_NOT_FOUND" || strings.HasPrefix(item.SubCategory, "crm.associations."):
			note(r.none, ids)
			r.explicit = r.explicit || len(ids) > 0 && item.SubCategory == "crm.associations.NO_ASSOCIATIONS_FOUND"
		case len(ids) == 0:
			r.doubtful[""] = true
		default:
			note(r.doubtful, ids)
		}
	}
	for _, id := range reads.Cut {
		delete(r.none, id) // it is the rest of its associations that isn't there
	}
}

// tells whether an answer says what a record has.
func (r *linkReading) tells(id string) bool {
	_, ok := r.to[id]
	return ok || r.none[id]
}

// unsure tells whether nobody knows what a record has. One that answers pass over again and again has nothing, unless they
// name others that have nothing.
func (r *linkReading) unsure(id string) bool {
	return r.doubtful[id] || !r.tells(id) && (r.doubtful[""] || r.explicit)
}
