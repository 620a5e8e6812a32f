package hubspot

import (
	"context"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

var _ pipeline.Forecaster = (*Sink)(nil)

// Rate returns how many requests HubSpot takes in a window: as its answers have told, or as the least of accounts has.
func (s *Sink) Rate() (requests int, window time.Duration) { return s.portal.Rate() }

// Daily returns the account's requests of a day, and how many of them are left, as HubSpot's answers have told.
func (s *Sink) Daily() (limit, left int) { return s.portal.Daily() }

// ForeseeWrite returns what Write would do if HubSpot takes all changes that Write itself doesn't refuse.
func (s *Sink) ForeseeWrite(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, int, error) {
	if len(changes) == 0 {
		return nil, 0, nil
	}
	w := s.writing()
	entries, err := w.entries(ctx, changes)
	if err != nil {
		return nil, 0, err
	}
	w.split(batch{changes[0].Action, entries})
	for _, e := range entries {
		w.outcomes = append(w.outcomes, pipeline.Outcome{TraceID: e.TraceID, Verdict: pipeline.Done, ID: e.ID, Links: e.links})
	}
	return w.outcomes, len(w.todo), nil
}

// ForeseeLinks returns what Link would do if pairs have the types that this pipeline has written, and no others.
func (s *Sink) ForeseeLinks(ctx context.Context, links []pipeline.LinkChange) ([]pipeline.LinkOutcome, int, error) {
	l := &linking{Sink: s}
	groups, err := l.groups(ctx, links)
	if err != nil {
		return nil, 0, err
	}
	requests := 0
	for _, g := range groups {
		if err := l.resolve(ctx, g); err != nil {
			return nil, 0, err
		}
		for _, pairs := range g.batches() {
			requests += (len(firstEnds(pairs)) + crm.MaxAssociationReads - 1) / crm.MaxAssociationReads
			for _, p := range pairs {
				p.recall(g.known)
				p.plan(g.known)
			}
			for step := range linkSteps {
				requests += min(1, len(dueFor(step, pairs)))
			}
			for _, p := range pairs {
				l.report(p)
			}
		}
	}
	return l.outcomes, requests, nil
}

// recall takes the types that we have written for those that the pair has. Where HubSpot chose the type, and didn't say which,
// it is the plain relation; so it is of links from the other side.
func (p *pair) recall(known []crm.Label) {
	recall := func(types []crm.AssociationType) {
		if plain, ok := findType(known, ""); ok && len(types) == 0 {
			types = append(types, plain)
		}
		p.current = union(p.current, types)
	}
	for _, c := range p.changes {
		if c.Was != nil {
			recall(parseTypes(c.Was.Types))
		}
	}
	for _, s := range p.shared {
		recall(s.types())
	}
}
