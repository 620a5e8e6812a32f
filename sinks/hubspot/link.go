package hubspot

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// Link makes, relabels and removes links. It reads what the pairs have first, because HubSpot replaces the set of types
// of a pair: what isn't ours is repeated (API.md section 10.1). Changes of one pair are made together.
func (s *Sink) Link(ctx context.Context, links []pipeline.LinkChange, intend func(context.Context, []pipeline.LinkOutcome) error) ([]pipeline.LinkOutcome, error) {
	l := &linking{Sink: s, intend: intend}
	groups, err := l.groups(ctx, links)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		if err := l.group(ctx, g); err != nil {
			return l.outcomes, err
		}
	}
	return l.outcomes, nil
}

// groups puts changes together by the objects that they link, in the order in which these first occur. Those that can't be
// made get their outcome here.
func (l *linking) groups(ctx context.Context, links []pipeline.LinkChange) (list []*linkGroup, err error) {
	groups := map[[2]string]*linkGroup{}
	for i := range links {
		c := &links[i]
		objects, err := l.objects(ctx, c)
		if err != nil {
			return nil, err
		}
		if groups[objects] == nil {
			groups[objects] = &linkGroup{from: objects[0], to: objects[1], byPair: map[crm.Pair]*pair{}}
			list = append(list, groups[objects])
		}
		p := l.add(groups[objects], c)
		if p == nil {
			continue
		}
		if err := l.share(ctx, groups[objects], p, c); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// objects returns the paths of the two objects that a change links.
func (s *Sink) objects(ctx context.Context, c *pipeline.LinkChange) (paths [2]string, err error) {
	for at, name := range []string{c.From.Object, c.To.Object} {
		if paths[at] = s.paths[name]; paths[at] != "" {
			continue
		}
		if paths[at], err = s.portal.objectPath(ctx, "", name); err != nil {
			return paths, fmt.Errorf("link %s to %s: %w", c.From.Object, c.To.Object, err)
		}
	}
	return paths, nil
}

// A linking is one call of Link.
type linking struct {
	*Sink
	intend   func(context.Context, []pipeline.LinkOutcome) error
	outcomes []pipeline.LinkOutcome
}

// A linkGroup is the pairs of two objects.
type linkGroup struct {
	from, to string
	known    []crm.Label // types of association between the two
	pairs    []*pair
	byPair   map[crm.Pair]*pair
}

// A pair is two records, and what is asked for their link.
type pair struct {
	crm.Pair
	turned  *pair // the same records the other way round, written before this one; nil if nothing is asked for that
	changes []*pipeline.LinkChange
	types   []*crm.AssociationType // that each change asks for; nil: the default type, or a removal
	current []crm.AssociationType
	shared  []share
	known   []crm.Label // of the two objects
	unread  bool        // what the pair has isn't known
	failed  error
	answer  pipeline.Answer       // to the last request that was to change the pair
	silent  bool                  // failed, but nobody knows whether it was made
	unknown bool                  // a request didn't say what became of the pair
	merged  *[2]pipeline.Survivor // into which its records were merged; nil if none was
	given   crm.AssociationType   // by HubSpot, as the default type

	// What is to be done.
	associate   bool                  // by the default type
	set, remove []crm.AssociationType // types to set, and then to remove
	archive     bool                  // all of the pair
}

func (l *linking) refuse(c *pipeline.LinkChange, err error) {
	l.outcomes = append(l.outcomes, pipeline.LinkOutcome{Change: c, Verdict: pipeline.Refused, Err: err})
}

// add puts a change to those of its pair, which it returns; nil if the change can't be made.
func (l *linking) add(g *linkGroup, c *pipeline.LinkChange) *pair {
	var at crm.Pair
	at.From, at.To = c.Records()
	switch {
	case c.Remove && (c.Was == nil || at.From == "" || at.To == ""):
		l.outcomes = append(l.outcomes, pipeline.LinkOutcome{Change: c, Verdict: pipeline.Done, NoOp: true})
		return nil
	case at.From == "" || at.To == "":
		l.refuse(c, pipeline.Rejectf("no_record", "link %s: one of its ends names no record", pipeline.Quote(c.Slot)))
		return nil
	case !isDigits(at.From) || !isDigits(at.To):
		l.refuse(c, pipeline.Rejectf("bad_id", "link %s: %s and %s should be record ids: expected digits", pipeline.Quote(c.Slot), pipeline.Quote(at.From), pipeline.Quote(at.To)))
		return nil
	case at.From == at.To && g.from == g.to && !c.Remove:
		l.refuse(c, pipeline.Rejectf("self_link", "link %s: record %s of %s can't be linked to itself", pipeline.Quote(c.Slot), at.From, c.From.Object))
		return nil
	}
	p := g.byPair[at]
	if p == nil {
		p = &pair{Pair: at}
		g.byPair[at] = p
		g.pairs = append(g.pairs, p)
	}
	p.changes = append(p.changes, c)
	return p
}

// batches returns the pairs in the lists that go into one request, to be worked off one after the other. HubSpot has one
// set of types for two records of one object, whichever way round they are named, and replaces it: of two such pairs the
// second is read when the first was written. What is only removed goes first, so that a symmetric label which the other
// side asks for isn't taken from it.
func (g *linkGroup) batches() [][]*pair {
	if g.from != g.to {
		return slices.Collect(slices.Chunk(g.pairs, crm.MaxAssociations))
	}
	sorted := slices.Clone(g.pairs)
	slices.SortStableFunc(sorted, func(a, b *pair) int { return cmp.Compare(a.asks(), b.asks()) })
	var first, second []*pair
	seen := make(map[crm.Pair]*pair, len(sorted))
	for _, p := range sorted {
		if p.turned = seen[crm.Pair{From: p.To, To: p.From}]; p.turned != nil {
			second = append(second, p)
		} else {
			first = append(first, p)
		}
		seen[p.Pair] = p
	}
	return slices.AppendSeq(slices.Collect(slices.Chunk(first, crm.MaxAssociations)), slices.Chunk(second, crm.MaxAssociations))
}

// asks returns 1 if any change asks for a link, and 0 if all of them remove it.
func (p *pair) asks() int {
	if slices.ContainsFunc(p.changes, func(c *pipeline.LinkChange) bool { return !c.Remove }) {
		return 1
	}
	return 0
}

// group makes the changes of one group, and reports them.
func (l *linking) group(ctx context.Context, g *linkGroup) error {
	if err := l.resolve(ctx, g); err != nil {
		return err
	}
	for _, pairs := range g.batches() {
		if err := l.read(ctx, g, pairs); err != nil {
			return err
		}
		for _, p := range pairs {
			p.plan(g.known)
		}
		if err := l.foretell(ctx, pairs); err != nil {
			return err
		}
		if err := l.perform(ctx, g, pairs); err != nil {
			return err
		}
		err := l.follow(ctx, g, pairs)
		for _, p := range pairs {
			l.report(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// foretell writes down what links will be before they are made or relabelled. A link that is relabelled may keep its old
// types until the answer is in, so that both count as ours until then.
func (l *linking) foretell(ctx context.Context, pairs []*pair) error {
	var intended []pipeline.LinkOutcome
	for _, p := range pairs {
		if p.unread || p.failed != nil || p.idle() {
			continue
		}
		for i, c := range p.changes {
			if c.Remove {
				continue
			}
			state := p.state(i)
			if c.Was != nil {
				state.Types = spell(union(parseTypes(c.Was.Types), parseTypes(state.Types))...)
			}
			intended = append(intended, pipeline.LinkOutcome{Change: c, State: state})
		}
	}
	if len(intended) == 0 {
		return nil
	}
	return l.intend(ctx, intended)
}

// union returns a and what b has beyond it.
func union(a, b []crm.AssociationType) []crm.AssociationType {
	for _, t := range b {
		if !slices.Contains(a, t) {
			a = append(a, t)
		}
	}
	return a
}

// report tells what became of the changes of a pair; nothing where that isn't known.
func (l *linking) report(p *pair) {
	if p.unread || p.unknown && p.merged == nil {
		return
	}
	for i, c := range p.changes {
		if p.merged != nil {
			o := pipeline.LinkOutcome{Change: c, Verdict: pipeline.Found, Merged: *p.merged, Answer: p.answer}
			if p.unknown {
				o.State = c.Was
			}
			l.outcomes = append(l.outcomes, o)
			continue
		}
		if p.failed != nil {
			o := pipeline.LinkOutcome{Change: c, Verdict: pipeline.Refused, Err: p.failed, Answer: p.answer}
			if p.silent {
				o.State = c.Was
			}
			l.outcomes = append(l.outcomes, o)
			continue
		}
		o := pipeline.LinkOutcome{Change: c, Verdict: pipeline.Done, NoOp: p.idle(), Answer: p.answer}
		if !c.Remove {
			o.State = p.state(i)
		}
		l.outcomes = append(l.outcomes, o)
	}
}
