package pipeline

import (
	"context"
	"slices"
)

// confirm reports the suspicions that are certain, and repairs what it may if that is asked for.
func (v *verification) confirm(ctx context.Context, suspects []suspicion) error {
	if len(suspects) == 0 {
		return nil
	}
	certain, err := v.certain(ctx, suspects)
	if err != nil {
		return err
	}
	owners, err := v.mergedOwners(ctx, certain)
	if err != nil {
		return err
	}
	for i := range certain {
		s := &certain[i]
		s.rival(owners[s.id])
		v.result.count(s.findings)
		if slices.ContainsFunc(s.findings, func(f Finding) bool { return f.Kept == "" }) {
			v.result.Open++
		}
		if v.opts.Found == nil {
			continue
		}
		for _, f := range s.findings {
			v.opts.Found(f)
		}
	}
	if !v.opts.Repair {
		return nil
	}
	return v.forgetFound(ctx, certain)
}

// certain looks at suspicions once more: what a run beside this one has written or may have sent since is pending. The
// intents are read before the ledger, so that a write is in one of the two at least.
func (v *verification) certain(ctx context.Context, suspects []suspicion) ([]suspicion, error) {
	doubts, err := v.store.Doubts(ctx, v.Name)
	if err != nil {
		return nil, err
	}
	sent := make(map[string]bool, len(doubts))
	for _, d := range doubts {
		sent[d.Key] = true
	}
	keys := make([]string, len(suspects))
	for i := range suspects {
		keys[i] = suspects[i].Key
	}
	entries, err := v.store.Known(ctx, v.Name, keys)
	if err != nil {
		return nil, err
	}
	var certain []suspicion
	for i := range suspects {
		if s := &suspects[i]; sent[s.Key] || !sameEntry(&s.Entry, &entries[i]) {
			v.result.Pending++
		} else {
			certain = append(certain, *s)
		}
	}
	return certain, nil
}

// forgetFound has the ledger forget what isn't true, so that the next run writes it again.
func (v *verification) forgetFound(ctx context.Context, certain []suspicion) error {
	var decisions []Decision
	var links []LinkDecision
	var repaired int64
	for i := range certain {
		s := &certain[i]
		d, ok := v.forgotten(s)
		if !ok {
			continue
		}
		decisions = append(decisions, d)
		if !slices.ContainsFunc(s.findings, func(f Finding) bool { return f.Kind == FoundDuplicate }) {
			repaired++
		}
		for _, l := range s.links {
			links = append(links, LinkDecision{Key: s.Key, Slot: l.Slot, From: l.asked()[0], To: l.asked()[1]})
		}
	}
	if err := v.recordDecisions(ctx, decisions, links); err != nil {
		return err
	}
	v.result.Repaired += int64(len(decisions))
	v.result.Open -= repaired
	return nil
}

// rival notes that the record which the row's was merged into is another row's, whose values it has to have: two rows
// can't be one record, so that nothing of this one can be repaired.
func (s *suspicion) rival(owner string) {
	if owner == "" || owner == s.Key {
		return
	}
	s.findings = slices.DeleteFunc(s.findings, func(f Finding) bool { return f.Kind != FoundMerged })
	for i := range s.findings {
		s.findings[i].OtherKey = owner
	}
}

// mergedOwners returns the keys that records belong to which others were merged into.
func (v *verification) mergedOwners(ctx context.Context, certain []suspicion) (map[string]string, error) {
	var ids []string
	for i := range certain {
		if certain[i].id != "" {
			ids = append(ids, certain[i].id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return v.store.Owners(ctx, v.Name, ids)
}

// forgotten returns the decision that makes a row one whose content isn't known; false if there is nothing to repair.
func (v *verification) forgotten(s *suspicion) (Decision, bool) {
	d := Decision{Key: s.Key, Version: s.Version, Verdict: Found}
	repair := false
	for _, f := range s.findings {
		switch f.Kind {
		case FoundDrift, FoundUnlinked:
			repair = repair || f.Kept == ""
		case FoundArchived:
			repair = repair || v.limits.OnGone == RecreateGone // the update that finds the record gone makes it again
		case FoundMerged:
			if f.OtherKey != "" {
				return d, false
			}
			d.ID, d.Merged, repair = s.id, s.Entry.ID, true
			d.Record = v.limits.recordOf(s.match, s.id)
		}
	}
	return d, repair
}
