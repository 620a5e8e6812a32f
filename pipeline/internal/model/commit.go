package model

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/pipeline"
)

// Commit records what has been decided; see pipeline.Store.
func (s *Store) Commit(_ context.Context, c pipeline.Commit) error {
	if err := s.lock(c.Epoch); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, d := range c.Decisions {
		if d.Verdict == 0 && !d.Held {
			return fmt.Errorf("the decision of key %q has no verdict", d.Key)
		}
	}
	said := letters{filled: s.fillWaiting(c.Links)}
	for _, d := range c.Decisions {
		s.decide(&d, &said)
	}
	for _, l := range c.Links {
		s.link(&l, &said)
	}
	for _, r := range c.Rejects {
		if r.Code != pipeline.PlanChanged {
			s.closePlanned(r.Key)
		}
		said.open(r, Open)
	}
	for _, key := range c.Seen {
		s.closePlanned(key)
	}
	s.write(&said, c.Run)
	s.touch(c.Seen, c.Run)
	s.groups = slices.DeleteFunc(s.groups, func(g *group) bool { return slices.Contains(c.Closed, g.id) })
	s.reread = s.reread || c.Reread
	if c.Position != nil {
		s.position = slices.Clone(c.Position)
	}
	s.saveThrottle(c.Throttle)
	return nil
}

// row returns a key's entry, and makes it if there is none; the caller holds mu.
func (s *Store) row(key string) *pipeline.Entry {
	e := s.ledger[key]
	if e == nil {
		e = &pipeline.Entry{}
		s.ledger[key] = e
	}
	return e
}

// same tells whether a row that was written leaves the same behind, whichever of two entries it had before.
func same(a, b *pipeline.Entry) bool {
	return a.Version == b.Version && a.ID == b.ID && a.Match == b.Match && a.MatchedBy == b.MatchedBy && a.Merged == b.Merged && a.Waiting == b.Waiting && a.Made == b.Made &&
		a.Sent.Equal(b.Sent) && slices.Equal(a.Links, b.Links)
}

// decide applies a decision, unless a later version of the key was decided before (I4). The caller holds mu.
func (s *Store) decide(d *pipeline.Decision, said *letters) {
	now := s.entry(d.Key)
	if d.Version < now.Version {
		return
	}
	if d.Before != nil && d.Verdict == pipeline.Done && !same(&now, d.Before) {
		panic(fmt.Sprintf("the decision of key %q is of the entry %+v, which has changed since: %+v", d.Key, *d.Before, now))
	}
	e := s.row(d.Key)
	e.Version, e.Held = d.Version, d.Held
	if d.Verdict != pipeline.Found || d.Answer != (pipeline.Answer{}) {
		s.answers[d.Key] = d.Answer
	}
	if d.Record != nil {
		s.learn(e, d)
	} else if d.ID != "" && d.ID != e.ID {
		e.MatchedBy = ""
	}
	if d.ID != "" && d.ID != e.ID {
		move(e, d)
	}
	conclude(e, d, said)
	e.Tried = slices.Clone(e.Tried)
	for _, sent := range d.Tried {
		if len(sent) > 0 && !slices.ContainsFunc(e.Tried, sent.Equal) {
			e.Tried = append(e.Tried, sent)
		}
	}
	if d.Links != nil || d.Verdict == pipeline.Done {
		s.wait(d.Key, d.Links, e.ID)
		said.filled[d.Key] = slices.Clone(s.waiting[d.Key])
	}
}

// conclude notes what a decision's verdict says of the content that the record holds, and what becomes of the key's dead letters.
func conclude(e *pipeline.Entry, d *pipeline.Decision, said *letters) {
	switch {
	case d.Held:
		said.refuse(d, Held)
	case d.Verdict == pipeline.Done:
		e.Hash, e.Rejected = d.Hash, pipeline.Hash{}
		write(e, d)
		said.close(d.Key, "", "")
	case d.Verdict == pipeline.Refused:
		if e.Rejected == e.Hash { // by a link of that content
			e.Hash = pipeline.Hash{}
		}
		e.Rejected = d.Hash
		said.refuse(d, Open)
	case d.Verdict == pipeline.Found:
		if e.Rejected == e.Hash { // by a link of that content
			e.Rejected = pipeline.Hash{}
		}
		e.Hash, e.Made = pipeline.Hash{}, e.Made || d.Made
		if d.Reject != nil {
			e.Rejected = d.Hash
			said.refuse(d, Open)
		}
	}
}

