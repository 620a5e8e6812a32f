package hubspot

import (
	"context"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// Settle reads back what became of changes in doubt: by id for updates and archiving, by the match property for upserts
// and creates. A record that is there under another id, because it was merged, has that id in its outcome. Creates
// without a match property have no outcome: nothing tells whether they were made (API.md section 11.2).
func (s *Sink) Settle(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	var byID, byMatch []*pipeline.Change
	for i := range changes {
		switch c := &changes[i]; {
		case c.Action == pipeline.Update || c.Action == pipeline.Archive:
			byID = append(byID, c)
		case s.match >= 0 && c.Match != "":
			byMatch = append(byMatch, c)
		}
	}
	outcomes, err := s.settle(ctx, nil, byID, recordID, func(c *pipeline.Change) string { return c.ID })
	if err != nil {
		return outcomes, err
	}
	return s.settle(ctx, outcomes, byMatch, s.matchName(), func(c *pipeline.Change) string {
		return s.Fold(s.object, s.matchName(), c.Match)
	})
}

// settle reads the records of changes by a property and appends what that tells of them.
func (s *Sink) settle(ctx context.Context, outcomes []pipeline.Outcome, changes []*pipeline.Change, property string, value func(*pipeline.Change) string) ([]pipeline.Outcome, error) {
	for start := 0; start < len(changes); start += crm.MaxInputs {
		chunk := changes[start:min(start+crm.MaxInputs, len(changes))]
		var values []string
		asked := map[string]bool{}
		for _, c := range chunk {
			if v := value(c); v != "" && !asked[v] {
				asked[v] = true
				values = append(values, v)
			}
		}
		l := s.lookup(s.object, s.path, property)
		if err := l.read(ctx, values); err != nil {
			return outcomes, err
		}
		for _, c := range chunk {
			if o, ok := l.verdict(c, value(c)); ok {
				outcomes = append(outcomes, o)
			}
		}
	}
	return outcomes, nil
}

// verdict returns what a reading tells of a change; false if nothing.
func (l *lookup) verdict(c *pipeline.Change, value string) (pipeline.Outcome, bool) {
	o := pipeline.Outcome{TraceID: c.TraceID, ID: l.found[value]}
	switch {
	case o.ID != "" && c.Action == pipeline.Create:
		o.Verdict = pipeline.Done
	case o.ID != "" && o.ID != c.ID && c.Action == pipeline.Archive: // merged away: archiving the survivor isn't asked for
		o.Verdict, o.ID = pipeline.Done, c.ID
	case o.ID != "":
		o.Verdict = pipeline.Found
	case !l.absent[value]:
		return o, false
	case c.Action == pipeline.Archive:
		o.Verdict, o.ID = pipeline.Done, c.ID
	default:
		o.Verdict = pipeline.Absent
	}
	return o, true
}
