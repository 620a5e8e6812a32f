package hubspot

import (
	"context"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// recordName returns what a request names a record by, as it is shown to people; "" for a create without a match property.
func (s *Sink) recordName(e *entry) string {
	switch {
	case e.input.ID != "" && e.input.IDProperty == "":
		return "record " + e.input.ID
	case e.fold != "":
		return s.matchName() + " " + pipeline.Quote(e.fold)
	}
	return ""
}

// foldMatch returns the value that HubSpot knows the record by where it isn't known by its id.
func (s *Sink) foldMatch(c *pipeline.Change) string {
	if c.Match == "" || s.match < 0 {
		return ""
	}
	return s.Fold(s.object, s.matchName(), c.Match)
}

// input returns a change as HubSpot takes it. Prepare has made the values texts.
func (s *Sink) input(c *pipeline.Change) crm.Input {
	in := crm.Input{TraceID: c.TraceID, ID: c.ID}
	switch c.Action {
	case pipeline.Archive:
		return in
	case pipeline.Create:
		in.ID = ""
	case pipeline.Upsert:
		in.ID, in.IDProperty = c.Match, s.matchName()
	}
	in.Properties = s.properties(c, c.Action)
	return in
}

// properties returns what a change sends if it is carried out by an action.
func (s *Sink) properties(c *pipeline.Change, action pipeline.Action) []crm.Property {
	list := make([]crm.Property, 0, len(s.props))
	for i, v := range c.Values {
		p := &s.props[i]
		if p.skip || v.IsNull() && !p.clear || c.Keeps(p.name) || action == pipeline.Upsert && i == s.match && s.isAddress(p) {
			continue // an upsert names the address beside its properties: so a secondary one stays one
		}
		list = append(list, crm.Property{Name: p.name, Value: v.String()})
	}
	return list
}

// inline adds the links that a create carries.
func (w *writing) inline(ctx context.Context, e *entry) error {
	if e.Action != pipeline.Create {
		return nil
	}
	for i := range e.Links {
		l := &e.Links[i]
		t, err := w.labelType(ctx, l)
		if err != nil {
			return err
		}
		e.links = append(e.links, pipeline.LinkState{
			Slot: l.Slot, ToID: l.To.ID, From: l.From.Object, To: l.To.Object, Label: l.Label, Types: spell(t), Made: true,
		})
		e.input.Associations = append(e.input.Associations, crm.InlineAssociation{ToID: l.To.ID, Types: []crm.AssociationType{t}})
	}
	return nil
}
