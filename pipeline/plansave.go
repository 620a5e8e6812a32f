package pipeline

import (
	"context"
	"fmt"
)

// saveDecision saves a decision on a row that has changed, or has left. The caller holds mu.
func (s *rehearsal) saveDecision(d *Decision) error {
	leaves := d.Verdict == Done && d.Hash == Hash{}
	idle := d.Action == 0 && len(d.Links) == 0 && !leaves
	if s.save == nil || d.Reject != nil || idle && (d.Verdict != Done || s.pipeline.Sink.Limits().LinksOnly) {
		return nil
	}
	row := planRow{Of: s.pipeline.Name, Key: d.Key, Version: d.Version - 1, Leaves: leaves, Action: PlanLink}
	if !leaves {
		row.Content = d.Hash.String()
	}
	switch {
	case idle:
		row.Action = planNothing
	case d.Action == Archive:
		row.Action = PlanArchive
	case leaves:
		row.Action = PlanUnlink
	case d.Action != 0 && d.Made:
		row.Action = PlanCreate
	case d.Action != 0:
		row.Action = PlanUpdate
	}
	return saved(s.save.row(&row))
}

// saveLinks saves the rows of links that an earlier run has left waiting, and that are to be written now.
func (s *rehearsal) saveLinks(ctx context.Context, outcomes []LinkOutcome) error {
	if s.save == nil {
		return nil
	}
	keys := s.newlyLinked(outcomes)
	entries, err := s.Known(ctx, s.pipeline.Name, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if err := s.save.row(&planRow{Of: s.pipeline.Name, Key: key, Version: entries[i].Version, Links: true, Action: PlanLink}); err != nil {
			return saved(err)
		}
	}
	return nil
}

// newlyLinked returns the keys of which nothing else is written, and whose links weren't looked at before.
func (s *rehearsal) newlyLinked(outcomes []LinkOutcome) (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := map[string]bool{}
	for i := range outcomes {
		key := outcomes[i].Change.Key
		_, decided := s.written[keyHash(key)]
		if !decided && !here[key] && len(s.linked[key]) == 0 {
			keys = append(keys, key)
		}
		here[key] = true
	}
	return keys
}

func saved(err error) error {
	if err != nil {
		err = fmt.Errorf("save the plan: %w", err)
	}
	return err
}
