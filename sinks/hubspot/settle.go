package hubspot

import (
	"context"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// Settle reads back what became of changes in doubt (API.md section 11.2): by id for updates and archiving, by the match
// property for upserts and creates. A record that is there under another id, because it was merged, has that id in its
// outcome. A create is done only if the record holds what was sent: the match value alone may be somebody else's. One whose
// record is known is asked about by its id: since it was made, the row may have got the value of another record.
// Creates without a match property have no outcome: nothing tells whether they were made.
func (s *Sink) Settle(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	var byID, upserts, creates, known []*pipeline.Change
	for i := range changes {
		switch c := &changes[i]; {
		case c.Action == pipeline.Update || c.Action == pipeline.Archive:
			byID = append(byID, c)
		case s.match < 0 || c.Match == "":
		case c.Action == pipeline.Create && c.ID != "":
			known = append(known, c)
		case c.Action == pipeline.Create:
			creates = append(creates, c)
		default:
			upserts = append(upserts, c)
		}
	}
	outcomes, err := s.settle(ctx, nil, byID, s.byIDs())
	if err == nil {
		outcomes, err = s.settle(ctx, outcomes, upserts, s.byMatch())
	}
	if err == nil {
		outcomes, err = s.settle(ctx, outcomes, creates, s.byMatch(s.written()...))
	}
	if err == nil {
		outcomes, err = s.settle(ctx, outcomes, known, s.byIDs(s.written()...))
	}
	return outcomes, err
}

// A question is how the records of changes are read.
type question struct {
	property string
	names    []string // of the properties that are read as well
	value    func(*pipeline.Change) string
}

func (s *Sink) byIDs(names ...string) question {
	return question{property: recordID, names: names, value: func(c *pipeline.Change) string { return c.ID }}
}

func (s *Sink) byMatch(names ...string) question {
	return question{property: s.matchName(), names: names, value: s.foldMatch}
}

// written returns the names of the properties that are written.
func (s *Sink) written() []string {
	var names []string
	for _, p := range s.props {
		if !p.skip {
			names = append(names, p.name)
		}
	}
	return names
}

// settle reads the records of changes and appends what that tells of them. What isn't found by its match value is looked
// for by its id, if that is known; and of what isn't there by its id either, it finds out whether it can come back.
func (s *Sink) settle(ctx context.Context, outcomes []pipeline.Outcome, changes []*pipeline.Change, q question) ([]pipeline.Outcome, error) {
	for start := 0; start < len(changes); start += crm.MaxInputs {
		chunk := changes[start:min(start+crm.MaxInputs, len(changes))]
		l := s.lookup(s.object, s.path, q.property, q.names...)
		if err := l.readAll(ctx, chunk, q.value); err != nil {
			return outcomes, err
		}
		var absent []*pipeline.Change
		for _, c := range chunk {
			o, ok := l.verdict(c, q.value(c))
			switch {
			case ok && o.Verdict == pipeline.Absent && c.ID != "":
				absent = append(absent, c)
			case ok:
				outcomes = append(outcomes, o)
			}
		}
		var err error
		if q.property == recordID {
			outcomes, err = s.departed(ctx, outcomes, absent)
		} else {
			outcomes, err = s.settle(ctx, outcomes, absent, s.byIDs(q.names...))
		}
		if err != nil {
			return outcomes, err
		}
	}
	return outcomes, nil
}

// readAll reads the records of at most crm.MaxInputs changes.
func (l *lookup) readAll(ctx context.Context, changes []*pipeline.Change, value func(*pipeline.Change) string) error {
	var values []string
	asked := map[string]bool{}
	for _, c := range changes {
		if v := value(c); v != "" && !asked[v] {
			asked[v] = true
			values = append(values, v)
		}
	}
	return l.read(ctx, values)
}

// verdict returns what a reading tells of a change; false if nothing.
func (l *lookup) verdict(c *pipeline.Change, value string) (pipeline.Outcome, bool) {
	o := pipeline.Outcome{TraceID: c.TraceID, Answer: l.readBack()}
	record := l.found[value]
	if record != nil {
		o.ID, o.Made = record.ID, madeBy(c, record, l.date, l.heard)
	}
	switch {
	case record != nil && c.Action == pipeline.Create:
		answer, made := o.Answer, o.Made
		o = l.own(c, record)
		o.Answer, o.Made = answer, made && o.Verdict != pipeline.Refused
		return o, true
	case record != nil && o.ID != c.ID && c.Action == pipeline.Archive: // merged away: archiving the survivor isn't asked for
		o.Verdict, o.ID = pipeline.Done, c.ID
	case record != nil:
		o.Verdict = pipeline.Found
	case !l.absent[value] && !l.mayBeMade(c, value):
		return o, false
	case c.Action == pipeline.Archive:
		o.Verdict, o.ID = pipeline.Done, c.ID
	default:
		o.Verdict = pipeline.Absent
	}
	return o, true
}

// mayBeMade tells whether a change may make a record that answers have passed over, again and again. HubSpot is known to name
// what it doesn't find; if it didn't, such a record could never be made otherwise. The match value is unique, which keeps a
// second record from being made (API.md section 11.2).
func (l *lookup) mayBeMade(c *pipeline.Change, value string) bool {
	return l.silent[value] && c.ID == "" && (c.Action == pipeline.Create || c.Action == pipeline.Upsert)
}

// own tells whether a record that has a create's match value is the one that it made: what it holds is what was sent. The
// values of an earlier process's create aren't known; the record is its key's nevertheless, as far as that is known. What
// people have merged it into holds what they wanted, and is the row's.
func (s *Sink) own(c *pipeline.Change, record *crm.Result) pipeline.Outcome {
	o := pipeline.Outcome{TraceID: c.TraceID, ID: record.ID, Verdict: pipeline.Found}
	if len(c.Values) == 0 {
		return o
	}
	differs := s.differences(c, record)
	switch {
	case len(differs) == 0:
		o.Verdict = pipeline.Done
	case c.ID != "" && c.ID != record.ID && !s.adopt:
		o.Verdict, o.NoOp = pipeline.Done, true
	case !s.adopt:
		o = refused(c, s.strangerError(c, record.ID, differs))
	}
	return o
}

// holds tells whether a record that was read has every value that a change would write.
func (s *Sink) holds(record *crm.Result, c *pipeline.Change) bool {
	return len(s.differences(c, record)) == 0
}

// clocksApart is how far HubSpot's clocks may be apart, and how long it may take to learn the age of an intent. Dates of
// answers are cut to the second, which makes a record look younger.
const clocksApart = 2 * time.Second

// madeBy tells whether it was an attempt at a change that has made a record, as far as the record's age tells: it is younger
// than the intent. The record's age is by HubSpot's clock, the intent's by ours; neither has to know the other's time.
func madeBy(c *pipeline.Change, record *crm.Result, date, heard time.Time) bool {
	if c.Begun.IsZero() || record.Created.IsZero() || c.ID != "" && c.ID != record.ID {
		return false
	}
	return date.Sub(record.Created) <= heard.Sub(c.Begun)+clocksApart
}
