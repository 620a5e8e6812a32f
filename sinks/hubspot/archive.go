package hubspot

import (
	"context"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// mergedIDs is the property that lists the ids of the records that were merged into a record (API.md section 11.3).
const mergedIDs = "hs_merged_object_ids"

// keepMerged looks at records that are to be archived because their rows have left the source, and returns an outcome for
// each that mustn't be: HubSpot answers the id of a record that was merged away for the one that it was merged into, and
// what people have merged holds what somebody else has made.
func (s *Sink) keepMerged(ctx context.Context, leaving []pipeline.Change) (outcomes []pipeline.Outcome, _ error) {
	ids := make([]string, len(leaving))
	for i := range leaving {
		ids[i] = leaving[i].ID
	}
	l, err := s.look(ctx, s.lookup(s.object, s.path, recordID, mergedIDs), ids)
	if err != nil {
		return nil, err
	}
	for i := range leaving {
		c := &leaving[i]
		record := l.found[c.ID]
		switch {
		case record != nil && record.ID == c.ID && record.Properties[mergedIDs] == "": // as it was made
		case record == nil && l.absent[c.ID] && !c.Sent.IsZero(): // an attempt whose answer was lost may have archived it
		case record != nil || l.absent[c.ID]:
			outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Done, ID: c.ID, NoOp: true, Stays: record != nil})
		default:
			outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Unwritten, ID: c.ID, Passing: true})
		}
	}
	return outcomes, nil
}

func (w *writing) archive(ctx context.Context, b batch) error {
	ids := make([]string, len(b.entries))
	for i, e := range b.entries {
		ids[i] = e.input.ID
	}
	answer, err := w.portal.BatchArchive(ctx, w.path, ids)
	if err != nil {
		return w.failed(ctx, b, err)
	}
	w.answer = answerOf(answer.HTTPStatus, answer.CorrelationID)
	w.archived(b, answer.Errors)
	return nil
}

// archived sorts the entries of a request for archiving, whose answer names none but those that weren't archived. An error
// that names nobody leaves all others in doubt.
func (w *writing) archived(b batch, errs []crm.ItemError) {
	x := newIndex(b.entries, "", strings.TrimSpace)
	failed := map[int]*crm.ItemError{}
	anonymous := false
	for i := range errs {
		named := x.failed(&errs[i])
		anonymous = anonymous || len(named) == 0
		for _, at := range named {
			failed[at] = &errs[i]
		}
	}
	for at, e := range b.entries {
		switch item := failed[at]; {
		case item != nil && item.Category != "OBJECT_NOT_FOUND":
			w.refuse(e.Change, item, w.refusal(e, item))
		case item != nil || !anonymous:
			w.done(e, e.ID, false)
		}
	}
}
