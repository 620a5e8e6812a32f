package hubspot

import (
	"context"
	"fmt"
	"slices"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A sorting is what errors say of entries, as far as more has to be asked before they are decided.
type sorting struct {
	conflicts []conflict
	gone      []entry
	stop      error // nothing more should be sent
}

// sort refuses an entry that an error names, or notes what has to be found out first.
func (w *writing) sort(s *sorting, action pipeline.Action, e entry, item *crm.ItemError) {
	switch {
	case passes(item):
		w.log.Warn("hubspot couldn't write a row for the moment: it will be read back", "error", item, "key", e.Key)
	case missingProperty(item.Errors):
		w.unwritten([]entry{e})
		s.stop = w.propertyGone(action, item)
	case isGone(action, item):
		s.gone = append(s.gone, e)
	case isConflict(item):
		s.conflicts = append(s.conflicts, conflict{entry: e, id: item.ExistingID(), item: item})
	default:
		w.refuse(e.Change, item, w.refusal(e, item))
	}
}

// propertyGone returns the error that ends a run because of a property that the object has no more. It leaves out what else
// HubSpot says of the row, which may quote its values.
func (w *writing) propertyGone(action pipeline.Action, item *crm.ItemError) error {
	for i := range item.Errors {
		if d := &item.Errors[i]; isMissing(d) {
			return fmt.Errorf("%s %s: hubspot answered %s: %w; make the property again, or take it out of map, and run again: nothing is lost", action, w.object, d.Code, d)
		}
	}
	return item
}

// passes tells whether an error is of HubSpot's own making, and says nothing against the row.
func passes(item *crm.ItemError) bool {
	return slices.Contains([]string{"INTERNAL_ERROR", "RATE_LIMITS", "RATE_LIMIT", "SERVICE_UNAVAILABLE", "TIMEOUT"}, item.Category)
}

func (w *writing) decide(ctx context.Context, s sorting) {
	w.conflicts(ctx, s.conflicts)
	w.missing(ctx, s.gone)
}
