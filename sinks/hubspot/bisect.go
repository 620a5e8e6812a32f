package hubspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/pipeline"
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
	case e.Effect != crm.NoEffect:
		w.log.Warn("a write got no usable answer: it will be read back", "error", err, "rows", len(b.entries))
		return ctx.Err()
	case !blamesRows(e, b.action):
		w.unwritten(b.entries)
		return explain(e.Without(values(b.entries)))
	}
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
	return slices.ContainsFunc(details, func(d crm.DetailError) bool { return d.Code == "PROPERTY_DOESNT_EXIST" })
}

// takeApart isolates the rows that a whole request was refused for. Halving finds one among a hundred with 14 requests.
//
// A create is repeated only if its records have a unique property, and after reading which of them exist: whether a
// refused batch leaves nothing behind is disputed (API.md section 5.2). Creates of several records without one can't be
// told apart and are left in doubt, which holds them for review.
func (w *writing) takeApart(ctx context.Context, b batch, e *crm.Error) {
	item := &crm.ItemError{Category: e.Category, SubCategory: e.SubCategory, Message: e.Message, Context: e.Context, Errors: e.Details}
	if len(b.entries) == 1 {
		if isConflict(item) {
			w.conflicts(ctx, []conflict{{b.entries[0], item.ExistingID(), item}})
			return
		}
		w.refuse(b.entries[0].Change, w.refusal(b.entries[0], item))
		return
	}
	if b.action == pipeline.Create {
		w.readBack(ctx, b, item)
		return
	}
	if named := w.named(item, b); len(named) > 0 && len(named) < len(b.entries) {
		accounted := make([]bool, len(b.entries))
		for _, at := range named {
			accounted[at] = true
			w.refuse(b.entries[at].Change, w.refusal(b.entries[at], item))
		}
		w.todo = append(w.todo, batch{b.action, rest(b.entries, accounted)})
		return
	}
	w.halve(b)
}

// named returns the entries that an error names by their trace ids. Ids alone may also name an innocent twin.
func (w *writing) named(item *crm.ItemError, b batch) []int {
	byTrace := &crm.ItemError{Context: map[string][]string{"objectWriteTraceId": item.TraceIDs()}, Errors: item.Errors}
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
	found, err := w.existing(ctx, b.entries)
	if err != nil {
		w.log.Warn("a refused create can't be read back now", "error", err)
		return
	}
	var conflicts []conflict
	accounted := make([]bool, len(b.entries))
	for i, e := range b.entries {
		record, ok := found[e.fold]
		if !ok {
			continue
		}
		accounted[i] = true
		if holds(record, e.input) {
			w.done(e, record.ID)
			continue
		}
		conflicts = append(conflicts, conflict{e, record.ID, item})
	}
	left := batch{b.action, rest(b.entries, accounted)}
	w.conflicts(ctx, conflicts)
	if len(left.entries) == len(b.entries) {
		w.halve(left)
	} else if len(left.entries) > 0 {
		w.todo = append(w.todo, left)
	}
}

// existing reads the records that have the entries' match values, with all properties that are written.
func (w *writing) existing(ctx context.Context, entries []entry) (map[string]*crm.Result, error) {
	var names []string
	for _, p := range w.props {
		if !p.skip {
			names = append(names, p.name)
		}
	}
	values := make([]string, len(entries))
	for i, e := range entries {
		values[i] = e.Match
	}
	answer, err := w.portal.BatchRead(ctx, w.path, w.matchName(), names, values, false)
	if err != nil {
		return nil, err
	}
	x := newIndex(entries, w.matchName(), func(v string) string { return w.Fold(w.object, w.matchName(), v) })
	found := map[string]*crm.Result{}
	for i := range answer.Results {
		if at := x.result(&answer.Results[i]); at >= 0 {
			found[entries[at].fold] = &answer.Results[i]
		}
	}
	return found, nil
}

// holds tells whether a record that was read has every value that the input would write.
func holds(record *crm.Result, in crm.Input) bool {
	return !slices.ContainsFunc(in.Properties, func(p crm.Property) bool {
		return !strings.EqualFold(strings.TrimSpace(record.Properties[p.Name]), strings.TrimSpace(p.Value))
	})
}

// A conflict is an entry whose unique value another record has: the one with the id, if that was told.
type conflict struct {
	entry
	id   string
	item *crm.ItemError
}

func isConflict(item *crm.ItemError) bool {
	return item.Category == "CONFLICT" || item.ExistingID() != ""
}

// conflicts refuses rows whose unique value another record has, or writes to that record where the configuration asks for
// it. A create that was sent before may be in conflict with its own earlier attempt, which makes it done.
func (w *writing) conflicts(ctx context.Context, conflicts []conflict) {
	var adopted []entry
	taken := map[string]bool{}
	for _, c := range conflicts {
		if c.Action == pipeline.Create && c.fold != "" && (c.id == "" || !c.Sent.IsZero()) {
			id, ours, err := w.holder(ctx, c)
			switch {
			case err != nil:
				w.log.Warn("a conflict can't be read back now", "error", err)
				continue // in doubt
			case ours && !c.Sent.IsZero():
				w.done(c.entry, id)
				continue
			case id == "" && !c.Sent.IsZero():
				continue // in doubt: it isn't seen yet
			}
			c.id = id
		}
		if w.adopt && c.id != "" && !c.adopted && c.Action != pipeline.Update && !taken[c.id] {
			taken[c.id] = true
			e := c.entry
			e.adopted, e.links = true, nil
			e.input.ID, e.input.IDProperty, e.input.Associations = c.id, "", nil
			adopted = append(adopted, e)
			continue
		}
		w.refuse(c.Change, w.conflictError(c))
	}
	if len(adopted) > 0 {
		w.todo = append(w.todo, batch{pipeline.Update, adopted})
	}
}

// holder returns the record that a create is in conflict with, and whether it has the create's match value. Where its id
// was told it is read by that, which sees a new record at once (API.md section 11.1).
func (w *writing) holder(ctx context.Context, c conflict) (id string, ours bool, err error) {
	if c.id == "" {
		found, err := w.Find(ctx, w.object, w.matchName(), []string{c.Match})
		return found[c.Match], found[c.Match] != "", err
	}
	answer, err := w.portal.BatchRead(ctx, w.path, "", []string{w.matchName()}, []string{c.id}, false)
	if err != nil {
		return "", false, err
	}
	for _, r := range answer.Results {
		ours = ours || strings.EqualFold(w.Fold(w.object, w.matchName(), r.Properties[w.matchName()]), c.fold)
	}
	return c.id, ours, nil
}

func (w *writing) conflictError(c conflict) error {
	other := "another record"
	if c.id != "" {
		other = "record " + c.id
	}
	advice := ""
	if !w.adopt && c.Action != pipeline.Update {
		advice = "; set on_conflict: update to write to that record"
	}
	return pipeline.Rejectf("conflict", "%s of %s already has a unique value of this row: %s%s", other, w.object,
		fmt.Sprint(c.item), advice)
}
