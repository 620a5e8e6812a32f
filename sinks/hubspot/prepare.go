package hubspot

import (
	"context"
	"strings"

	"sluice/pipeline"
)

// Prepare decides how each change is written, and makes its values what HubSpot takes: texts, in place.
//
// A record whose id is known is updated by its id, so that one that was archived or merged isn't made again. Otherwise it is
// looked up by the match property for update and archive, and for upsert where there are several match properties; an upsert
// by one of them HubSpot looks up itself. Where the id is known, but not what was sent before, it is looked up whether the
// record has the row's address already.
func (s *Sink) Prepare(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	var outcomes []pipeline.Outcome
	var text strings.Builder
	var unknown, forgotten []*pipeline.Change
	besides := s.address() != s.match // rows have an address beside what they are matched by
	for i := range changes {
		c := &changes[i]
		err := s.prepare(&text, c)
		switch {
		case err != nil:
			outcomes = append(outcomes, refused(c, err))
		case c.ID == "" && (c.Action == pipeline.Update || c.Action == pipeline.Archive || c.Action == pipeline.Upsert && len(s.also) > 0):
			unknown = append(unknown, c)
		case c.ID != "" && c.Action == pipeline.Update && (c.Torn || len(c.Was) == 0 && besides):
			forgotten = append(forgotten, c)
		}
	}
	missing, err := s.identify(ctx, unknown)
	if err != nil {
		return append(outcomes, missing...), err
	}
	untold, err := s.recallAddresses(ctx, forgotten)
	return append(append(outcomes, missing...), untold...), err
}

// prepare sets a change's values, match value and action.
func (s *Sink) prepare(text *strings.Builder, c *pipeline.Change) error {
	for i, v := range c.Values {
		p := &s.props[i]
		if v.IsNull() || p.skip && i != s.match || p.stages != nil {
			continue
		}
		encoded, err := p.encode(text, v)
		if err != nil {
			return err
		}
		c.Values[i] = pipeline.StringValue(encoded)
	}
	if err := s.setStages(text, c); err != nil {
		return err
	}
	if err := s.setMatch(c); err != nil {
		return err
	}
	switch {
	case s.mode == modeArchive:
		c.Action = pipeline.Archive
	case c.ID != "" || s.mode == modeUpdate:
		c.Action = pipeline.Update
	case s.mode == modeCreate:
		c.Action = pipeline.Create
	default:
		c.Action = pipeline.Upsert
	}
	return nil
}

// setStages translates the names of stages, in the pipeline that the row says.
func (s *Sink) setStages(text *strings.Builder, c *pipeline.Change) error {
	for i, v := range c.Values {
		p := &s.props[i]
		if p.stages == nil || v.IsNull() {
			continue
		}
		id := ""
		if at := s.pipelineAt(p.name); at >= 0 {
			id = c.Values[at].String()
		}
		encoded, err := p.stageIn(id).encode(text, v)
		if err != nil {
			return err
		}
		c.Values[i] = pipeline.StringValue(encoded)
	}
	return nil
}

func (s *Sink) setMatch(c *pipeline.Change) error {
	if s.match < 0 {
		return nil
	}
	p := &s.props[s.match]
	c.Match = s.Fold(s.object, p.name, c.Values[s.match].String())
	if c.Match == "" {
		return pipeline.Rejectf("empty_match", "property %q, which tells records apart, is empty", p.name)
	}
	if s.byID() {
		if !isDigits(c.Match) {
			return pipeline.Rejectf("bad_id", "property %q: %s is no record id: expected digits", p.name, pipeline.Quote(c.Match))
		}
		c.ID = c.Match
		return nil
	}
	c.Values[s.match] = pipeline.StringValue(c.Match)
	return nil
}
