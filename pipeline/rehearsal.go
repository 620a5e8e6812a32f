package pipeline

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"sluice/pipeline/internal/digest"
)

// A rehearsal is the Store of a run that is only planned: what there is, and over it what the plan has decided so far.
// Nothing is written to the store beneath.
type rehearsal struct {
	Store
	pipeline *Pipeline
	resume   Resume
	made     *newRecords
	report   Report
	most     int // changes that are shown
	live     bool
	save     *PlanWriter // may be nil

	mu      sync.Mutex
	written map[uint64]rehearsed     // by keyHash
	waiting map[string][]LinkChange  // by key
	linked  map[string][]LinkOutcome // of links that earlier runs have left waiting, by key
	taken   map[uint64]bool          // links that are taken back, by the hash of their linkName
	queue   []LinkChange             // of waiting links, as a reading of them has begun
	fresh   int64                    // keys that the ledger doesn't have
	plan    Plan
	shown   map[string]int    // places in plan.Changes, by key
	kept    map[string][]Kept // of changes that aren't decided yet, by key
	tried   map[string][]Sent // what writes may have set of shared fields whose end isn't known, by key

	// Of a plan that asks the destination.
	unread   []*pending         // rows that are unchanged, whose records are still to be read
	readings map[string]Reading // of rows that are changed, by key
	asked    int64              // requests that a run wouldn't make
}

// rehearsed is what the plan leaves of a key.
type rehearsed struct {
	hash  Hash
	id    uint64 // of a record that the plan makes; 0 where the ledger tells
	times int64  // that it is written
}

// Start grants every run what Peek has told: nobody is kept out, and nothing is taken over.
func (s *rehearsal) Start(context.Context, Begin) (Resume, error) { return s.resume, nil }

// Intend does nothing: nothing is sent.
func (s *rehearsal) Intend(context.Context, Group) error { return nil }

// Finish does nothing: nothing was started.
func (s *rehearsal) Finish(context.Context, Finish) error { return nil }

// Compact does nothing: the digest is read as it is.
func (s *rehearsal) Compact(context.Context, string, int64, int64, iter.Seq[[]byte]) error {
	return nil
}

