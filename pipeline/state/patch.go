package state

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"sluice/pipeline"
)

// A patch is what a commit changes. It is worked out in Go from what the tables hold, so that the rules are written once
// for both databases, and can be read.
type patch struct {
	keys   []string // sorted, and distinct
	rows   map[string]*patched
	ids    map[recordRow]string // ids by what is unique of a record
	stale  []recordRow          // what was unique of a record, and isn't its any more
	open   []letter
	opened map[[3]string]int // places in open, by subject, stage and code
	close  []closing

	lettered bool // dead letters are open, which close and others are about
}

// patched is what becomes of one key.
type patched struct {
	pipeline.Entry
	had     []pipeline.LinkState // what the ledger shows of its links so far
	changed bool
	answer  *pipeline.Answer      // by which it was decided; nil: nothing is said of that
	waiting []pipeline.LinkChange // in stable order, where it was asked for
	rewait  bool                  // waiting has changed
}

func newPatch(known map[string]pipeline.Entry, waiting map[string][]pipeline.LinkChange) *patch {
	p := &patch{keys: slices.Sorted(maps.Keys(known)), rows: make(map[string]*patched, len(known)), ids: map[recordRow]string{}, opened: map[[3]string]int{}}
	for key, e := range known {
		p.rows[key] = &patched{Entry: e, had: e.Links, waiting: waiting[key]}
	}
	return p
}

func (p *patch) apply(c *pipeline.Commit) error {
	for i := range c.Decisions {
		if err := p.decide(&c.Decisions[i]); err != nil {
			return err
		}
	}
	for i := range c.Links {
		p.link(&c.Links[i])
	}
	for i := range c.Rejects {
		p.reject(&c.Rejects[i], stateOpen)
	}
	return nil
}

// decide applies a decision, unless a later version of the key was decided before (I4).
func (p *patch) decide(d *pipeline.Decision) error {
	e := p.rows[d.Key]
	if d.Version < e.Version {
		return nil
	}
	e.changed = true
	e.Version, e.Held = d.Version, d.Held
	if d.Verdict != pipeline.Found || d.Answer != (pipeline.Answer{}) {
		e.answer = &d.Answer
	}
	switch {
	case d.Record != nil && isText(d.Record.Value):
		p.learn(e, d)
	case d.ID != "" && d.ID != e.ID:
		e.MatchedBy = ""
	}
	if d.ID != "" && d.ID != e.ID {
		e.move(d)
	}
	if err := p.conclude(e, d); err != nil {
		return err
	}
	e.try(d.Tried)
	// A row that was refused keeps waiting for the links of its earlier content.
	if d.Links != nil || d.Verdict == pipeline.Done {
		e.rewait = e.rewait || e.Waiting || len(d.Links) > 0
		e.waiting = stillSince(d.Waits(e.ID), e.waiting)
	}
	return nil
}

// conclude notes what a decision's verdict says of the content that the record holds, and opens or closes the key's dead letters.
func (p *patch) conclude(e *patched, d *pipeline.Decision) error {
	switch {
	case d.Held:
		p.refuse(d, stateHeld)
	case d.Verdict == pipeline.Done:
		e.Hash, e.Rejected = d.Hash, pipeline.Hash{}
		e.write(d)
		p.close = append(p.close, closing{Key: d.Key})
	case d.Verdict == pipeline.Refused:
		if e.Rejected == e.Hash {
			e.Hash = pipeline.Hash{} // a link of that content was refused, whose dead letter goes: if it comes back it is asked for again
		}
		e.Rejected = d.Hash
		p.refuse(d, stateOpen)
	case d.Verdict == pipeline.Found:
		if e.Rejected == e.Hash {
			e.Rejected = pipeline.Hash{} // a link of that content was refused; the content itself may have to be sent again
		}
		e.Hash, e.Made = pipeline.Hash{}, e.Made || d.Made
		if d.Reject != nil {
			e.Rejected = d.Hash
			p.refuse(d, stateOpen)
		}
	default:
		return fmt.Errorf("the decision of key %q has no verdict", d.Key)
	}
	return nil
}

