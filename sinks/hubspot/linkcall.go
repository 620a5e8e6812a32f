package hubspot

import (
	"context"
	"slices"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A linkCall is one kind of request about pairs.
type linkCall struct {
	send func(context.Context, []*pair) (*crm.AssociationAnswer, error)
	// named says that every pair that was written is named by a result. An archive's answer may have no body.
	named bool
}

// perform makes what was planned for pairs: types are set before others are removed, so that no pair loses its link. A record
// may have so few of them that the new one is refused as long as the old one is there: then it is set once more.
func (l *linking) perform(ctx context.Context, g *linkGroup, pairs []*pair) error {
	if err := l.make(ctx, g, pairs); err != nil {
		return err
	}
	return l.make(ctx, g, withRoom(pairs))
}

// withRoom returns the pairs that were refused before another one of the same record was taken back, to be set again.
func withRoom(pairs []*pair) (again []*pair) {
	from, to := map[string]bool{}, map[string]bool{}
	for _, p := range pairs {
		if (p.archive || len(p.remove) > 0) && p.failed == nil && !p.unknown {
			from[p.From], to[p.To] = true, true
		}
	}
	for _, p := range pairs {
		if p.failed != nil && !p.silent && (p.associate || len(p.set) > 0) && (from[p.From] || to[p.To]) {
			p.failed = nil
			again = append(again, p)
		}
	}
	return again
}

func (l *linking) make(ctx context.Context, g *linkGroup, pairs []*pair) error {
	calls := [linkSteps]linkCall{
		{named: true, send: func(ctx context.Context, ps []*pair) (*crm.AssociationAnswer, error) {
			return l.portal.AssociateDefault(ctx, g.from, g.to, bare(ps))
		}},
		{named: true, send: func(ctx context.Context, ps []*pair) (*crm.AssociationAnswer, error) {
			return l.portal.AssociateTypes(ctx, g.from, g.to, typed(ps, func(p *pair) []crm.AssociationType { return p.set }))
		}},
		{send: func(ctx context.Context, ps []*pair) (*crm.AssociationAnswer, error) {
			return l.portal.ArchiveLabels(ctx, g.from, g.to, typed(ps, func(p *pair) []crm.AssociationType { return p.remove }))
		}},
		{send: func(ctx context.Context, ps []*pair) (*crm.AssociationAnswer, error) {
			return l.portal.ArchiveAssociations(ctx, g.from, g.to, bare(ps))
		}},
	}
	for step, call := range calls {
		if err := call.run(ctx, dueFor(step, pairs)); err != nil {
			return err
		}
	}
	return nil
}

// linkSteps is the number of calls that it may take to make what was planned for pairs.
const linkSteps = 4

// dueFor returns the pairs that one of these calls is about: associating by the default type, setting types, removing types,
// and removing the whole pair, in this order.
func dueFor(step int, pairs []*pair) (due []*pair) {
	for _, p := range pairs {
		planned := [linkSteps]bool{p.associate, len(p.set) > 0, len(p.remove) > 0, p.archive}
		if planned[step] && p.failed == nil && !p.unknown {
			due = append(due, p)
		}
	}
	return due
}

func bare(pairs []*pair) []crm.Pair {
	all := make([]crm.Pair, len(pairs))
	for i, p := range pairs {
		all[i] = p.Pair
	}
	return all
}

func typed(pairs []*pair, types func(*pair) []crm.AssociationType) []crm.Association {
	all := make([]crm.Association, len(pairs))
	for i, p := range pairs {
		all[i] = crm.Association{Pair: p.Pair, Types: types(p)}
	}
	return all
}

// run makes the call for pairs, and marks those that failed or whose outcome isn't known.
func (c linkCall) run(ctx context.Context, pairs []*pair) error {
	whole := parts[*pair]{send: c.part, blames: blamesLinks, blame: (*pair).blame, excuse: func(p *pair) { p.silent, p.failed = false, nil }}
	return whole.run(ctx, pairs)
}

// blamesLinks tells whether a request was refused for what its records are.
func blamesLinks(e *crm.Error) bool { return blamesRows(e, pipeline.Update) }

// part makes the call for some pairs, and returns those of which it isn't known what became if that is to blame on errors
// that name nobody.
func (c linkCall) part(ctx context.Context, pairs []*pair) (open []*pair, err error) {
	answer, err := c.send(ctx, pairs)
	if err != nil {
		return nil, err
	}
	open, anonymous := c.sort(pairs, answer)
	if anonymous {
		return open, nil
	}
	for _, p := range open {
		p.unknown = true
	}
	return nil, nil
}

// blame refuses a pair that was alone in a request which was refused, or got no usable answer.
func (p *pair) blame(e *crm.Error, silent bool) {
	if !silent {
		p.answer = named(answerOf(e.Status, e.CorrelationID), e.Category)
		p.failed = linkRefusal(&crm.ItemError{Category: e.Category, SubCategory: e.SubCategory, Message: e.Message, Errors: e.Details})
		return
	}
	p.silent, p.answer = true, answerOf(e.Status, e.CorrelationID)
	p.failed = pipeline.Rejectf("no_answer", "hubspot gives no usable answer to requests with this link, also where they hold no other, and makes other links: "+
		"whether it was made isn't known; change the row, or have it sent again with `sluice rejects retry ID`: %w", e)
}

// sort marks the pairs that errors name, and returns those of which the answer doesn't say what became of them, and
// whether there are errors that name nobody.
func (c linkCall) sort(pairs []*pair, answer *crm.AssociationAnswer) (open []*pair, anonymous bool) {
	told := answerOf(answer.HTTPStatus, answer.CorrelationID)
	done := map[crm.Pair]crm.AssociationType{}
	for _, r := range answer.Results {
		done[r.Pair] = r.Type
	}
	for _, p := range pairs {
		t, ok := done[p.Pair]
		if !ok && c.named {
			open = append(open, p)
		}
		p.given, p.answer = t, told
	}
	if !c.named {
		open = slices.Clone(pairs)
	}
	for i := range answer.Errors {
		item := &answer.Errors[i]
		hit := false
		open = slices.DeleteFunc(open, func(p *pair) bool {
			if !names(item, p.Pair) && len(pairs) > 1 {
				return false
			}
			hit = true
			p.failed, p.answer = linkRefusal(item), named(told, item.Category)
			return true
		})
		anonymous = anonymous || !hit && !anyNamed(item, pairs)
	}
	if !c.named && !anonymous {
		return nil, false
	}
	return open, anonymous
}

// names tells whether an error is about a pair, by the ids in its context (API.md section 10.2).
func names(item *crm.ItemError, p crm.Pair) bool {
	from, to := item.Context["fromObjectId"], item.Context["toObjectId"]
	if len(from)+len(to) > 0 {
		return (len(from) == 0 || slices.Contains(from, p.From)) && (len(to) == 0 || slices.Contains(to, p.To))
	}
	ids := append(namedKeys(item.Context, ""), item.ID)
	return slices.Contains(ids, p.From) || slices.Contains(ids, p.To)
}

func anyNamed(item *crm.ItemError, pairs []*pair) bool {
	return slices.ContainsFunc(pairs, func(p *pair) bool { return names(item, p.Pair) })
}

func linkRefusal(item *crm.ItemError) error {
	return pipeline.Rejectf("link_refused", "hubspot refused the link: %w", item)
}
