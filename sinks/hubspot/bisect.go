package hubspot

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/pipeline/failpoint"
	"sluice/sinks/hubspot/internal/crm"
)

// failed decides on a request that failed as a whole (API.md sections 5.2, 6.1 and 11.2). What may have had an effect is
// left in doubt; what certainly had none is written again in parts, if that is safe and the rows may be to blame.
func (w *writing) failed(ctx context.Context, b batch, err error) error {
	if _, ok := errors.AsType[*crm.PausedError](err); ok {
		w.unwritten(b.entries)
		return explain(err)
	}
	e, ok := errors.AsType[*crm.Error](err)
	switch {
	case !ok:
		return err
	case e.Status/100 == 3: // no answer of HubSpot's, whoever has sent it: no other request will fare better
		return explain(e.Without(values(b.entries)))
	case e.Effect != crm.NoEffect:
		w.log.Warn("a write got no usable answer: it will be read back", "error", err, "rows", len(b.entries))
		w.inDoubt(b.entries, e)
		return ctx.Err()
	case !blamesRows(e, b.action):
		w.unwritten(b.entries)
		return explain(e.Without(values(b.entries)))
	}
	w.answer = answerOf(e.Status, e.CorrelationID)
	failpoint.Reach("bisect.before")
	w.takeApart(ctx, b, e)
	return nil
}

// values returns what a request would have written.
func values(entries []entry) (list []string) {
	for _, e := range entries {
		for _, p := range e.input.Properties {
			list = append(list, p.Value)
		}
	}
	return list
}

// blamesRows tells whether a request was refused for what its rows hold, rather than for where and how it was sent.
func blamesRows(e *crm.Error, action pipeline.Action) bool {
	switch e.Status {
	case 400, 409, 413, 422:
	case 404:
		return e.Category == "OBJECT_NOT_FOUND" && action == pipeline.Update
	default:
		return false
	}
	if e.Foreign && e.Status != 413 {
		return false
	}
	for _, wholly := range []string{"Unable to infer object type", "Unable to perform update/upsert by non-unique"} {
		if strings.HasPrefix(e.Message, wholly) {
			return false
		}
	}
	return !missingProperty(e.Details)
}

// missingProperty tells whether an error is about a property that the object doesn't have: it is the mapping that is
// wrong then, and no row can be written.
func missingProperty(details []crm.DetailError) bool {
	return slices.ContainsFunc(details, func(d crm.DetailError) bool { return isMissing(&d) })
}

func isMissing(d *crm.DetailError) bool { return d.Code == "PROPERTY_DOESNT_EXIST" }

// takeApart isolates the rows that a whole request was refused for. Halving finds one among a hundred with 14 requests.
//
// A create is repeated only if its records have a unique property, and after reading which of them exist: whether a
// refused batch leaves nothing behind is disputed (API.md section 5.2). Creates of several records without one can't be
// told apart and are left in doubt, which holds them for review.
func (w *writing) takeApart(ctx context.Context, b batch, e *crm.Error) {
	item := &crm.ItemError{Category: e.Category, SubCategory: e.SubCategory, Message: e.Message, Context: e.Context, Errors: e.Details}
	if b.action == pipeline.Create && len(b.entries) > 1 {
		w.readBack(ctx, b, item)
		return
	}
	named := w.named(item, b)
	if len(b.entries) == 1 {
		named = []int{0}
		if e.Status == http.StatusRequestEntityTooLarge {
			w.refuse(b.entries[0].Change, item, pipeline.Rejectf("too_large", "a request with nothing but this row is too large (413): make its longest values shorter"))
			return
		}
	}
	if len(named) == 0 || len(named) == len(b.entries) && len(named) > 1 && !isGone(b.action, item) {
		w.halve(b)
		return
	}
	accounted := make([]bool, len(b.entries))
	var s sorting
	for _, at := range named {
		accounted[at] = true
		w.sort(&s, b.action, b.entries[at], item)
	}
	w.decide(ctx, s)
	if left := rest(b.entries, accounted); len(left) > 0 {
		w.todo = append(w.todo, batch{b.action, left})
	}
}

// named returns the entries that an error names by their trace ids. Ids alone may also name an innocent twin, but for
// records that are said to be gone: those are looked for.
func (w *writing) named(item *crm.ItemError, b batch) []int {
	byTrace := &crm.ItemError{Context: map[string][]string{"objectWriteTraceId": item.TraceIDs()}, Errors: item.Errors}
	if isGone(b.action, item) {
		byTrace = item
	}
	return newIndex(b.entries, "", strings.TrimSpace).failed(byTrace)
}

func (w *writing) halve(b batch) {
	middle := len(b.entries) / 2
	if middle == 0 {
		w.todo = append(w.todo, b)
		return
	}
	w.todo = append(w.todo, batch{b.action, b.entries[:middle]}, batch{b.action, b.entries[middle:]})
}

func rest(entries []entry, accounted []bool) []entry {
	var left []entry
	for i, e := range entries {
		if !accounted[i] {
			left = append(left, e)
		}
	}
	return left
}

// isolate sends again what an answer with errors said nothing of, where repeating is safe: an update mode of HubSpot
// names the bad ids and drops the good ones too (API.md section 5.3), and an error may name nobody at all. Creates are
// looked up first. What an answer leaves out without any such error stays in doubt.
func (w *writing) isolate(ctx context.Context, b batch, accounted []bool, anonymous *crm.ItemError) {
	left := batch{b.action, rest(b.entries, accounted)}
	switch {
	case len(left.entries) == 0:
	case b.action == pipeline.Create:
		if anonymous != nil {
			w.readBack(ctx, left, anonymous)
		}
	case anonymous == nil:
		w.todo = append(w.todo, left)
	default:
		w.halve(left)
	}
}

// readBack finds out which records of a refused create exist. Those that hold what was sent are done, other ones are in
// conflict, and those that are absent are sent again.
func (w *writing) readBack(ctx context.Context, b batch, item *crm.ItemError) {
	if w.match < 0 {
		w.log.Warn("hubspot refused a batch of creates as a whole and the records can't be looked up: they are held for review",
			"error", item, "rows", len(b.entries))
		return
	}
	l := w.lookup(w.object, w.path, w.matchName(), w.written()...)
	changes := make([]*pipeline.Change, len(b.entries))
	for i, e := range b.entries {
		changes[i] = e.Change
	}
	if err := l.readAll(ctx, changes, w.foldMatch); err != nil {
		w.log.Warn("a refused create can't be read back now", "error", err)
		return
	}
	var conflicts []conflict
	accounted := make([]bool, len(b.entries))
	for i, e := range b.entries {
		record := l.found[e.fold]
		if record == nil {
			continue
		}
		accounted[i] = true
		if w.holds(record, e.Change) {
			w.found(e, record.ID, l)
			continue
		}
		conflicts = append(conflicts, conflict{entry: e, id: record.ID, item: item, property: w.matchName()})
	}
	left := batch{b.action, rest(b.entries, accounted)}
	w.conflicts(ctx, conflicts)
	if len(left.entries) == len(b.entries) {
		w.halve(left)
	} else if len(left.entries) > 0 {
		w.todo = append(w.todo, left)
	}
}