// write notes what a key's record holds from now on, or that there is none any more.
func write(e *pipeline.Entry, d *pipeline.Decision) {
	tried := e.Tried
	e.Tried = nil
	if d.Gone {
		e.ID, e.Merged, e.Sent, e.Made = "", "", nil, false
		if !d.Stays {
			e.Links = nil
		}
		return
	}
	e.Made = e.Made || d.Made
	values := map[string]string{}
	for _, v := range slices.Concat(e.Sent, d.Sent) {
		values[v.Property] = v.Value
	}
	e.Sent = pipeline.SentOf(values)
	for _, sent := range tried {
		sent = slices.DeleteFunc(slices.Clone(sent), func(v pipeline.SentValue) bool {
			return slices.ContainsFunc(d.Sent, func(s pipeline.SentValue) bool { return s.Property == v.Property })
		})
		if len(sent) > 0 && !slices.ContainsFunc(e.Tried, sent.Equal) {
			e.Tried = append(e.Tried, sent)
		}
	}
}

// wait replaces the links that a key waits for. Of links that are the same but for their label, the last counts. The
// caller holds mu.
func (s *Store) wait(key string, links []pipeline.LinkChange, id string) {
	list := slices.Clone(links)
	for i := range list {
		l := &list[i]
		l.Key = key
		if l.From.ID == "" && l.From.Value == "" {
			l.From.ID = id
		}
		l.Was = nil
	}
	slices.SortStableFunc(list, compareLinks)
	var kept []pipeline.LinkChange
	for i, l := range list {
		if i+1 == len(list) || compareLinks(l, list[i+1]) != 0 {
			kept = append(kept, l)
		}
	}
	for i := range kept {
		kept[i].Since = time.Now()
		for _, b := range s.waiting[key] {
			if l := &kept[i]; b.Slot == l.Slot && b.Remove == l.Remove && b.From.Value == l.From.Value && cmp.Or(b.To.Value, b.To.ID) == cmp.Or(l.To.Value, l.To.ID) {
				l.Since = b.Since
			}
		}
	}
	s.setWaiting(key, kept)
}

func (s *Store) setWaiting(key string, links []pipeline.LinkChange) {
	if s.waiting[key] = links; len(links) == 0 {
		delete(s.waiting, key)
	}
}

// fillWaiting returns the links that wait with those that are about to be decided, with the ids of their ends. The caller
// holds mu.
func (s *Store) fillWaiting(decided []pipeline.LinkDecision) map[string][]pipeline.LinkChange {
	waiting := map[string][]pipeline.LinkChange{}
	for _, d := range decided {
		if waiting[d.Key] != nil {
			continue
		}
		for _, l := range s.waiting[d.Key] {
			filled := s.filled(l)
			filled.Was = nil
			waiting[d.Key] = append(waiting[d.Key], filled)
		}
	}
	return waiting
}

// link applies the end of a waiting link, or of one that was written with its record; the caller holds mu.
func (s *Store) link(d *pipeline.LinkDecision, said *letters) {
	e := s.row(d.Key)
	e.Links = slices.DeleteFunc(slices.Clone(e.Links), func(have pipeline.LinkState) bool {
		return have.Of(d.Slot, d.From, d.To)
	})
	if d.State != nil {
		e.Links = append(e.Links, *d.State)
	}
	if e.ID == "" && d.Answer != (pipeline.Answer{}) {
		s.answers[d.Key] = d.Answer
	}
	if d.Intended {
		return
	}
	waiting := said.filled[d.Key]
	at := slices.IndexFunc(waiting, func(l pipeline.LinkChange) bool {
		return l.Slot == d.Slot && l.Remove == d.Remove && (l.To.ID == "" || l.To.ID == d.To) && (l.From.ID == "" || l.From.ID == d.From)
	})
	if at >= 0 {
		said.filled[d.Key] = slices.Delete(waiting, at, at+1)
		s.setWaiting(d.Key, slices.Clone(said.filled[d.Key]))
	}
	if d.Reject != nil {
		r := *d.Reject
		r.Key = d.Key
		said.open(r, Open)
		e.Rejected = e.Hash
	}
}
