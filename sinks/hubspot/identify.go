package hubspot

import (
	"context"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// identify looks up the records that changes are of, by each match property in turn: the first that one is found by counts.
// Of changes that aren't found, an upsert makes a record, by the first property.
func (s *Sink) identify(ctx context.Context, changes []*pipeline.Change) ([]pipeline.Outcome, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	left := changes
	var outcomes []pipeline.Outcome
	for _, at := range append([]int{s.match}, s.also...) {
		var untold []pipeline.Outcome
		var err error
		if left, untold, err = s.identifyBy(ctx, at, left); err != nil {
			return nil, err
		}
		outcomes = append(outcomes, untold...)
	}
	for _, c := range left {
		switch c.Action {
		case pipeline.Archive:
			outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Done, NoOp: true})
		case pipeline.Update:
			o := refused(c, pipeline.Rejectf("not_found",
				"no record of %s has %s: use mode upsert to make it, or write it by another pipeline first", s.object, s.matchesOf(c)))
			o.Passing = true
			outcomes = append(outcomes, o)
		}
	}
	return outcomes, nil
}

// identifyBy sets the ids of the records that have the changes' values of the property at a place of props, and returns the
// other changes. A change whose value no answer says anything of is left to a later run: its record may be there.
func (s *Sink) identifyBy(ctx context.Context, at int, changes []*pipeline.Change) (left []*pipeline.Change, untold []pipeline.Outcome, err error) {
	p := &s.props[at]
	folds := make([]string, len(changes))
	var values []string
	for i, c := range changes {
		if folds[i] = s.Fold(s.object, p.name, c.Values[at].String()); folds[i] != "" {
			values = append(values, folds[i])
		}
	}
	l, err := s.look(ctx, s.lookup(s.object, s.path, p.name), values)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range changes {
		record := l.found[folds[i]]
		switch {
		case record == nil && l.silent[folds[i]] && !l.mayBeMade(c, folds[i]):
			untold = append(untold, unread(c, "whether a record of %s has %s %s", s.object, p.name, pipeline.Quote(folds[i])))
			continue
		case record == nil:
			left = append(left, c)
			continue
		}
		if c.ID = record.ID; c.Action == pipeline.Upsert {
			c.Action = pipeline.Update
		}
		if s.isAddress(p) {
			s.leaveAddress(c, p, folds[i], record)
		}
	}
	return left, untold, nil
}

// matchesOf names the properties that a change was looked up by, with their values.
func (s *Sink) matchesOf(c *pipeline.Change) string {
	var list []string
	for _, at := range append([]int{s.match}, s.also...) {
		if value := c.Values[at].String(); value != "" {
			list = append(list, s.props[at].name+" "+pipeline.Quote(value))
		}
	}
	return strings.Join(list, " or ")
}

// A contact has one primary address, its property email, and any number of secondary ones, by each of which it is found
// (API.md section 7). A row that finds it by a secondary one must not put that in the primary's place.

// isAddress tells whether contacts are found by secondary values of a property.
func (s *Sink) isAddress(p *property) bool {
	return isAddress(s.object, s.path, p.name)
}

func isAddress(object, path, property string) bool {
	return property == "email" && (object == "contacts" || classicName(path) == "contacts")
}

// mayBe tells whether a record that doesn't name the value it was looked up by may be the one that has it. HubSpot answers the
// id of a record that was merged with the survivor, and a secondary address with its contact (API.md sections 7 and 11.3);
// beyond that it only spells values its own way. Any other record says nothing of the value: to write to it would overwrite
// what is somebody else's.
func (l *lookup) mayBe(value string, r *crm.Result) bool {
	if l.property == recordID || isAddress(l.object, l.path, l.property) {
		return true
	}
	p := property{name: l.property, kind: l.kinds[lookupKey{l.object, l.property}]}
	return p.same(value, r.Properties[l.property])
}

// finds tells whether rows find their records by a property.
func (s *Sink) finds(name string) bool {
	at := slices.IndexFunc(s.props, func(p property) bool { return p.name == name })
	return at == s.match || slices.Contains(s.also, at)
}

// leaveAddress leaves the primary address of a record as it is that was found by another one.
func (s *Sink) leaveAddress(c *pipeline.Change, p *property, value string, record *crm.Result) {
	got := record.Properties[p.name]
	if got == "" || s.Fold(s.object, p.name, got) == value || c.Keeps(p.name) {
		return
	}
	c.Kept = append(c.Kept, pipeline.Kept{Property: p.name, Want: value, Got: got, Why: pipeline.KeptAlias})
}

// address returns which property is an address that rows find their records by; -1: none.
func (s *Sink) address() int {
	for _, i := range append([]int{s.match}, s.also...) {
		if i >= 0 && s.isAddress(&s.props[i]) {
			return i
		}
	}
	return -1
}

// recallAddresses does the same for records whose ids are known, but not what they were last given: of those that others were merged
// into, that a reconciliation has found, and that may have been overwritten. Whether the row's address is new is told only by
// HubSpot. Where it doesn't, the change is left to a later run.
func (s *Sink) recallAddresses(ctx context.Context, changes []*pipeline.Change) (untold []pipeline.Outcome, err error) {
	at := s.address()
	if at < 0 || len(changes) == 0 {
		return nil, nil
	}
	p, values := &s.props[at], make([]string, len(changes))
	for i, c := range changes {
		values[i] = s.Fold(s.object, p.name, c.Values[at].String())
	}
	l, err := s.look(ctx, s.lookup(s.object, s.path, p.name), slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" }))
	if err != nil {
		return nil, err
	}
	for i, c := range changes {
		switch record := l.found[values[i]]; {
		case record != nil && record.ID == c.ID:
			s.leaveAddress(c, p, values[i], record)
		case record == nil && l.silent[values[i]]:
			untold = append(untold, unread(c, "whether record %s of %s has %s %s", c.ID, s.object, p.name, pipeline.Quote(values[i])))
		}
	}
	return untold, nil
}

// leaveAddresses leaves the primary address of a record as it is that was found by the row's address, or was last given it: it
// has the address, whether as its primary one or not.
func (s *Sink) leaveAddresses(c *pipeline.Change) {
	for i := range s.props {
		if p := &s.props[i]; c.Action == pipeline.Update && s.has(c, i) && !c.Keeps(p.name) {
			c.Kept = append(c.Kept, pipeline.Kept{Property: p.name, Want: c.Values[i].String(), Why: pipeline.KeptAlias})
		}
	}
}

// has tells whether the i-th property is an address by which records are found, and the change's record has it already.
func (s *Sink) has(c *pipeline.Change, i int) bool {
	p := &s.props[i]
	if i != s.match && !slices.Contains(s.also, i) || !s.isAddress(p) {
		return false
	}
	if c.Torn {
		return false // see recallAddresses
	}
	was, sent := c.Was.Value(p.name)
	if i == s.match && !sent {
		return c.Known == "" || c.Known == c.Match
	}
	return sent && s.alike(p, was, c.Values[i].String())
}
