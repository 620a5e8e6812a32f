package pipeline

import (
	"context"
	"errors"
	"slices"
)

// A rehearsedSink is the Sink of a run that is only planned: it prepares changes as the real one does, and takes note of
// what it would write. It may read.
type rehearsedSink struct {
	Sink
	of *rehearsal
}

// Limits are those of the sink, but nothing lands late, and no number of rejects ends the plan.
func (s *rehearsedSink) Limits() Limits {
	l := s.Sink.Limits()
	l.Landing, l.MaxRejects = 0, 0
	return l
}

// Close leaves the sink open.
func (s *rehearsedSink) Close() error { return nil }

// Prepare prepares changes. Records that the plan makes count as found.
func (s *rehearsedSink) Prepare(ctx context.Context, changes []Change) ([]Outcome, error) {
	if err := s.of.readChanged(ctx, changes); err != nil {
		return nil, err
	}
	outcomes, err := s.Sink.Prepare(ctx, changes)
	if err != nil {
		return nil, err
	}
	limits := s.Sink.Limits()
	for i := range changes {
		c := &changes[i]
		r, ok := s.of.made.get(hashRecord(limits.Object, limits.Match, c.Match))
		if !ok || r.id == 0 || c.ID != "" || c.Match == "" || c.Action != Update && c.Action != Archive {
			continue
		}
		n := len(outcomes)
		outcomes = slices.DeleteFunc(outcomes, func(o Outcome) bool { return o.TraceID == c.TraceID && (o.NoOp || rejectCode(o.Err) == "not_found") })
		if len(outcomes) < n {
			c.ID = recordName(r.id)
		}
	}
	return outcomes, nil
}

// Write counts changes by what they would do.
func (s *rehearsedSink) Write(ctx context.Context, changes []Change) ([]Outcome, error) {
	outcomes, requests, err := s.foresee(ctx, changes)
	if err != nil {
		return nil, err
	}
	limits := s.Sink.Limits()
	decided := make(map[string]*Outcome, len(outcomes))
	for i := range outcomes {
		decided[outcomes[i].TraceID] = &outcomes[i]
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.plan.Requests += int64(requests)
	for i := range changes {
		c := &changes[i]
		o := decided[c.TraceID]
		if o == nil || o.Verdict != Done {
			continue
		}
		if o.ID = c.ID; o.ID == "" {
			id, known := s.planned(c, &limits)
			o.Made = !known && s.of.readings[c.Key].Presence != There
			o.ID = recordName(id)
		}
		for at := range o.Links {
			o.Links[at].FromID = o.ID
		}
		s.of.plan.count(c, o)
	}
	return outcomes, nil
}

// foresee returns what Write would, and the number of its requests.
func (s *rehearsedSink) foresee(ctx context.Context, changes []Change) ([]Outcome, int, error) {
	if f, ok := s.Sink.(Forecaster); ok {
		return f.ForeseeWrite(ctx, changes)
	}
	outcomes := make([]Outcome, len(changes))
	for i := range changes {
		c := &changes[i]
		outcomes[i] = Outcome{TraceID: c.TraceID, Verdict: Done}
		for _, l := range c.Links {
			outcomes[i].Links = append(outcomes[i].Links, LinkState{Slot: l.Slot, ToID: l.To.ID, From: l.From.Object, To: l.To.Object, Label: l.Label, Made: true})
		}
	}
	return outcomes, 1, nil
}

// planned returns the id of the record that a change writes, and whether the plan has one with its match value already;
// else the id stands for that of the record that the change makes.
func (s *rehearsedSink) planned(c *Change, l *Limits) (id uint64, known bool) {
	if c.Match == "" {
		return hashRecord(l.Object, "key of "+s.of.pipeline.Name, c.Key), false
	}
	of := hashRecord(l.Object, l.Match, c.Match)
	if r, ok := s.of.made.get(of); ok && r.id != 0 {
		return r.id, true
	}
	return of, false
}

// count counts a change that would be written.
func (p *Plan) count(c *Change, o *Outcome) {
	switch {
	case c.Action == Archive:
		p.Archive++
	case o.Made:
		p.Create++
	default:
		p.Update++
	}
}

// Settle reads back changes of records that are there.
func (s *rehearsedSink) Settle(ctx context.Context, changes []Change) ([]Outcome, error) {
	there := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		_, made := madeID(c.ID)
		return made
	})
	if len(there) == 0 {
		return nil, nil
	}
	return s.Sink.Settle(ctx, there)
}

// Specs returns the links that a row stands for.
func (s *rehearsedSink) Specs() []LinkSpec { return s.Sink.(Linker).Specs() }

// Link takes links off those that wait. None of them is intended: none is made.
func (s *rehearsedSink) Link(ctx context.Context, links []LinkChange, _ func(context.Context, []LinkOutcome) error) ([]LinkOutcome, error) {
	if len(links) == 0 {
		return nil, nil
	}
	f, ok := s.Sink.(Forecaster)
	if !ok {
		outcomes := make([]LinkOutcome, len(links))
		for i := range links {
			outcomes[i] = LinkOutcome{Change: &links[i], Verdict: Done}
			if !links[i].Remove {
				outcomes[i].State = &LinkState{Slot: links[i].Slot, FromID: links[i].From.ID, ToID: links[i].To.ID,
					From: links[i].From.Object, To: links[i].To.Object, Label: links[i].Label}
			}
		}
		return outcomes, s.of.settle(ctx, outcomes)
	}
	outcomes, requests, err := f.ForeseeLinks(ctx, links)
	if err != nil {
		return nil, err
	}
	s.of.mu.Lock()
	s.of.plan.Requests += int64(requests)
	s.of.mu.Unlock()
	if len(outcomes) < len(links) {
		return nil, errors.New("the plan of links is incomplete")
	}
	return outcomes, s.of.settle(ctx, outcomes)
}

// Keep has the sink leave out what others own, as a run does right before it writes: it reads, and those requests count as
// the run's. Of records that the plan makes there is nothing to be read yet.
func (s *rehearsedSink) Keep(ctx context.Context, changes []Change) ([]Outcome, error) {
	keeper, ok := s.Sink.(Keeper)
	if !ok {
		return nil, nil
	}
	var there []Change
	var places []int
	for i := range changes {
		if _, made := madeID(changes[i].ID); !made {
			there, places = append(there, changes[i]), append(places, i)
		}
	}
	if len(there) == 0 {
		return nil, nil
	}
	outcomes, err := keeper.Keep(ctx, there)
	if err != nil {
		return nil, err
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	for i, at := range places {
		changes[at].Kept = there[i].Kept
		if len(there[i].Kept) > 0 {
			s.of.kept[there[i].Key] = there[i].Kept
		}
	}
	return outcomes, nil
}
