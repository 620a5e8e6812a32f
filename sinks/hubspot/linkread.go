package hubspot

import (
	"context"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// read finds out which types the pairs have.
func (l *linking) read(ctx context.Context, g *linkGroup, pairs []*pair) error {
	reads, err := l.readEnds(ctx, g, firstEnds(pairs))
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if e := reads.withheld[p.From]; e != nil {
			p.withhold(e)
			continue
		}
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
	r := &linkReading{to: map[string][]crm.Associated{}, none: map[string]bool{}, doubtful: map[string]bool{}, withheld: map[string]*crm.Error{}}
	for range linkReads {
		if err := l.readInto(ctx, r, g, ids); err != nil {
			return nil, err
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return r.tells(id) || r.doubtful[id] || r.doubtful[""] || r.withheld[id] != nil })
	}
	note(r.doubtful, slices.DeleteFunc(r.cut, r.tells))
	return r, nil
}

// linkReads is how often a record is asked for that answers pass over.
const linkReads = 2

// readInto adds what HubSpot tells of the associations of records. A record because of which requests are refused, or get no
// usable answer, counts as withheld, so that the others are told of.
func (l *linking) readInto(ctx context.Context, r *linkReading, g *linkGroup, ids []string) error {
	whole := parts[string]{
		send: func(ctx context.Context, ids []string) ([]string, error) {
			reads, err := l.portal.ReadAssociations(ctx, g.from, g.to, ids)
			if err == nil {
				r.add(reads)
			}
			return nil, err
		},
		blames: blamesLinks,
		blame:  func(id string, e *crm.Error, _ bool) { r.withheld[id] = e },
		excuse: func(id string) { delete(r.withheld, id) },
	}
	return whole.run(ctx, ids)
}

// withhold refuses a pair of a record whose associations HubSpot doesn't tell. What was there of it stays on the books.
func (p *pair) withhold(e *crm.Error) {
	p.silent, p.answer = true, named(answerOf(e.Status, e.CorrelationID), e.Category)
	p.failed = pipeline.Rejectf("unread", "hubspot doesn't tell which associations record %s of %s has, also where it is asked for no other, and tells those of other records: "+
		"nothing was sent of this link; change the row, or have it sent again with `sluice rejects retry ID`: %w", p.From, p.changes[0].From.Object, e)
}

// A linkReading is what answers have told of the associations of records.
type linkReading struct {
	to       map[string][]crm.Associated // all that a record has
	none     map[string]bool             // named by errors: the record, or an association of it, isn't there
	doubtful map[string]bool             // named by errors that say something else; "" for one that names nobody
	withheld map[string]*crm.Error       // not told of: requests fail that ask for nothing but the record
	cut      []string                    // some of their associations were told, and not the rest
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
	r.cut = append(r.cut, reads.Cut...)
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
