package pipeline

import (
	"context"
	"slices"
)

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

// showKept has a change show which properties stay as others have set them. One that the record was found by is only of
// interest where the row has another value for it than the last time. The caller holds mu.
func (s *rehearsal) showKept(c *PlannedChange) {
	for _, k := range s.kept[c.Key] {
		n := len(c.Fields)
		c.Fields = slices.DeleteFunc(c.Fields, func(f FieldChange) bool { return f.Property == k.Property })
		if k.Why != KeptAlias || len(c.Fields) < n {
			c.Kept = append(c.Kept, k)
		}
	}
	delete(s.kept, c.Key)
}
