package hubspot

import (
	"context"
	"html"
	"regexp"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

var _ pipeline.Keeper = (*Sink)(nil)

// Keep leaves properties as others have set them, and records that others have merged. HubSpot can't be asked to write only
// where nothing has changed (API.md section 5.1), so that an edit made between this reading and the write is overwritten.
func (s *Sink) Keep(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	if s.mode == modeMirror && changes[0].Action == pipeline.Archive {
		return s.keepMerged(ctx, changes)
	}
	var ids, values []string
	for i := range changes {
		c := &changes[i]
		c.Kept = slices.DeleteFunc(c.Kept, func(k pipeline.Kept) bool { return k.Why != pipeline.KeptAlias })
		switch {
		case !s.guarded || c.Action != pipeline.Update && c.Action != pipeline.Upsert:
		case c.Action == pipeline.Update:
			ids = append(ids, c.ID)
		default:
			values = append(values, s.foldMatch(c))
		}
	}
	byID, err := s.look(ctx, s.lookup(s.object, s.path, recordID, s.written()...), ids)
	if err != nil {
		return nil, err
	}
	byMatch, err := s.look(ctx, s.lookup(s.object, s.path, s.matchName(), s.written()...), values)
	if err != nil {
		return nil, err
	}
	var outcomes []pipeline.Outcome
	for i := range changes {
		c, l, key := &changes[i], byID, changes[i].ID
		if c.Action == pipeline.Upsert {
			l, key = byMatch, s.foldMatch(c)
		}
		switch record := l.found[key]; {
		case record != nil && s.spare(c, record):
			outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Done, ID: record.ID, NoOp: true, Same: true})
		case record == nil && !l.absent[key] && (len(ids) > 0 || len(values) > 0):
			outcomes = append(outcomes, unread(c, "what the record has, so that nobody knows which of its properties others have set"))
		}
	}
	return outcomes, nil
}

// unread returns the outcome of a change that can't be made now, because HubSpot doesn't tell what has to be known for it.
func unread(c *pipeline.Change, what string, args ...any) pipeline.Outcome {
	o := refused(c, pipeline.Rejectf("unread", "HubSpot doesn't tell "+what, args...))
	o.Passing = true
	return o
}

// spare notes which properties a change leaves as the record has them, and tells whether nothing is left to be written. Rich
// text and phone numbers that are only spelled otherwise are written: the row may be what spells them anew.
func (s *Sink) spare(c *pipeline.Change, record *crm.Result) bool {
	spared := true
	for i, v := range c.Values {
		p := &s.props[i]
		if p.skip || v.IsNull() && !p.clear || c.Keeps(p.name) {
			continue
		}
		want, got := v.String(), record.Properties[p.name]
		if why := s.cause(p, c, want, got); why != "" {
			c.Kept = append(c.Kept, pipeline.Kept{Property: p.name, Want: want, Got: got, Why: why})
		} else if want != got && (p.html || p.phone || !s.alike(p, want, got)) {
			spared = false
		}
	}
	return spared
}

// cause returns why a change must not set a property that has the value got; "" if it may.
func (s *Sink) cause(p *property, c *pipeline.Change, want, got string) pipeline.KeptCause {
	switch {
	case !p.ifEmpty && !p.shared || s.alike(p, want, got):
		return ""
	case p.ifEmpty && got != "":
		return pipeline.KeptFilled
	case !p.shared:
		return ""
	}
	was, ever := c.Was.Value(p.name)
	if !ever && got == "" || ever && s.alike(p, was, got) {
		return "" // as before all attempts: those of whose end nobody was told may not have landed
	}
	for _, sent := range c.Tried {
		value, ok := sent.Value(p.name)
		if ok && s.alike(p, value, got) {
			return ""
		}
		ever = ever || ok
	}
	if ever {
		return pipeline.KeptEdited
	}
	return pipeline.KeptOthers
}

// alike tells whether a property has the value that was written, in HubSpot's spelling. Of rich text, which HubSpot cleans,
// the words are compared.
func (s *Sink) alike(p *property, want, got string) bool {
	if p.html {
		return words(want) == words(got)
	}
	return p.same(want, got) || s.Fold(s.object, p.name, want) == s.Fold(s.object, p.name, got)
}

var markup = regexp.MustCompile(`<[^>]*>`)

// words returns rich text without its markup.
func words(rich string) string {
	return strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(rich, " "))), " ")
}

// spareAdopted leaves out of updates of records that were in the way of a create what others own. What can't be read stays
// in doubt.
func (w *writing) spareAdopted(ctx context.Context, entries []entry) (left []entry) {
	if !w.guarded || len(entries) == 0 {
		return entries
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.input.ID
	}
	l, err := w.look(ctx, w.lookup(w.object, w.path, recordID, w.written()...), slices.Clone(ids))
	if err != nil {
		w.log.Warn("records that are in the way can't be read now", "error", err, "rows", len(entries))
		return nil
	}
	for i, e := range entries {
		record := l.found[ids[i]]
		switch {
		case record != nil && w.spare(e.Change, record):
			w.outcomes = append(w.outcomes, pipeline.Outcome{TraceID: e.TraceID, Verdict: pipeline.Done, ID: record.ID, NoOp: true, Same: true})
		case record != nil:
			e.input.Properties = w.properties(e.Change, pipeline.Update)
			left = append(left, e)
		case l.absent[ids[i]]:
			left = append(left, e)
		}
	}
	return left
}
