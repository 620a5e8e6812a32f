package hubspot

import (
	"context"
	"maps"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

var _ pipeline.Reader = (*Sink)(nil)

// Read reads records back, a hundred a request: by their ids, and by the match value, which tells of other records that
// have it (API.md section 11.3). In mode archive a record that isn't there is as the row asks for it.
func (s *Sink) Read(ctx context.Context, changes []pipeline.Change) ([]pipeline.Reading, error) {
	readings := make([]pipeline.Reading, len(changes))
	var text strings.Builder
	var ids, values []string
	for i := range changes {
		c := &changes[i]
		if c.Values != nil {
			if readings[i].Err = s.prepare(&text, c); readings[i].Err != nil {
				continue
			}
		}
		if c.ID != "" {
			ids = append(ids, c.ID)
		}
		if c.Match != "" && !s.byID() {
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
	binned := s.lookup(s.object, s.path, recordID)
	binned.archived = true
	if binned, err = s.look(ctx, binned, slices.Collect(maps.Keys(byID.absent))); err != nil {
		return nil, err
	}
	for i := range changes {
		if readings[i].Err == nil {
			readings[i] = s.reading(&changes[i], byID, byMatch, binned)
		}
	}
	return readings, nil
}

// reading puts together what is known of the record of one change.
func (s *Sink) reading(c *pipeline.Change, byID, byMatch, binned *lookup) pipeline.Reading {
	var r pipeline.Reading
	match := s.foldMatch(c)
	record, absent := byID.found[c.ID], byID.absent[c.ID]
	switch other := byMatch.found[match]; {
	case c.ID == "":
		record, absent = other, byMatch.absent[match]
	case other != nil && (record == nil || other.ID != record.ID):
		r.Twin = other.ID
	}
	switch {
	case record != nil:
		r.Presence, r.ID = pipeline.There, record.ID
		r.Differences = s.differences(c, record)
	case absent && binned.found[c.ID] != nil:
		r.Presence = pipeline.Archived
	case absent && (c.ID == "" || binned.absent[c.ID]):
		r.Presence = pipeline.Nowhere
	}
	if s.mode == modeArchive && c.Values != nil {
		r = archived(r, c.ID)
	}
	return r
}

// archived turns a reading into that of a row that asks for its record not to be there.
func archived(r pipeline.Reading, id string) pipeline.Reading {
	switch r.Presence {
	case pipeline.There:
		r.Differences = []pipeline.Difference{{Property: "archived", Want: "true", Got: "false"}}
	case pipeline.Nowhere, pipeline.Archived:
		r = pipeline.Reading{Presence: pipeline.There, ID: id}
	}
	return r
}

// differences returns the properties that a row asks for and that the record has otherwise.
func (s *Sink) differences(c *pipeline.Change, record *crm.Result) (list []pipeline.Difference) {
	for i, v := range c.Values {
		p := &s.props[i]
		if p.skip || p.name == "lifecyclestage" || v.IsNull() && !p.clear {
			continue
		}
		got := record.Properties[p.name] // none: it has no value
		if want := v.String(); !p.same(want, got) && s.Fold(s.object, p.name, want) != s.Fold(s.object, p.name, got) {
			why := s.cause(p, c, want, got)
			if c.ID != "" && s.has(c, i) {
				why = pipeline.KeptAlias
			}
			list = append(list, pipeline.Difference{Property: p.name, Want: want, Got: got, Kept: why})
		}
	}
	return list
}

// ReadLinks reads which types of association pairs have, a thousand records a request. A link without a label is there
// if the pair has any. What isn't there is looked for with the records that the pair's were merged into.
func (s *Sink) ReadLinks(ctx context.Context, links []pipeline.LinkChange) ([]pipeline.Presence, error) {
	presence := make([]pipeline.Presence, len(links))
	place := make(map[*pipeline.LinkChange]int, len(links))
	for i := range links {
		place[&links[i]] = i
	}
	l := &linking{Sink: s}
	groups, err := l.groups(ctx, links)
	if err != nil {
		return nil, err
	}
	var moved []*pipeline.LinkChange
	for _, g := range groups {
		if err := l.resolve(ctx, g); err != nil {
			return nil, err
		}
		if err := l.read(ctx, g, g.pairs); err != nil {
			return nil, err
		}
		elsewhere, err := l.elsewhere(ctx, g)
		if err != nil {
			return nil, err
		}
		moved = append(moved, elsewhere...)
		for _, p := range g.pairs {
			for i, c := range p.changes {
				presence[place[c]] = p.presence(i)
			}
		}
	}
	for _, o := range l.outcomes { // links that can't be made, such as by a label that is gone
		presence[place[o.Change]] = pipeline.Nowhere
	}
	there, err := s.readMoved(ctx, moved)
	for i := range there {
		presence[place[moved[i]]] = there[i]
	}
	return presence, err
}

// readMoved reads links back between the records that theirs were merged into.
func (s *Sink) readMoved(ctx context.Context, moved []*pipeline.LinkChange) ([]pipeline.Presence, error) {
	if len(moved) == 0 {
		return nil, nil
	}
	followed := make([]pipeline.LinkChange, len(moved))
	for i, c := range moved {
		followed[i] = *c
	}
	return s.ReadLinks(ctx, followed)
}

// presence tells whether the pair has what its i-th change asks for.
func (p *pair) presence(i int) pipeline.Presence {
	if p.unread || p.failed != nil {
		return pipeline.Unsure
	}
	for _, t := range p.current {
		if p.types[i] == nil || t == *p.types[i] {
			return pipeline.There
		}
	}
	return pipeline.Nowhere
}
