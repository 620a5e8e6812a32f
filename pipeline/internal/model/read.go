package model

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"sluice/pipeline"
)

// Known returns the ledger's entries for keys; see pipeline.Store.
func (s *Store) Known(_ context.Context, _ string, keys []string) ([]pipeline.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]pipeline.Entry, len(keys))
	for i, key := range keys {
		list[i] = s.entry(key)
	}
	return list, nil
}

// Entry returns the ledger's entry for a key.
func (s *Store) Entry(key string) pipeline.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entry(key)
}

// entry returns a copy of a key's entry; the caller holds mu.
func (s *Store) entry(key string) pipeline.Entry {
	have := s.ledger[key]
	if have == nil {
		return pipeline.Entry{}
	}
	e := *have
	e.Links = slices.Clone(e.Links)
	e.Waiting = len(s.waiting[key]) > 0
	return e
}

// Remember returns what is known of a key, but for times; see pipeline.Rememberer.
func (s *Store) Remember(_ context.Context, _, key string) (pipeline.Memory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := pipeline.Memory{Entry: s.entry(key), Answer: s.answers[key]}
	for _, l := range s.waiting[key] {
		m.Wanted = append(m.Wanted, s.filled(l))
	}
	for _, l := range slices.Backward(s.letters) {
		if l.State != Closed && l.Key == key {
			m.Rejects = append(m.Rejects, pipeline.DeadLetter{ID: l.ID, Key: l.Key, Place: l.Place, Stage: l.Stage, Code: l.Code, State: l.State, Answer: l.Answer})
		}
	}
	for _, d := range s.doubts() {
		if d.Key == key {
			m.Attempts = append(m.Attempts, d)
		}
	}
	return m, nil
}

// Ledger returns a page of the ledger, by key; see pipeline.Store.
func (s *Store) Ledger(_ context.Context, _, after string, limit int) ([]pipeline.KeyedEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []pipeline.KeyedEntry
	for _, key := range slices.Sorted(maps.Keys(s.ledger)) {
		if key > after && len(page) < limit {
			page = append(page, pipeline.KeyedEntry{Key: key, Entry: s.entry(key)})
		}
	}
	return page, nil
}

// Keys returns a page of the keys; see pipeline.Store.
func (s *Store) Keys(ctx context.Context, name, after string, limit int) (page []string, _ error) {
	entries, err := s.Ledger(ctx, name, after, limit)
	for _, e := range entries {
		page = append(page, e.Key)
	}
	return page, err
}

// Holdings returns what keys stand for; see pipeline.Store.
func (s *Store) Holdings(_ context.Context, _ string, keys []string) (list []pipeline.Holding, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if _, ok := s.ledger[key]; ok {
			e := s.entry(key)
			list = append(list, pipeline.Holding{Key: key, Record: e.ID != "", Made: e.Made, Linked: len(e.Links) > 0 || e.Waiting})
		}
	}
	return list, nil
}

// CountHoldings counts the keys that stand for something; see pipeline.Store.
func (s *Store) CountHoldings(context.Context, string) (n int64, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.ledger {
		if e := s.entry(key); e.ID != "" || len(e.Links) > 0 || e.Waiting {
			n++
		}
	}
	return n, nil
}

// Waiting returns a page of the links that are waiting; see pipeline.Store.
func (s *Store) Waiting(_ context.Context, _ string, after *pipeline.LinkChange, limit int) ([]pipeline.LinkChange, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []pipeline.LinkChange
	for _, key := range slices.Sorted(maps.Keys(s.waiting)) {
		if after != nil && key < after.Key {
			continue
		}
		for _, l := range s.waiting[key] {
			if after != nil && key == after.Key && compareLinks(l, *after) <= 0 {
				continue
			}
			if len(page) == limit {
				return page, nil
			}
			page = append(page, s.filled(l))
		}
	}
	return page, nil
}

// filled returns a waiting link with the ids of its ends, as far as they are known, and with what the ledger shows of it.
// The caller holds mu.
func (s *Store) filled(l pipeline.LinkChange) pipeline.LinkChange {
	e := s.ledger[l.Key]
	from, to := s.now(&l.From), s.now(&l.To)
	if l.From.ID == "" && l.From.Value == "" {
		from = e.ID
	}
	asked := l
	asked.From.ID, asked.To.ID = cmp.Or(l.From.ID, from), cmp.Or(l.To.ID, to)
	if asked.Was = stateOf(e.Links, &asked); asked.Was != nil {
		return asked
	}
	l.From.ID, l.To.ID = cmp.Or(from, l.From.ID), cmp.Or(to, l.To.ID)
	l.Was = stateOf(e.Links, &l)
	return l
}

// now returns the id of an end's record as it is known by its value; "" if that isn't. The caller holds mu.
func (s *Store) now(end *pipeline.LinkEnd) string {
	if end.Value == "" {
		return ""
	}
	return s.records[pipeline.RecordID{Object: end.Object, Property: end.Property, Value: end.Value}]
}

// stateOf returns what the ledger shows of a link; nil for nothing.
func stateOf(states []pipeline.LinkState, l *pipeline.LinkChange) (was *pipeline.LinkState) {
	for _, have := range states {
		if l.From.ID != "" && l.To.ID != "" && have.Of(l.Slot, l.From.ID, l.To.ID) {
			was = &have
		}
	}
	return was
}

// Records returns the ids of records; see pipeline.Store.
func (s *Store) Records(_ context.Context, _, object, property string, values []string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]string{}
	for _, v := range values {
		if id, ok := s.records[pipeline.RecordID{Object: object, Property: property, Value: v}]; ok {
			found[v] = id
		}
	}
	return found, nil
}

// Owners returns the keys of records; see pipeline.Store.
func (s *Store) Owners(_ context.Context, _ string, ids []string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]string{}
	for key, e := range s.ledger {
		if e.ID == "" || !slices.Contains(ids, e.ID) {
			continue
		}
		if owner, twice := found[e.ID]; !twice || s.before(key, owner) {
			found[e.ID] = key
		}
	}
	return found, nil
}

// before tells whether a record that two keys have is the first one's; see pipeline.Store.
func (s *Store) before(key, other string) bool {
	a, b := s.ledger[key], s.ledger[other]
	for _, less := range [][2]bool{{a.Merged != "", b.Merged != ""}, {a.Rejected != pipeline.Hash{}, b.Rejected != pipeline.Hash{}}, {a.Hash == pipeline.Hash{}, b.Hash == pipeline.Hash{}}} {
		if less[0] != less[1] {
			return less[1]
		}
	}
	return key < other
}

// compareLinks puts the links of one row into the order in which Waiting returns them. What an end is compared by stays
// the same when its id becomes known.
func compareLinks(a, b pipeline.LinkChange) int {
	order := func(remove bool) int {
		if remove {
			return 1
		}
		return 0
	}
	name := func(e pipeline.LinkEnd) string { return cmp.Or(e.Value, e.ID) }
	return cmp.Or(cmp.Compare(a.Slot, b.Slot), order(a.Remove)-order(b.Remove), cmp.Compare(name(a.From), name(b.From)), cmp.Compare(name(a.To), name(b.To)))
}
