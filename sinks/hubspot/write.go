package hubspot

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A batch is what one request carries.
type batch struct {
	action  pipeline.Action
	entries []entry
}

// A writing is one call of Write: the outcomes so far, and what is still to be sent.
type writing struct {
	*Sink
	outcomes []pipeline.Outcome
	rows     map[string]string // ids of records, to the key of the row that is done with it
	todo     []batch
	answer   pipeline.Answer // to the last request
}

func (s *Sink) writing() *writing { return &writing{Sink: s, rows: map[string]string{}} }

// Write sends changes that all have the same action. Up to maxBytes they are one request, more only where that is
// refused as a whole and has to be taken apart (bisect.go), or where a conflict is settled by an update.
func (s *Sink) Write(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	w := s.writing()
	entries, err := w.entries(ctx, changes)
	if err != nil {
		w.unwritten(entries)
		return w.outcomes, err
	}
	w.split(batch{changes[0].Action, entries})
	for len(w.todo) > 0 {
		next := w.todo[0]
		w.todo = w.todo[1:]
		if err := w.send(ctx, next); err != nil {
			for _, b := range w.todo {
				w.unwritten(b.entries)
			}
			return w.outcomes, err
		}
	}
	return w.outcomes, nil
}

// entries returns what is to be sent. A record is written once in a request: HubSpot refuses all of a request that
// names one twice (API.md section 5.2).
func (w *writing) entries(ctx context.Context, changes []pipeline.Change) ([]entry, error) {
	entries := make([]entry, 0, len(changes))
	seen := make(map[string]string, len(changes))
	for i := range changes {
		c := &changes[i]
		c.Kept = slices.DeleteFunc(c.Kept, func(k pipeline.Kept) bool { // by a record that was in its way before
			return c.Action == pipeline.Create || c.Action == pipeline.Upsert && k.Why == pipeline.KeptAlias
		})
		w.leaveAddresses(c)
		e := entry{Change: c, input: w.input(c), fold: w.foldMatch(c)}
		record := w.recordName(&e)
		if first, twice := seen[record]; twice && record != "" {
			w.refuse(c, nil, collision(record, first))
			continue
		}
		seen[record] = c.Key
		if err := w.inline(ctx, &e); err != nil {
			if _, ok := errors.AsType[*pipeline.RowError](err); !ok {
				for at := i; at < len(changes); at++ {
					entries = append(entries, entry{Change: &changes[at]})
				}
				return entries, err
			}
			w.refuse(c, nil, err)
			continue
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// split puts a batch into the queue, in parts that keep to the size of a request.
func (w *writing) split(b batch) {
	const envelope = 64 // of the body around the inputs
	most := envelope
	for i := range b.entries {
		most += b.entries[i].input.Most()
	}
	if 0 < len(b.entries) && len(b.entries) <= crm.MaxInputs && most <= maxBytes {
		w.todo = append(w.todo, b)
		return
	}
	start, size := 0, envelope
	for i := range b.entries {
		n := b.entries[i].input.Size() + 1
		if i > start && (size+n > maxBytes || i-start == crm.MaxInputs) {
			w.todo = append(w.todo, batch{b.action, b.entries[start:i]})
			start, size = i, envelope
		}
		size += n
	}
	if start < len(b.entries) {
		w.todo = append(w.todo, batch{b.action, b.entries[start:]})
	}
}

// send makes one request and sorts its answer. An error means that nothing more should be sent.
func (w *writing) send(ctx context.Context, b batch) error {
	if b.action == pipeline.Archive {
		return w.archive(ctx, b)
	}
	inputs := make([]crm.Input, len(b.entries))
	for i := range b.entries {
		inputs[i] = b.entries[i].input
	}
	call := w.portal.BatchUpsert
	switch b.action {
	case pipeline.Create:
		call = w.portal.BatchCreate
	case pipeline.Update:
		call = w.portal.BatchUpdate
	}
	answer, err := call(ctx, w.path, inputs)
	if err != nil {
		return w.failed(ctx, b, err)
	}
	w.answer = answerOf(answer.HTTPStatus, answer.CorrelationID)
	return w.answered(ctx, b, answer)
}

// answered sorts the entries of a request that HubSpot took: done if a result is theirs, refused if an error names
// them. What neither names stays in doubt, unless errors that name nobody show that it has to be isolated.
func (w *writing) answered(ctx context.Context, b batch, answer *crm.BatchAnswer) error {
	x := newIndex(b.entries, w.matchName(), func(v string) string { return w.Fold(w.object, w.matchName(), v) })
	accounted := make([]bool, len(b.entries))
	w.results(b, x, accounted, answer)
	var s sorting
	var anonymous *crm.ItemError
	for i := range answer.Errors {
		item := &answer.Errors[i]
		named := x.failed(item)
		if len(named) == 0 && len(b.entries) == 1 {
			named = []int{0}
		}
		if len(named) == 0 {
			anonymous = item
		}
		for _, at := range named {
			if !accounted[at] {
				accounted[at] = true
				w.sort(&s, b.action, b.entries[at], item)
			}
		}
	}
	if len(answer.Errors) == 0 {
		s.gone = passedOver(b, accounted)
	}
	w.decide(ctx, s)
	if s.stop == nil && len(answer.Errors) > 0 {
		w.isolate(ctx, b, accounted, anonymous)
	}
	return s.stop
}

// passedOver returns the updates of records in the way of a create that an answer says nothing of: such a record may be
// archived (API.md sections 5.3 and 11.4), and the row would be created again, and be in its way again, for ever.
func passedOver(b batch, accounted []bool) (silent []entry) {
	for at, e := range b.entries {
		if e.adopted != nil && !accounted[at] {
			silent = append(silent, e)
		}
	}
	return silent
}

// results notes the entries that results are of. A create's result that has neither trace id nor match property is of
// the entry whose values it holds; entries with the same values are the same to HubSpot as well.
func (w *writing) results(b batch, x *index, accounted []bool, answer *crm.BatchAnswer) {
	var strangers []*crm.Result
	for i := range answer.Results {
		r := &answer.Results[i]
		at := x.result(r)
		w.warn(b, at, r)
		switch {
		case r.ID == "" || at >= 0 && accounted[at]:
		case at >= 0:
			accounted[at] = true
			w.done(b.entries[at], r.ID, b.made(b.entries[at], r, answer.Date))
		case r.TraceID == "" && len(b.entries) == 1 && len(answer.Results) == 1:
			accounted[0] = true
			w.done(b.entries[0], r.ID, b.made(b.entries[0], r, answer.Date))
		case r.TraceID == "" && b.action == pipeline.Create:
			strangers = append(strangers, r)
		}
	}
	for _, r := range strangers {
		for at, e := range b.entries {
			if !accounted[at] && len(e.input.Properties) > 0 && w.holds(r, e.Change) {
				accounted[at] = true
				w.done(e, r.ID, true)
				break
			}
		}
	}
}

// warn logs that HubSpot has changed a value before writing it (API.md section 8.2), and of which property, but not which;
// and that it has made a record for a key whose record was known: the key's value went with a merge (section 11.3).
func (w *writing) warn(b batch, at int, r *crm.Result) {
	for _, warning := range r.Warnings {
		w.log.Debug("hubspot changed a value", "record", r.ID, "category", warning.Category, "property", warning.Context["propertyName"])
	}
	if at < 0 || r.New == nil || !*r.New {
		return
	}
	if e := b.entries[at]; e.ID != "" && e.ID != r.ID {
		w.log.Warn("hubspot made a new record for a key whose record was known: it was merged, archived or lost its match value",
			"key", e.Key, "known", e.ID, "record", r.ID)
	}
}

// made tells whether a result is of a record that this change has made: an upsert's says so (API.md section 7), and if an
// earlier attempt got no answer, the record's age does.
func (b *batch) made(e entry, r *crm.Result, date time.Time) bool {
	switch {
	case b.action == pipeline.Create, b.action == pipeline.Upsert && r.New != nil && *r.New:
		return true
	}
	return !e.Sent.IsZero() && madeBy(e.Change, r, date, time.Now())
}

func (w *writing) done(e entry, id string, made bool) {
	for i := range e.links {
		e.links[i].FromID = id
	}
	w.rows[id] = e.Key
	w.outcomes = append(w.outcomes, pipeline.Outcome{TraceID: e.TraceID, Verdict: pipeline.Done, ID: id, Links: e.links, Made: made, Answer: w.answer})
}

// found notes that a record which was read back holds what was sent.
func (w *writing) found(e entry, id string, l *lookup) {
	w.done(e, id, false)
	w.outcomes[len(w.outcomes)-1].Answer = l.readBack()
}

// refuse notes that a row can't be written. The item says why, if it is HubSpot that refuses it.
func (w *writing) refuse(c *pipeline.Change, item *crm.ItemError, err error) {
	o := refused(c, err)
	if item != nil {
		o.Answer = named(w.answer, item.Category)
	}
	w.outcomes = append(w.outcomes, o)
}

func (w *writing) unwritten(entries []entry) {
	for _, e := range entries {
		w.outcomes = append(w.outcomes, pipeline.Outcome{TraceID: e.TraceID, Verdict: pipeline.Unwritten, ID: e.ID})
	}
}
