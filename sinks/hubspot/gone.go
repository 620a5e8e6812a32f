package hubspot

import (
	"context"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A record that a person archives goes into HubSpot's recycle bin; one that is deleted for privacy, or was there for too
// long, is gone for good (API.md section 11.4). Either way an update by its id finds nothing, which is the only sign.

// departed appends what became of records that no reading finds by their ids any more: archived, or deleted for good.
// What that can't be told of has no outcome.
func (s *Sink) departed(ctx context.Context, outcomes []pipeline.Outcome, changes []*pipeline.Change) ([]pipeline.Outcome, error) {
	if len(changes) == 0 {
		return outcomes, nil
	}
	l := s.lookup(s.object, s.path, recordID)
	l.archived = true
	q := s.byIDs()
	if err := l.readAll(ctx, changes, q.value); err != nil {
		return outcomes, err
	}
	for _, c := range changes {
		switch {
		case l.found[c.ID] != nil:
			outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Gone, Err: s.archivedError(c.ID), Answer: l.readBack()})
		case l.absent[c.ID]:
			outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Gone, Purged: true, Err: s.purgedError(c.ID), Answer: l.readBack()})
		}
	}
	return outcomes, nil
}

func (s *Sink) archivedError(id string) error {
	policies := "recreate or ignore"
	if s.mode != modeUpsert && s.mode != modeMirror {
		policies = "ignore"
	}
	return pipeline.Rejectf("gone", "record %s of %s was archived in HubSpot: restore it there and use `sluice rejects retry`, take the row out of the source, or set on_gone to %s",
		id, s.object, policies)
}

func (s *Sink) purgedError(id string) error {
	if s.byID() {
		return pipeline.Rejectf("gone", "%s have no record %s, nor has their recycle bin: it was deleted for good, or never was there; correct the row, or take it out of the source", s.object, id)
	}
	return pipeline.Rejectf("gone", "record %s of %s was deleted from HubSpot for good, and is never made again: take the row out of the source", id, s.object)
}

// isGone tells whether an error says that the record of an update isn't there.
func isGone(action pipeline.Action, item *crm.ItemError) bool {
	return action == pipeline.Update && item.Category == "OBJECT_NOT_FOUND"
}

// missing decides on updates whose records an error says aren't there. It may be wrong about that: a record that was
// merged into another is still there, under the other's id. Such updates are left in doubt, which finds the survivor.
func (w *writing) missing(ctx context.Context, entries []entry) {
	if len(entries) == 0 {
		return
	}
	asked := make([]*pipeline.Change, len(entries))
	byTrace := make(map[string]entry, len(entries))
	for i, e := range entries {
		asked[i] = &pipeline.Change{Action: pipeline.Update, TraceID: e.TraceID, ID: e.input.ID}
		byTrace[e.TraceID] = e
	}
	told, err := w.settle(ctx, nil, asked, w.byIDs())
	if err != nil {
		w.log.Warn("records that are gone can't be read back now", "error", err, "rows", len(entries))
	}
	for _, o := range told {
		switch e := byTrace[o.TraceID]; {
		case o.Verdict != pipeline.Gone:
		case e.adopted != nil:
			c := *e.adopted
			c.archived = !o.Purged
			w.refuse(e.Change, c.item, w.conflictError(c))
		default:
			w.outcomes = append(w.outcomes, o)
		}
	}
}
