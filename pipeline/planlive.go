package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// readTogether is how many unchanged rows are read back together.
const readTogether = 1000

// read reads what the destination has of changes, without changing them. A run wouldn't make these requests.
func (s *rehearsal) read(ctx context.Context, changes []Change) ([]Reading, error) {
	changes = slices.Clone(changes)
	for i := range changes {
		changes[i].Values = slices.Clone(changes[i].Values)
		if _, made := madeID(changes[i].ID); made {
			changes[i].ID = ""
		}
	}
	t, limited := s.pipeline.Sink.(Throttle)
	var before int64
	if limited {
		before = t.Requests()
	}
	readings, err := s.pipeline.Sink.(Reader).Read(ctx, changes)
	if limited {
		s.asked += t.Requests() - before
	}
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	return readings, nil
}

// readChanged reads the records of rows that would be written.
func (s *rehearsal) readChanged(ctx context.Context, changes []Change) error {
	if !s.live {
		return nil
	}
	changes = slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.Values == nil })
	if len(changes) == 0 {
		return nil
	}
	readings, err := s.read(ctx, changes)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readings == nil {
		s.readings = map[string]Reading{}
	}
	for i := range changes {
		s.readings[changes[i].Key] = readings[i]
	}
	return nil
}

// compareLive has a change show what the destination has, rather than what was last sent. The caller holds mu.
func (s *rehearsal) compareLive(c *PlannedChange) {
	r, ok := s.readings[c.Key]
	delete(s.readings, c.Key)
	if !ok || r.Err != nil || r.Presence == Unsure {
		return
	}
	if r.Presence != There {
		if c.ID != "" {
			c.Reason = "record " + c.ID + " isn't there any more: it is " + presenceText(r.Presence)
		}
		return
	}
	if c.ID != "" && r.ID != c.ID {
		c.Reason = "record " + c.ID + " was merged into record " + r.ID
	}
	if c.Action == PlanUpdate {
		c.ID, c.Unknown, c.Fields = r.ID, false, differing(r.Differences)
		if len(c.Fields)+len(c.Kept) == 0 {
			c.Reason = "the record has these values already"
		}
	}
}

func presenceText(p Presence) string {
	if p == Archived {
		return "in the recycle bin"
	}
	return "gone for good"
}

// differing returns what isn't as the row asks for, but for what others own.
func differing(list []Difference) []FieldChange {
	changes := make([]FieldChange, 0, len(list))
	for i := range list {
		if d := &list[i]; d.Kept == "" {
			changes = append(changes, FieldChange{Property: d.Property, Old: &d.Got, New: d.Want})
		}
	}
	return changes
}

// readUnchanged reads the records of rows that a run leaves alone, and shows what isn't as it was written.
func (s *rehearsal) readUnchanged(ctx context.Context) error {
	list := s.unread
	s.unread = nil
	limits := s.pipeline.Sink.Limits()
	if len(list) == 0 || limits.CreateOnly { // what becomes of a record after it was made is not the pipeline's
		return nil
	}
	changes := make([]Change, len(list))
	for i, p := range list {
		changes[i] = p.Change
	}
	readings, err := s.read(ctx, changes)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range list {
		c := PlannedChange{Action: PlanDrift, Key: p.Key, Place: p.Place.String(), Object: limits.Object, ID: p.entry.ID}
		switch r := &readings[i]; {
		case r.Err != nil || r.Presence == Unsure || limits.ignores(r.Presence):
			continue
		case r.Presence != There:
			c.Reason = "the record is " + presenceText(r.Presence)
		case p.entry.ID != "" && r.ID != p.entry.ID:
			c.Reason = "the record was merged into record " + r.ID
		default:
			if c.Fields = differing(r.Differences); len(c.Fields) == 0 {
				continue
			}
		}
		s.plan.Drift++
		s.put(c)
	}
	return nil
}
