package hubspot

import (
	"context"
	"errors"
	"math/bits"
	"slices"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A linkCall is one kind of request about pairs.
type linkCall struct {
	send func(context.Context, []*pair) (*crm.AssociationAnswer, error)
	// named says that every pair that was written is named by a result. An archive's answer may have no body.
	named bool
	// search is for the pairs to blame that requests get no usable answer; nil before there was such a request.
	search *search
}

// A search is for the pairs to blame that requests get no usable answer.
type search struct {
	silent   int  // requests on end that got none
	patience int  // so many, until it is HubSpot that is to blame
	heard    bool // of a request since the search began
}

// lonely is how often a request with one pair is sent before the pair is to blame that there is no usable answer.
const lonely = 3

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

// run makes the call for pairs, and marks those that failed or whose outcome isn't known. What an error without names,
// or a refusal of the whole request, leaves open is repeated in halves: these calls are safe to repeat.
func (c linkCall) run(ctx context.Context, pairs []*pair) error {
	if len(pairs) == 0 {
		return nil
	}
	answer, err := c.send(c.briefly(ctx, pairs), pairs)
	if err != nil {
		return c.failed(ctx, pairs, err)
	}
	c.heard()
	open, anonymous := c.sort(pairs, answer)
	switch {
	case len(open) == 0:
		return nil
	case !anonymous:
		for _, p := range open {
			p.unknown = true
		}
		return nil
	case len(open) == 1 && len(pairs) > 1:
		return c.run(ctx, open)
	}
	return c.halves(ctx, open)
}

// failed goes on after a request that was refused as a whole, or got no usable answer.
func (c linkCall) failed(ctx context.Context, pairs []*pair, err error) error {
	e, ok := errors.AsType[*crm.Error](err)
	switch {
	case ok && e.Passing():
		return c.unanswered(ctx, pairs, e)
	case !ok || !blamesRows(e, pipeline.Update):
		return explain(err)
	}
	c.heard()
	if len(pairs) == 1 {
		pairs[0].answer = named(answerOf(e.Status, e.CorrelationID), e.Category)
		pairs[0].failed = linkRefusal(&crm.ItemError{Category: e.Category, SubCategory: e.SubCategory, Message: e.Message, Errors: e.Details})
		return nil
	}
	return c.halves(ctx, pairs)
}

// unanswered goes on where the usual attempts are used up and there is no usable answer: in smaller and smaller requests, so
// that other pairs get their links, down to one pair, which is refused if HubSpot answers for others. If it answers for
// none, it is HubSpot that doesn't work.
func (c linkCall) unanswered(ctx context.Context, pairs []*pair, e *crm.Error) error {
	alone := len(pairs) == 1
	switch s := c.search; {
	case s == nil && alone:
		return explain(e)
	case s == nil:
		c.search = &search{patience: bits.Len(uint(len(pairs))) + 2*lonely}
		if err := c.halves(ctx, pairs); err != nil {
			return err
		}
		if !c.search.heard {
			return explain(e)
		}
		return c.again(ctx, pairs)
	case s.silent >= s.patience:
		return explain(e)
	default:
		s.silent++
	}
	if !alone {
		return c.halves(ctx, pairs)
	}
	p := pairs[0]
	p.silent, p.answer = true, answerOf(e.Status, e.CorrelationID)
	p.failed = pipeline.Rejectf("no_answer", "hubspot gives no usable answer to requests with this link, also where they hold no other, and makes other links: "+
		"whether it was made isn't known; change the row, or have it sent again with `sluice rejects retry ID`: %w", e)
	return nil
}

// again gives those of the pairs that got no answer another chance: HubSpot may not have worked when they were sent.
func (c linkCall) again(ctx context.Context, pairs []*pair) error {
	for _, p := range pairs {
		if !p.silent {
			continue
		}
		p.silent, p.failed, c.search.silent = false, nil, 0
		if err := c.run(ctx, []*pair{p}); err != nil {
			return err
		}
	}
	return nil
}

// briefly bounds the sends of a request while pairs to blame are searched for.
func (c linkCall) briefly(ctx context.Context, pairs []*pair) context.Context {
	switch {
	case c.search == nil:
		return ctx
	case len(pairs) == 1:
		return crm.Briefly(ctx, lonely)
	}
	return crm.Briefly(ctx, 1)
}

// heard notes that HubSpot has answered.
func (c linkCall) heard() {
	if c.search != nil {
		c.search.heard, c.search.silent = true, 0
	}
}

func (c linkCall) halves(ctx context.Context, pairs []*pair) error {
	middle := len(pairs) / 2
	if err := c.run(ctx, pairs[:middle]); err != nil {
		return err
	}
	return c.run(ctx, pairs[middle:])
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