// Digest hands on the ledger's digest. To make one takes a lease, so that where there is none the ledger itself is read.
func (s *rehearsal) Digest(ctx context.Context, name string, _ int64, each func([]byte) error) (int64, error) {
	number, err := s.Store.Digest(ctx, name, noEpoch, each)
	if !errors.Is(err, ErrFenced) {
		return number, err
	}
	for page, err := range ledgerPages(ctx, s.Store, name) {
		if err != nil {
			return 0, err
		}
		var packed []byte
		for i := range page {
			packed = digest.Append(packed, digest.Key(page[i].Key), page[i].Content())
		}
		if err := each(packed); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// noEpoch is an epoch that no run is granted.
const noEpoch = -1

// Known returns the ledger's entries as they are after what the plan has decided.
func (s *rehearsal) Known(ctx context.Context, name string, keys []string) ([]Entry, error) {
	entries, err := s.Store.Known(ctx, name, keys)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		s.amend(keys[i], &entries[i])
	}
	return entries, nil
}

// Ledger returns a page of the ledger, amended as Known does.
func (s *rehearsal) Ledger(ctx context.Context, name, after string, limit int) ([]KeyedEntry, error) {
	page, err := s.Store.Ledger(ctx, name, after, limit)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range page {
		s.amend(page[i].Key, &page[i].Entry)
	}
	return page, nil
}

// CountHoldings counts what the plan has added, too. Nothing of that can have left the source, so that no key of it is needed.
func (s *rehearsal) CountHoldings(ctx context.Context, name string) (int64, error) {
	n, err := s.Store.CountHoldings(ctx, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return n + s.fresh, err
}

// amend brings an entry up to what the plan has decided. The caller holds mu.
func (s *rehearsal) amend(key string, e *Entry) {
	e.Tried = append(slices.Clip(e.Tried), s.tried[key]...)
	if w, ok := s.written[keyHash(key)]; ok {
		e.Version += w.times
		e.Hash, e.Rejected, e.Sent = w.hash, Hash{}, nil
		if w.id != 0 {
			e.ID = recordName(w.id)
		}
	}
	for _, o := range s.linked[key] {
		d := linkDecision(&o)
		e.Links = slices.DeleteFunc(slices.Clone(e.Links), func(l LinkState) bool { return l.Of(d.Slot, d.From, d.To) })
		if d.State != nil {
			e.Links = append(e.Links, *d.State)
		}
	}
	e.Waiting = len(s.waiting[key]) > 0
}

// Sharers returns what ledgers show of links, but for what the plan takes back.
func (s *rehearsal) Sharers(ctx context.Context, name string, pairs [][2]string) ([]SharedLink, error) {
	shared, err := s.Store.Sharers(ctx, name, pairs)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(shared, func(l SharedLink) bool {
		removal := l.removal(l.Key)
		return l.Key != "" && s.taken[keyHash(linkName(&removal))]
	}), err
}

// Records returns the ids of records, those that the plan makes among them.
func (s *rehearsal) Records(ctx context.Context, account, object, property string, values []string) (map[string]string, error) {
	found, err := s.Store.Records(ctx, account, object, property, values)
	if err != nil {
		return nil, err
	}
	for _, value := range values {
		if r, ok := s.made.get(hashRecord(object, property, value)); ok && r.id == 0 {
			delete(found, value)
		} else if ok {
			found[value] = recordName(r.id)
		}
	}
	return found, nil
}

// ofThisPlan stands for the key of a row whose record the plan makes.
const ofThisPlan = "an earlier row of this plan"

// Owners returns the keys of records.
func (s *rehearsal) Owners(ctx context.Context, name string, ids []string) (map[string]string, error) {
	found, err := s.Store.Owners(ctx, name, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if n, ok := madeID(id); ok {
			if r, ok := s.made.get(n); ok && r.by == s.pipeline {
				found[id] = ofThisPlan
			}
		}
	}
	return found, nil
}

// Waiting returns the links that are waiting, after what the plan has decided. A reading goes on where the last one ended.
func (s *rehearsal) Waiting(ctx context.Context, _ string, after *LinkChange, limit int) ([]LinkChange, error) {
	s.mu.Lock()
	if after == nil {
		s.queue = nil
		for _, key := range slices.Sorted(maps.Keys(s.waiting)) {
			s.queue = append(s.queue, s.waiting[key]...)
		}
	}
	page := slices.Clone(s.queue[:min(limit, len(s.queue))])
	s.queue = s.queue[len(page):]
	s.mu.Unlock()
	links := make([]*LinkChange, len(page))
	for i := range page {
		l := &page[i]
		s.made.fill(&l.From)
		s.made.fill(&l.To)
		l.Was, links[i] = nil, l
	}
	return page, fillWas(ctx, s, s.pipeline.Name, links)
}

// Commit notes decisions.
func (s *rehearsal) Commit(ctx context.Context, c Commit) error {
	keys := make([]string, len(c.Decisions))
	for i := range c.Decisions {
		keys[i] = c.Decisions[i].Key
	}
	entries, err := s.Known(ctx, s.pipeline.Name, keys)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range c.Decisions {
		d := &c.Decisions[i]
		s.show(d, &entries[i])
		if entries[i].Version == 0 && d.Verdict == Done && (d.ID != "" || len(d.Links) > 0) {
			s.fresh++
		}
		s.decide(d)
		if err := s.saveDecision(d); err != nil {
			return err
		}
	}
	for i := range c.Rejects {
		s.showReject(&c.Rejects[i])
	}
	if len(c.Decisions) > 0 {
		s.showInline(c.Links)
	}
	return nil
}

// decide notes what a decision leaves. The caller holds mu.
func (s *rehearsal) decide(d *Decision) {
	if d.Verdict == Done && d.ID != "" {
		s.made.learnSent(s.pipeline.Sink.Limits().Object, d.ID, d.Sent, s.pipeline)
	}
	if d.Record != nil {
		s.made.learn(d.Record, s.pipeline)
	}
	if d.Verdict == Done && d.Hash != (Hash{}) {
		id, _ := madeID(d.ID)
		s.written[keyHash(d.Key)] = rehearsed{hash: d.Hash, id: id, times: s.written[keyHash(d.Key)].times + 1}
	}
	if d.Links == nil && d.Verdict != Done {
		return
	}
	s.wait(d.Key, d.Waits(d.ID))
}

// wait replaces the links that a key waits for. The caller holds mu.
func (s *rehearsal) wait(key string, links []LinkChange) {
	if s.waiting[key] = links; len(links) == 0 {
		delete(s.waiting, key)
	}
}

// settle takes decided links off those that wait.
func (s *rehearsal) settle(ctx context.Context, outcomes []LinkOutcome) error {
	if err := s.saveLinks(ctx, outcomes); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range outcomes {
		o := &outcomes[i]
		key := o.Change.Key
		s.wait(key, slices.DeleteFunc(slices.Clone(s.waiting[key]), func(l LinkChange) bool { return l.Compare(*o.Change) == 0 }))
		if o.Change.Remove && o.Verdict == Done {
			s.taken[keyHash(linkName(o.Change))] = true
		}
		if _, ok := s.written[keyHash(key)]; !ok {
			s.linked[key] = append(s.linked[key], *o)
		}
		s.showLink(o)
	}
	return nil
}