// learn notes which record has the match value from now on, and that the record has no longer the one that it had.
func (p *patch) learn(e *patched, d *pipeline.Decision) {
	now := recordRow{Object: d.Record.Object, Property: d.Record.Property, Value: d.Record.Value}
	was := cmp.Or(e.Match, d.Key)
	if d.Record.ID != "" && d.Record.ID == e.ID && now.Property == e.MatchedBy && now.Value == was {
		return // to look up that it is there would take longer than all else of an update
	}
	if e.ID != "" && (was != now.Value || d.Record.ID == "") {
		p.forget(recordRow{Object: now.Object, Property: now.Property, Value: was, ID: e.ID})
	}
	e.Match, e.MatchedBy = "", ""
	if now.Value != d.Key {
		e.Match = now.Value
	}
	switch {
	case d.Record.ID != "":
		p.ids[now] = d.Record.ID
		if cmp.Or(d.ID, e.ID) == d.Record.ID {
			e.MatchedBy = now.Property
		}
	case d.ID != "":
		now.ID = d.ID
		p.forget(now)
	}
}

// forget notes that a record has a match value no longer. Where this commit has just learnt it, nobody has the value any more:
// not the record either that the table still shows.
func (p *patch) forget(r recordRow) {
	id := r.ID
	r.ID = ""
	if p.ids[r] == id {
		delete(p.ids, r)
		id = anyRecord
	}
	r.ID = id
	p.stale = append(p.stale, r)
}

// anyRecord stands for the id of whichever record has a match value.
const anyRecord = ""

// move gives the key another record, which nothing was sent to yet and which somebody else may have made. The links of the one
// that it had go with it if it was merged into the new one, and are gone otherwise, unless it stays.
func (e *patched) move(d *pipeline.Decision) {
	if merged := d.Merged != "" && d.Merged == e.ID; merged {
		e.Merged, e.Links = d.Merged, slices.Clone(e.Links)
		for i := range e.Links {
			if e.Links[i].FromID == e.ID {
				e.Links[i].FromID = d.ID
			}
		}
	} else if e.ID != "" {
		if e.Merged = ""; !d.Stays {
			e.Links = slices.DeleteFunc(slices.Clone(e.Links), func(s pipeline.LinkState) bool { return s.FromID == e.ID || s.FromWas == e.ID })
		}
	}
	e.ID, e.Sent, e.Tried, e.Made = d.ID, nil, nil, false
}

// write notes what the record holds from now on, or that it is no longer there.
func (e *patched) write(d *pipeline.Decision) {
	tried := e.Tried
	e.Tried = nil
	if d.Gone {
		e.ID, e.Merged, e.Made, e.Sent = "", "", false, nil
		if !d.Stays {
			e.Links = nil
		}
		return
	}
	e.Made = e.Made || d.Made
	if len(d.Sent) > 0 {
		e.Sent = e.Sent.With(d.Sent)
	}
	for _, sent := range tried {
		e.try([]pipeline.Sent{sent.Without(d.Sent)})
	}
}

// try notes what attempts may have left in the record, each once.
func (e *patched) try(attempts []pipeline.Sent) {
	for _, sent := range attempts {
		if len(sent) > 0 && !slices.ContainsFunc(e.Tried, sent.Equal) {
			e.Tried = append(slices.Clip(e.Tried), sent)
		}
	}
}

// refuse opens the decision's dead letter, in place of any other of the key.
func (p *patch) refuse(d *pipeline.Decision, state string) {
	if d.Reject == nil {
		return
	}
	r := *d.Reject
	r.Key = d.Key
	p.reject(&r, state)
	p.close = append(p.close, closing{Key: r.Key, Stage: r.Stage, Code: r.Code})
}

// ledger returns the rows of the ledger that change, and their keys.
func (p *patch) ledger() (keys []string, rows []*patched) {
	for _, key := range p.keys {
		if e := p.rows[key]; e.changed {
			keys, rows = append(keys, key), append(rows, e)
		}
	}
	return keys, rows
}

// relinked returns the keys whose waiting links change.
func (p *patch) relinked() (keys []string) {
	for _, key := range p.keys {
		if p.rows[key].rewait {
			keys = append(keys, key)
		}
	}
	return keys
}

// records returns the ids of records that were learnt.
func (p *patch) records() (rows []recordRow) {
	for r, id := range p.ids {
		r.ID = id
		rows = append(rows, r)
	}
	slices.SortFunc(rows, compareRecords)
	return rows
}

// forgotten returns what was unique of records and isn't theirs any more.
func (p *patch) forgotten() []recordRow {
	slices.SortFunc(p.stale, func(a, b recordRow) int { return cmp.Or(compareRecords(a, b), cmp.Compare(a.ID, b.ID)) })
	return slices.Compact(p.stale)
}

// compareRecords puts what several pipelines may write into the order in which all of them lock it.
func compareRecords(a, b recordRow) int {
	return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Property, b.Property), cmp.Compare(a.Value, b.Value))
}
