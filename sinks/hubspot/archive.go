package hubspot

import (
	"context"
	"strings"

	"sluice/sinks/hubspot/internal/crm"
)

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
